// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_bridge.h"

#include <ctime>

namespace sharedring
{

namespace
{

// Clocks that run at a rate of their own drift by some 100 ppm at most.
constexpr GstClockTime kSampleAgainAfter = 500 * GST_MSECOND;
// Between the two readings of the monotonic clock around the other one; more means that we were
// interrupted.
constexpr GstClockTime kGoodSample = 20 * GST_USECOND;
constexpr int kTries = 5;

bool readsMonotonicTime(GstClock *clock)
{
    if (G_OBJECT_TYPE(clock) != GST_TYPE_SYSTEM_CLOCK) // audio and network clocks derive from it
        return false;
    gint type = -1;
    g_object_get(clock, "clock-type", &type, nullptr);
    GstClockTime internal, external, numerator, denominator;
    gst_clock_get_calibration(clock, &internal, &external, &numerator, &denominator);
    return type == GST_CLOCK_TYPE_MONOTONIC && internal == external && numerator == denominator;
}

GstClockTimeDiff sampleOffset(GstClock *clock)
{
    GstClockTimeDiff best = 0;
    GstClockTime bestWidth = GST_CLOCK_TIME_NONE;
    for (int i = 0; i < kTries && bestWidth > kGoodSample; i++) {
        const GstClockTime before = ClockBridge::monotonicNow();
        const GstClockTime there = gst_clock_get_time(clock);
        const GstClockTime after = ClockBridge::monotonicNow();
        if (after - before < bestWidth) {
            bestWidth = after - before;
            best = GST_CLOCK_DIFF(before + bestWidth / 2, there);
        }
    }
    return best;
}

} // namespace

GstClockTime ClockBridge::monotonicNow()
{
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return GST_TIMESPEC_TO_TIME(now);
}

GstClockTimeDiff ClockBridge::offsetTo(GstClock *clock)
{
    const bool known = clock_.get() == clock;
    if (!known) {
        clock_.reset(GST_CLOCK(gst_object_ref(clock)));
        isMonotonic_ = readsMonotonicTime(clock);
        offset_ = 0;
    }
    if (isMonotonic_)
        return 0;
    const GstClockTime now = monotonicNow();
    if (!known || now - sampledAt_ >= kSampleAgainAfter) {
        offset_ = sampleOffset(clock);
        sampledAt_ = now;
    }
    return offset_;
}

} // namespace sharedring
