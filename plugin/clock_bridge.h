// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Between a pipeline's clock and CLOCK_MONOTONIC, which is what two processes of one machine share.
#pragma once

#include "plugin/gst_owner.h"

#include <gst/gst.h>

#include <cstdint>

namespace sharedring
{

// One thread at a time.
class ClockBridge
{
public:
    // What to add to a time of `clock` (ns) to have CLOCK_MONOTONIC: 0 for a system clock that is
    // it, else sampled now and then and smoothed, so that drift is followed and no jitter is added.
    // No clock: 0.
    int64_t toMonotonic(GstClock *clock);

private:
    void sample(GstClock *clock, int64_t now);

    ObjectOwner<GstClock> clock_; // held, so that no other clock can have its address
    bool isMonotonic_ = false;
    int64_t offset_ = 0;
    int64_t sampledAt_ = 0;
};

int64_t monotonicNow(); // ns

} // namespace sharedring
