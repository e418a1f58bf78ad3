// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_reader.h"

#include "spin_pause.h"

#include <utility>

namespace ringcore::detail
{

namespace
{

std::chrono::nanoseconds monotonicNow()
{
    return std::chrono::steady_clock::now().time_since_epoch();
}

// Whether `claimed` is later than `seen`, both free-running.
bool isLater(uint32_t claimed, uint32_t seen)
{
    return claimed != seen && claimed - seen <= UINT32_MAX / 2;
}

ListPlace listPlaceOf(uint32_t flags)
{
    if ((flags & kRecordInList) == 0)
        return ListPlace::None;
    return (flags & kRecordListGoesOn) != 0 ? ListPlace::GoesOn : ListPlace::Last;
}

} // namespace

StreamReader::StreamReader(std::shared_ptr<SubscriberShared> shared)
    : shared_(std::move(shared)), handledWord_(shared_->streamWord.value() - 1)
{
}

Received StreamReader::receive(Delivery &delivery)
{
    delivery.lease.giveBack();
    if (flushToPassOn_) {
        connection_->flushes().passedOn(*flushToPassOn_);
        epoch_ = *std::exchange(flushToPassOn_, std::nullopt);
        endTold_ = false;
    }
    for (;;) {
        // Read before everything else is looked at: what changes later changes it again.
        const uint32_t streamWord = shared_->streamWord.value();
        Looked looked = Nothing{};
        if (streamWord != handledWord_) {
            if (shared_->takeInterrupt())
                return Received::Interrupted;
            looked = takeNotice(delivery);
            if (std::holds_alternative<Nothing>(looked))
                handledWord_ = streamWord;
        }
        if (std::holds_alternative<Nothing>(looked) && connection_)
            looked = lookAtRing(delivery);
        if (std::holds_alternative<Nothing>(looked) && loss_)
            looked = drained(delivery);
        if (const auto *received = std::get_if<Received>(&looked))
            return *received;
        if (std::holds_alternative<Again>(looked))
            continue;
        if (connection_)
            waitForMore(streamWord);
        else
            waitForStop(shared_->streamWord, streamWord, std::nullopt);
    }
}

StreamReader::Looked StreamReader::takeNotice(Delivery &delivery)
{
    if (loss_) // first things first
        return Nothing{};
    auto notice = shared_->takeNotice();
    if (!notice)
        return Nothing{};
    if (auto *joining = std::get_if<Joining>(&*notice)) {
        join(std::move(*joining), delivery);
        return Received::Joined;
    }
    loss_ = std::move(std::get<Loss>(*notice));
    if (!connection_)
        return Again{};
    // What is in the ring now is still delivered, and nothing that comes later: a producer that
    // hung up but goes on writing would never be lost.
    const auto available = connection_->reader().refresh();
    if (!available)
        return drop(available.error());
    drainLeft_ = *available;
    return Again{};
}

void StreamReader::join(Joining joining, Delivery &delivery)
{
    connection_ = std::move(joining.connection);
    epoch_ = connection_->flushes().begin();
    epochSeen_ = epoch_;
    endTold_ = false;
    emptySince_.reset();
    delivery.producer = joining.producer;
}

StreamReader::Looked StreamReader::drained(Delivery &delivery)
{
    const bool atEnd = connection_ && endTold_;
    const auto left = std::exchange(connection_ ? connection_ : abandoned_, nullptr);
    endTold_ = false;
    // Downstream must not be left flushing by a producer that went in the middle of it. The control
    // thread, which might have begun another flush, is done with this connection.
    if (left && left->flushes().underWay()) {
        delivery.resetTime = true;
        delivery.number = 0;
        return Received::FlushStop;
    }
    delivery.loss = std::move(*loss_);
    loss_.reset();
    delivery.loss.afterEndOfStream = atEnd;
    if (atEnd)
        delivery.loss.retrying = false;
    shared_->acknowledgeLoss(atEnd);
    return Received::Lost;
}

StreamReader::Looked StreamReader::drop(const Error &error)
{
    shared_->reportFault(std::get<PeerFault>(error), *connection_);
    abandoned_ = std::move(connection_); // until the control thread is done with it, too
    return Again{};
}

void StreamReader::refuseContent(const std::string &what)
{
    if (!connection_)
        return;
    shared_->observer->log("the producer at " + shared_->where() + " sent nonsense: " + what);
    drop(PeerFault{FaultKind::ContentInvalid, 0, connection_->reader().position()});
}

StreamReader::Looked StreamReader::lookAtRing(Delivery &delivery)
{
    // The cursor first: the producer stored the epoch and the end of the stream before it.
    const auto available = connection_->reader().available();
    if (!available)
        return drop(available.error());
    if (connection_->flushes().changedFrom(epochSeen_) || epochSeen_ != epoch_) {
        const Looked looked = lookAtFlush(delivery);
        if (!std::holds_alternative<Nothing>(looked))
            return looked;
    }
    if (epochSeen_ == epoch_ && !endTold_ && atEndOfStream()) {
        endTold_ = true;
        delivery.number = connection_->forward().endNumber.load(std::memory_order_relaxed);
        return Received::EndOfStream;
    }
    if (*available == 0 || (loss_ && drainLeft_ == 0))
        return Nothing{};
    if (loss_)
        drainLeft_--;
    return takeRecord(delivery);
}

StreamReader::Looked StreamReader::lookAtFlush(Delivery &delivery)
{
    const auto seen =
        connection_->flushes().look([this](uint32_t number) { shared_->observer->flushStarted(number); });
    if (!seen)
        return drop(seen.error());
    epochSeen_ = seen->epoch;
    if (!seen->flushing || isFlushing(seen->epoch))
        return Nothing{};
    shared_->flushes.add();
    flushToPassOn_ = seen->epoch;
    delivery.resetTime = seen->resetTime;
    delivery.number = seen->number;
    return Received::FlushStop;
}

StreamReader::Looked StreamReader::takeRecord(Delivery &delivery)
{
    DescriptorReader &reader = connection_->reader();
    Record &record = delivery.record;
    if (const auto copied = reader.copy(record); !copied)
        return drop(copied.error());
    const RecordHead &head = record.head;
    if (const auto fault = checkSlot(head))
        return drop(*fault);
    // The epoch word was read after the cursor, so no honest record can be newer than it.
    if (isFlushing(head.epoch) || isLater(head.epoch, epochSeen_))
        return drop(PeerFault{FaultKind::EpochUnexpected, epochSeen_, head.epoch});

    Lease lease;
    if (head.slot != kNoSlot)
        lease = Lease(connection_, head.slot, head.generation, head.payloadSize + head.extraSize);
    if (emptySince_) {
        gate_.learn(*emptySince_, std::chrono::nanoseconds(head.publishedAt));
        emptySince_.reset();
    }
    const bool current = head.epoch == epochSeen_; // never while flushing
    if (current) {
        if (const auto found = findBlocks(head, delivery); !found)
            return drop(found.error());
    }
    endTold_ = false;
    reader.advance();
    connection_->wakeProducer(); // it may have waited for room in the ring
    if (!current) {
        shared_->discarded.add();
        return Again{}; // the lease ends here
    }
    shared_->records.add();
    shared_->payloadBytes.add(head.payloadSize);
    delivery.lease = std::move(lease);
    delivery.nearBound =
        connection_->nearBound(head.payloadSize + head.extraSize); // each below the arena's size
    delivery.list = listPlaceOf(head.flags);
    return Received::Record;
}

std::optional<PeerFault> StreamReader::checkSlot(const RecordHead &head) const
{
    if (head.slot == kNoSlot && head.payloadSize == 0 && head.extraSize == 0)
        return std::nullopt;
    if (head.slot < connection_->slots()) // kNoSlot is not: a block needs a slot
        return std::nullopt;
    return PeerFault{FaultKind::SlotBeyondTable, connection_->slots(), head.slot};
}

Result<void> StreamReader::findBlocks(const RecordHead &head, Delivery &delivery)
{
    delivery.inlineBytes = std::span(delivery.record.inlineBytes, head.inlineSize); // bounded by copy()
    delivery.payload = {};
    delivery.extra = {};
    if (head.payloadSize > 0) {
        const auto payload = connection_->arena().block(head.payloadOffset, head.payloadSize);
        if (!payload)
            return tl::unexpected(payload.error());
        delivery.payload = *payload;
    }
    if (head.extraSize > 0) {
        const auto extra = connection_->arena().block(head.extraOffset, head.extraSize);
        if (!extra)
            return tl::unexpected(extra.error());
        delivery.extra = *extra;
    }
    return {};
}

bool StreamReader::atEndOfStream() const
{
    const uint64_t word = connection_->forward().endOfStream.load(std::memory_order_acquire);
    return endsStream(word, epoch_, connection_->reader().position());
}

bool StreamReader::somethingNew(uint32_t streamWord)
{
    const auto available = connection_->reader().available();
    return !available || *available > 0 || connection_->flushes().changedFrom(epochSeen_) ||
           (epochSeen_ == epoch_ && !endTold_ && atEndOfStream()) ||
           shared_->streamWord.value() != streamWord;
}

void StreamReader::waitForMore(uint32_t streamWord)
{
    if (!emptySince_)
        emptySince_ = monotonicNow();
    if (gate_.worthIt() && lookAgain(streamWord))
        return;
    const ForwardHeader &forward = connection_->forward();
    std::atomic<uint32_t> &asleep = connection_->returnPage().consumerSleeps;
    const uint32_t bellSeen = forward.bell.load(std::memory_order_acquire); // pairs with ring()
    asleep.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with the one in ringIfAsleep()
    if (!somethingNew(streamWord)) {
        shared_->sleeps.add();
        waitForBell(forward.bell, bellSeen, shared_->streamWord, streamWord, std::nullopt);
    }
    asleep.store(0, std::memory_order_relaxed);
}

bool StreamReader::lookAgain(uint32_t streamWord)
{
    const auto until = monotonicNow() + kLookAgain;
    do {
        if (somethingNew(streamWord)) {
            shared_->looksPaid.add();
            return true;
        }
        spinPause();
    } while (monotonicNow() < until);
    shared_->looksMissed.add();
    return false;
}

} // namespace ringcore::detail
