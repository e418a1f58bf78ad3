// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the streaming thread of a sharedringsrc shares with the threads that set its state, query it
// and send it events. Plain atomics, or behind the lock that is named beside them.
#pragma once

#include "plugin/clock_bridge.h"
#include "plugin/source_settings.h"
#include "plugin/stream_wire.h"
#include "plugin/time_line.h"
#include "ringcore/latency_classes.h"

#include <gst/gst.h>

#include <atomic>
#include <cstdint>

namespace sharedring
{

// Written by the streaming thread, read by any.
struct SourceCounters {
    std::atomic<uint64_t> frames{0};
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> copies{0};
    std::atomic<uint64_t> drops{0}; // buffers that came and were not pushed
    std::atomic<uint64_t> eventsSkipped{0};
    std::atomic<uint64_t> metasLeft{0};                           // that came and could not be attached
    std::atomic<uint64_t> latencies[ringcore::kLatencyClasses]{}; // of frames, from publishing to receipt
    std::atomic<uint64_t> stampsRefused{0};                       // of frames: published in our future

    // A frame's, in CLOCK_MONOTONIC. When it was published is its producer's claim; no time is too long ago
    // for the last class.
    void countLatency(uint64_t publishedAt, uint64_t receivedAt)
    {
        std::atomic<uint64_t> &counter = publishedAt > receivedAt
                                             ? stampsRefused
                                             : latencies[ringcore::latencyClassOf(receivedAt - publishedAt)];
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
};

// Of the settings, what may change while the stream runs: it looks at them when it needs them.
struct SourceChoices {
    void set(const SourceSettings &settings)
    {
        doTimestamp.store(settings.doTimestamp, std::memory_order_relaxed);
        onDisconnect.store(settings.onDisconnect, std::memory_order_relaxed);
        payloadMode.store(settings.payloadMode, std::memory_order_relaxed);
    }

    std::atomic<bool> doTimestamp{false};
    std::atomic<OnDisconnect> onDisconnect{OnDisconnect::Reconnect};
    std::atomic<PayloadMode> payloadMode{PayloadMode::Auto};
};

struct SourcePort {
    SourcePort(GstElement *theElement, GstPad *thePad, const SourceSettings &settings)
        : element(theElement), pad(thePad), isLive(settings.isLive)
    {
        choices.set(settings);
    }

    GstElement *const element; // owns this
    GstPad *const pad;         // the element's
    const bool isLive;

    SourceChoices choices;
    SourceCounters counters;
    std::atomic<bool> playing{false}; // base_time and clock are set
    // A live source: CLOCK_MONOTONIC, ns; it pushes no buffer that was published before.
    std::atomic<int64_t> playsFrom{0};
    std::atomic<bool> reconfigured{false}; // downstream changed: ask it again
    std::atomic<GstClockTime> latency{0};  // of the producer, bounded
    // What sinks were told to allow for; none: nothing yet, and nothing will be before their first buffer.
    std::atomic<GstClockTime> allowedLatency{GST_CLOCK_TIME_NONE};
    std::atomic<bool> clockStream{false}; // the stream's times are tied to the clock

    // Whether sinks downstream show buffers by the clock, and so want to know of latency.
    bool isSynced() const { return isLive || clockStream.load(std::memory_order_relaxed); }

    // What the wire's running times are ahead of ours, as of the last buffer; kNoTime: not known.
    std::atomic<int64_t> toWire{kNoTime};

    // Streaming thread.
    ClockBridge bridge;
    RunningClock clock();        // fromMonotonic only
    RunningClock clockReadNow(); // and what time it is
};

} // namespace sharedring
