// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A SinkStream's buffers: what becomes of each between render() and the ring.
#include "payload_buffer.h"
#include "sink_stream.h"
#include "stream_wire.h"

namespace sharedring
{

namespace
{

constexpr std::chrono::milliseconds kMemoryPatience{10}; // until the arena is looked at again

} // namespace

GstFlowReturn SinkStream::refuseTooLarge(gsize size)
{
    GST_ELEMENT_ERROR(sink_, RESOURCE, NO_SPACE_LEFT,
                      ("A buffer of %" G_GSIZE_FORMAT
                       " bytes can never fit into max-memory=%" G_GUINT64_FORMAT " bytes.",
                       size, settings_.maxMemory),
                      ("set max-memory to several times the size of a buffer"));
    return GST_FLOW_ERROR;
}

GstFlowReturn SinkStream::render(GstBuffer *buffer)
{
    // The base class lets what is outside of the segment (the DTS of B-frames before its start) through
    // without a preroll, when there may be no clock yet.
    if (sink_->need_preroll) {
        const GstFlowReturn flow = gst_base_sink_do_preroll(sink_, GST_MINI_OBJECT_CAST(buffer));
        if (flow != GST_FLOW_OK)
            return flow;
    }
    open();
    if (const GstFlowReturn flow = awaitClient(); flow != GST_FLOW_OK)
        return flow;
    if (latencyChanged_.exchange(false, std::memory_order_relaxed)) {
        const GstClockTime before = minimumLatency_;
        queryUpstream(&upstreamLive_, &minimumLatency_);
        if (minimumLatency_ != before)
            publishInfo();
    }
    const gsize size = gst_buffer_get_size(buffer);
    if (ringcore::Arena::chargeFor(size) > stream_->arena().size())
        return refuseTooLarge(size);
    if (isOldNews(buffer))
        return GST_FLOW_OK;
    if (stream_->consumers() == 0) {
        stream_->reap();
        return GST_FLOW_OK;
    }

    auto payload = payloadOf(buffer, allocator_.get(), *stream_);
    while (!payload) {
        if (settings_.slowClient != ringcore::SlowClient::Block) {
            noRoom_.fetch_add(1, std::memory_order_relaxed);
            stream_->countDropForAll();
            return GST_FLOW_OK;
        }
        stream_->waitForRelease(kMemoryPatience);
        if (stream_->interrupted()) {
            if (const GstFlowReturn flow = afterInterruption(); flow != GST_FLOW_OK)
                return flow;
        }
        payload = payloadOf(buffer, allocator_.get(), *stream_);
    }
    if (payload->copied) {
        copies_.fetch_add(1, std::memory_order_relaxed);
        copiedBytes_.fetch_add(size, std::memory_order_relaxed);
    }

    BufferFields fields = fieldsOf(buffer);
    time_.stamp(buffer, fields);
    ringcore::Outgoing outgoing;
    outgoing.kind = kKindBuffer;
    outgoing.inlineBytes = std::as_bytes(std::span(&fields, 1));
    outgoing.payload = payload->visible;
    outgoing.charge = payload->charge;
    outgoing.keeper = payload->keeper;
    while (stream_->publish(outgoing) == ringcore::PublishOutcome::Interrupted) {
        if (const GstFlowReturn flow = afterInterruption(); flow != GST_FLOW_OK) {
            if (outgoing.keeper.release)
                outgoing.keeper.release(outgoing.keeper.owner);
            return flow;
        }
    }
    return GST_FLOW_OK;
}

} // namespace sharedring
