// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two cursors that both sides believe and poll, each with a private copy of the other's: what there is to be
// had without a check, a bell or an error.
#pragma once

#include "benchmark_packet.h"

#include <atomic>
#include <cstdint>
#include <span>

namespace benchmark
{

struct MinimalCursors {
    alignas(64) std::atomic<uint32_t> sent{0};
    alignas(64) std::atomic<uint32_t> received{0};
};

// The ring's size is a power of two, and all that is sent is of one size, which is another one.
class MinimalSender
{
public:
    MinimalSender(MinimalCursors &cursors, std::span<Word> ring) : cursors_(cursors), ring_(ring) {}

    // Where to write, or nothing: there is no room.
    std::span<Word> places(uint32_t words)
    {
        if (ring_.size() - (sent_ - received_) < words) {
            received_ = cursors_.received.load(std::memory_order_acquire);
            if (ring_.size() - (sent_ - received_) < words)
                return {};
        }
        return ring_.subspan(sent_ & (ring_.size() - 1), words);
    }
    void publish(uint32_t words)
    {
        sent_ += words;
        cursors_.sent.store(sent_, std::memory_order_release);
    }

private:
    MinimalCursors &cursors_;
    std::span<Word> ring_;
    uint32_t sent_ = 0;
    uint32_t received_ = 0;
};

class MinimalReceiver
{
public:
    MinimalReceiver(MinimalCursors &cursors, std::span<const Word> ring) : cursors_(cursors), ring_(ring) {}

    // What to read, or nothing: there is none.
    std::span<const Word> items(uint32_t words)
    {
        if (sent_ - received_ < words) {
            sent_ = cursors_.sent.load(std::memory_order_acquire);
            if (sent_ - received_ < words)
                return {};
        }
        return ring_.subspan(received_ & (ring_.size() - 1), words);
    }
    void consume(uint32_t words)
    {
        received_ += words;
        cursors_.received.store(received_, std::memory_order_release);
    }

private:
    MinimalCursors &cursors_;
    std::span<const Word> ring_;
    uint32_t received_ = 0;
    uint32_t sent_ = 0;
};

} // namespace benchmark
