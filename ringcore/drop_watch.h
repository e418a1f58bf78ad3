// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs of drops of one consumer, from the streaming thread that drops to the connection's thread that tells
// of them. It costs the former one look at a word of its own for each buffer, and a call when a run begins
// or ends and the latter has looked since the last one.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringcore
{

class DropWatch
{
public:
    // Under the fan-out's lock: a buffer was dropped, or got through. True: who watches is to be called.
    bool dropped()
    {
        const uint64_t before = word_.load(std::memory_order_relaxed);
        word_.store((before + kOne) | kDropping, std::memory_order_relaxed);
        return (before & kDropping) == 0 && mustCall();
    }
    bool gotThrough()
    {
        const uint64_t before = word_.load(std::memory_order_relaxed);
        if ((before & kDropping) == 0)
            return false;
        word_.store(before & ~kDropping, std::memory_order_relaxed);
        return mustCall();
    }

    // Any thread.
    uint64_t drops() const { return word_.load(std::memory_order_relaxed) / kOne; }

    // The connection's thread: what is so now. It is called again at what changes after this.
    struct Seen {
        uint64_t drops;
        bool dropping;
    };
    Seen look()
    {
        called_.exchange(false, std::memory_order_acq_rel); // pairs with mustCall()
        const uint64_t word = word_.load(std::memory_order_relaxed);
        return {word / kOne, (word & kDropping) != 0};
    }

private:
    static constexpr uint64_t kDropping = 1;
    static constexpr uint64_t kOne = 2;

    // Either this sees that who watches has looked, or that one sees the word that was stored before.
    bool mustCall() { return !called_.exchange(true, std::memory_order_acq_rel); } // pairs with look()

    std::atomic<uint64_t> word_{0}; // drops, and whether the last buffer was one
    std::atomic<bool> called_{false};
};

} // namespace ringcore
