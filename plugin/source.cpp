// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source.h"

#include "plugin/timeout.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug);
#define GST_CAT_DEFAULT gst_shared_ring_src_debug

namespace sharedring
{

namespace
{

// An application that starts a pipeline goes through PAUSED no longer, and what comes meanwhile is no older.
constexpr int64_t kStartsWithin = GST_SECOND;

ringcore::SubscriberTerms termsOf(const SourceSettings &settings)
{
    ringcore::SubscriberTerms terms;
    terms.maxMemory = settings.maxMemory;
    if (settings.producerUid >= 0)
        terms.producerUid = static_cast<uid_t>(settings.producerUid);
    terms.reconnect = settings.onDisconnect == OnDisconnect::Reconnect;
    terms.connectionTimeout = timeoutOf(settings.connectionTimeout);
    return terms;
}

ringcore::SubscriberConfig configFor(const SourceSettings &settings, ringcore::UniqueFd connected,
                                     std::shared_ptr<ringcore::MemoryBudget> budget)
{
    ringcore::SubscriberConfig config;
    config.socketPath = settings.socket;
    config.connected = std::move(connected);
    config.connectedName = "fd " + std::to_string(settings.fd);
    config.budget = std::move(budget);
    static_cast<ringcore::SubscriberTerms &>(config) = termsOf(settings);
    return config;
}

} // namespace

SourceSettings Source::settings() const
{
    std::lock_guard guard(lock_);
    return settings_;
}

std::shared_ptr<Source::Run> Source::run() const
{
    std::lock_guard guard(lock_);
    return run_;
}

void Source::open()
{
    std::lock_guard guard(lock_);
    isOpen_ = true;
    adoptFdLocked();
}

// Of whoever set it is what happens to that descriptor later.
void Source::adoptFdLocked()
{
    connected_.reset(settings_.fd >= 0 ? ::fcntl(settings_.fd, F_DUPFD_CLOEXEC, 0) : -1);
}

void Source::applyLocked()
{
    if (!run_)
        return;
    run_->port.choices.set(settings_);
    if (run_->subscriber)
        run_->subscriber->setTerms(termsOf(settings_));
}

void Source::close()
{
    std::lock_guard guard(lock_);
    isOpen_ = false;
    connected_.reset();
}

std::unique_ptr<ringcore::Subscriber> Source::subscribe(const SourceSettings &now, const Run &run,
                                                        std::string &error) const
{
    ringcore::UniqueFd connected;
    if (now.fd >= 0) {
        connected.reset(::fcntl(connected_.get(), F_DUPFD_CLOEXEC, 0));
        if (!connected.valid()) {
            error = "fd " + std::to_string(now.fd) + ": " + g_strerror(errno);
            return nullptr;
        }
    } else if (now.socket.empty()) {
        error = "No socket was given: set the property \"socket\" (or \"fd\")";
        return nullptr;
    }
    auto subscriber =
        ringcore::Subscriber::start(configFor(now, std::move(connected), budget_), run.observer);
    if (!subscriber) {
        error = describe(subscriber.error());
        return nullptr;
    }
    return std::move(*subscriber);
}

void Source::start()
{
    SourceSettings now;
    {
        std::lock_guard guard(lock_);
        isBeyondReady_ = true;
        now = settings_;
    }
    const auto run = std::make_shared<Run>(element_, pad_, now);
    std::string error;
    run->subscriber = subscribe(now, *run, error);
    if (run->subscriber)
        run->stream = std::make_unique<SourceStream>(run->port, now, *run->subscriber);
    run->startError = std::move(error);
    std::lock_guard guard(lock_);
    stopping_ = false;
    ownEvents_.clear();
    run_ = run;
    applyLocked(); // what was changed meanwhile
    noteChangeLocked();
}

void Source::setPlaying(bool playing)
{
    std::lock_guard guard(lock_);
    playing_ = playing;
    if (run_ && playing && run_->port.isLive)
        run_->port.playsFrom.store(monotonicNow() -
                                       (std::exchange(run_->hasPlayed, true) ? 0 : kStartsWithin),
                                   std::memory_order_relaxed);
    if (run_)
        run_->port.playing.store(playing, std::memory_order_release);
    noteChangeLocked();
}

void Source::interrupt()
{
    std::shared_ptr<Run> ending;
    {
        std::lock_guard guard(lock_);
        stopping_ = true;
        ending = run_;
        noteChangeLocked();
    }
    if (ending && ending->subscriber)
        ending->subscriber->interrupt();
}

void Source::stop()
{
    std::shared_ptr<Run> ending;
    {
        std::lock_guard guard(lock_);
        ending = std::exchange(run_, nullptr);
        isBeyondReady_ = false;
        ownEvents_.clear();
    }
    if (!ending)
        return;
    ending->observer->retire();
    if (!ending->subscriber)
        return;
    ending->subscriber->stop();
    auto statistics = statisticsOf(*ending);
    std::lock_guard guard(lock_);
    lastStatistics_ = std::move(statistics);
}

void Source::noteChangeLocked()
{
    const bool mustWait = run_ && run_->port.isLive && !playing_;
    attention_.store(stopping_ || mustWait || !ownEvents_.empty(), std::memory_order_release);
    changed_.notify_all();
}

bool Source::waitUntilRunning(Run &run)
{
    if (!attention_.load(std::memory_order_acquire)) // pairs with noteChangeLocked()
        return true;
    std::unique_lock guard(lock_);
    changed_.wait(guard, [&] { return stopping_ || !ownEvents_.empty() || playing_ || !run.port.isLive; });
    return !stopping_;
}

bool Source::waitToBeHeard()
{
    constexpr std::chrono::milliseconds kPatience{500};
    std::unique_lock guard(lock_);
    changed_.wait_for(guard, kPatience, [&] { return stopping_ || playing_; });
    return !stopping_;
}

void Source::pauseFor(std::chrono::nanoseconds time)
{
    std::unique_lock guard(lock_);
    changed_.wait_for(guard, time, [&] { return stopping_ || !ownEvents_.empty(); });
}

void Source::waitForLatency(Run &run)
{
    // Not every application listens, and the ring fills meanwhile.
    constexpr std::chrono::milliseconds kPatience{100};
    const GstClockTime needed = run.port.isSynced() ? run.port.latency.load(std::memory_order_relaxed) : 0;
    const auto isAllowed = [&] { return run.port.allowedLatency.load(std::memory_order_relaxed) >= needed; };
    if (needed <= run.waitedForLatency || isAllowed())
        return;
    std::unique_lock guard(lock_);
    if (!playing_)
        return;
    changed_.wait_for(guard, kPatience, [&] { return attention_.load() || isAllowed(); });
    run.waitedForLatency = needed;
}

void Source::noteAllowedLatency(GstEvent *event)
{
    GstClockTime allowed = 0;
    gst_event_parse_latency(event, &allowed);
    std::lock_guard guard(lock_);
    if (!run_)
        return;
    run_->port.allowedLatency.store(allowed, std::memory_order_relaxed);
    changed_.notify_all();
}

SourceStream::Next Source::pushOwnEvents(Run &run)
{
    while (attention_.load(std::memory_order_acquire)) {
        EventOwner event;
        {
            std::lock_guard guard(lock_);
            if (ownEvents_.empty())
                break;
            event = std::move(ownEvents_.front());
            ownEvents_.pop_front();
            noteChangeLocked();
        }
        if (GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS) {
            run.stream->finish(std::move(event));
            return SourceStream::Next::Finished;
        }
        if (run.stream->pushOwn(std::move(event)) == SourceStream::Next::Finished)
            return SourceStream::Next::Finished;
    }
    return SourceStream::Next::Continue;
}

void Source::iterate()
{
    const auto current = run();
    if (!current || !waitUntilRunning(*current)) {
        gst_pad_pause_task(pad_);
        return;
    }
    if (!current->stream) {
        if (waitToBeHeard())
            GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("%s", current->startError.c_str()), (nullptr));
        gst_pad_pause_task(pad_);
        return;
    }
    waitForLatency(*current);
    auto next = pushOwnEvents(*current);
    if (next == SourceStream::Next::Continue && current->stream->isComplete()) { // num-buffers=0
        current->stream->finish(nullptr);
        next = SourceStream::Next::Finished;
    }
    if (next == SourceStream::Next::Continue) {
        if (const auto pause = current->stream->pause(); pause.count() > 0)
            pauseFor(pause);
        if (!current->received)
            current->received = current->subscriber->receive(current->delivery);
        if (*current->received == ringcore::Received::Lost && !current->delivery.loss.retrying &&
            !current->delivery.loss.afterEndOfStream && !waitToBeHeard())
            return; // being stopped; the next turn ends
        // While it waited, we may have been paused, sent an event, or stopped: that goes first.
        if (!attention_.load(std::memory_order_acquire))
            next =
                current->stream->handle(*std::exchange(current->received, std::nullopt), current->delivery);
    }
    if (next == SourceStream::Next::Finished)
        gst_pad_pause_task(pad_);
}

} // namespace sharedring
