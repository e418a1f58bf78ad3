// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One stream to many consumers: who has room gets a record, who has none is dealt with as the user
// chose, and nobody ever waits for anybody else unless the user chose that too.
#pragma once

#include "api.h"
#include "arena.h"
#include "consumer_account.h"
#include "error.h"
#include "publication.h"
#include "wire.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringcore
{

enum class SlowClient {
    Drop,       // its newest buffers
    Block,      // the stream, until it has room
    Disconnect, // it, at the first buffer that it cannot take
};

// A buffer on its way out.
struct Outgoing {
    uint32_t kind = 0;                      // RecordHead::kind
    std::span<const std::byte> inlineBytes; // at most kInlineBytes
    Block payload;                          // offset, and the bytes the consumer shall see; size 0: none
    uint64_t charge = 0;                    // bytes that the payload's block really occupies
    std::span<const std::byte> extra;       // more about it, copied into a block of its own; may be empty
    Keeper keeper;                          // released when no consumer holds the payload any more
    // Useless without what came before: nobody begins with it, in a stream that has others.
    bool isDelta = false;
};

// More sticky events than this are not remembered, so that a joiner's ring and slots have room for all.
inline constexpr uint32_t kMaxStickyEvents = 48;
static_assert(kMaxStickyEvents <= kEventSlots && kMaxStickyEvents <= ringCapacityFor(1));

// An event on its way out. Sticky ones are remembered, one for each `key`, and told to each joiner in
// the order of `place`.
struct OutgoingEvent {
    struct Sticky {
        uint32_t place = 0;
        std::string key;
    };
    uint32_t kind = 0;
    std::span<const std::byte> bytes; // inline if they fit, else in a block
    std::optional<Sticky> sticky;
};

enum class PublishOutcome {
    Delivered,   // to all, or (SlowClient::Drop) to those who had room
    NobodyThere, // no consumer, or a flush is under way: the keeper was released
    Interrupted, // by interrupt(): nothing was written and the keeper is still the caller's
    NoMemory,    // no room in the arena for `extra`: likewise
};

// What became of a list's first `taken` buffers is as `outcome` says, or as publish() would have said;
// the keepers of the others are still the caller's (Interrupted, NoMemory).
struct ListOutcome {
    PublishOutcome outcome = PublishOutcome::Delivered;
    size_t taken = 0;
};

struct FanOutStatistics {
    ConsumerStatistics sum; // of all, the departed included (held*: of the present ones)
    struct One {
        uint32_t id;
        PeerIdentity identity;
        ConsumerStatistics statistics;
    };
    std::vector<One> consumers;
    uint64_t published = 0;      // buffers offered
    uint64_t publishedBytes = 0; // their payload, once whatever the number of consumers
    uint64_t arenaUsed = 0, arenaSize = 0, largestFreeRun = 0, arenaPopulated = 0;
};

class FanOut
{
public:
    struct Config {
        uint32_t maxBuffers = 16;
        SlowClient slowClient = SlowClient::Drop;
        std::optional<std::chrono::nanoseconds> slowClientTimeout; // with Block
        // How long a consumer may stay above its share while others lack memory.
        std::chrono::nanoseconds hoardingAllowed = std::chrono::seconds(5);
    };

    FanOut(std::shared_ptr<Arena> arena, Config config);
    ~FanOut();

    Arena &arena() const { return *arena_; }

    // The streaming thread. Publishes in order; see the outcomes.
    RINGCORE_API PublishOutcome publish(const Outgoing &buffer);
    // As publish() for each, but told to a consumer by one update of its ring and at most one wake, and
    // as one list (Delivery::list). Where consumers are waited for, what they had room for is theirs
    // before, and the list goes on after it. Interrupted: call again with the rest. Buffers that find no
    // room with a consumer are missing from its list; those behind NoMemory begin another one.
    RINGCORE_API ListOutcome publishList(std::span<const Outgoing> list);
    // Any thread. False, and nobody hears it: a sticky one beyond kMaxStickyEvents, or with which all of
    // them would take more than a quarter of the arena, where a joiner might never find room for them.
    RINGCORE_API bool publishEvent(const OutgoingEvent &event);
    // The streaming thread, before publishEvent(): waits, where consumers are waited for, until each has
    // room for an event of so many bytes. False: interrupted. Without it, who has none falls behind.
    RINGCORE_API bool waitForEventRoom(size_t bytes);
    // A buffer that is not published, as nobody is there: who joins after it comes late.
    RINGCORE_API void passBy(bool isDelta);
    // Whether a consumer that came late did not get the last buffer, which is a delta.
    bool somebodyWaitsToBegin() const { return waitingToBegin_.load(std::memory_order_relaxed) > 0; }
    // A buffer that found no room in the arena: it counts as dropped for every consumer.
    RINGCORE_API void countDropForAll();
    RINGCORE_API void forgetSticky(std::span<const uint32_t> places);
    RINGCORE_API void flushStart(); // any thread
    RINGCORE_API void flushStop(bool resetTime,
                                std::span<const uint32_t> forgottenPlaces); // sticky places a flush removes
    RINGCORE_API void endOfStream();

    // Any thread: takes back what was released.
    RINGCORE_API void reap();
    // Waits until there is a consumer, or interrupt().
    RINGCORE_API bool waitForConsumer();
    // Ends waits, and lets none begin until resume(). Any thread.
    RINGCORE_API void interrupt();
    RINGCORE_API void resume();
    RINGCORE_API void waitUntilResumed();
    // Waits for a consumer that comes or goes, interrupt() or resume(), since changes() was `seen`.
    RINGCORE_API void waitForChange(uint32_t seen);
    uint32_t changes() const { return stop_.value(); }
    bool interrupted() const { return interrupted_.load(std::memory_order_acquire); }
    // The streaming thread (a bell wakes one sleeper): waits, at most `atMost`, until something may
    // have been released, or interrupt().
    RINGCORE_API void waitForRelease(std::chrono::milliseconds atMost);

    // A request for `bytes` found no room in the arena: consumers that stay above their share for
    // Config::hoardingAllowed, or whose small blocks, held for so long, alone split the room, are
    // dropped.
    RINGCORE_API void relieveShortage(uint64_t bytes);

    // From a connection's thread. `dropped` is called once, without a lock, if the fan-out itself
    // drops the consumer; leave() is still to be called after it.
    struct Membership {
        std::shared_ptr<ConsumerAccount> account;
        std::function<void(const PeerFault &)> dropped;
        std::function<void()> look;       // the epoch changed: tell it over the socket
        std::function<void()> fellBehind; // call catchUp() from time to time until it is true
    };
    // Writes the sticky set, and from then on everything.
    void join(Membership membership);
    void leave(uint32_t id);
    // True: not behind (any more), or gone.
    bool catchUp(uint32_t id);

    // Of the flush epoch, as packEpoch. Any thread.
    uint64_t epochWord();
    uint32_t consumers() const { return count_.load(std::memory_order_acquire); }
    RINGCORE_API FanOutStatistics statistics();
    // Takes everything back, for the end of the stream's life.
    void close();

private:
    struct StickyEvent {
        OutgoingEvent::Sticky sticky;
        uint32_t kind;
        std::vector<std::byte> bytes;
    };
    // Calls that are made when the lock is no longer held.
    struct After {
        ReleaseList released;
        std::vector<std::function<void()>> calls;
        void run();
        ~After() { run(); }
    };
    enum class Ready { Yes, No, Gone, NotForIt };
    // What is to be written next.
    struct Wanted {
        enum class What { Buffer, SmallEvent, EventWithBlock };
        What what;
        uint64_t charge = 0; // of a buffer
        bool isDelta = false;
        static Wanted of(const Outgoing &buffer, Block extra)
        {
            return {What::Buffer, buffer.charge + extra.size, buffer.isDelta};
        }
    };

    bool rememberLocked(const OutgoingEvent &event);
    void forgetLocked(std::span<const uint32_t> places);
    void reapLocked(After &after);
    void noteLocked(bool isDelta);
    Ready roomFor(ConsumerAccount &account, const Wanted &wanted, After &after);
    void dropLocked(uint32_t id, const PeerFault &fault, After &after);
    bool catchUpLocked(ConsumerAccount &account, After &after);
    bool writeEvent(ConsumerAccount &account, uint32_t kind, std::span<const std::byte> bytes, uint32_t flags,
                    std::optional<uint32_t> publication, Block block);
    void fallBehindLocked(Membership &member, After &after);
    void countLocked();
    bool copyExtra(const Outgoing &buffer, Block &extra);
    Record recordOf(const Outgoing &buffer, Block extra) const;
    void offer(Record &record, const Outgoing &buffer, Block extra, After &after);
    void showStaged(ConsumerAccount::ListEnds ends);
    bool refuseBuffer(ConsumerAccount &account, After &after);
    std::shared_ptr<ConsumerAccount> firstWithoutRoom(const Wanted &wanted, After &after);
    bool waitForRoom(const Wanted &wanted, std::unique_lock<std::mutex> &lock, After &after);
    void waitForReleaseOf(const std::shared_ptr<ConsumerAccount> &account, Deadline deadline,
                          const std::function<bool()> &stillNeeded, std::unique_lock<std::mutex> &lock,
                          After &after);
    void removeLocked(std::vector<Membership>::iterator member, After &after);
    std::vector<Membership>::iterator find(uint32_t id);

    const std::shared_ptr<Arena> arena_;
    const Config config_;

    std::atomic<uint32_t> count_{0};
    std::atomic<bool> interrupted_{false};
    std::atomic<uint32_t> waitingToBegin_{0};
    StopWord stop_; // poked when a consumer comes or goes, when a flush begins, and by interrupt()

    std::mutex lock_; // guards what follows; never held while waiting or calling out
    std::vector<Membership> members_;
    Publications publications_;
    std::vector<StickyEvent> sticky_; // by place
    uint32_t epoch_ = 0;
    bool resetTime_ = false;
    bool ended_ = false;
    bool begun_ = false;       // since its start, a flush or an end, a buffer came by
    bool hasKeyUnits_ = false; // ... that was no delta: some muxers make nothing else
    FanOutStatistics total_;   // of the departed, and what is counted once
};

} // namespace ringcore
