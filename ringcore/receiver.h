// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The end of a ring that receives: include ring.h, which says what it is about.
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
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace ringcore
{

// The end that receives.
template <RingItem T>
class Receiver final : public detail::RingEnd<Receiver<T>, T, RingRole::Receiver>
{
    using Base = detail::RingEnd<Receiver<T>, T, RingRole::Receiver>;

public:
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
        giveBack(1);
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
        Base::copy(into, items.first);
        Base::copy(into.subspan(items.first.size()), items.second);
        return giveBackBatch(count);
    }

    // take(Parts<const T>) reads in the ring itself, and returns how many items it is done with,
    // from the first on; the others are there again next time. A sender that does not keep to the
    // rules may be changing them meanwhile: read each once, and check what you read. It is given as
    // many as there are, at most `most` (who says how many it takes spares a look at the sender's
    // memory), and not called if there are none. Nothing is taken if it throws, or claims more than
    // it was given (Misuse: TookTooMany); it is not to call this Receiver. Returns how many.
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
        // Not as many as before, if it received something itself.
        if (const uint32_t left = std::min(count, reader_.knownItems()); taken > left)
            return misuse(MisuseKind::TookTooMany, left, taken);
        return giveBackBatch(static_cast<uint32_t>(taken));
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
        giveBackBatch(items);
        return {};
    }

    // Waits until there are `items`, at most until the deadline (none: for ever). PeerGone: there are
    // fewer, and will be no more; what there is can still be received. Whether the sender was done or
    // died, an item must say.
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
    friend Base;
    Receiver(std::unique_ptr<SharedRing> ring, const RingGeometry &geometry) : Base(std::move(ring), geometry)
    {
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

    uint32_t giveBackBatch(uint32_t count)
    {
        if (count == 0)
            return 0;
        this->countBatch(count);
        giveBack(count);
        return count;
    }

    void giveBack(uint32_t count)
    {
        reader_.consume(this->own_->cursor, count);
        this->published();
    }

    uint64_t items() const { return reader_.total(); }

    ItemReader<T> reader_{{}};
};

} // namespace ringcore
