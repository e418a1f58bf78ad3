// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The end of a ring that sends: include ring.h, which says what it is about.
#pragma once

#include "bell.h"
#include "error.h"
#include "item_ring.h"
#include "ring_end.h"
#include "ring_item.h"
#include "shared_ring.h"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace ringcore
{

namespace detail
{

// clang-format off
template <typename F, typename T>
concept ItemSource = requires(F next) {
    { next() } -> std::convertible_to<std::optional<T>>;
};
// clang-format on

} // namespace detail

// The end that sends.
template <RingItem T>
class Sender final : public detail::RingEnd<Sender<T>, T, RingRole::Sender>
{
    using Base = detail::RingEnd<Sender<T>, T, RingRole::Sender>;

public:
    // How many items can be sent now. Fault: CursorBeyondRing, as of all that follows; and those of
    // open() when the peer comes, which then was sent to already.
    Result<uint32_t> room() { return roomFor(this->capacity()); }

    // False: the ring is full.
    Result<bool> send(const T &item)
    {
        if (writer_.knownRoom() == 0) [[unlikely]] {
            if (auto room = hasRoom(1); !room || !*room)
                return room;
        }
        writer_.place() = item;
        return publish(1).map([](uint32_t) { return true; });
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
        Base::copy(places.first, items.first(places.first.size()));
        Base::copy(places.second, items.subspan(places.first.size(), places.second.size()));
        return publishBatch(count);
    }

    // fill(Parts<T>) writes into the ring itself and returns how many items it wrote, from the
    // first on: what was in those places before is old items. It is given as many places as are
    // free, at most `most` (who says how many it needs spares a look at the receiver's memory).
    // Nothing is sent if it throws, or claims more than it was given (Misuse: WroteTooMany); it is not to
    // call this Sender, whose places it has. Returns how many were sent.
    template <std::invocable<Parts<T>> F>
    Result<uint32_t> sendInPlace(F &&fill, uint32_t most = kMostItems)
    {
        most = std::min(most, this->capacity());
        const auto known = roomFor(most);
        if (!known) [[unlikely]]
            return known;
        const uint32_t room = std::min(*known, most);
        const size_t written = static_cast<size_t>(fill(writer_.places(room)));
        // Not as much as before, if it sent something itself.
        if (const uint32_t left = std::min(room, writer_.knownRoom()); written > left)
            return misuse(MisuseKind::WroteTooMany, left, written);
        return publishBatch(static_cast<uint32_t>(written));
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
    // there is not, and will be no more; while there is, Ready, whether or not anybody is there.
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
    friend Base;
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

    Result<uint32_t> publishBatch(uint32_t count)
    {
        if (count == 0)
            return 0u;
        this->countBatch(count);
        return publish(count);
    }

    Result<uint32_t> publish(uint32_t count)
    {
        writer_.publish(this->own_->cursor, count);
        if (!this->peer_) [[unlikely]] {
            if (auto there = this->lookForPeer(); !there)
                return tl::unexpected(there.error());
            else if (!*there)
                return count; // it looks when it comes
        }
        this->published();
        return count;
    }

    uint64_t items() const { return writer_.total(); }

    ItemWriter<T> writer_;
};

} // namespace ringcore
