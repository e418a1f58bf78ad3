// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which raw formats a consumer's downstream takes, by name and nothing else: a consumer can state a
// preference and cannot ask for a size or a rate.
#pragma once

#include "plugin/gst_owner.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace sharedring
{

inline constexpr size_t kMaxFormatNames = 64; // video and audio together
inline constexpr size_t kMaxFormatNameBytes = 32;

struct FormatNames {
    bool anyVideo = false;
    bool anyAudio = false;
    std::vector<GstVideoFormat> video = {}; // in the order of preference, also where anyVideo is set
    std::vector<GstAudioFormat> audio = {};

    // Whether a stream of these caps is taken as far as its raw format goes. True for everything
    // that is neither raw video nor raw audio; false for raw video where only, say, H.264 is taken.
    [[nodiscard]] bool accepts(const GstCaps *fixedCaps) const;

    bool operator==(const FormatNames &) const = default;
};

// What `downstreamCaps` (of a CAPS query: ANY, lists and several structures are usual) take in
// system memory. nullptr means ANY. A downstream that takes every format there is counts as "any";
// of more names than fit, the 8-bit ones are kept first, for those are what others can make.
[[nodiscard]] std::vector<std::byte> encodeFormatNames(const GstCaps *downstreamCaps);

// nullopt if malformed. Names that this GStreamer does not know are skipped: it may be the older.
[[nodiscard]] std::optional<FormatNames> decodeFormatNames(std::span<const std::byte> bytes);

} // namespace sharedring
