// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A buffer's times as they go onto the wire, by the stream's mode.
#pragma once

#include "clock_bridge.h"
#include "stream_wire.h"

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

#include <cstdint>

namespace sharedring
{

// The streaming thread.
class OutgoingTime
{
public:
    explicit OutgoingTime(GstBaseSink *sink) : sink_(sink) {}

    // Clock if upstream is live or the sink syncs, else Preserve; unless the user chose.
    void decide(Timestamps mode) { mode_ = mode; }
    Timestamps mode() const { return mode_; }

    // Fills in pts, dts and (with Clock) the duration at rate 1.
    void stamp(GstBuffer *buffer, BufferFields &fields);
    // A time of the current segment, ns, or kNoTime.
    int64_t onWire(GstClockTime time);

    // What times on the wire are ahead of running times.
    int64_t zero() const { return mode_ == Timestamps::Clock ? zero_ : 0; }

    // What was not synced and waited for a client begins `waited` later.
    void shift(int64_t waited) { shift_ += waited; }

private:
    void refreshEpoch();

    GstBaseSink *const sink_;
    Timestamps mode_ = Timestamps::Preserve;
    ClockBridge bridge_;
    int64_t zero_ = 0; // CLOCK_MONOTONIC of running time 0
    int64_t shift_ = 0;
};

} // namespace sharedring
