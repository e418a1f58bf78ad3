// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A SinkStream's waits for a client, which a pause, a flush and the end interrupt.
#include "sink_stream.h"

#include <utility>

namespace sharedring
{

void SinkStream::announceWait()
{
    if (std::exchange(waitAnnounced_, true))
        return;
    GST_ELEMENT_INFO(
        sink_, RESOURCE, BUSY,
        ("Waiting for a client on %s.", settings_.socket.empty() ? "the given fd" : settings_.socket.c_str()),
        ("wait-for-connection is set and nobody is there"));
}

GstFlowReturn SinkStream::preroll()
{
    // Who goes to PLAYING without a preroll would wait for the lock that this one holds: render() waits.
    if (!gst_base_sink_is_async_enabled(sink_))
        return GST_FLOW_OK;
    while (mustAwaitClient()) {
        announceWait();
        if (stream_->waitForConsumer())
            break;
        // A state change or a flush wants the preroll lock, and sets `flushing` under it before it
        // resumes us.
        GST_BASE_SINK_PREROLL_UNLOCK(sink_);
        stream_->waitUntilResumed();
        GST_BASE_SINK_PREROLL_LOCK(sink_);
        if (sink_->flushing)
            return GST_FLOW_FLUSHING;
    }
    waitAnnounced_ = false;
    return GST_FLOW_OK;
}

void SinkStream::unlockStop()
{
    if (!sink_->flushing)
        paused_ = wasPaused_ = true;
    stream_->resume();
}

void SinkStream::play()
{
    GST_BASE_SINK_PREROLL_LOCK(sink_);
    paused_ = false;
    GST_BASE_SINK_PREROLL_UNLOCK(sink_);
}

// The base class takes a thread that it has waked, and that has not run yet, for one that waits: paused
// again meanwhile, it is to go on waiting.
GstFlowReturn SinkStream::afterInterruption()
{
    GstFlowReturn flow;
    do {
        flow = gst_base_sink_wait_preroll(sink_);
    } while (flow == GST_FLOW_OK && paused_);
    return flow;
}

// In render, or in a gap: there is no client (any more), and the stream waits for one.
GstFlowReturn SinkStream::awaitClient()
{
    if (!mustAwaitClient())
        return GST_FLOW_OK;
    const int64_t begun = monotonicNow();
    while (mustAwaitClient()) {
        announceWait();
        if (stream_->waitForConsumer())
            break;
        if (const GstFlowReturn flow = afterInterruption(); flow != GST_FLOW_OK)
            return flow;
    }
    waitAnnounced_ = false;
    if (time_.mode() == Timestamps::Preserve)
        return GST_FLOW_OK;
    const int64_t waited = monotonicNow() - begun;
    if (upstreamLive_) {
        // What was captured meanwhile stands in queues upstream, and would arrive in a rush.
        const ObjectOwner<GstClock> clock(gst_element_get_clock(GST_ELEMENT_CAST(sink_)));
        if (clock)
            oldNewsUntil_ =
                gst_clock_get_time(clock.get()) - gst_element_get_base_time(GST_ELEMENT_CAST(sink_));
    } else if (gst_base_sink_get_sync(sink_)) {
        gst_base_sink_set_ts_offset(sink_, gst_base_sink_get_ts_offset(sink_) + waited);
    } else {
        time_.shift(waited);
    }
    return GST_FLOW_OK;
}

bool SinkStream::isOldNews(GstBuffer *buffer) const
{
    if (!GST_CLOCK_TIME_IS_VALID(oldNewsUntil_) || sink_->segment.format != GST_FORMAT_TIME)
        return false;
    const GstClockTime running =
        gst_segment_to_running_time(&sink_->segment, GST_FORMAT_TIME, GST_BUFFER_DTS_OR_PTS(buffer));
    return GST_CLOCK_TIME_IS_VALID(running) &&
           running + minimumLatency_ + gst_base_sink_get_latency(sink_) < oldNewsUntil_;
}

} // namespace sharedring
