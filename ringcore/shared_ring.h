// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One end of a ring of items between two processes: its memory, its bells, and the waiting. What the
// items are is the business of Sender<T> and Receiver<T> (ring.h), which are what to use.
//
// Each side's words lie in memory of its own that only it can write, which the kernel keeps by seals:
// a peer that lies, dies or goes mad can neither change what we wrote nor make us wait where we did
// not ask to.
#pragma once

#include "api.h"
#include "bell.h"
#include "error.h"
#include "look_again.h"
#include "mapping.h"
#include "monotonic_time.h"
#include "ring_wire.h"
#include "sealed_memfd.h"
#include "unique_fd.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringcore
{

enum class Exposure {
    SingleWriter, // neither side can write what the other one writes: for peers that do not trust each other
    Shared,       // one memory that both can write: for peers that do
};

// How many fds takeFdsForPeer() gives and open() takes.
constexpr size_t fdsForPeer(Exposure exposure)
{
    return exposure == Exposure::SingleWriter ? 3 : 2;
}

enum class Wanted { No, IfPossible, Required };

// Both ends are given the same, but for `locked`, which is each end's own affair.
struct RingOptions {
    Exposure exposure = Exposure::SingleWriter;
    // Huge pages for the items: fewer misses of the TLB. The opening end takes what there is, unless No.
    Wanted hugePages = Wanted::No;
    Wanted locked = Wanted::No; // mlock: never on disk, never to be read in again
};

enum class Wake {
    Ready,       // what was waited for is there
    TimedOut,    // the deadline has passed
    Interrupted, // interrupt() was called
    PeerGone,    // the other end was closed, or its process ended, and what was waited for will not come
};

struct WaitStatistics {
    uint64_t sleeps = 0;      // waits that went to the kernel
    uint64_t wakesSent = 0;   // system calls to wake the peer
    uint64_t looksPaid = 0;   // looks again before sleeping that found something
    uint64_t looksMissed = 0; // and that did not
};

// One thread at a time, but for what says otherwise.
class SharedRing final
{
public:
    // A new ring of which we are `role`. Errors: Misuse (capacity), SystemError.
    RINGCORE_API static Result<std::unique_ptr<SharedRing>>
    create(RingRole role, const RingGeometry &geometry, const RingOptions &options);

    // The other end of a ring that a peer created with the same geometry and options, from the fds
    // that it sent, in their order. They are closed whatever comes of it. Faults: WrongNumberOfFds,
    // NotASocket, NotAMemfd, SealsMissing, SizeMismatch, CannotPopulate, NotARing, VersionUnsupported,
    // RoleUnexpected, CapacityMismatch, ItemMismatch.
    RINGCORE_API static Result<std::unique_ptr<SharedRing>>
    open(RingRole role, const RingGeometry &geometry, std::vector<UniqueFd> fds, const RingOptions &options);

    // One end of a ring in memory that both processes (or threads) have already, and which was all
    // zeros before the first of them came. Whoever comes again goes on where it was. Errors: Misuse
    // (capacity, memory); faults of what stands there, as in open().
    RINGCORE_API static Result<std::unique_ptr<SharedRing>>
    attach(RingRole role, const RingGeometry &geometry, std::span<std::byte> memory);
    // What attach() needs: bytes, and the alignment of the first one.
    RINGCORE_API static size_t attachedBytes(const RingGeometry &geometry);
    static constexpr size_t kAttachedAlignment = alignof(RingSide);

    RINGCORE_API ~SharedRing();
    SharedRing(const SharedRing &) = delete;
    SharedRing &operator=(const SharedRing &) = delete;

    // What the peer's open() takes, for who created the ring: the memory of the sender, the page of
    // the receiver, the socket; with Exposure::Shared the memory of both, the socket. Once: close them
    // when they are sent, or nobody notices when the peer goes. Misuse: NoSocket.
    RINGCORE_API Result<std::vector<UniqueFd>> takeFdsForPeer();

    // The other side's words; none: the peer has not opened the ring yet, or not yet closed its memory to
    // everyone else (for who created it: asked of the kernel by F_GET_SEALS). Faults as in open().
    Result<const RingSide *> peer()
    {
        if (peer_) [[likely]]
            return peer_;
        return lookForPeer();
    }

    RingSide &own() const { return *own_; }
    // In the sender's memory; a receiver never writes there. None: see peer().
    std::byte *items() const { return items_; }
    // Where the own cursor stood when we came: not at 0 only in attached memory.
    uint32_t start() const { return start_; }
    // Whether our side had been there before, in attached memory. A start() of 0 does not say so: cursors
    // wrap.
    bool goesOn() const { return goesOn_; }

    // Rings for a peer whose sleep flag says `sleeps`. A system call.
    RINGCORE_API void wakePeer(uint32_t sleeps);

    // Waits until `ready()` says true or an error, at most until the deadline.
    template <typename Ready>
    Result<Wake> waitUntil(Ready &&ready, Deadline deadline);

    // Ends the wait under way, or the next one. Any thread.
    RINGCORE_API void interrupt() noexcept;

    // Readable when there is reason to look again: after prepareToPoll() said false and until
    // finishPoll(). Whether the peer is gone is for peerIsGone() to say. -1: attached memory has none.
    int pollFd() const { return signal_.get(); }
    // Asks to be woken through pollFd(). True: do not poll, ready() already is. Misuse: NoSocket.
    template <typename Ready>
    Result<bool> prepareToPoll(Ready &&ready);
    RINGCORE_API void finishPoll();

    RINGCORE_API bool peerIsGone() const; // a system call
    const WaitStatistics &statistics() const { return statistics_; }
    // What was wanted if possible, and was not; a line, or empty.
    const std::string &fallback() const { return fallback_; }

private:
    SharedRing(RingRole role, const RingGeometry &geometry, Wanted locked = Wanted::No)
        : role_(role), geometry_(geometry), locked_(locked)
    {
    }

    Result<void> create(const RingOptions &options);
    Result<void> createMemory(const RingOptions &options, Pages pages);
    Result<void> open(const std::vector<UniqueFd> &fds, const RingOptions &options);
    Result<void> openOwn(int fd);
    Result<void> openOther(int fd);
    Pages pagesOf(RingRole role) const { return role == RingRole::Sender ? pages_ : Pages::Ordinary; }
    void fallBack(const Error &why, const char *instead);
    Result<void> lock(const Mapping &memory);
    void placeTogether(std::byte *memory);
    void placeApart();
    enum class Begin { Anew, WhereItWas };
    Result<void> takeOwnSide(Begin begin);
    RINGCORE_API Result<const RingSide *> lookForPeer();
    Result<void> checkHead(const RingSide &side, RingRole role) const;
    RINGCORE_API bool mayLookAgain();
    RINGCORE_API void goToSleep(SleepState how);
    void wakeUp() { own_->sleeps.store(static_cast<uint32_t>(SleepState::Awake), std::memory_order_relaxed); }
    RINGCORE_API void sleep(uint32_t bellSeen, uint32_t stopSeen,
                            std::chrono::steady_clock::time_point until);
    uint32_t bellValue() const { return peer_ ? peer_->bell.load(std::memory_order_acquire) : 0; }
    void drainSignal();

    const RingRole role_;
    const RingGeometry geometry_;
    const Wanted locked_;
    RingSide *own_ = nullptr;
    const RingSide *other_ = nullptr; // where the peer's words are, once that is mapped
    const RingSide *peer_ = nullptr;  // other_, once the peer is there and the only one who writes it
    std::byte *items_ = nullptr;
    uint32_t start_ = 0;
    Pages pages_ = Pages::Ordinary; // of the items' memory, at most
    bool goesOn_ = false;

    // Memory, by who writes it; with Exposure::Shared only the first, by both.
    Mapping ownMemory_;
    Mapping otherMemory_;
    // For who created the ring, until the peer is there.
    std::optional<SealedMemfd> ownMemfd_;
    std::optional<SealedMemfd> otherMemfd_;
    UniqueFd signal_;
    UniqueFd signalOfPeer_;

    StopWord stop_;
    std::atomic<bool> interrupted_{false};
    LookAgainGate gate_;
    WaitStatistics statistics_;
    std::string fallback_;
};

template <typename Ready>
Result<Wake> SharedRing::waitUntil(Ready &&ready, Deadline deadline)
{
    // The peer does not fence between its store and its look at our flag, so it may miss the flag, and
    // we its store, if both come within the time that a store takes to be seen. So the first sleep is
    // short: what was stored before it is seen after it. And the flag stays until we return, so that
    // no later and longer one begins with that race again.
    std::chrono::nanoseconds step = std::chrono::microseconds(100);
    constexpr std::chrono::nanoseconds kLongestStep = std::chrono::milliseconds(100);

    auto is = ready();
    if (!is || *is)
        return is.map([](bool) { return Wake::Ready; });
    const auto emptyAt = std::chrono::nanoseconds(monotonicNow());
    if (mayLookAgain()) {
        do {
            is = ready();
            if (!is || *is) {
                gate_.learn(emptyAt, emptyAt);
                statistics_.looksPaid++;
                return is.map([](bool) { return Wake::Ready; });
            }
        } while (std::chrono::nanoseconds(monotonicNow()) < emptyAt + kLookAgain);
        statistics_.looksMissed++;
    }
    struct AtTheEnd {
        SharedRing &ring;
        ~AtTheEnd() { ring.wakeUp(); }
    } const atTheEnd{*this};
    while (true) {
        const uint32_t stopSeen = stop_.value();
        if (interrupted_.exchange(false, std::memory_order_acquire)) // pairs with interrupt()
            return Wake::Interrupted;
        const uint32_t bellSeen = bellValue();
        goToSleep(SleepState::OnBell);
        is = ready();
        if (!is || *is)
            return is.map([](bool) { return Wake::Ready; });
        const auto now = std::chrono::steady_clock::now();
        if (deadline && now >= *deadline)
            return Wake::TimedOut;
        const auto until = now + step;
        sleep(bellSeen, stopSeen, deadline ? std::min(*deadline, until) : until);
        is = ready();
        if (!is)
            return tl::unexpected(is.error());
        if (*is) {
            if (peer_)
                gate_.learn(emptyAt, std::chrono::nanoseconds(peer_->rungAt.load(std::memory_order_relaxed)));
            return Wake::Ready;
        }
        if (peerIsGone()) { // and what it did before it went is to be seen now
            is = ready();
            return is.map([](bool yes) { return yes ? Wake::Ready : Wake::PeerGone; });
        }
        if (std::chrono::steady_clock::now() >= until) // and was not cut short by a ring for what came before
            step = std::min(step * 4, kLongestStep);
    }
}

template <typename Ready>
Result<bool> SharedRing::prepareToPoll(Ready &&ready)
{
    if (!signal_.valid())
        return misuse(MisuseKind::NoSocket);
    goToSleep(SleepState::OnSignal);
    auto is = ready();
    if (!is || *is)
        finishPoll();
    return is;
}

} // namespace ringcore
