// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How one side wakes the other: a futex on a shared word of its own, the bell. No fd, nothing that
// a peer can fill, and never waited on without a private word beside it that only we ring.
//
// The protocol is Dekker's: who publishes stores its data, fences, and then looks at the other's
// sleep flag; who goes to sleep reads the bell, sets its flag, fences, looks at all the data once
// more, and then waits while the bell has the value read. Whichever fence comes second sees what
// the other one stored before its own.
#pragma once

#include "error.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace ringcore
{

using Deadline = std::optional<std::chrono::steady_clock::time_point>; // CLOCK_MONOTONIC; none = for ever

// Changes the bell's word and wakes one sleeper. The bell has one writer process; its threads may
// ring at once.
void ring(std::atomic<uint32_t> &bell) noexcept;

// To be called after data was published with release stores: fences, and rings only if the peer
// says that it sleeps. Returns whether it rang (and so made a system call). The flag is a hint: a
// peer that lies about it costs itself a wake, or us one system call.
bool ringIfAsleep(const std::atomic<uint32_t> &sleepFlag, std::atomic<uint32_t> &bell) noexcept;

// A word that ends waits of our own threads, whatever the peer does to the shared one (it can
// requeue our waiters away from the bell, but it cannot reach this one).
class StopWord
{
public:
    // Ends the wait that is under way, and those that begin with a value read before.
    void poke() noexcept;
    uint32_t value() const noexcept { return word_.load(std::memory_order_acquire); }
    const std::atomic<uint32_t> &word() const noexcept { return word_; }

private:
    std::atomic<uint32_t> word_{0};
};

// Sleeps while `bell` is `bellSeen` and `stop` is `stopSeen`, at most until the deadline. Any
// return is a hint: look at the memory again. Where futex_waitv is refused (seccomp, valgrind) it
// waits on the bell alone, in steps of at most kFallbackStep, and looks at `stop` in between.
void waitForBell(const std::atomic<uint32_t> &bell, uint32_t bellSeen, const StopWord &stop,
                 uint32_t stopSeen, Deadline deadline) noexcept;

// Sleeps while `stop` is `stopSeen`, at most until the deadline.
void waitForStop(const StopWord &stop, uint32_t stopSeen, Deadline deadline) noexcept;

inline constexpr std::chrono::milliseconds kFallbackStep{50};

} // namespace ringcore
