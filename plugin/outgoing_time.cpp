// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outgoing_time.h"

#include "gst_owner.h"

#include <cmath>

namespace sharedring
{

void OutgoingTime::refreshEpoch()
{
    const bool sync = gst_base_sink_get_sync(sink_);
    const ObjectOwner<GstClock> clock(gst_element_get_clock(GST_ELEMENT_CAST(sink_)));
    zero_ = static_cast<int64_t>(gst_element_get_base_time(GST_ELEMENT_CAST(sink_))) +
            bridge_.toMonotonic(clock.get()) + shift_;
    // A sink that syncs lets a buffer out this much after its running time.
    if (sync)
        zero_ += static_cast<int64_t>(gst_base_sink_get_latency(sink_)) + gst_base_sink_get_ts_offset(sink_);
}

int64_t OutgoingTime::onWire(GstClockTime time)
{
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return kNoTime;
    if (mode_ == Timestamps::Preserve)
        return static_cast<int64_t>(time);
    const GstSegment &segment = sink_->segment;
    if (segment.format != GST_FORMAT_TIME)
        return kNoTime;
    guint64 running = 0;
    const gint sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running);
    if (sign == 0)
        return kNoTime;
    return zero_ + (sign > 0 ? static_cast<int64_t>(running) : -static_cast<int64_t>(running));
}

void OutgoingTime::stamp(GstBuffer *buffer, BufferFields &fields)
{
    if (mode_ == Timestamps::Clock) {
        refreshEpoch();
        const double rate = std::fabs(sink_->segment.rate);
        if (GST_CLOCK_TIME_IS_VALID(fields.duration) && rate != 1.0)
            fields.duration = static_cast<uint64_t>(static_cast<double>(fields.duration) / rate);
    }
    fields.pts = onWire(GST_BUFFER_PTS(buffer));
    fields.dts = onWire(GST_BUFFER_DTS(buffer));
}

} // namespace sharedring
