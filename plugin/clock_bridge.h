// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Between a pipeline's clock and CLOCK_MONOTONIC, which is what two processes of one machine share.
#pragma once

#include "plugin/clock_offset.h"
#include "plugin/gst_owner.h"

#include <gst/gst.h>

#include <cstdint>

namespace sharedring
{

// One thread at a time.
class ClockBridge
{
public:
    // What to add to a time of `clock` (ns) to have CLOCK_MONOTONIC: 0 for a system clock that is it, else
    // what readings of both now and then say. No clock: 0.
    int64_t toMonotonic(GstClock *clock);

private:
    ObjectOwner<GstClock> clock_; // held, so that no other clock can have its address
    bool isSystemClock_ = false;  // of the monotonic type
    ClockOffset offset_;
};

int64_t monotonicNow(); // ns

} // namespace sharedring
