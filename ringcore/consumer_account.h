// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The producer's account of one consumer: its ring, its return page, and every block that it holds.
// All that decides anything is private memory; of the consumer's page only two words are believed,
// and only as far as a bound allows: its cursor, and slot words that equal what was issued.
#pragma once

#include "bell.h"
#include "control_socket.h"
#include "descriptor_ring.h"
#include "drop_watch.h"
#include "latency_classes.h"
#include "monotonic_time.h"
#include "publication.h"
#include "sealed_memfd.h"
#include "wire.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace ringcore
{

struct ConsumerStatistics {
    uint64_t buffers = 0;    // delivered
    uint64_t bytes = 0;      // of their payload
    uint64_t drops = 0;      // buffers it had no room for
    uint64_t eventsLost = 0; // non-sticky events while it was behind
    uint64_t wakes = 0;      // times it had to be woken
    uint32_t heldBlocks = 0; // blocks out now
    uint64_t heldBytes = 0;  // bytes they occupy
    uint64_t unread = 0;     // records it has not looked at
    // Buffers it gave back, by the time since they were published. The producer sees it when it looks: with
    // its next buffer, mostly.
    LatencyCounts returned{};
};

// Under FanOut's lock, but for what says otherwise.
class ConsumerAccount
{
public:
    ConsumerAccount(uint32_t id, PeerIdentity identity, Mapping forward, Mapping returnPage,
                    uint32_t maxBuffers);

    uint32_t id() const { return id_; }
    const PeerIdentity &identity() const { return identity_; }

    // Takes back what the consumer released since last time.
    void reap(Publications &publications, ReleaseList &released, Moment &now);
    // Takes everything back: the consumer is gone, and could only read.
    void reapAll(Publications &publications, ReleaseList &released);

    // Whether a buffer whose blocks occupy `bytes` may go out now. Beyond its share of bytes a
    // consumer may have one further block. Fault: CursorBeyondRing.
    Result<bool> hasRoomForBuffer(uint64_t bytes);
    // Whether `records` event records, `blocks` of them with a block, can be written now.
    Result<bool> hasRoomForEvents(uint32_t records, uint32_t blocks);

    // Writes the record; the caller asked for room. `publication` (for events: when the record has a
    // block) is referenced by the caller on the consumer's behalf. The slot is filled in here.
    void deliverBuffer(Record &record, uint32_t publication, uint64_t charge);
    void deliverEvent(Record &record, std::optional<uint32_t> publication, uint64_t charge);

    // As deliverBuffer(), for one of a list (head.flags says kRecordInList...): the consumer sees it with
    // showStaged(), before which the lock is not let go. `OrAsItIs`: the list goes on if the last record
    // staged says so.
    enum class ListEnds { Here, OrAsItIs };
    void stageBuffer(Record &record, uint32_t publication, uint64_t charge);
    // False: there was nothing to be seen.
    bool showStaged(ListEnds ends);

    void setEpoch(uint64_t packedEpoch);
    void setEndOfStream(bool ended, uint32_t epoch, uint32_t number);
    void setBound(uint64_t bytes);
    // Wakes the consumer if it sleeps: after all of the above.
    void wake();

    bool ringIsFull() const { return writer_.unread() == writer_.capacity(); }

    // One thread (a bell wakes one sleeper): waits until the consumer released something, the
    // deadline passed or `stop` was poked since `stopSeen`. Announce before the last look at room,
    // then wait (without the lock), then withdraw.
    uint32_t announceSleep();
    void waitForRelease(uint32_t bellSeen, const StopWord &stop, uint32_t stopSeen, Deadline deadline) const;
    void withdrawSleep();

    bool isAboveShare() const { return heldBytes_ > boundBytes_; }
    // Since when it is above its share without a pause, and since the share was last lowered.
    std::optional<std::chrono::steady_clock::time_point> aboveShareSince() const { return aboveSince_; }
    uint64_t boundBytes() const { return boundBytes_; }
    uint32_t maxBuffers() const { return maxBuffers_; }
    uint32_t heldBuffers() const { return heldBuffers_; }
    uint64_t heldBytes() const { return heldBytes_; }
    // The small blocks that it has held since before `then`, which CLOCK_MONOTONIC gives in ns.
    std::vector<Block> smallBlocksHeldSince(uint64_t then) const;

    ConsumerStatistics statistics() const;
    DropWatch &drops() { return drops_; }
    void countLostEvent() { statistics_.eventsLost++; }

    // Owes it the sticky set before anything else: it just joined, had no room for an event, or a
    // flush ended.
    bool behind = false;
    // The next buffer is not what follows the one before.
    bool discont = false;
    // The next buffer is its first, of a stream that had begun before it joined.
    bool isMidway = false;
    // Since when the stream waits for it.
    std::optional<std::chrono::steady_clock::time_point> waitedForSince;

private:
    struct Slot {
        uint32_t generation = 0; // last issued
        uint32_t publication = 0;
        uint64_t charge = 0;
        Block payload; // the blocks' real extent
        Block extra;
        uint64_t since = 0; // CLOCK_MONOTONIC, ns
        bool over = false;  // the one further block
    };

    ForwardHeader &forward() const { return *forwardMemory_.at<ForwardHeader>(); }
    const ReturnPage &returned() const { return *returnMemory_.at<const ReturnPage>(); }
    void fillIn(Record &record, std::optional<uint32_t> publication, uint64_t charge,
                std::vector<uint32_t> &freeSlots);
    uint32_t takeMarks();
    void countBuffer(const RecordHead &head);
    void settle(uint32_t slotIndex, Publications &publications, ReleaseList &released);
    void noteShare();
    bool isEventSlot(uint32_t slot) const { return slot >= maxBuffers_; }

    uint32_t id_;
    PeerIdentity identity_;
    uint32_t maxBuffers_;
    Mapping forwardMemory_; // ours to write
    Mapping returnMemory_;  // the consumer's; we read
    DescriptorWriter writer_;

    std::vector<Slot> slots_; // maxBuffers_ for buffers, then kEventSlots for events
    std::vector<uint32_t> out_;
    std::vector<uint32_t> freeBufferSlots_;
    std::vector<uint32_t> freeEventSlots_;

    uint64_t boundBytes_ = 0;
    uint32_t heldBuffers_ = 0;
    uint64_t heldBytes_ = 0;
    uint32_t overOut_ = 0;
    std::optional<std::chrono::steady_clock::time_point> aboveSince_;
    std::optional<uint32_t> endAt_; // the cursor of the end-of-stream mark that stands
    struct Staged {
        uint32_t kind;
        uint32_t flags;
    };
    std::optional<Staged> staged_;  // the last record that the consumer does not see yet
    ConsumerStatistics statistics_; // but for the drops, and what is counted anew
    DropWatch drops_;
};

} // namespace ringcore
