// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bounded wait-free single-producer single-consumer ring of items, over memory handed to it.
//
// Free-running 32-bit cursors; each is written by one side and kept privately by it, and each side
// keeps the last value it believed of the other's and looks at the shared word again only when that
// is not enough: one shared line is touched once a batch. After Lamport (1983), with the cached peer
// cursor of rigtorp::SPSCQueue and folly, and the items in place of shmem-ipc's `sharedring`. It
// knows neither fds nor bells, so that ThreadSanitizer can run both sides over one mapping.
#pragma once

#include "error.h"
#include "ring_item.h"
#include "ring_wire.h"
#include "spin_pause.h"
#include "untrusted.h"

#include <algorithm>
#include <atomic>
#include <span>

namespace ringcore
{

// Items that lie one after the other, up to the end of the ring, and those that go on at its
// beginning (empty, if none do).
template <typename T>
struct Parts {
    std::span<T> first;
    std::span<T> second;

    size_t size() const { return first.size() + second.size(); }
    T &operator[](size_t i) const { return i < first.size() ? first[i] : second[i - first.size()]; }
};

namespace detail
{

template <typename T>
Parts<T> partsOf(std::span<T> ring, uint32_t at, uint32_t count)
{
    const size_t begin = at & (ring.size() - 1);
    const size_t first = std::min<size_t>(count, ring.size() - begin);
    return {ring.subspan(begin, first), ring.first(count - first)};
}

} // namespace detail

// One thread at a time. The receiver is not trusted: its cursor is bounded by what was sent.
template <RingItem T>
class ItemWriter
{
public:
    // `ring`'s size is a power of two. Where the cursors are: 0 in a new ring. Who goes on in an old
    // one and knows nothing of the receiver says `sent` - capacity: what was sent is still there.
    explicit ItemWriter(std::span<T> ring, uint32_t sent = 0, uint32_t received = 0)
        : ring_(ring), sent_(sent), begun_(sent), received_(received)
    {
    }

    // How many items may be written; looks at the receiver's cursor only if fewer than `wanted` are
    // known to fit. Fault: CursorBeyondRing.
    Result<uint32_t> room(const std::atomic<uint32_t> &receiverCursor, uint32_t wanted)
    {
        if (const uint32_t known = knownRoom(); known >= wanted) [[likely]]
            return known;
        const auto claim = Untrusted<uint32_t>::fetch(receiverCursor); // pairs with ItemReader::consume
        const uint32_t inRing = sent() - received_;
        const auto ahead = claim.aheadOf(received_, inRing);
        if (!ahead) [[unlikely]]
            return peerFault(FaultKind::CursorBeyondRing, inRing, claim.claimed() - received_);
        received_ += *ahead;
        if (knownRoom() == 0)
            spinPause(); // who asks again at once keeps the receiver from its own line
        return knownRoom();
    }

    uint32_t knownRoom() const { return capacity() - (sent() - received_); }

    // The next `count` places, of which there must be so many. The receiver may read them at any
    // time if it does not keep to the rules; it cannot write them where its memory is sealed.
    Parts<T> places(uint32_t count) const { return detail::partsOf(ring_, sent(), count); }
    T &place() const { return ring_[sent_ & (capacity() - 1)]; }

    // Makes the next `count` places visible to the receiver.
    void publish(std::atomic<uint32_t> &cursor, uint32_t count)
    {
        sent_ += count;
        cursor.store(sent(), std::memory_order_release); // pairs with ItemReader::available
    }

    uint32_t sent() const { return static_cast<uint32_t>(sent_); } // the cursor
    uint64_t total() const { return sent_ - begun_; }              // items published through this
    uint32_t capacity() const { return static_cast<uint32_t>(ring_.size()); }

private:
    std::span<T> ring_;
    // The cursor, and how often it has wrapped: a count beside it would be one more store for each item.
    uint64_t sent_;
    uint64_t begun_;    // where it was at first
    uint32_t received_; // the receiver's cursor as last believed
};

// One thread at a time. The sender is not trusted: its cursor is bounded by our capacity.
template <RingItem T>
class ItemReader
{
public:
    explicit ItemReader(std::span<const T> ring, uint32_t received = 0)
        : ring_(ring), received_(received), begun_(received), sent_(received)
    {
    }

    // How many items may be read; looks at the sender's cursor only if fewer than `wanted` are known.
    // Fault: CursorBeyondRing.
    Result<uint32_t> available(const std::atomic<uint32_t> &senderCursor, uint32_t wanted)
    {
        if (const uint32_t known = knownItems(); known >= wanted) [[likely]]
            return known;
        const auto claim = Untrusted<uint32_t>::fetch(senderCursor); // pairs with ItemWriter::publish
        const auto ahead = claim.aheadOf(received(), capacity());
        // A cursor that goes back is as much of a fault as one that is too far ahead.
        if (!ahead || *ahead < knownItems()) [[unlikely]]
            return peerFault(FaultKind::CursorBeyondRing, capacity(), claim.claimed() - received());
        sent_ = received() + *ahead;
        if (*ahead == 0)
            spinPause(); // who asks again at once would get the next items one by one
        return *ahead;
    }

    uint32_t knownItems() const { return sent_ - received(); }

    // The next `count` items, of which there must be so many, in memory that the sender may be
    // changing if it does not keep to the rules.
    Parts<const T> items(uint32_t count) const { return detail::partsOf(ring_, received(), count); }
    const T &item() const { return ring_[received_ & (capacity() - 1)]; }

    // Gives the places of the next `count` items back to the sender.
    void consume(std::atomic<uint32_t> &cursor, uint32_t count)
    {
        received_ += count;
        cursor.store(received(), std::memory_order_release); // pairs with ItemWriter::room
    }

    uint32_t received() const { return static_cast<uint32_t>(received_); } // the cursor
    uint64_t total() const { return received_ - begun_; }                  // items consumed through this
    uint32_t capacity() const { return static_cast<uint32_t>(ring_.size()); }

private:
    std::span<const T> ring_;
    uint64_t received_; // as ItemWriter's
    uint64_t begun_;
    uint32_t sent_; // the sender's cursor as last believed
};

} // namespace ringcore
