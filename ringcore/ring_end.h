// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a Sender<T> and a Receiver<T> have in common: the ring that they are an end of, the peer, and
// the waking of it.
#pragma once

#include "error.h"
#include "ring_item.h"
#include "shared_ring.h"
#include "unique_fd.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ringcore
{

struct RingStatistics : WaitStatistics {
    uint64_t items = 0;   // sent or received through this end
    uint64_t batches = 0; // in so many pieces
};

namespace detail
{

// What both ends have in common: End is Sender<T> or Receiver<T>.
template <typename End, RingItem T, RingRole Role>
class RingEnd
{
    static_assert(alignof(T) <= kMostAlignment);

public:
    static constexpr RingRole kRole = Role;

    // A new ring for at least `capacity` items (the next power of two). Errors: Misuse
    // (CapacityTooSmall, CapacityTooBig), SystemError.
    static Result<End> create(uint32_t capacity, const RingOptions &options = {})
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::create(Role, geometry, options);
        });
    }

    // This end of a ring whose other end was created for the same T with the same capacity and
    // exposure, from its fds, which are closed whatever comes of it. Errors: those of create(); faults
    // WrongNumberOfFds, NotASocket, NotAMemfd, SealsMissing, SizeMismatch, CannotPopulate, NotARing,
    // VersionUnsupported, RoleUnexpected, CapacityMismatch, ItemMismatch.
    static Result<End> open(uint32_t capacity, std::vector<UniqueFd> fds, const RingOptions &options = {})
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::open(Role, geometry, std::move(fds), options);
        });
    }

    // This end of a ring in memory that both sides can write, and which was all zeros before the
    // first of them came. Who comes again goes on where it was. The memory is to outlive this.
    // Misuse: MemoryTooSmall, MemoryUnaligned (to 64 bytes); faults as in open().
    static Result<End> attach(uint32_t capacity, std::span<std::byte> memory)
    {
        return made(capacity,
                    [&](const RingGeometry &geometry) { return SharedRing::attach(Role, geometry, memory); });
    }
    // What attach() needs, bytes.
    static size_t attachedBytes(uint32_t capacity)
    {
        return SharedRing::attachedBytes(
            {std::bit_ceil(std::min(capacity, kMostItems)), sizeof(T), alignof(T)});
    }

    // A ring for at least `capacity` items: the next power of two. Misuse: CapacityTooBig.
    static Result<RingGeometry> geometryOf(uint32_t capacity)
    {
        if (capacity > kMostItems)
            return misuse(MisuseKind::CapacityTooBig, kMostItems, capacity);
        return RingGeometry{capacity ? std::bit_ceil(capacity) : 0, sizeof(T), alignof(T)};
    }

    // What the peer's open() takes, in this order: with Exposure::SingleWriter the sender's memory,
    // the receiver's page, a socket; with Exposure::Shared the memory of both, a socket. Once; close
    // them when they are sent, or nobody will notice when the peer goes. Misuse: NoSocket (taken
    // already, or the ring was opened or attached).
    Result<std::vector<UniqueFd>> takeFdsForPeer() { return ring_->takeFdsForPeer(); }

    // Whether the peer has opened its end, and with Exposure::SingleWriter: closed its memory to
    // everyone else. Until then what is sent waits in the ring.
    Result<bool> peerIsThere()
    {
        return ring_->peer().map([](const RingSide *peer) { return peer != nullptr; });
    }
    // Whether the peer closed its end, or its process ended. A system call. Attached memory: never.
    bool peerIsGone() const { return ring_->peerIsGone(); }

    // Ends the wait under way, or the next one. Any thread.
    void interrupt() noexcept { ring_->interrupt(); }

    // For event loops: poll it for POLLIN once prepareToPoll() said false. When it is readable, or when
    // you look anyway: finishPoll(), then peerIsGone(), then send or receive what there is, and end if
    // it was gone. (A peer may hang up by half, so POLLHUP alone does not tell.) -1: attached memory
    // has none.
    int pollFd() const { return ring_->pollFd(); }
    void finishPoll() { ring_->finishPoll(); }

    uint32_t capacity() const { return geometry_.capacity; } // items
    const RingGeometry &geometry() const { return geometry_; }

    // What RingOptions wanted if possible, and was not; a line, or empty.
    const std::string &fallback() const { return ring_->fallback(); }

    RingStatistics statistics() const
    {
        const uint64_t items = static_cast<const End *>(this)->items();
        return {ring_->statistics(), items, batches_ + (items - itemsInBatches_)};
    }

protected:
    RingEnd(std::unique_ptr<SharedRing> ring, const RingGeometry &geometry)
        : ring_(std::move(ring)), geometry_(geometry), own_(&ring_->own())
    {
    }

    static std::span<T> itemsOf(const SharedRing &ring, const RingGeometry &geometry)
    {
        return {reinterpret_cast<T *>(ring.items()), geometry.capacity};
    }

    // As many items as there are in `from`.
    static void copy(std::span<T> to, std::span<const T> from)
    {
        if (!from.empty())
            std::memcpy(to.data(), from.data(), from.size_bytes());
    }

    // True: the peer is there, and in peer_. Faults as in open().
    Result<bool> lookForPeer()
    {
        auto peer = ring_->peer();
        if (!peer)
            return tl::unexpected(peer.error());
        peer_ = *peer;
        return peer_ != nullptr;
    }

    // Of what goes in one piece; a single item is one too, which only statistics() counts.
    void countBatch(uint32_t items)
    {
        batches_++;
        itemsInBatches_ += items;
    }

    // After the own cursor was stored: wakes the peer if it sleeps.
    void published()
    {
        // No fence between the store of the cursor and this load, which would halve the rate of single
        // items: the side that goes to sleep makes up for it (SharedRing::waitUntil).
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (const uint32_t sleeps = peer_->sleeps.load(std::memory_order_relaxed); sleeps != 0) [[unlikely]]
            ring_->wakePeer(sleeps);
    }

    std::unique_ptr<SharedRing> ring_;
    RingGeometry geometry_;
    RingSide *own_;
    const RingSide *peer_ = nullptr; // once it is there

private:
    template <typename Make>
    static Result<End> made(uint32_t capacity, Make &&make)
    {
        const auto geometry = geometryOf(capacity);
        if (!geometry)
            return tl::unexpected(geometry.error());
        auto ring = make(*geometry);
        if (!ring)
            return tl::unexpected(ring.error());
        return End(std::move(*ring), *geometry);
    }

    uint64_t batches_ = 0;
    uint64_t itemsInBatches_ = 0;
};

} // namespace detail

} // namespace ringcore
