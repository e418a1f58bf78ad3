// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which flushes of one connection's stream have been passed on. A flush must get through while the
// streaming thread is blocked downstream, so two threads watch for it, and whichever sees it first
// tells: exactly once, and never between the other's end of one flush and the beginning of the next.
#pragma once

#include "error.h"
#include "untrusted.h"
#include "wire.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace ringcore
{

class FlushGate
{
public:
    // `word` is the producer's; what it says now is where the stream begins for us. A joiner that
    // meets a flush under way takes part in it.
    explicit FlushGate(const std::atomic<uint64_t> &word)
        : word_(word), begin_(epochOf(word.load(std::memory_order_acquire)) & ~1u)
    {
    }

    // The epoch of the first records.
    uint32_t begin() const { return begin_; }

    struct Seen {
        uint32_t epoch;
        bool resetTime;
        uint32_t number; // the application's, of where the epoch begins
        bool flushing;   // `began` was called for a flush that is not passed on yet
    };

    // Reads the epoch word, and calls `began` (under this gate's lock) with its number if a flush began that
    // nobody told of. Either thread. Fault: EpochUnexpected, if it went backwards.
    Result<Seen> look(const std::function<void(uint32_t)> &began);

    // The flush that ended with `epoch` was passed on. The streaming thread.
    void passedOn(uint32_t epoch);

    // Whether `began` was called for a flush that is not passed on yet.
    bool underWay();

    // Whether the word is no longer `epoch`; a cheap look for the streaming thread.
    bool changedFrom(uint32_t epoch) const { return epochOf(word_.load(std::memory_order_relaxed)) != epoch; }

private:
    const std::atomic<uint64_t> &word_;
    const uint32_t begin_;
    std::mutex lock_; // guards the rest; held over `began`, which must not wait for the other thread
    uint32_t passedOn_ = begin_; // even: downstream knows of all flushes up to here
    uint32_t newest_ = begin_;
    bool flushing_ = false;
};

} // namespace ringcore
