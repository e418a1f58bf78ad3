// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The events: told to everybody in order, remembered for who joins or fell behind.
#include "fan_out.h"

#include "monotonic_time.h"

#include <algorithm>
#include <cstring>

namespace ringcore
{

namespace
{

bool needsBlock(std::span<const std::byte> bytes)
{
    return bytes.size() > kInlineBytes;
}

} // namespace

bool FanOut::writeEvent(ConsumerAccount &account, uint32_t kind, std::span<const std::byte> bytes,
                        uint32_t flags, std::optional<uint32_t> publication, Block block)
{
    Record record;
    record.head = {};
    record.head.kind = kind;
    record.head.flags = flags;
    record.head.epoch = epoch_;
    record.head.publishedAt = monotonicNow();
    if (needsBlock(bytes)) {
        Block owned;
        if (!publication) {
            const auto cut = arena_->allocate(bytes.size());
            if (!cut)
                return false;
            owned = block = *cut;
            std::memcpy(arena_->at(block.offset), bytes.data(), bytes.size());
            publication = publications_.add({}, owned);
        } else {
            publications_.ref(*publication);
        }
        record.head.extraOffset = block.offset;
        record.head.extraSize = static_cast<uint32_t>(bytes.size());
    } else {
        record.head.inlineSize = static_cast<uint32_t>(bytes.size());
        if (!bytes.empty())
            std::memcpy(record.inlineBytes, bytes.data(), bytes.size());
        publication.reset();
    }
    account.deliverEvent(record, publication, block.size);
    return true;
}

bool FanOut::rememberLocked(const OutgoingEvent &event)
{
    uint64_t blockBytes = needsBlock(event.bytes) ? event.bytes.size() : 0;
    auto same = sticky_.end();
    for (auto other = sticky_.begin(); other != sticky_.end(); ++other) {
        if (other->sticky.place == event.sticky->place && other->sticky.key == event.sticky->key)
            same = other;
        else if (needsBlock(other->bytes))
            blockBytes += other->bytes.size();
    }
    if ((needsBlock(event.bytes) && blockBytes > arena_->size() / 4) ||
        (same == sticky_.end() && sticky_.size() >= kMaxStickyEvents))
        return false;

    StickyEvent remembered{*event.sticky, event.kind, {event.bytes.begin(), event.bytes.end()}};
    if (same != sticky_.end()) {
        *same = std::move(remembered);
        return true;
    }
    const auto next =
        std::upper_bound(sticky_.begin(), sticky_.end(), event.sticky->place,
                         [](uint32_t place, const StickyEvent &other) { return place < other.sticky.place; });
    sticky_.insert(next, std::move(remembered));
    return true;
}

bool FanOut::publishEvent(const OutgoingEvent &event)
{
    After after;
    std::lock_guard guard(lock_);
    reapLocked(after);
    if (event.sticky && !rememberLocked(event))
        return false;
    // One thread may begin a flush while another still pushes. What it pushes is thrown away, or told
    // again when the flush ends if it is sticky: no record ever has a flush's epoch.
    if (isFlushing(epoch_))
        return true;

    std::optional<uint32_t> publication;
    Block block;
    if (needsBlock(event.bytes) && !members_.empty()) {
        if (const auto cut = arena_->allocate(event.bytes.size())) {
            block = *cut;
            std::memcpy(arena_->at(block.offset), event.bytes.data(), event.bytes.size());
            publication = publications_.add({}, block);
        }
    }
    const bool hasMemory = !needsBlock(event.bytes) || publication;
    ended_ = false; // for who catches up; where the mark stands already, it is before this event
    for (size_t i = 0; i < members_.size();) {
        ConsumerAccount &account = *members_[i].account;
        const uint32_t id = account.id();
        const bool wasBehind = account.behind;
        if (wasBehind && !catchUpLocked(account, after)) {
            const auto still = find(id);
            if (still == members_.end())
                continue;
            if (!event.sticky)
                account.countLostEvent();
        } else if (!(wasBehind && event.sticky)) { // a sticky one was in what it just got
            const auto room = account.hasRoomForEvents(1, needsBlock(event.bytes));
            if (!room) {
                dropLocked(id, std::get<PeerFault>(room.error()), after);
                continue;
            }
            if (*room && hasMemory) {
                writeEvent(account, event.kind, event.bytes, 0, publication, block);
                account.wake();
            } else {
                if (!event.sticky)
                    account.countLostEvent();
                fallBehindLocked(members_[i], after);
            }
        }
        i++;
    }
    if (publication)
        publications_.unref(*publication, after.released);
    return true;
}

bool FanOut::waitForEventRoom(size_t bytes)
{
    After after;
    std::unique_lock lock(lock_);
    if (config_.slowClient != SlowClient::Block)
        return true;
    reapLocked(after);
    return waitForRoom({bytes > kInlineBytes ? Wanted::What::EventWithBlock : Wanted::What::SmallEvent}, lock,
                       after);
}

void FanOut::fallBehindLocked(Membership &member, After &after)
{
    member.account->behind = true;
    after.calls.push_back(member.fellBehind);
}

bool FanOut::catchUpLocked(ConsumerAccount &account, After &after)
{
    if (isFlushing(epoch_))
        return false;
    const auto blocks = std::count_if(sticky_.begin(), sticky_.end(),
                                      [](const StickyEvent &event) { return needsBlock(event.bytes); });
    account.reap(publications_, after.released, after.now);
    const auto room =
        account.hasRoomForEvents(static_cast<uint32_t>(sticky_.size()), static_cast<uint32_t>(blocks));
    if (!room) {
        dropLocked(account.id(), std::get<PeerFault>(room.error()), after);
        return false;
    }
    if (!*room)
        return false;
    for (const StickyEvent &event : sticky_) {
        if (!writeEvent(account, event.kind, event.bytes, kRecordIsReplay, std::nullopt, {}))
            return false; // told again from the start when there is memory
    }
    account.behind = false;
    account.discont = true;
    if (ended_)
        account.setEndOfStream(true, epoch_, endNumber_);
    account.wake();
    return true;
}

bool FanOut::catchUp(uint32_t id)
{
    After after;
    std::lock_guard guard(lock_);
    const auto member = find(id);
    return member == members_.end() || !member->account->behind || catchUpLocked(*member->account, after);
}

void FanOut::forgetLocked(std::span<const uint32_t> places)
{
    std::erase_if(sticky_, [&](const StickyEvent &event) {
        return std::find(places.begin(), places.end(), event.sticky.place) != places.end();
    });
}

void FanOut::forgetSticky(std::span<const uint32_t> places)
{
    std::lock_guard guard(lock_);
    forgetLocked(places);
}

void FanOut::endOfStream(uint32_t number)
{
    After after;
    std::lock_guard guard(lock_);
    if (isFlushing(epoch_))
        return;
    ended_ = true;
    endNumber_ = number;
    begun_ = hasKeyUnits_ = false;
    for (size_t i = members_.size(); i-- > 0;) {
        ConsumerAccount &account = *members_[i].account;
        if (account.behind) {
            catchUpLocked(account, after); // sets the mark if there is room; else whoever catches up does
        } else {
            account.setEndOfStream(true, epoch_, endNumber_);
            account.wake();
        }
    }
}

uint64_t FanOut::epochWord()
{
    std::lock_guard guard(lock_);
    return packEpoch(epoch_, resetTime_, epochNumber_);
}

void FanOut::flushStart(uint32_t number)
{
    After after;
    std::lock_guard guard(lock_);
    if (isFlushing(epoch_))
        return;
    epoch_++;
    epochNumber_ = number;
    for (const Membership &member : members_) {
        member.account->setEpoch(packEpoch(epoch_, false, number));
        member.account->wake();
        after.calls.push_back(member.look);
    }
    stop_.poke(); // nobody is waited for now
}

void FanOut::flushStop(bool resetTime, std::span<const uint32_t> forgottenPlaces, uint32_t number)
{
    After after;
    std::lock_guard guard(lock_);
    epoch_ = (epoch_ | 1) + 1;
    resetTime_ = resetTime;
    epochNumber_ = number;
    ended_ = false;
    begun_ = hasKeyUnits_ = false;
    forgetLocked(forgottenPlaces);
    for (size_t i = members_.size(); i-- > 0;) {
        Membership &member = members_[i];
        member.account->setEndOfStream(false, epoch_, 0);
        member.account->setEpoch(packEpoch(epoch_, resetTime, number));
        member.account->wake(); // whether or not there is room for more
        after.calls.push_back(member.look);
        // The reader throws away what is in the ring, events too: the state is told again.
        fallBehindLocked(member, after);
        catchUpLocked(*member.account, after);
    }
}

} // namespace ringcore
