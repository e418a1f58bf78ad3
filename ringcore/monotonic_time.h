// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The clock that both processes share.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringcore
{

// CLOCK_MONOTONIC in ns.
inline uint64_t monotonicNow()
{
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// The time when somebody first asks for it: one look at the clock is enough for all.
class Moment
{
public:
    uint64_t ns()
    {
        if (ns_ == 0)
            ns_ = monotonicNow();
        return ns_;
    }
    void pass() { ns_ = 0; } // it is another one now

private:
    uint64_t ns_ = 0;
};

} // namespace ringcore
