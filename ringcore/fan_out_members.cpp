// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who is there: joining, leaving, being dropped, and the shares of the arena.
#include "fan_out.h"

#include <algorithm>
#include <utility>

namespace ringcore
{

using std::chrono::steady_clock;

namespace
{

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

void FanOut::join(Membership membership)
{
    After after;
    std::lock_guard guard(lock_);
    const auto account = membership.account;
    members_.push_back(std::move(membership));
    countLocked(); // before it hears anything: who hears from it that it is here finds it counted
    account->setEpoch(packEpoch(epoch_, resetTime_));
    account->behind = true;
    account->isMidway = begun_;
    if (!catchUpLocked(*account, after)) {
        if (const auto member = find(account->id()); member != members_.end()) // or it was dropped
            fallBehindLocked(*member, after);
    }
    stop_.poke();
}

void FanOut::removeLocked(std::vector<Membership>::iterator member, After &after)
{
    member->account->reapAll(publications_, after.released);
    addTo(total_.sum, member->account->statistics());
    members_.erase(member);
    countLocked();
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

void FanOut::countLocked()
{
    count_.store(static_cast<uint32_t>(members_.size()), std::memory_order_release);
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
        if (const auto since = account.aboveShareSince(); since && now - *since >= config_.hoardingAllowed) {
            dropLocked(account.id(), {FaultKind::HoardsMemory, account.boundBytes(), account.heldBytes()},
                       after);
            return;
        }
    }
    const auto usage = arena_->usage();
    if (arena_->size() - usage.used < bytes)
        return; // full, not split
    const std::chrono::nanoseconds then = now.time_since_epoch() - config_.hoardingAllowed;
    for (const Membership &member : members_) {
        // What it has not held for so long may come back any moment.
        const auto blocks = member.account->smallBlocksHeldSince(static_cast<uint64_t>(then.count()));
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
    stop_.poke();
}

void FanOut::waitUntilResumed()
{
    for (uint32_t seen = stop_.value(); interrupted(); seen = stop_.value())
        waitForStop(stop_, seen, std::nullopt);
}

void FanOut::waitForChange(uint32_t seen)
{
    waitForStop(stop_, seen, std::nullopt);
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
