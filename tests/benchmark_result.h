// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A benchmark has no use for a ring that failed: it says why, and ends.
#pragma once

#include "benchmark_measure.h"

#include "ringcore/error.h"

#include <utility>

namespace benchmark
{

template <typename T>
T orExit(ringcore::Result<T> result)
{
    if (!result) [[unlikely]]
        fail(ringcore::describe(result.error()));
    return std::move(*result);
}

} // namespace benchmark
