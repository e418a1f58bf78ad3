// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Letting go of much memory without waiting for it: the kernel takes milliseconds for every hundred
// megabytes that it unmaps or frees, and nobody who stops a stream should feel them.
#pragma once

#include <cstddef>
#include <exception>
#include <thread>
#include <utility>

namespace ringcore
{

// Destroys `owner`, which holds `realBytes` of memory that is real: on a thread of its own if that
// takes long, here otherwise or where there is no thread to be had. Any thread.
template <typename T>
void retire(T owner, size_t realBytes)
{
    constexpr size_t kWorthAThread = size_t{16} << 20;
    if (realBytes <= kWorthAThread)
        return;
    try {
        std::thread([](T) {}, std::move(owner)).detach();
    } catch (const std::exception &) {
        // Whoever lets go waits, then.
    }
}

} // namespace ringcore
