// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How far CLOCK_MONOTONIC is ahead of another clock, from readings of both. Reads no clock itself.
#pragma once

#include <cstdint>

namespace sharedring
{

// All ns.
struct ClockReading {
    int64_t before; // CLOCK_MONOTONIC
    int64_t time;   // then, of the other clock
    int64_t after;  // then, CLOCK_MONOTONIC again

    int64_t took() const { return after - before; }
    int64_t offset() const { return before + took() / 2 - time; }
};

// Drift is followed, a step is taken at once, and the noise of readings is smoothed. One thread at a time.
class ClockOffset
{
public:
    // `now`: CLOCK_MONOTONIC
    bool wantsReading(int64_t now) const { return !known_ || now - takenAt_ >= kInterval; }
    void take(const ClockReading &reading);
    void forget() { *this = ClockOffset(); }

    // What to add to the other clock's time to have CLOCK_MONOTONIC.
    int64_t value() const { return offset_; }

private:
    static constexpr int64_t kInterval = 50'000'000;

    bool known_ = false;
    int64_t offset_ = 0;
    int64_t takenAt_ = 0;
    int averaged_ = 0; // readings, since the last step
};

} // namespace sharedring
