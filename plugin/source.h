// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything of a sharedringsrc that is C++: settings, what lives between start and stop, and the
// task. GObject zero-fills and frees the instance struct without running constructors, so the struct
// has one pointer, to this.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/source_observer.h"
#include "plugin/source_port.h"
#include "plugin/source_settings.h"
#include "plugin/source_stream.h"
#include "ringcore/memory_budget.h"
#include "ringcore/subscriber.h"
#include "ringcore/unique_fd.h"

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sharedring
{

class Source
{
public:
    // Both belong to the element that owns this.
    Source(GstElement *element, GstPad *pad) : element_(element), pad_(pad) {}

    // Any thread.
    SourceSettings settings() const;
    // The run hears of it. False: `when` is ReadyOnly, and it is too late for that.
    enum class Change { Anytime, ReadyOnly };
    template <typename Set>
    bool changeSettings(Change when, Set set)
    {
        std::lock_guard guard(lock_);
        if (when == Change::ReadyOnly && isBeyondReady_)
            return false;
        const int fdBefore = settings_.fd;
        set(settings_);
        if (isOpen_ && settings_.fd != fdBefore)
            adoptFdLocked();
        applyLocked();
        return true;
    }
    StructureOwner statistics() const;

    // The thread that changes the state.
    void open(); // NULL -> READY
    // READY -> PAUSED, before the pad is activated; waits for nobody. A failure is posted by the task.
    void start();
    void setPlaying(bool playing);
    void interrupt(); // the task returns soon, and does nothing more
    void stop();      // PAUSED -> READY, after the pad was deactivated
    void close();     // READY -> NULL
    bool isLive() const { return settings().isLive; }

    // The task's function.
    void iterate();

    // Sent to the element, or from downstream to its pad. Any thread.
    bool sendEvent(EventOwner event);
    bool handleUpstreamEvent(EventOwner event);
    bool query(GstQuery *query);

private:
    // From start to stop.
    struct Run {
        Run(GstElement *element, GstPad *pad, const SourceSettings &settings)
            : port(element, pad, settings), observer(std::make_shared<SourceObserver>(element, pad))
        {
        }
        SourcePort port;
        std::shared_ptr<SourceObserver> observer;
        std::unique_ptr<ringcore::Subscriber> subscriber; // null, as the stream is: startError says why
        std::unique_ptr<SourceStream> stream;             // the streaming thread's, as what follows
        std::string startError;
        ringcore::Delivery delivery;
        std::optional<ringcore::Received> received; // not handled yet: we were paused
        GstClockTime waitedForLatency = 0;
        bool hasPlayed = false; // under lock_
    };

    std::shared_ptr<Run> run() const;
    static StructureOwner statisticsOf(const Run &run);
    std::unique_ptr<ringcore::Subscriber> subscribe(const SourceSettings &now, const Run &run,
                                                    std::string &error) const;
    // Waits until the task may go on. False: it is over.
    bool waitUntilRunning(Run &run);
    // Before the error that ends a run. gst-launch-1.0 forgets one that comes before its main loop
    // runs, and then waits for ever: from PLAYING on it does run, and soon after preroll began.
    bool waitToBeHeard(); // false: being stopped
    // Before more is received.
    void pauseFor(std::chrono::nanoseconds time);
    // A producer with more latency than sinks allow for: what came before they know would be late.
    void waitForLatency(Run &run);
    void noteAllowedLatency(GstEvent *event);
    SourceStream::Next pushOwnEvents(Run &run);
    bool askProducer(GstEvent *event);
    void noteChangeLocked();
    void adoptFdLocked();
    void applyLocked();

    GstElement *const element_;
    GstPad *const pad_;
    // Outlives runs: downstream may hold a former producer's memory.
    const std::shared_ptr<ringcore::MemoryBudget> budget_ = std::make_shared<ringcore::MemoryBudget>();

    mutable std::mutex lock_; // guards all that follows; never held while calling out
    std::condition_variable changed_;
    SourceSettings settings_;
    ringcore::UniqueFd connected_; // a duplicate of settings_.fd, from READY on
    std::shared_ptr<Run> run_;
    bool isOpen_ = false;        // from READY on
    bool isBeyondReady_ = false; // from the start on
    bool playing_ = false;
    bool stopping_ = false;
    std::deque<EventOwner> ownEvents_; // sent to the element, not pushed yet
    StructureOwner lastStatistics_;    // of the run before

    // Whether the task has more to look at than its stream: what the lock guards would say so.
    std::atomic<bool> attention_{true};
};

} // namespace sharedring
