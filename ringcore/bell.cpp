// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bell.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ringcore
{

namespace
{

#ifdef SYS_futex_waitv
constexpr long kFutexWaitv = SYS_futex_waitv;
#else
constexpr long kFutexWaitv = 449; // the same on every architecture
#endif

// As in <linux/futex.h> since 5.16; spelled out for older headers.
struct Waiter {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};
constexpr uint32_t kFutex32 = 2;
constexpr uint32_t kFutexPrivate = 128;

timespec toTimespec(std::chrono::nanoseconds time)
{
    return {static_cast<time_t>(time.count() / 1000000000), static_cast<long>(time.count() % 1000000000)};
}

long futexWait(const std::atomic<uint32_t> &word, uint32_t seen, int flags, Deadline until)
{
    timespec absolute{};
    if (until)
        absolute = toTimespec(until->time_since_epoch());
    // WAIT_BITSET takes an absolute CLOCK_MONOTONIC time.
    return ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | flags, seen, until ? &absolute : nullptr, nullptr,
                     FUTEX_BITSET_MATCH_ANY);
}

} // namespace

void ring(std::atomic<uint32_t> &bell) noexcept
{
    bell.fetch_add(1, std::memory_order_release); // pairs with the sleeper's acquire load of the bell
    ::syscall(SYS_futex, &bell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

bool ringIfAsleep(const std::atomic<uint32_t> &sleepFlag, std::atomic<uint32_t> &bell) noexcept
{
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the sleeper's fence after its flag
    if (sleepFlag.load(std::memory_order_relaxed) == 0)
        return false;
    ring(bell);
    return true;
}

void StopWord::poke() noexcept
{
    word_.fetch_add(1, std::memory_order_release); // pairs with value()
    ::syscall(SYS_futex, &word_, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, nullptr, nullptr, 0);
}

void waitForBell(const std::atomic<uint32_t> &bell, uint32_t bellSeen, const StopWord &stop,
                 uint32_t stopSeen, Deadline deadline) noexcept
{
    const Waiter waiters[2] = {
        {bellSeen, reinterpret_cast<uintptr_t>(&bell), kFutex32, 0},
        {stopSeen, reinterpret_cast<uintptr_t>(&stop.word()), kFutex32 | kFutexPrivate, 0},
    };
    timespec absolute{};
    if (deadline)
        absolute = toTimespec(deadline->time_since_epoch());
    const long woken = ::syscall(kFutexWaitv, waiters, 2, 0, deadline ? &absolute : nullptr, CLOCK_MONOTONIC);
    if (woken >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL))
        return;

    if (stop.value() != stopSeen)
        return;
    auto until = std::chrono::steady_clock::now() + kFallbackStep;
    if (deadline)
        until = std::min(until, *deadline);
    futexWait(bell, bellSeen, 0, until);
}

void waitForStop(const StopWord &stop, uint32_t stopSeen, Deadline deadline) noexcept
{
    futexWait(stop.word(), stopSeen, FUTEX_PRIVATE_FLAG, deadline);
}

} // namespace ringcore
