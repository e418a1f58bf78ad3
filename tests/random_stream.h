// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random streams as an element may get them: in an order that GStreamer allows, with everything that
// is said to cross.
#pragma once

#include "dice.h"

#include <gst/gst.h>

#include <memory>
#include <vector>

struct MiniObjectRelease {
    void operator()(GstMiniObject *object) const { gst_mini_object_unref(object); }
};

struct StreamItem {
    std::unique_ptr<GstMiniObject, MiniObjectRelease> object; // GstEvent, GstBuffer or GstBufferList
    // What does not stay in order with the rest: everything before it must be through when it is
    // pushed, and it must be through before anything else is.
    bool isAlone = false;
};

// At least `least` items from stream-start to EOS, of which some may come, with a flush behind them,
// in between.
std::vector<StreamItem> randomStream(uint64_t seed, size_t least);
