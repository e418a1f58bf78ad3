// SPDX-License-Identifier: LGPL-2.1-or-later
#include "subscriber_shared.h"

#include <unistd.h>

namespace ringcore::detail
{

SubscriberShared::SubscriberShared(SubscriberConfig configuration,
                                   std::shared_ptr<SubscriberObserver> theObserver, UniqueFd wakeFd)
    : config(std::move(configuration)), observer(std::move(theObserver)), wake(std::move(wakeFd)),
      terms_(config)
{
}

void SubscriberShared::post(Notice notice)
{
    {
        std::lock_guard guard(lock_);
        if (auto *joining = std::get_if<Joining>(&notice)) {
            connections_.fetch_add(1, std::memory_order_relaxed);
            current_ = joining->connection;
        }
        notices_.push_back(std::move(notice));
    }
    streamWord.poke();
}

std::optional<Notice> SubscriberShared::takeNotice()
{
    std::lock_guard guard(lock_);
    if (notices_.empty())
        return std::nullopt;
    std::optional<Notice> notice(std::move(notices_.front()));
    notices_.pop_front();
    return notice;
}

void SubscriberShared::reportFault(const PeerFault &fault, Connection &connection)
{
    noteFault(fault, &connection);
    {
        std::lock_guard guard(lock_);
        fault_ = fault;
    }
    signalControl();
}

std::optional<PeerFault> SubscriberShared::takeFault()
{
    std::lock_guard guard(lock_);
    return std::exchange(fault_, std::nullopt);
}

void SubscriberShared::acknowledgeLoss(bool afterEndOfStream)
{
    {
        std::lock_guard guard(lock_);
        acknowledged_ = Acknowledged{afterEndOfStream};
    }
    signalControl();
}

std::optional<SubscriberShared::Acknowledged> SubscriberShared::takeAcknowledgement()
{
    std::lock_guard guard(lock_);
    return std::exchange(acknowledged_, std::nullopt);
}

void SubscriberShared::interrupt()
{
    interrupted_.store(true, std::memory_order_release); // pairs with takeInterrupt()
    streamWord.poke();
}

void SubscriberShared::setTerms(const SubscriberTerms &terms)
{
    {
        std::lock_guard guard(lock_);
        terms_ = terms;
    }
    signalControl();
}

SubscriberTerms SubscriberShared::terms() const
{
    std::lock_guard guard(lock_);
    return terms_;
}

void SubscriberShared::requestAttachment()
{
    attachmentWanted_.store(true, std::memory_order_release);
    signalControl();
}

void SubscriberShared::requestStop()
{
    stopping_.store(true, std::memory_order_release);
    signalControl();
    interrupt();
}

void SubscriberShared::signalControl()
{
    const uint64_t one = 1;
    // Nobody else has this eventfd, so it cannot be full but for 2^64 of our own requests.
    [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
}

void SubscriberShared::setFinished()
{
    std::lock_guard guard(lock_);
    finished_ = true;
    finishedChanged_.notify_all();
}

bool SubscriberShared::waitUntilFinished(std::chrono::milliseconds atMost)
{
    std::unique_lock guard(lock_);
    return finishedChanged_.wait_for(guard, atMost, [this] { return finished_; });
}

void SubscriberShared::noteFault(const PeerFault &fault, Connection *connection)
{
    if (connection && !connection->isFirstFault())
        return;
    faults_.fetch_add(1, std::memory_order_relaxed);
    observer->log("dropping the producer at " + where() + ": " + describe(fault));
}

std::string SubscriberShared::where() const
{
    return config.connected.valid() ? config.connectedName : config.socketPath;
}

SubscriberStatistics SubscriberShared::statistics() const
{
    SubscriberStatistics all;
    all.records = records.value();
    all.payloadBytes = payloadBytes.value();
    all.discarded = discarded.value();
    all.sleeps = sleeps.value();
    all.looksPaid = looksPaid.value();
    all.looksMissed = looksMissed.value();
    all.flushes = flushes.value();
    all.connections = connections_.load(std::memory_order_relaxed);
    all.faults = faults_.load(std::memory_order_relaxed);
    all.mappedBytes = config.budget->taken();
    std::lock_guard guard(lock_);
    if (const auto connection = current_.lock()) {
        all.heldBlocks = connection->heldBlocks();
        all.heldBytes = connection->heldBytes();
        all.wakesSent = connection->wakesSent();
    }
    return all;
}

} // namespace ringcore::detail
