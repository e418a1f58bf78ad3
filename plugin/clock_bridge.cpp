// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_bridge.h"

#include <chrono>
#include <cstdlib>

namespace sharedring
{

namespace
{

constexpr int64_t kSampleInterval = 50 * GST_MSECOND;
constexpr int64_t kJump = 20 * GST_MSECOND; // further off than that: set anew, it is no jitter
constexpr int kSmoothing = 8;

// A system clock of monotonic type that nobody slaved to another one.
bool isMonotonic(GstClock *clock)
{
    if (G_OBJECT_TYPE(clock) != GST_TYPE_SYSTEM_CLOCK) // audio and network clocks derive from it
        return false;
    GstClockType type = GST_CLOCK_TYPE_OTHER;
    g_object_get(clock, "clock-type", &type, nullptr);
    GstClockTime internal, external, numerator, denominator;
    gst_clock_get_calibration(clock, &internal, &external, &numerator, &denominator);
    return type == GST_CLOCK_TYPE_MONOTONIC && internal == external && numerator == denominator;
}

} // namespace

int64_t monotonicNow()
{
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

int64_t ClockBridge::toMonotonic(GstClock *clock)
{
    if (!clock)
        return 0;
    if (clock != clock_.get()) {
        clock_.reset(GST_CLOCK(gst_object_ref(clock)));
        isMonotonic_ = isMonotonic(clock);
        sampledAt_ = 0;
    }
    if (isMonotonic_)
        return 0;
    const int64_t now = monotonicNow();
    if (sampledAt_ == 0 || now - sampledAt_ >= kSampleInterval)
        sample(clock, now);
    return offset_;
}

void ClockBridge::sample(GstClock *clock, int64_t before)
{
    const auto time = static_cast<int64_t>(gst_clock_get_time(clock));
    const int64_t after = monotonicNow();
    const int64_t offset = before + (after - before) / 2 - time;
    if (sampledAt_ == 0 || std::llabs(offset - offset_) > kJump)
        offset_ = offset;
    else
        offset_ += (offset - offset_) / kSmoothing;
    sampledAt_ = after;
}

} // namespace sharedring
