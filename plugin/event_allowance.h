// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How fast a producer's events may come. Some become messages on a bus that perhaps nobody reads, or lie
// in a queue that counts buffers only: who sends more of them is read more slowly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sharedring
{

// One thread at a time. `now`: CLOCK_MONOTONIC, ns.
class EventAllowance
{
public:
    static constexpr int64_t kEventsPerSecond = 2000;
    static constexpr int64_t kBytesPerSecond = 16 << 20;
    static constexpr int64_t kBurst = 2'000'000'000; // ns whose allowance may be used up at once

    // One that costs the application more counts as so many.
    void spend(size_t bytes, int64_t now, int64_t events = 1)
    {
        constexpr int64_t kSecond = 1'000'000'000;
        spent_ = true;
        paidUntil_ = std::max(paidUntil_, now) + events * kSecond / kEventsPerSecond +
                     static_cast<int64_t>(bytes) * kSecond / kBytesPerSecond;
    }

    // Whether there is anything to wait for; asked before the clock is.
    bool isSpent() const { return spent_; }
    // ns for which nothing more is to be read; 0 or less: none, until more is spent.
    int64_t pause(int64_t now)
    {
        const int64_t left = paidUntil_ - now - kBurst;
        spent_ = left > 0;
        return left;
    }

private:
    int64_t paidUntil_ = 0;
    bool spent_ = false;
};

} // namespace sharedring
