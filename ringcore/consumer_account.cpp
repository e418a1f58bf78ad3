// SPDX-License-Identifier: LGPL-2.1-or-later
#include "consumer_account.h"

#include <utility>

namespace ringcore
{

ConsumerAccount::ConsumerAccount(uint32_t id, PeerIdentity identity, Mapping forward, Mapping returnPage,
                                 uint32_t maxBuffers)
    : id_(id), identity_(identity), maxBuffers_(maxBuffers), forwardMemory_(std::move(forward)),
      returnMemory_(std::move(returnPage)),
      writer_({forwardMemory_.at<SharedRecord>(kForwardRingOffset), ringCapacityFor(maxBuffers)},
              this->forward().cursor, returned().cursor),
      slots_(maxBuffers + kEventSlots)
{
    out_.reserve(slots_.size());
    freeBufferSlots_.reserve(maxBuffers);
    freeEventSlots_.reserve(kEventSlots);
    for (uint32_t slot = static_cast<uint32_t>(slots_.size()); slot-- > 0;)
        (isEventSlot(slot) ? freeEventSlots_ : freeBufferSlots_).push_back(slot);
    this->forward().boundBlocks.store(maxBuffers, std::memory_order_relaxed);
}

void ConsumerAccount::reap(Publications &publications, ReleaseList &released, Moment &now)
{
    for (size_t i = 0; i < out_.size();) {
        const uint32_t slot = out_[i];
        // Pairs with the consumer's release store of the generation. Any other value is an old one,
        // or nonsense that the consumer only harms itself with.
        if (!Untrusted<uint32_t>::fetch(returned().generations[slot]).equals(slots_[slot].generation)) {
            i++;
            continue;
        }
        if (!isEventSlot(slot))
            statistics_.returned[latencyClassOf(now.ns() - slots_[slot].since)]++;
        settle(slot, publications, released);
        out_[i] = out_.back();
        out_.pop_back();
    }
    noteShare();
}

void ConsumerAccount::reapAll(Publications &publications, ReleaseList &released)
{
    for (const uint32_t slot : out_)
        settle(slot, publications, released);
    out_.clear();
}

void ConsumerAccount::settle(uint32_t slotIndex, Publications &publications, ReleaseList &released)
{
    Slot &slot = slots_[slotIndex];
    heldBytes_ -= slot.charge;
    overOut_ -= slot.over;
    publications.unref(slot.publication, released);
    if (isEventSlot(slotIndex)) {
        freeEventSlots_.push_back(slotIndex);
    } else {
        heldBuffers_--;
        freeBufferSlots_.push_back(slotIndex);
    }
}

Result<bool> ConsumerAccount::hasRoomForBuffer(uint64_t bytes)
{
    const auto records = writer_.room(1);
    if (!records)
        return tl::unexpected(records.error());
    if (*records == 0 || freeBufferSlots_.empty())
        return false;
    return heldBytes_ + bytes <= boundBytes_ || overOut_ == 0;
}

Result<bool> ConsumerAccount::hasRoomForEvents(uint32_t records, uint32_t blocks)
{
    const auto room = writer_.room(records);
    if (!room)
        return tl::unexpected(room.error());
    return *room >= records && freeEventSlots_.size() >= blocks;
}

void ConsumerAccount::deliverBuffer(Record &record, uint32_t publication, uint64_t charge)
{
    record.head.flags = takeMarks();
    fillIn(record, publication, charge, freeBufferSlots_);
    writer_.write(record);
    countBuffer(record.head);
}

uint32_t ConsumerAccount::takeMarks()
{
    return (std::exchange(discont, false) ? kRecordIsDiscont : 0) |
           (std::exchange(isMidway, false) ? kRecordIsMidway : 0);
}

void ConsumerAccount::countBuffer(const RecordHead &head)
{
    heldBuffers_++;
    statistics_.buffers++;
    statistics_.bytes += head.payloadSize;
}

void ConsumerAccount::stageBuffer(Record &record, uint32_t publication, uint64_t charge)
{
    const uint32_t listFlags = record.head.flags;
    record.head.flags |= takeMarks();
    fillIn(record, publication, charge, freeBufferSlots_);
    writer_.stage(record);
    countBuffer(record.head);
    staged_ = {record.head.kind, record.head.flags};
    record.head.flags = listFlags; // for the next consumer
}

bool ConsumerAccount::showStaged(ListEnds ends)
{
    const auto last = std::exchange(staged_, std::nullopt);
    if (!last)
        return false;
    if (ends == ListEnds::Here && (last->flags & kRecordListGoesOn) != 0)
        writer_.amendStaged(last->kind, last->flags & ~kRecordListGoesOn);
    writer_.showStaged();
    return true;
}

void ConsumerAccount::deliverEvent(Record &record, std::optional<uint32_t> publication, uint64_t charge)
{
    fillIn(record, publication, charge, freeEventSlots_);
    writer_.write(record);
}

// Takes a slot for the record, and keeps account of it.
void ConsumerAccount::fillIn(Record &record, std::optional<uint32_t> publication, uint64_t charge,
                             std::vector<uint32_t> &freeSlots)
{
    record.head.slot = kNoSlot;
    record.head.generation = 0;
    if (publication) {
        const uint32_t index = freeSlots.back();
        freeSlots.pop_back();
        Slot &slot = slots_[index];
        if (++slot.generation == 0)
            slot.generation = 1; // 0 is what a fresh page says
        slot.publication = *publication;
        slot.charge = charge;
        slot.payload = Arena::extentOf({record.head.payloadOffset, record.head.payloadSize});
        slot.extra = Arena::extentOf({record.head.extraOffset, record.head.extraSize});
        slot.since = record.head.publishedAt;
        slot.over = heldBytes_ + charge > boundBytes_;
        heldBytes_ += charge;
        overOut_ += slot.over;
        out_.push_back(index);
        record.head.slot = index;
        record.head.generation = slot.generation;
        noteShare();
    }
    // The mark stays for a consumer that has not come so far, but must not match a cursor that wrapped.
    if (endAt_ && writer_.written() - *endAt_ >= writer_.capacity())
        setEndOfStream(false, 0, 0);
}

void ConsumerAccount::setEpoch(uint64_t packedEpoch)
{
    forward().epoch.store(packedEpoch, std::memory_order_release);
}

void ConsumerAccount::setEndOfStream(bool ended, uint32_t epoch, uint32_t number)
{
    endAt_ = ended ? std::optional(writer_.written()) : std::nullopt;
    forward().endNumber.store(number, std::memory_order_relaxed); // made visible by the mark
    forward().endOfStream.store(ended ? packEndOfStream(epoch, writer_.written()) : 0,
                                std::memory_order_release);
}

void ConsumerAccount::setBound(uint64_t bytes)
{
    if (bytes < boundBytes_)
        aboveSince_.reset();
    boundBytes_ = bytes;
    forward().boundBytes.store(bytes, std::memory_order_release);
    noteShare();
}

void ConsumerAccount::wake()
{
    if (ringIfAsleep(returned().consumerSleeps, forward().bell))
        statistics_.wakes++;
}

uint32_t ConsumerAccount::announceSleep()
{
    const uint32_t seen = returned().bell.load(std::memory_order_acquire); // a hint, never an index
    forward().producerSleeps.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the fence of who releases
    return seen;
}

void ConsumerAccount::waitForRelease(uint32_t bellSeen, const StopWord &stop, uint32_t stopSeen,
                                     Deadline deadline) const
{
    waitForBell(returned().bell, bellSeen, stop, stopSeen, deadline);
}

void ConsumerAccount::withdrawSleep()
{
    forward().producerSleeps.store(0, std::memory_order_relaxed);
}

void ConsumerAccount::noteShare()
{
    if (!isAboveShare())
        aboveSince_.reset();
    else if (!aboveSince_)
        aboveSince_ = std::chrono::steady_clock::now();
}

std::vector<Block> ConsumerAccount::smallBlocksHeldSince(uint64_t then) const
{
    std::vector<Block> blocks;
    for (const uint32_t index : out_) {
        const Slot &slot = slots_[index];
        if (slot.since > then)
            continue;
        for (const Block &block : {slot.payload, slot.extra}) {
            if (block.size > 0 && block.size < Arena::kSmallBlock)
                blocks.push_back(block);
        }
    }
    return blocks;
}

ConsumerStatistics ConsumerAccount::statistics() const
{
    ConsumerStatistics now = statistics_;
    now.drops = drops_.drops();
    now.heldBlocks = heldBuffers_;
    now.heldBytes = heldBytes_;
    now.unread = writer_.unread();
    return now;
}

} // namespace ringcore
