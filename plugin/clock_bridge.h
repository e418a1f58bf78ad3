// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From CLOCK_MONOTONIC, which two processes share, to the clock of this pipeline.
#pragma once

#include "plugin/gst_owner.h"

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace sharedring
{

// One thread at a time.
class ClockBridge
{
public:
    // What has to be added to a monotonic time to get `clock`'s. 0 for GStreamer's own monotonic
    // clock; for others both are read, now and then.
    GstClockTimeDiff offsetTo(GstClock *clock);

    static GstClockTime monotonicNow();

private:
    ObjectOwner<GstClock> clock_; // whose offset it is
    bool isMonotonic_ = false;
    GstClockTimeDiff offset_ = 0;
    GstClockTime sampledAt_ = 0;
};

} // namespace sharedring
