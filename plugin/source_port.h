// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the streaming thread of a sharedringsrc shares with the threads that set its state, query it
// and send it events. Plain atomics, or behind the lock that is named beside them.
#pragma once

#include "plugin/clock_bridge.h"
#include "plugin/stream_wire.h"
#include "plugin/time_line.h"

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
    std::atomic<uint64_t> metasLeft{0}; // that came and could not be attached
};

struct SourcePort {
    SourcePort(GstElement *theElement, GstPad *thePad, bool live)
        : element(theElement), pad(thePad), isLive(live)
    {
    }

    GstElement *const element; // owns this
    GstPad *const pad;         // the element's
    const bool isLive;

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
