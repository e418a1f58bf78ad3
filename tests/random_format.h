// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A random format, and buffers' contents that are right for it.
#pragma once

#include "dice.h"

#include "plugin/gst_owner.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

class RandomFormat
{
public:
    // Bytes without caps.
    RandomFormat() = default;
    // Raw video, raw audio with its channels together or apart, encoded, or what nobody knows.
    explicit RandomFormat(Dice &dice);

    GstCaps *caps() const { return caps_.get(); } // nullptr: none
    // nullptr: not raw.
    const GstVideoInfo *video() const { return kind_ == Kind::Video ? &video_ : nullptr; }
    const GstAudioInfo *audio() const { return kind_ == Kind::Audio ? &audio_ : nullptr; }

    // Bytes, at most this many but for a single raw frame, with the meta that says where they lie.
    sharedring::BufferOwner content(Dice &dice, size_t atMost) const;

private:
    enum class Kind { Opaque, Video, Audio };

    void chooseVideo(Dice &dice);
    void chooseAudio(Dice &dice);
    sharedring::BufferOwner videoFrame(Dice &dice) const;
    sharedring::BufferOwner audioSamples(Dice &dice, size_t atMost) const;

    Kind kind_ = Kind::Opaque;
    sharedring::CapsOwner caps_;
    GstVideoInfo video_{};
    GstAudioInfo audio_{};
};
