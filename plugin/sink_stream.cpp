// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_stream.h"

#include "payload_allocator.h"
#include "payload_pool.h"
#include "timeout.h"

#include <algorithm>
#include <gst/video/video.h>

namespace sharedring
{

namespace
{

constexpr GstClockTime kMaxLatency = 10 * GST_SECOND;

} // namespace

SinkStream::SinkStream(GstBaseSink *sink, std::unique_ptr<ringcore::Publisher> publisher,
                       std::shared_ptr<ClientRequests> requests, const SinkSettings &settings)
    : sink_(sink), settings_(settings), publisher_(std::move(publisher)), stream_(publisher_->stream()),
      requests_(std::move(requests)), allocator_(newPayloadAllocator(stream_, pools_)), time_(sink),
      metas_(GST_ELEMENT_CAST(sink)), timestamps_(settings.timestamps)
{
}

void SinkStream::stop()
{
    publisher_->stop();
}

void SinkStream::apply(const SinkSettings &settings)
{
    stream_->setSlowClient(settings.slowClient, timeoutOf(settings.slowClientTimeout));
    stream_->setMaxBuffers(settings.maxBuffers);
    stream_->setWaitsForConsumer(settings.waitForConnection);
    publisher_->setMaxClients(settings.maxClients, settings.maxClientsPerUid);
    requests_->setLetThrough(settings.upstreamEvents);
    timestamps_.store(settings.timestamps, std::memory_order_relaxed);
}

void SinkStream::queryUpstream(bool *live, GstClockTime *minimum) const
{
    *live = false;
    *minimum = 0;
    const QueryOwner query(gst_query_new_latency());
    if (!gst_pad_peer_query(GST_BASE_SINK_PAD(sink_), query.get()))
        return;
    gboolean upstreamLive = FALSE;
    GstClockTime least = 0;
    gst_query_parse_latency(query.get(), &upstreamLive, &least, nullptr);
    *live = upstreamLive;
    *minimum = upstreamLive ? std::min(least, kMaxLatency) : 0;
}

Timestamps SinkStream::chosenMode(bool upstreamLive) const
{
    switch (timestamps_.load(std::memory_order_relaxed)) {
    case TimestampsChoice::Clock:
        return Timestamps::Clock;
    case TimestampsChoice::Preserve:
        return Timestamps::Preserve;
    case TimestampsChoice::Auto:
        break;
    }
    return upstreamLive || gst_base_sink_get_sync(sink_) ? Timestamps::Clock : Timestamps::Preserve;
}

// At the first buffer (or gap, or end) of a stream the mode becomes known. True: the stream is to be opened.
bool SinkStream::decideMode()
{
    {
        const std::lock_guard guard(eventsLock_);
        if (open_)
            return false;
    }
    queryUpstream(&upstreamLive_, &minimumLatency_);
    time_.decide(chosenMode(upstreamLive_));
    return true;
}

void SinkStream::open()
{
    publishInfo();
    publishHeld();
}

// Who is waited for gets a stream from its beginning, not what is left of it for a joiner.
GstFlowReturn SinkStream::waitAndOpen()
{
    const bool isNew = decideMode();
    const GstFlowReturn flow = awaitClient();
    if (flow == GST_FLOW_OK && isNew) {
        oldNewsUntil_ = GST_CLOCK_TIME_NONE;
        open();
    }
    return flow;
}

void SinkStream::proposeAllocation(GstQuery *query, bool offerPool)
{
    // Unfinished frames would be seen; and upstream must not pad what nobody can describe.
    GstCaps *caps = nullptr;
    gboolean needPool = FALSE;
    gst_query_parse_allocation(query, &caps, &needPool);
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
    if (!offerPool)
        return;

    GstAllocationParams params;
    gst_allocation_params_init(&params);
    GstVideoInfo info;
    if (caps && needPool && gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-raw") &&
        gst_video_info_from_caps(&info, caps)) {
        const ObjectOwner<GstBufferPool> pool(newPayloadPool(stream_, *pools_));
        GstStructure *config = gst_buffer_pool_get_config(pool.get());
        // No maximum: clients hold as many as they may, and upstream must not wait for them.
        gst_buffer_pool_config_set_params(config, caps, static_cast<guint>(info.size), 0, 0);
        gst_buffer_pool_config_set_allocator(config, allocator_.get(), &params);
        gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
        if (gst_buffer_pool_set_config(pool.get(), config))
            gst_query_add_allocation_pool(query, pool.get(), static_cast<guint>(info.size), 0, 0);
    }
    gst_query_add_allocation_param(query, allocator_.get(), &params);
}

} // namespace sharedring
