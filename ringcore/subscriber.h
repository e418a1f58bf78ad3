// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The consumer's end: finds a producer, agrees with it, and hands out what it publishes. The
// producer is not trusted: whatever it does, receive() can be interrupted and stop() returns soon.
//
// Two threads: the application's streaming thread, which calls receive() and touches nothing but
// memory, and a control thread of our own that does everything on the producer's socket and
// descriptors. Nobody joins the control thread: a hostile producer can hang it in the kernel.
#pragma once

#include "api.h"
#include "connection.h"
#include "control_socket.h"
#include "error.h"
#include "memory_budget.h"
#include "unique_fd.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringcore
{

// Which producer, and how long without one: may be changed while the subscriber runs.
struct SubscriberTerms {
    // Refuses to map an arena that would take the budget beyond this.
    uint64_t maxMemory = uint64_t{1} << 30;
    std::optional<uid_t> producerUid; // refuse others; none: any
    // Look for a producer again when there is none or it went; never so over `connected`.
    bool reconnect = true;
    std::optional<std::chrono::nanoseconds> connectionTimeout; // without a producer; none: for ever
};

struct SubscriberConfig : SubscriberTerms {
    std::string socketPath;           // of the producer's control socket; or
    UniqueFd connected;               // a SOCK_SEQPACKET socket that is connected to one already
    std::string connectedName = "fd"; // what messages call that one

    // Blocks that somebody still holds keep their connection's arena in it, so let one budget outlive
    // the subscriber.
    std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>();
    std::chrono::milliseconds handshakeTimeout{5000};
};

// Why there is no producer.
struct Loss {
    enum class Cause {
        Absent,       // nobody serves the socket
        Gone,         // it went, or hung up on us
        Disconnected, // it said why it wants us no more (text has it; a claim)
        Refused,      // it would not have us (a claim)
        Unwanted,     // we would not have it: its uid, or authorizeProducer()
        Faulty,       // it broke the protocol
        TimedOut,     // connectionTimeout is over
        System,       // the system failed us, or the path cannot be a socket
    };
    Cause cause = Cause::Gone;
    std::string text; // one line that names the path, the reason, and errno's text or the numbers
    bool retrying = false;
    bool afterEndOfStream = false; // everything had been said; never retried
};

// What a subscriber asks and tells. Calls come from its control thread, unless it says otherwise,
// and may still come for an instant after stop(); none is made with a lock held but flushStarted().
class SubscriberObserver
{
public:
    virtual ~SubscriberObserver() = default;

    // Before anything is said to the producer. Over a connected socket the pid is 0.
    virtual bool authorizeProducer(const PeerIdentity &identity) = 0;

    // What goes with the hello, and again whenever attachmentChanged() was called; at most
    // kAttachmentLimit bytes.
    virtual std::vector<std::byte> attachment() = 0;

    // The stream is being flushed: let go of whatever blocks the streaming thread. Once for each
    // flush, from the streaming thread inside receive() or from the control thread; Received::FlushStop
    // follows. It must not wait for the other thread.
    // `number` is the producer's (FanOut::flushStart), and means nothing here.
    virtual void flushStarted(uint32_t number) = 0;

    // There is no producer yet, and `why`: once for each new reason.
    virtual void waiting(const std::string &why) = 0;

    // A producer welcomed us, and went, with the text of its Loss; from the control thread, in turns, while
    // the streaming thread may not be so far yet.
    virtual void connected(const PeerIdentity &) {}
    virtual void disconnected(const std::string &) {}

    // A peer's fault or something else that is worth a line in a log. Any thread.
    virtual void log(const std::string &line) = 0;
};

enum class Received {
    Record,      // Delivery: head, inlineBytes, payload, extra, lease, nearBound, list
    EndOfStream, // the stream is at its end; it may begin anew or be flushed later
    FlushStop,   // Delivery::resetTime; the flush counts as passed on when receive() is called next
    Joined,      // a producer welcomed us: what follows is its stream, from its sticky state on
    Lost,        // Delivery::loss; all that was in the ring has been delivered
    Interrupted, // interrupt() was called
};

// A record's place in a list of the producer's (FanOut::publishList). Whoever collects one bounds it, and
// takes anything but a record of the list for its end as well. It holds no more than nearBound advises,
// or the producer has no room for the rest.
enum class ListPlace : uint8_t {
    None,   // it is of no list
    GoesOn, // and what follows is of the same one
    Last,
};

// What receive() fills in.
struct Delivery {
    Record record;
    std::span<const std::byte> inlineBytes; // in `record`
    std::span<const std::byte> payload;     // in shared memory, which the producer may still change
    std::span<const std::byte> extra;       // likewise: copy it before you parse it
    Lease lease;                            // keeps payload and extra
    bool nearBound = false;                 // copy and give back: little is left of what we may hold
    bool resetTime = false;
    uint32_t number = 0; // what the producer gave to this FlushStop or EndOfStream: a claim
    ListPlace list = ListPlace::None;
    PeerIdentity producer;
    Loss loss;
};

struct SubscriberStatistics {
    uint64_t records = 0;
    uint64_t payloadBytes = 0;
    uint64_t discarded = 0;   // records of flushed epochs
    uint64_t sleeps = 0;      // of the streaming thread
    uint64_t wakesSent = 0;   // system calls to wake the producer
    uint64_t looksPaid = 0;   // looks again before sleeping that found something
    uint64_t looksMissed = 0; // and that did not
    uint64_t connections = 0;
    uint64_t faults = 0; // producers dropped for breaking the protocol
    uint64_t flushes = 0;
    uint32_t heldBlocks = 0; // of the current connection
    uint64_t heldBytes = 0;
    uint64_t mappedBytes = 0; // arenas, former ones that are still held included
};

namespace detail
{
class SubscriberShared;
class StreamReader;
} // namespace detail

// The consumer. Which thread may call what is said at each.
class Subscriber final
{
public:
    // Checks what can be checked at once and starts the control thread. Errors: SystemError
    // ENAMETOOLONG or ENOTSOCK, ENOTCONN for a useless `connected`, or no thread could be had.
    RINGCORE_API static Result<std::unique_ptr<Subscriber>>
    start(SubscriberConfig config, std::shared_ptr<SubscriberObserver> observer);

    // stop()s.
    RINGCORE_API ~Subscriber();
    Subscriber(const Subscriber &) = delete;
    Subscriber &operator=(const Subscriber &) = delete;

    // Waits for what comes next. One thread at a time, the streaming thread. No system call and no
    // allocation while the producer is ahead of us.
    RINGCORE_API Received receive(Delivery &delivery);

    // What receive() delivered last makes no sense (ContentInvalid): the producer is dropped, with a
    // line in the log, and Lost follows. The streaming thread.
    RINGCORE_API void refuseContent(const std::string &what);

    // Ends the receive() under way, or the next one. Any thread, as for all that follows.
    RINGCORE_API void interrupt();

    // Who has a producer keeps it, whatever its user and its memory. A search that is under way follows the
    // new terms, and a timeout counts from when it began.
    RINGCORE_API void setTerms(const SubscriberTerms &terms);

    // Asks the observer for its attachment again, soon, and sends it if it changed.
    RINGCORE_API void attachmentChanged();

    // Asks something of the producer: `kind` and `bytes` (at most kRequestLimit) are the application's.
    // Sent soon, a few dozen a second at most; `replacesWaiting`: instead of one of this kind that was
    // not sent yet. False: there is no producer, or kRequestsWaiting are not sent yet. What the producer
    // makes of it is not told.
    RINGCORE_API bool request(uint32_t kind, std::vector<std::byte> bytes, bool replacesWaiting);
    static constexpr size_t kRequestsWaiting = 16;

    // Says good-bye and lets the control thread end; waits for it 50 ms at most. Leases stay good.
    RINGCORE_API void stop();

    RINGCORE_API SubscriberStatistics statistics() const;

private:
    Subscriber(std::shared_ptr<detail::SubscriberShared> shared,
               std::unique_ptr<detail::StreamReader> reader);

    const std::shared_ptr<detail::SubscriberShared> shared_;
    const std::unique_ptr<detail::StreamReader> reader_; // the streaming thread's
};

} // namespace ringcore
