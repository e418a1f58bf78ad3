// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How one end of a ring sleeps, and wakes the other one.
#include "shared_ring.h"

#include <ctime>
#include <linux/membarrier.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ringcore
{

using std::chrono::steady_clock;

namespace
{

// Until what the peer's processor has stored is there to be seen.
void awaitStoresUnderWay()
{
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0)
        return;
    const timespec settle{0, 100'000}; // refused (seccomp, valgrind): far longer than a store takes
    ::nanosleep(&settle, nullptr);
}

// Whether there is something to read before the time.
bool pollUntil(int fd, steady_clock::time_point until)
{
    const auto left = std::max(until - steady_clock::now(), steady_clock::duration::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec time{seconds.count(), (left - seconds).count()};
    pollfd wanted{fd, POLLIN, 0};
    return ::ppoll(&wanted, 1, &time, nullptr) > 0;
}

} // namespace

bool SharedRing::peerIsGone() const
{
    if (!signal_.valid())
        return false;
    pollfd fd{signal_.get(), POLLRDHUP, 0};
    return ::poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLRDHUP | POLLERR)) != 0;
}

void SharedRing::wakePeer(uint32_t sleeps)
{
    statistics_.wakesSent++;
    own_->rungAt.store(monotonicNow(), std::memory_order_relaxed);
    if (sleeps == static_cast<uint32_t>(SleepState::OnSignal) && signal_.valid()) {
        // Full: there is something to read for it already.
        [[maybe_unused]] const auto sent = ::send(signal_.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        ring(own_->bell);
    }
}

bool SharedRing::mayLookAgain()
{
    const auto cpu = static_cast<uint32_t>(::sched_getcpu()) + 1;
    own_->cpu.store(cpu, std::memory_order_relaxed);
    // On the processor that we keep busy the peer can do nothing that we could see.
    return gate_.worthIt() && !(peer_ && peer_->cpu.load(std::memory_order_relaxed) == cpu);
}

void SharedRing::goToSleep(SleepState how)
{
    statistics_.sleeps++;
    own_->sleeps.store(static_cast<uint32_t>(how), std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst); // the flag is seen before we look again
    if (how == SleepState::OnSignal)
        awaitStoresUnderWay(); // a poll has no steps, so what was stored must be seen now
}

void SharedRing::sleep(uint32_t bellSeen, uint32_t stopSeen, steady_clock::time_point until)
{
    if (peer_) {
        waitForBell(peer_->bell, bellSeen, stop_, stopSeen, until);
        return;
    }
    // Nobody rings yet. Who opens the ring says so on the socket; attached memory has none.
    constexpr std::chrono::milliseconds kStep{1};
    constexpr std::chrono::milliseconds kLongestPoll{20}; // interrupt() is to be heard
    if (signal_.valid()) {
        drainSignal();
        if (!pollUntil(signal_.get(), std::min(until, steady_clock::now() + kLongestPoll)))
            return;
    }
    waitForStop(stop_, stopSeen, std::min(until, steady_clock::now() + kStep)); // whatever a peer sends
}

void SharedRing::drainSignal()
{
    constexpr int kMost = 16; // whatever the peer sends
    std::byte byte;
    for (int i = 0; i < kMost && ::recv(signal_.get(), &byte, 1, MSG_DONTWAIT) >= 0; i++) {
    }
}

void SharedRing::finishPoll()
{
    wakeUp();
    if (signal_.valid())
        drainSignal();
}

void SharedRing::interrupt() noexcept
{
    interrupted_.store(true, std::memory_order_release); // pairs with waitUntil
    stop_.poke();
}

} // namespace ringcore
