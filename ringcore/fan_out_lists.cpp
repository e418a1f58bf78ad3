// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Lists of buffers: each consumer's part of one is written first and shown as a whole. A list that a
// consumer sees is always ended, by its last record or by what follows a wait: nobody can be left with
// the beginning of one while others get on.
#include "fan_out.h"

namespace ringcore
{

using ListEnds = ConsumerAccount::ListEnds;

ListOutcome FanOut::publishList(std::span<const Outgoing> list)
{
    After after;
    std::unique_lock lock(lock_);
    reapLocked(after);
    ListOutcome result;
    for (const Outgoing &buffer : list) {
        Block extra;
        if (!buffer.extra.empty() && !copyExtra(buffer, extra)) {
            showStaged(ListEnds::Here); // what frees memory may be that they are seen
            result.outcome = PublishOutcome::NoMemory;
            return result;
        }
        const Wanted wanted = Wanted::of(buffer, extra);
        if (config_.slowClient == SlowClient::Block && (interrupted() || firstWithoutRoom(wanted, after))) {
            showStaged(ListEnds::OrAsItIs);
            if (!waitForRoom(wanted, lock, after)) {
                arena_->free(extra);
                result.outcome = PublishOutcome::Interrupted;
                return result;
            }
        }
        result.taken++;
        total_.published++;
        noteLocked(buffer.isDelta);
        total_.publishedBytes += buffer.payload.size;
        if (members_.empty() || isFlushing(epoch_)) {
            arena_->free(extra);
            after.released.add(buffer.keeper);
            result.outcome = PublishOutcome::NobodyThere;
            continue;
        }
        Record record = recordOf(buffer, extra);
        record.head.flags = kRecordInList | (result.taken < list.size() ? kRecordListGoesOn : 0);
        record.head.publishedAt = after.now.ns();
        offer(record, buffer, extra, after);
        result.outcome = PublishOutcome::Delivered;
    }
    showStaged(ListEnds::Here);
    return result;
}

// Before the lock is let go.
void FanOut::showStaged(ListEnds ends)
{
    for (const Membership &member : members_) {
        if (member.account->showStaged(ends))
            member.account->wake();
    }
}

} // namespace ringcore
