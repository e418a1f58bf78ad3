// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_bridge.h"

#include "ringcore/monotonic_time.h"

namespace sharedring
{

namespace
{

constexpr int64_t kUndisturbed = 20'000; // ns that two readings take, for what no other one need be tried
constexpr int kAttempts = 3;

bool isMonotonicSystemClock(GstClock *clock)
{
    if (G_OBJECT_TYPE(clock) != GST_TYPE_SYSTEM_CLOCK) // audio and network clocks derive from it
        return false;
    GstClockType type = GST_CLOCK_TYPE_OTHER;
    g_object_get(clock, "clock-type", &type, nullptr);
    return type == GST_CLOCK_TYPE_MONOTONIC;
}

// Nobody slaved it to another one.
bool isUncalibrated(GstClock *clock)
{
    GstClockTime internal, external, numerator, denominator;
    gst_clock_get_calibration(clock, &internal, &external, &numerator, &denominator);
    return internal == external && numerator == denominator;
}

ClockReading read(GstClock *clock, int64_t before)
{
    const auto time = static_cast<int64_t>(gst_clock_get_time(clock));
    return {before, time, monotonicNow()};
}

// Of some readings the one that was least disturbed.
ClockReading readCarefully(GstClock *clock, int64_t now)
{
    ClockReading best = read(clock, now);
    for (int attempt = 1; attempt < kAttempts && best.took() > kUndisturbed; attempt++) {
        if (const ClockReading next = read(clock, monotonicNow()); next.took() < best.took())
            best = next;
    }
    return best;
}

} // namespace

int64_t monotonicNow()
{
    return static_cast<int64_t>(ringcore::monotonicNow());
}

int64_t ClockBridge::toMonotonic(GstClock *clock)
{
    if (!clock)
        return 0;
    if (clock != clock_.get()) {
        clock_.reset(GST_CLOCK(gst_object_ref(clock)));
        isSystemClock_ = isMonotonicSystemClock(clock);
        offset_.forget();
    }
    if (isSystemClock_ && isUncalibrated(clock))
        return 0;
    if (const int64_t now = monotonicNow(); offset_.wantsReading(now))
        offset_.take(readCarefully(clock, now));
    return offset_.value();
}

} // namespace sharedring
