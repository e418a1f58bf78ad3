// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Eight words at a time, which the compiler makes four registers of (SSE2, which every x86-64 has): a single
// sum would wait for its own additions.
#include "benchmark_packet.h"

#include <cstddef>

namespace benchmark
{

namespace
{

constexpr size_t kLanes = 8;

} // namespace

[[gnu::aligned(64)]] void fill(std::span<Word> packet, Word number)
{
    for (; packet.size() >= kLanes; packet = packet.subspan(kLanes)) {
        for (size_t lane = 0; lane < kLanes; lane++)
            packet[lane] = number;
    }
    for (Word &word : packet)
        word = number;
}

[[gnu::aligned(64)]] Word sum(std::span<const Word> packet)
{
    Word total = 0;
    if (packet.size() >= kLanes) {
        Word totals[kLanes] = {};
        for (; packet.size() >= kLanes; packet = packet.subspan(kLanes)) {
            for (size_t lane = 0; lane < kLanes; lane++)
                totals[lane] += packet[lane];
        }
        for (const Word one : totals)
            total += one;
    }
    for (const Word word : packet)
        total += word;
    return total;
}

} // namespace benchmark
