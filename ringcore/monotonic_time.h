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

} // namespace ringcore
