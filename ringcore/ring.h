// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A bounded wait-free ring of items between two processes that need not trust each other: a
// Sender<T> in one, a Receiver<T> in the other.
//
//     auto sender = ringcore::Sender<float>::create(4096).value();
//     auto fds = sender.takeFdsForPeer().value(); // send these over any unix socket
//     ...
//     auto receiver = ringcore::Receiver<float>::open(4096, std::move(fds)).value(); // elsewhere
//     sender.send(1.5f);
//     receiver.receive(); // 1.5f
//
// Either side creates the ring and the other one opens it. What one side writes, the other can only
// read: the kernel sees to it (Exposure::SingleWriter). Sending and receiving make no system call, but
// to wake a peer that sleeps; they take a bounded number of instructions whatever the peer does. A
// peer that breaks the rules is told by a PeerFault, and nothing else comes of it; so do not go on
// with that ring. After shmem-ipc's `sharedring`.
//
// One thread at a time for each end, but for interrupt(), which any thread may call.
#pragma once

#include "bell.h"
#include "error.h"
#include "item_ring.h"
#include "ring_item.h"
#include "shared_ring.h"
#include "unique_fd.h"

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
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

// What both ends have in common.
template <RingItem T>
class RingEnd
{
    static_assert(alignof(T) <= kMostAlignment);

public:
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
    Result<bool> peerIsThere() { return ring_->peer().map([](const RingSide *peer) { return peer != nullptr; }); }
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

    RingStatistics statistics() const { return {ring_->statistics(), items_, batches_}; }

protected:
    RingEnd(std::unique_ptr<SharedRing> ring, const RingGeometry &geometry)
        : ring_(std::move(ring)), geometry_(geometry), own_(&ring_->own())
    {
    }

    static std::span<T> itemsOf(const SharedRing &ring, const RingGeometry &geometry)
    {
        return {reinterpret_cast<T *>(ring.items()), geometry.capacity};
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

    void count(uint32_t items)
    {
        items_ += items;
        batches_++;
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
    uint64_t items_ = 0;
    uint64_t batches_ = 0;
};

template <typename F, typename T>
concept ItemSource = requires(F next)
{
    {
        next()
        } -> std::convertible_to<std::optional<T>>;
};

} // namespace detail

// The end that sends.
template <RingItem T>
class Sender final : public detail::RingEnd<T>
{
    using Base = detail::RingEnd<T>;

public:
    static constexpr RingRole kRole = RingRole::Sender;

    // A new ring for at least `capacity` items (the next power of two). Errors: Misuse
    // (CapacityTooSmall, CapacityTooBig), SystemError.
    static Result<Sender> create(uint32_t capacity, const RingOptions &options = {})
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::create(kRole, geometry, options);
        });
    }

    // The sending end of a ring that a Receiver<T> created with the same capacity and exposure, from
    // its fds, which are closed whatever comes of it. Errors: those of create(); faults
    // WrongNumberOfFds, NotASocket, NotAMemfd, SealsMissing, SizeMismatch, CannotPopulate, NotARing,
    // VersionUnsupported, RoleUnexpected, CapacityMismatch, ItemMismatch.
    static Result<Sender> open(uint32_t capacity, std::vector<UniqueFd> fds, const RingOptions &options = {})
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::open(kRole, geometry, std::move(fds), options);
        });
    }

    // The sending end of a ring in memory that both sides can write, and which was all zeros before
    // the first of them came. Who comes again goes on where it was. The memory is to outlive this.
    // Misuse: MemoryTooSmall, MemoryUnaligned (to 64 bytes); faults as in open().
    static Result<Sender> attach(uint32_t capacity, std::span<std::byte> memory)
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::attach(kRole, geometry, memory);
        });
    }
    static size_t attachedBytes(uint32_t capacity)
    {
        return SharedRing::attachedBytes(
            {std::bit_ceil(std::min(capacity, kMostItems)), sizeof(T), alignof(T)});
    }

    // How many items can be sent now. Fault: CursorBeyondRing, as of all that follows.
    Result<uint32_t> room() { return roomFor(this->capacity()); }

    // False: the ring is full.
    Result<bool> send(const T &item)
    {
        if (writer_.knownRoom() == 0) [[unlikely]] {
            if (auto room = hasRoom(1); !room || !*room)
                return room;
        }
        writer_.place() = item;
        if (auto sent = publish(1); !sent) [[unlikely]]
            return tl::unexpected(sent.error());
        return true;
    }

    // Sends as many of `items` as there is room for, in one piece: the receiver sees all of them or
    // none. Returns how many.
    Result<uint32_t> send(std::span<const T> items)
    {
        const auto wanted = static_cast<uint32_t>(std::min<size_t>(items.size(), this->capacity()));
        auto room = roomFor(wanted);
        if (!room) [[unlikely]]
            return room;
        const uint32_t count = std::min(*room, wanted);
        const auto places = writer_.places(count);
        copy(places.first, items);
        copy(places.second, items.subspan(places.first.size()));
        return publish(count);
    }

    // fill(Parts<T>) writes into the ring itself and returns how many items it wrote, from the
    // first on: what was in those places before is old items. It is given as many places as are
    // free, at most `most` (who says how many it needs spares a look at the receiver's memory).
    // Nothing is sent if it throws, or claims more than it was given (Misuse: WroteTooMany). Returns
    // how many were sent.
    template <std::invocable<Parts<T>> F>
    Result<uint32_t> sendInPlace(F &&fill, uint32_t most = kMostItems)
    {
        most = std::min(most, this->capacity());
        const auto known = roomFor(most);
        if (!known) [[unlikely]]
            return known;
        const uint32_t room = std::min(*known, most);
        const size_t written = static_cast<size_t>(fill(writer_.places(room)));
        if (written > room)
            return misuse(MisuseKind::WroteTooMany, room, written);
        return publish(static_cast<uint32_t>(written));
    }

    // Sends what next() -> std::optional<T> returns, until that is nothing or the ring is full, in
    // one piece. Nothing is sent if it throws. Returns how many were sent.
    template <detail::ItemSource<T> F>
    Result<uint32_t> sendEach(F &&next)
    {
        return sendInPlace([&](Parts<T> places) {
            size_t count = 0;
            while (count < places.size()) {
                const std::optional<T> item = next();
                if (!item)
                    break;
                places[count++] = *item;
            }
            return count;
        });
    }

    // Waits until there is room for `items`, at most until the deadline (none: for ever). PeerGone:
    // there will be no more room; while there is some, Ready, whether or not anybody is there.
    Result<Wake> waitForRoom(uint32_t items = 1, Deadline deadline = {})
    {
        return this->ring_->waitUntil([&] { return hasRoom(items); }, deadline);
    }

    // Asks to be woken through pollFd() when there is room. True: there is room already, do not poll.
    Result<bool> prepareToPoll(uint32_t items = 1)
    {
        return this->ring_->prepareToPoll([&] { return hasRoom(items); });
    }

private:
    template <typename Make>
    static Result<Sender> made(uint32_t capacity, Make &&make)
    {
        const auto geometry = Base::geometryOf(capacity);
        if (!geometry)
            return tl::unexpected(geometry.error());
        auto ring = make(*geometry);
        if (!ring)
            return tl::unexpected(ring.error());
        return Sender(std::move(*ring), *geometry);
    }

    Sender(std::unique_ptr<SharedRing> ring, const RingGeometry &geometry)
        : Base(std::move(ring), geometry),
          writer_(Base::itemsOf(*this->ring_, geometry), this->ring_->start(),
                  received(*this->ring_, geometry.capacity))
    {
    }

    // The receiver's cursor, as far as it is certain before it was looked at.
    static uint32_t received(SharedRing &ring, uint32_t capacity)
    {
        if (!ring.goesOn())
            return 0;
        const auto peer = ring.peer();
        const bool nobodyReceived = peer && !*peer && ring.start() <= capacity;
        return nobodyReceived ? 0 : ring.start() - capacity;
    }

    static void copy(std::span<T> places, std::span<const T> items)
    {
        if (!places.empty())
            std::memcpy(places.data(), items.data(), places.size_bytes());
    }

    Result<uint32_t> roomFor(uint32_t wanted)
    {
        if (const uint32_t known = writer_.knownRoom(); known >= wanted) [[likely]]
            return known;
        if (!this->peer_) [[unlikely]] {
            if (auto there = this->lookForPeer(); !there)
                return tl::unexpected(there.error());
            else if (!*there)
                return writer_.knownRoom();
        }
        return writer_.room(this->peer_->cursor, wanted);
    }

    Result<bool> hasRoom(uint32_t items)
    {
        return roomFor(items).map([&](uint32_t room) { return room >= std::min(items, this->capacity()); });
    }

    Result<uint32_t> publish(uint32_t count)
    {
        if (count == 0)
            return 0u;
        writer_.publish(this->own_->cursor, count);
        this->count(count);
        if (!this->peer_) [[unlikely]] {
            if (auto there = this->lookForPeer(); !there)
                return tl::unexpected(there.error());
            else if (!*there)
                return count; // it looks when it comes
        }
        this->published();
        return count;
    }

    ItemWriter<T> writer_;
};

// The end that receives.
template <RingItem T>
class Receiver final : public detail::RingEnd<T>
{
    using Base = detail::RingEnd<T>;

public:
    static constexpr RingRole kRole = RingRole::Receiver;

    // As Sender's: the other end of each.
    static Result<Receiver> create(uint32_t capacity, const RingOptions &options = {})
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::create(kRole, geometry, options);
        });
    }
    static Result<Receiver> open(uint32_t capacity, std::vector<UniqueFd> fds,
                                 const RingOptions &options = {})
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::open(kRole, geometry, std::move(fds), options);
        });
    }
    static Result<Receiver> attach(uint32_t capacity, std::span<std::byte> memory)
    {
        return made(capacity, [&](const RingGeometry &geometry) {
            return SharedRing::attach(kRole, geometry, memory);
        });
    }
    static size_t attachedBytes(uint32_t capacity) { return Sender<T>::attachedBytes(capacity); }

    // How many items can be received now. Fault: CursorBeyondRing, as of all that follows.
    Result<uint32_t> available() { return availableFor(this->capacity()); }

    // A copy of the next item, or none. What was copied is the receiver's own.
    Result<std::optional<T>> receive()
    {
        if (reader_.knownItems() == 0) [[unlikely]] {
            if (auto there = hasItems(1); !there)
                return tl::unexpected(there.error());
            else if (!*there)
                return std::nullopt;
        }
        const T item = reader_.item();
        give(1);
        return item;
    }

    // Copies as many items as there are and `into` takes. Returns how many.
    Result<uint32_t> receive(std::span<T> into)
    {
        const auto wanted = static_cast<uint32_t>(std::min<size_t>(into.size(), this->capacity()));
        auto known = availableFor(wanted);
        if (!known) [[unlikely]]
            return known;
        const uint32_t count = std::min(*known, wanted);
        const auto items = reader_.items(count);
        copy(into, items.first);
        copy(into.subspan(items.first.size()), items.second);
        return give(count);
    }

    // take(Parts<const T>) reads in the ring itself, and returns how many items it is done with,
    // from the first on; the others are there again next time. A sender that does not keep to the
    // rules may be changing them meanwhile: read each once, and check what you read. It is given as
    // many as there are, at most `most` (who says how many it takes spares a look at the sender's
    // memory), and not called if there are none. Nothing is taken if it throws, or claims more than
    // it was given (Misuse: TookTooMany). Returns how many.
    template <std::invocable<Parts<const T>> F>
    Result<uint32_t> receiveInPlace(F &&take, uint32_t most = kMostItems)
    {
        most = std::min(most, this->capacity());
        const auto known = availableFor(most);
        if (!known) [[unlikely]]
            return known;
        const uint32_t count = std::min(*known, most);
        if (count == 0)
            return 0u;
        const size_t taken = static_cast<size_t>(take(reader_.items(count)));
        if (taken > count)
            return misuse(MisuseKind::TookTooMany, count, taken);
        return give(static_cast<uint32_t>(taken));
    }

    // Calls each(const T &) with a copy of every item that is there. None is taken if it throws.
    // Returns how many.
    template <std::invocable<const T &> F>
    Result<uint32_t> receiveEach(F &&each)
    {
        return receiveInPlace([&](Parts<const T> items) {
            for (size_t i = 0; i < items.size(); i++) {
                T item;
                std::memcpy(&item, &items[i], sizeof item);
                each(std::as_const(item));
            }
            return items.size();
        });
    }

    // What is there, without taking it, until consume() or another call; see receiveInPlace.
    Result<Parts<const T>> peek()
    {
        return availableFor(this->capacity()).map([&](uint32_t known) {
            return known ? reader_.items(known) : Parts<const T>{};
        });
    }
    // Is done with the first `items` of those that peek() showed. Misuse: TookTooMany.
    Result<void> consume(uint32_t items)
    {
        const uint32_t known = reader_.knownItems();
        if (items > known)
            return misuse(MisuseKind::TookTooMany, known, items);
        give(items);
        return {};
    }

    // Waits until there are `items`, at most until the deadline (none: for ever). PeerGone: there
    // are no more, and will be none. Whether the sender was done or died, an item must say.
    Result<Wake> waitForItems(uint32_t items = 1, Deadline deadline = {})
    {
        return this->ring_->waitUntil([&] { return hasItems(items); }, deadline);
    }

    // Asks to be woken through pollFd() when there are items. True: there are already, do not poll.
    Result<bool> prepareToPoll(uint32_t items = 1)
    {
        return this->ring_->prepareToPoll([&] { return hasItems(items); });
    }

private:
    template <typename Make>
    static Result<Receiver> made(uint32_t capacity, Make &&make)
    {
        const auto geometry = Base::geometryOf(capacity);
        if (!geometry)
            return tl::unexpected(geometry.error());
        auto ring = make(*geometry);
        if (!ring)
            return tl::unexpected(ring.error());
        return Receiver(std::move(*ring), *geometry);
    }

    Receiver(std::unique_ptr<SharedRing> ring, const RingGeometry &geometry) : Base(std::move(ring), geometry)
    {
    }

    static void copy(std::span<T> into, std::span<const T> items)
    {
        if (!items.empty())
            std::memcpy(into.data(), items.data(), items.size_bytes());
    }

    Result<uint32_t> availableFor(uint32_t wanted)
    {
        if (!this->peer_) [[unlikely]] {
            if (auto there = this->lookForPeer(); !there)
                return tl::unexpected(there.error());
            else if (!*there)
                return 0u;
            // The items are mapped with the peer's side.
            reader_ = ItemReader<T>(Base::itemsOf(*this->ring_, this->geometry_), this->ring_->start());
        }
        return reader_.available(this->peer_->cursor, wanted);
    }

    Result<bool> hasItems(uint32_t items)
    {
        return availableFor(items).map(
            [&](uint32_t known) { return known >= std::min(items, this->capacity()); });
    }

    uint32_t give(uint32_t count)
    {
        if (count == 0)
            return 0;
        reader_.consume(this->own_->cursor, count);
        this->count(count);
        this->published();
        return count;
    }

    ItemReader<T> reader_{{}};
};

} // namespace ringcore
