// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clock_offset.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace sharedring
{

namespace
{

constexpr int64_t kMillisecond = 1'000'000;

// Readings weigh by the time since the one before: many in a short time are averaged, and one after a
// long pause counts alone. A clock that drifts by 100 ppm is lagged behind by so much of this, 20 us.
constexpr int64_t kMemory = 200 * kMillisecond;
constexpr int64_t kStep = 20 * kMillisecond; // further off than that it is no noise
// Who was put to sleep between two readings knows only between which times the other one was.
constexpr int64_t kDisturbed = kMillisecond;

} // namespace

void ClockOffset::take(const ClockReading &reading)
{
    const bool isFirst = !std::exchange(known_, true);
    const int64_t since = reading.after - std::exchange(takenAt_, reading.after);
    const int64_t error = reading.offset() - offset_;
    if (reading.took() > kDisturbed) {
        offset_ = isFirst ? reading.offset()
                          : std::clamp(offset_, reading.before - reading.time, reading.after - reading.time);
        return;
    }
    if (std::llabs(error) > kStep)
        averaged_ = 0;
    averaged_++;
    const double byTime = static_cast<double>(since) / static_cast<double>(since + kMemory);
    const double byNumber = 1.0 / averaged_; // the first few are a plain average
    offset_ += std::llround(static_cast<double>(error) * std::max(byTime, byNumber));
}

} // namespace sharedring
