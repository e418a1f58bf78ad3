// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long things took, counted in classes of which each is twice as wide as the one before.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringcore
{

// Class 0 is what took less than 1024 ns; class i, less than 1024 << i ns and no less than half of that; the
// last one, all that took longer (4.3 s and more).
inline constexpr size_t kLatencyClasses = 24;

constexpr size_t latencyClassOf(uint64_t ns)
{
    return std::min<size_t>(static_cast<size_t>(std::bit_width(ns >> 10)), kLatencyClasses - 1);
}

using LatencyCounts = std::array<uint64_t, kLatencyClasses>;

} // namespace ringcore
