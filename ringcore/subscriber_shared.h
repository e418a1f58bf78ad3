// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a subscriber's two threads tell each other. Each of them waits for nothing but its own word:
// the streaming thread for `streamWord` (beside the producer's bell), the control thread for `wake`.
#pragma once

#include "bell.h"
#include "connection.h"
#include "subscriber.h"
#include "unique_fd.h"
#include "waiting_requests.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace ringcore::detail
{

// Counted by one thread, read by any.
class Counter
{
public:
    void add(uint64_t n = 1) noexcept
    {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint64_t> value_{0};
};

struct Joining {
    std::shared_ptr<Connection> connection;
    PeerIdentity producer;
};
using Notice = std::variant<Joining, Loss>;

class SubscriberShared
{
public:
    SubscriberShared(SubscriberConfig config, std::shared_ptr<SubscriberObserver> observer, UniqueFd wake);

    const SubscriberConfig config; // with the terms of the start
    const std::shared_ptr<SubscriberObserver> observer;
    const UniqueFd wake; // an eventfd that no peer ever has
    StopWord streamWord;
    WaitingRequests requests{Subscriber::kRequestsWaiting, [this] { signalControl(); }};

    // The streaming thread's counters.
    Counter records, payloadBytes, discarded, sleeps, looksPaid, looksMissed, flushes;

    // Control thread -> streaming thread.
    void post(Notice notice);
    std::optional<Notice> takeNotice();

    // Streaming thread -> control thread: a fault in the current connection's ring.
    void reportFault(const PeerFault &fault, Connection &connection);
    std::optional<PeerFault> takeFault();
    // Streaming thread -> control thread: the loss has been delivered.
    void acknowledgeLoss(bool afterEndOfStream);

    struct Acknowledged {
        bool afterEndOfStream;
    };
    std::optional<Acknowledged> takeAcknowledgement();

    // Application -> streaming thread.
    void interrupt();
    bool takeInterrupt() { return interrupted_.exchange(false, std::memory_order_acq_rel); }

    // Application -> control thread.
    void setTerms(const SubscriberTerms &terms);
    SubscriberTerms terms() const;
    void requestAttachment();
    bool takeAttachmentRequest() { return attachmentWanted_.exchange(false, std::memory_order_acq_rel); }
    void requestStop();
    bool stopping() const { return stopping_.load(std::memory_order_acquire); }

    // The control thread is at its end; waitUntilFinished() waits for that, but not for long.
    void setFinished();
    bool waitUntilFinished(std::chrono::milliseconds atMost);

    // One line for the log, and counted. `connection`: where it was found, if there is one already.
    // Any thread.
    void noteFault(const PeerFault &fault, Connection *connection);

    // Of the producer, for messages.
    std::string where() const;

    SubscriberStatistics statistics() const;

private:
    void signalControl();

    std::atomic<bool> interrupted_{false};
    std::atomic<bool> attachmentWanted_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<uint64_t> faults_{0};
    std::atomic<uint64_t> connections_{0};

    // Guards everything below; never held while calling out.
    mutable std::mutex lock_;
    std::condition_variable finishedChanged_;
    std::deque<Notice> notices_; // two at most: a loss is acknowledged before the next joining
    SubscriberTerms terms_;
    std::optional<PeerFault> fault_;
    std::optional<Acknowledged> acknowledged_;
    std::weak_ptr<Connection> current_; // for statistics
    bool finished_ = false;
};

} // namespace ringcore::detail
