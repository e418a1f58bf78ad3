// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The buffers: who has room, who is waited for, who goes without.
#include "fan_out.h"

#include <algorithm>
#include <cstring>

namespace ringcore
{

using std::chrono::steady_clock;

namespace
{

constexpr std::chrono::milliseconds kLookAtRing{10};
constexpr std::chrono::nanoseconds kLongestTimeout = std::chrono::hours(24 * 365); // can be added to a time

} // namespace

PublishOutcome FanOut::publish(const Outgoing &buffer)
{
    After after;
    std::unique_lock lock(lock_);
    reapLocked(after);

    Block extra;
    if (!buffer.extra.empty() && !copyExtra(buffer, extra))
        return PublishOutcome::NoMemory;
    if (config_.slowClient == SlowClient::Block && !waitForRoom(Wanted::of(buffer, extra), lock, after)) {
        arena_->free(extra);
        return PublishOutcome::Interrupted;
    }
    total_.published++;
    total_.publishedBytes += buffer.payload.size;
    noteLocked(buffer.isDelta);
    if (members_.empty() || isFlushing(epoch_)) { // while flushing, what comes is thrown away anyway
        arena_->free(extra);
        after.released.add(buffer.keeper);
        return PublishOutcome::NobodyThere;
    }
    Record record = recordOf(buffer, extra);
    record.head.publishedAt = after.now.ns();
    offer(record, buffer, extra, after);
    return PublishOutcome::Delivered;
}

// False: there is no room for it in the arena.
bool FanOut::copyExtra(const Outgoing &buffer, Block &extra)
{
    if (members_.empty())
        return true;
    const auto block = arena_->allocate(buffer.extra.size());
    if (!block)
        return false;
    extra = *block;
    std::memcpy(arena_->at(extra.offset), buffer.extra.data(), buffer.extra.size());
    return true;
}

Record FanOut::recordOf(const Outgoing &buffer, Block extra) const
{
    Record record;
    record.head = {};
    record.head.kind = buffer.kind;
    record.head.epoch = epoch_;
    record.head.inlineSize = static_cast<uint32_t>(buffer.inlineBytes.size());
    record.head.payloadOffset = buffer.payload.offset;
    record.head.payloadSize = buffer.payload.size;
    record.head.extraOffset = extra.offset;
    record.head.extraSize = static_cast<uint32_t>(buffer.extra.size());
    std::memcpy(record.inlineBytes, buffer.inlineBytes.data(), buffer.inlineBytes.size());
    return record;
}

// To everybody who has room: at once, or as one of a list, which showStaged() shows.
void FanOut::offer(Record &record, const Outgoing &buffer, Block extra, After &after)
{
    const Wanted wanted = Wanted::of(buffer, extra);
    const bool isOfList = (record.head.flags & kRecordInList) != 0;
    const uint32_t publication = publications_.add(buffer.keeper, extra);
    uint32_t waiting = 0;
    for (size_t i = 0; i < members_.size();) {
        ConsumerAccount &account = *members_[i].account;
        switch (roomFor(account, wanted, after)) {
        case Ready::Gone: // and another one stands at its index
            continue;
        case Ready::NotForIt:
            waiting++;
            break;
        case Ready::Yes:
            publications_.ref(publication);
            if (isOfList) {
                account.stageBuffer(record, publication, wanted.charge);
            } else {
                account.deliverBuffer(record, publication, wanted.charge);
                account.wake();
            }
            if (account.drops().gotThrough())
                after.calls.push_back(members_[i].drops);
            break;
        case Ready::No:
            if (refuseBuffer(members_[i], after))
                continue;
            break;
        }
        i++;
    }
    publications_.unref(publication, after.released);
    waitingToBegin_.store(waiting, std::memory_order_relaxed);
}

// It has no room. True: it was dropped for that.
bool FanOut::refuseBuffer(Membership &member, After &after)
{
    countDrop(member, after);
    const ConsumerAccount &account = *member.account;
    if (config_.slowClient != SlowClient::Disconnect)
        return false;
    dropLocked(account.id(), {FaultKind::SlowConsumer, account.maxBuffers(), account.heldBuffers()}, after);
    return true;
}

void FanOut::countDrop(Membership &member, After &after)
{
    member.account->discont = true;
    if (member.account->drops().dropped())
        after.calls.push_back(member.drops);
}

FanOut::Ready FanOut::roomFor(ConsumerAccount &account, const Wanted &wanted, After &after)
{
    if (account.isMidway && wanted.isDelta && hasKeyUnits_)
        return Ready::NotForIt;
    const uint32_t id = account.id();
    if (account.behind && !catchUpLocked(account, after))
        return find(id) == members_.end() ? Ready::Gone : Ready::No;
    const auto room = wanted.what == Wanted::What::Buffer
                          ? account.hasRoomForBuffer(wanted.charge)
                          : account.hasRoomForEvents(1, wanted.what == Wanted::What::EventWithBlock ? 1 : 0);
    if (!room) {
        dropLocked(id, std::get<PeerFault>(room.error()), after);
        return Ready::Gone;
    }
    return *room ? Ready::Yes : Ready::No;
}

std::shared_ptr<ConsumerAccount> FanOut::firstWithoutRoom(const Wanted &wanted, After &after)
{
    std::shared_ptr<ConsumerAccount> first;
    for (size_t i = 0; i < members_.size();) {
        const auto &account = members_[i].account;
        switch (roomFor(*account, wanted, after)) {
        case Ready::Gone: // and another one stands at its index
            continue;
        case Ready::NotForIt:
        case Ready::Yes:
            account->waitedForSince.reset();
            break;
        case Ready::No:
            if (!account->waitedForSince)
                account->waitedForSince = steady_clock::now();
            if (!first)
                first = account;
            break;
        }
        i++;
    }
    return first;
}

// SlowClient::Block: until everybody has room, or nobody is waited for any more. False: interrupted.
bool FanOut::waitForRoom(const Wanted &wanted, std::unique_lock<std::mutex> &lock, After &after)
{
    // All that have no room are waited for at once: what each is allowed does not add up.
    for (const Membership &member : members_)
        member.account->waitedForSince.reset();
    while (!interrupted()) {
        if (isFlushing(epoch_)) // nothing is to be written
            return true;
        if (config_.slowClient != SlowClient::Block)
            return true;
        const auto account = firstWithoutRoom(wanted, after);
        if (!account)
            return true;
        const auto now = steady_clock::now();
        Deadline deadline;
        if (config_.slowClientTimeout) {
            deadline = *account->waitedForSince + std::min(*config_.slowClientTimeout, kLongestTimeout);
            if (now >= *deadline) {
                dropLocked(account->id(),
                           {FaultKind::SlowConsumer, account->maxBuffers(), account->heldBuffers()}, after);
                continue;
            }
        }
        // Who reads records gives no sign; only who gives back blocks does.
        if (account->behind || account->ringIsFull())
            deadline = std::min(deadline.value_or(now + kLookAtRing), now + kLookAtRing);
        waitForReleaseOf(
            account, deadline, [&] { return roomFor(*account, wanted, after) == Ready::No; }, lock, after);
    }
    return false;
}

// Called with the lock; sleeps without it. May return early for any reason.
void FanOut::waitForReleaseOf(const std::shared_ptr<ConsumerAccount> &account, Deadline deadline,
                              const std::function<bool()> &stillNeeded, std::unique_lock<std::mutex> &lock,
                              After &after)
{
    const uint32_t stopSeen = stop_.value();
    const uint32_t bellSeen = account->announceSleep();
    // What was given back before it could see us sleep.
    account->reap(publications_, after.released, after.now);
    if (stillNeeded() && !interrupted()) {
        lock.unlock();
        after.run();
        account->waitForRelease(bellSeen, stop_, stopSeen, deadline);
        lock.lock();
        after.now.pass();
    }
    account->withdrawSleep();
    reapLocked(after);
}

void FanOut::waitForRelease(std::chrono::milliseconds atMost)
{
    After after;
    std::unique_lock lock(lock_);
    reapLocked(after);
    const auto largest = std::max_element(members_.begin(), members_.end(), [](const auto &a, const auto &b) {
        return a.account->heldBytes() < b.account->heldBytes();
    });
    const Deadline deadline = steady_clock::now() + atMost;
    if (largest != members_.end()) {
        const auto account = largest->account;
        waitForReleaseOf(
            account, deadline, [] { return true; }, lock, after);
        return;
    }
    const uint32_t stopSeen = stop_.value();
    lock.unlock();
    if (!interrupted())
        waitForStop(stop_, stopSeen, deadline);
}

void FanOut::passBy(bool isDelta)
{
    After after;
    std::lock_guard guard(lock_);
    reapLocked(after);
    noteLocked(isDelta);
}

void FanOut::noteLocked(bool isDelta)
{
    begun_ = true;
    hasKeyUnits_ |= !isDelta;
}

void FanOut::countDropForAll()
{
    After after;
    std::lock_guard guard(lock_);
    for (Membership &member : members_)
        countDrop(member, after);
}

} // namespace ringcore
