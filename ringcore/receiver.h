// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The end of a ring that receives: include ring.h, which says what it is about.
#pragma once

#include "bell.h"
#include "error.h"
#include "item_ring.h"
#include "ring_end.h"
#include "ring_item.h"
#include "sender.h"
#include "shared_ring.h"
#include "unique_fd.h"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ringcore
{

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
