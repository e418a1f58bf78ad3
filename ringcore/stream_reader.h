// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The streaming side of a subscriber: reads the ring, checks every record, and sleeps by the bell.
// It touches only memory; what concerns the socket it hears from the control thread.
#pragma once

#include "look_again.h"
#include "subscriber.h"
#include "subscriber_shared.h"

#include <chrono>
#include <memory>
#include <optional>

namespace ringcore::detail
{

class StreamReader
{
public:
    explicit StreamReader(std::shared_ptr<SubscriberShared> shared);

    // As Subscriber::receive.
    Received receive(Delivery &delivery);
    void refuseContent(const std::string &what);

private:
    // What one look came to: nothing is there, something was done and the next look may find more,
    // or receive() has its result.
    struct Nothing {
    };
    struct Again {
    };
    using Looked = std::variant<Nothing, Again, Received>;

    Looked takeNotice(Delivery &delivery);
    Looked lookAtRing(Delivery &delivery);
    Looked lookAtFlush(Delivery &delivery);
    Looked takeRecord(Delivery &delivery);
    Looked drained(Delivery &delivery);
    Looked drop(const Error &error);
    std::optional<PeerFault> checkSlot(const RecordHead &head) const;
    Result<void> findBlocks(const RecordHead &head, Delivery &delivery);

    bool atEndOfStream() const;
    bool somethingNew(uint32_t streamWord);
    void waitForMore(uint32_t streamWord);
    bool lookAgain(uint32_t streamWord);
    void join(Joining joining, Delivery &delivery);

    const std::shared_ptr<SubscriberShared> shared_;
    uint32_t handledWord_; // the stream word whose notices have been taken

    std::shared_ptr<Connection> connection_;
    std::shared_ptr<Connection> abandoned_; // broke the protocol; until its loss comes
    uint32_t epoch_ = 0;                    // of the records that are delivered; even
    uint32_t epochSeen_ = 0;                // in the epoch word, maybe odd
    std::optional<uint32_t> flushToPassOn_;
    bool endTold_ = false; // the end of the stream at this position was delivered
    std::optional<Loss> loss_;
    uint32_t drainLeft_ = 0; // records to deliver before the loss

    LookAgainGate gate_;
    std::optional<std::chrono::nanoseconds> emptySince_;
};

} // namespace ringcore::detail
