// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A deadline in the words of poll().
#pragma once

#include "bell.h"

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>

namespace ringcore
{

// Milliseconds until `deadline`, rounded up, at least 0; -1 where there is none.
inline int pollTimeout(Deadline deadline)
{
    if (!deadline)
        return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
}

} // namespace ringcore
