// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fan_out.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ringcore
{

using std::chrono::steady_clock;

namespace
{

uint64_t monotonicNow()
{
    return static_cast<uint64_t>(steady_clock::now().time_since_epoch().count());
}

// The producer keeps a quarter of the arena for itself: frames in the making, and a pool's.
constexpr uint64_t shareOf(uint64_t arenaSize, size_t consumers)
{
    return (arenaSize - arenaSize / 4) / std::max<size_t>(consumers, 1);
}

void addTo(ConsumerStatistics &sum, const ConsumerStatistics &one)
{
    sum.buffers += one.buffers;
    sum.bytes += one.bytes;
    sum.drops += one.drops;
    sum.eventsLost += one.eventsLost;
    sum.wakes += one.wakes;
}

constexpr std::chrono::milliseconds kLookAtRing{10};

bool needsBlock(std::span<const std::byte> bytes)
{
    return bytes.size() > kInlineBytes;
}

} // namespace

void FanOut::After::run()
{
    released.releaseAll();
    for (const auto &call : std::exchange(calls, {}))
        call();
}

FanOut::FanOut(std::shared_ptr<Arena> arena, Config config)
    : arena_(std::move(arena)), config_(config), publications_(*arena_)
{
}

FanOut::~FanOut()
{
    close();
}

std::vector<FanOut::Membership>::iterator FanOut::find(uint32_t id)
{
    return std::find_if(members_.begin(), members_.end(),
                        [&](const Membership &member) { return member.account->id() == id; });
}

void FanOut::reapLocked(After &after)
{
    for (const Membership &member : members_)
        member.account->reap(publications_, after.released);
}

void FanOut::reap()
{
    After after;
    std::lock_guard guard(lock_);
    reapLocked(after);
}

// ---- buffers

PublishOutcome FanOut::publish(const Outgoing &buffer)
{
    After after;
    std::unique_lock lock(lock_);
    reapLocked(after);

    Block extra;
    if (!buffer.extra.empty() && !members_.empty()) {
        const auto block = arena_->allocate(buffer.extra.size());
        if (!block)
            return PublishOutcome::NoMemory;
        extra = *block;
        std::memcpy(arena_->at(extra.offset), buffer.extra.data(), buffer.extra.size());
    }
    if (config_.slowClient == SlowClient::Block && !waitForRoom(buffer.charge + extra.size, lock, after)) {
        arena_->free(extra);
        return PublishOutcome::Interrupted;
    }
    total_.published++;
    total_.publishedBytes += buffer.payload.size;
    if (members_.empty() || isFlushing(epoch_)) { // while flushing, what comes is thrown away anyway
        arena_->free(extra);
        after.released.add(buffer.keeper);
        return PublishOutcome::NobodyThere;
    }
    writeBuffer(buffer, extra, after);
    return PublishOutcome::Delivered;
}

void FanOut::writeBuffer(const Outgoing &buffer, Block extra, After &after)
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
    record.head.publishedAt = monotonicNow();
    std::memcpy(record.inlineBytes, buffer.inlineBytes.data(), buffer.inlineBytes.size());

    const uint64_t charge = buffer.charge + extra.size;
    const uint32_t publication = publications_.add(buffer.keeper, extra);
    for (size_t i = 0; i < members_.size();) {
        ConsumerAccount &account = *members_[i].account;
        switch (roomFor(account, charge, after)) {
        case Ready::Gone: // and another one stands at its index
            continue;
        case Ready::Yes:
            publications_.ref(publication);
            account.deliverBuffer(record, publication, charge);
            account.wake();
            break;
        case Ready::No:
            account.countDrop();
            account.discont = true;
            if (config_.slowClient == SlowClient::Disconnect) {
                dropLocked(account.id(),
                           {FaultKind::SlowConsumer, account.maxBuffers(), account.heldBuffers()}, after);
                continue;
            }
            break;
        }
        i++;
    }
    publications_.unref(publication, after.released);
}

FanOut::Ready FanOut::roomFor(ConsumerAccount &account, uint64_t bytes, After &after)
{
    const uint32_t id = account.id();
    if (account.behind && !catchUpLocked(account, after))
        return find(id) == members_.end() ? Ready::Gone : Ready::No;
    const auto room = account.hasRoomForBuffer(bytes);
    if (!room) {
        dropLocked(id, std::get<PeerFault>(room.error()), after);
        return Ready::Gone;
    }
    return *room ? Ready::Yes : Ready::No;
}

std::shared_ptr<ConsumerAccount> FanOut::firstWithoutRoom(uint64_t bytes, After &after)
{
    for (size_t i = 0; i < members_.size();) {
        const auto account = members_[i].account;
        const Ready ready = roomFor(*account, bytes, after);
        if (ready == Ready::No)
            return account;
        if (ready == Ready::Yes)
            i++;
    }
    return nullptr;
}

// SlowClient::Block: until everybody has room. False: interrupted.
bool FanOut::waitForRoom(uint64_t bytes, std::unique_lock<std::mutex> &lock, After &after)
{
    uint32_t waitingFor = 0;
    steady_clock::time_point since;
    while (!interrupted()) {
        const auto account = firstWithoutRoom(bytes, after);
        if (!account)
            return true;
        const auto now = steady_clock::now();
        if (account->id() != waitingFor) {
            waitingFor = account->id();
            since = now;
        }
        Deadline deadline;
        if (config_.slowClientTimeout) {
            deadline = since + *config_.slowClientTimeout;
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
            account, deadline, [&] { return roomFor(*account, bytes, after) == Ready::No; }, lock, after);
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
    account->reap(publications_, after.released); // what was given back before it could see us sleep
    if (stillNeeded() && !interrupted()) {
        lock.unlock();
        after.run();
        account->waitForRelease(bellSeen, stop_, stopSeen, deadline);
        lock.lock();
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

// ---- events

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

void FanOut::publishEvent(const OutgoingEvent &event)
{
    After after;
    std::lock_guard guard(lock_);
    reapLocked(after);
    if (event.sticky) {
        StickyEvent remembered{*event.sticky, event.kind, {event.bytes.begin(), event.bytes.end()}};
        const auto same = std::find_if(sticky_.begin(), sticky_.end(), [&](const StickyEvent &other) {
            return other.sticky.place == event.sticky->place && other.sticky.key == event.sticky->key;
        });
        if (same != sticky_.end()) {
            *same = std::move(remembered);
        } else {
            const auto after_ = std::upper_bound(
                sticky_.begin(), sticky_.end(), event.sticky->place,
                [](uint32_t place, const StickyEvent &other) { return place < other.sticky.place; });
            sticky_.insert(after_, std::move(remembered));
        }
    }

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
                if (ended_)
                    account.setEndOfStream(false, epoch_);
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
    ended_ = false;
    if (publication)
        publications_.unref(*publication, after.released);
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
    account.reap(publications_, after.released);
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
    account.setEndOfStream(ended_, epoch_);
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

void FanOut::forgetSticky(uint32_t fromPlace)
{
    std::lock_guard guard(lock_);
    std::erase_if(sticky_, [&](const StickyEvent &event) { return event.sticky.place >= fromPlace; });
}

void FanOut::endOfStream()
{
    After after;
    std::lock_guard guard(lock_);
    ended_ = true;
    for (size_t i = members_.size(); i-- > 0;) {
        ConsumerAccount &account = *members_[i].account;
        if (account.behind) {
            catchUpLocked(account, after); // sets the mark if there is room; else whoever catches up does
        } else {
            account.setEndOfStream(true, epoch_);
            account.wake();
        }
    }
}

void FanOut::flushStart()
{
    After after;
    std::lock_guard guard(lock_);
    if (isFlushing(epoch_))
        return;
    epoch_++;
    for (const Membership &member : members_) {
        member.account->setEpoch(packEpoch(epoch_, false));
        member.account->wake();
        after.calls.push_back(member.look);
    }
}

void FanOut::flushStop(bool resetTime, std::span<const uint32_t> forgottenPlaces)
{
    After after;
    std::lock_guard guard(lock_);
    epoch_ = (epoch_ | 1) + 1;
    resetTime_ = resetTime;
    ended_ = false;
    std::erase_if(sticky_, [&](const StickyEvent &event) {
        return std::find(forgottenPlaces.begin(), forgottenPlaces.end(), event.sticky.place) !=
               forgottenPlaces.end();
    });
    for (size_t i = members_.size(); i-- > 0;) {
        Membership &member = members_[i];
        member.account->setEndOfStream(false, epoch_);
        member.account->setEpoch(packEpoch(epoch_, resetTime));
        after.calls.push_back(member.look);
        // The reader throws away what is in the ring, events too: the state is told again.
        fallBehindLocked(member, after);
        catchUpLocked(*member.account, after);
    }
}

// ---- who is there

void FanOut::join(Membership membership)
{
    After after;
    std::lock_guard guard(lock_);
    members_.push_back(std::move(membership));
    shareOutLocked();
    Membership &member = members_.back();
    member.account->setEpoch(packEpoch(epoch_, resetTime_));
    member.account->behind = true;
    if (!catchUpLocked(*member.account, after) && !members_.empty() &&
        members_.back().account == member.account)
        fallBehindLocked(member, after);
    count_.store(static_cast<uint32_t>(members_.size()), std::memory_order_release);
    stop_.poke();
}

void FanOut::removeLocked(std::vector<Membership>::iterator member, After &after)
{
    member->account->reapAll(publications_, after.released);
    addTo(total_.sum, member->account->statistics());
    members_.erase(member);
    shareOutLocked();
    count_.store(static_cast<uint32_t>(members_.size()), std::memory_order_release);
    stop_.poke();
}

void FanOut::leave(uint32_t id)
{
    After after;
    std::lock_guard guard(lock_);
    if (const auto member = find(id); member != members_.end())
        removeLocked(member, after);
}

void FanOut::dropLocked(uint32_t id, const PeerFault &fault, After &after)
{
    const auto member = find(id);
    if (member == members_.end())
        return;
    after.calls.push_back([dropped = member->dropped, fault] { dropped(fault); });
    removeLocked(member, after);
}

void FanOut::shareOutLocked()
{
    const uint64_t share = shareOf(arena_->size(), members_.size());
    for (const Membership &member : members_)
        member.account->setBound(share);
}

void FanOut::relieveShortage(uint64_t bytes)
{
    After after;
    std::lock_guard guard(lock_);
    reapLocked(after);
    const auto now = steady_clock::now();
    for (const Membership &member : members_) {
        const ConsumerAccount &account = *member.account;
        if (const auto since = account.aboveShareSince(); since && now - *since >= kHoardingAllowed) {
            dropLocked(account.id(), {FaultKind::HoardsMemory, account.boundBytes(), account.heldBytes()},
                       after);
            return;
        }
    }
    const auto usage = arena_->usage();
    if (arena_->size() - usage.used < bytes)
        return; // full, not split
    for (const Membership &member : members_) {
        auto blocks = member.account->heldBlocks();
        std::erase_if(blocks, [](const Block &block) { return block.size >= Arena::kSmallBlock; });
        if (!blocks.empty() && arena_->largestFreeRunWithout(blocks) >= bytes) {
            dropLocked(member.account->id(), {FaultKind::HoardsMemory, bytes, usage.largestFreeRun}, after);
            return;
        }
    }
}

bool FanOut::waitForConsumer()
{
    while (true) {
        const uint32_t stopSeen = stop_.value();
        if (interrupted())
            return false;
        if (consumers() > 0)
            return true;
        waitForStop(stop_, stopSeen, std::nullopt);
    }
}

void FanOut::interrupt()
{
    interrupted_.store(true, std::memory_order_release); // pairs with interrupted()
    stop_.poke();
}

void FanOut::resume()
{
    interrupted_.store(false, std::memory_order_release);
}

FanOutStatistics FanOut::statistics()
{
    const auto usage = arena_->usage();
    std::lock_guard guard(lock_);
    FanOutStatistics now = total_;
    for (const Membership &member : members_) {
        const ConsumerStatistics one = member.account->statistics();
        addTo(now.sum, one);
        now.sum.heldBlocks += one.heldBlocks;
        now.sum.heldBytes += one.heldBytes;
        now.consumers.push_back({member.account->id(), member.account->identity(), one});
    }
    now.arenaUsed = usage.used;
    now.arenaSize = arena_->size();
    now.largestFreeRun = usage.largestFreeRun;
    now.arenaPopulated = usage.populated;
    return now;
}

void FanOut::close()
{
    After after;
    std::lock_guard guard(lock_);
    while (!members_.empty()) {
        ConsumerAccount &account = *members_.back().account;
        if (ended_) // also for who was behind: better an end without the last tags than none
            account.setEndOfStream(true, epoch_);
        account.wake();
        removeLocked(members_.end() - 1, after);
    }
}

} // namespace ringcore
