// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What passes a pad as lines of text, one for each event, buffer or list: two pads passed the same
// stream if their lines are equal.
//
// What may differ all the same, and is not in the lines:
// - Group ids are numbers of a process. Here they are counted as they appear, so that equal ones stay
//   equal and others do not.
// - The first buffer of all, and the first after a flush, may say DISCONT: who joins a stream that
//   goes on cannot know what was before.
// - Where a buffer's bytes lie: its memories, and whether they may be written.
#pragma once

#include <gst/gst.h>

#include <map>
#include <string>

// Those of events: hidden where each of two processes counts its own.
enum class Seqnums { Shown, Hidden };

class StreamTranscript
{
public:
    explicit StreamTranscript(Seqnums seqnums = Seqnums::Shown) : seqnums_(seqnums) {}

    // One line, without its end. In the order in which they pass.
    std::string lineOf(GstEvent *event);
    std::string lineOf(GstBuffer *buffer);
    std::string lineOf(GstBufferList *list);

private:
    std::string textOfGroup(GstEvent *event);

    const Seqnums seqnums_;
    std::map<guint, size_t> groups_;
    bool beginsStretch_ = true;
};
