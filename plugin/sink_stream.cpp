// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_stream.h"

#include "event_codec.h"
#include "payload_allocator.h"
#include "payload_pool.h"
#include "sharedringsink.h"
#include "stream_wire.h"

#include <algorithm>
#include <cinttypes>
#include <gst/video/video.h>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

namespace sharedring
{

namespace
{

constexpr GstClockTime kMaxLatency = 10 * GST_SECOND;

const std::string kTooMuch = "no more than " + std::to_string(ringcore::kMaxStickyEvents) +
                             " sticky events are kept, in a quarter of max-memory";

// A joiner hears of the stream's times first, then the events in the order in which pads send theirs.
constexpr uint32_t kInfoPlace = 0;

uint32_t placeOf(GstEventType type)
{
    return gst_event_type_to_sticky_ordering(type);
}

// What a pad forgets when a stream starts or a flush ends; the end of a stream is no event here.
const uint32_t kForgottenAtStart[] = {placeOf(GST_EVENT_TAG), placeOf(GST_EVENT_STREAM_GROUP_DONE)};
const uint32_t kForgottenAtFlush[] = {placeOf(GST_EVENT_SEGMENT), placeOf(GST_EVENT_STREAM_GROUP_DONE)};

bool survivesFlush(GstEvent *event)
{
    if (!GST_EVENT_IS_STICKY(event))
        return !GST_EVENT_IS_SERIALIZED(event);
    return GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT && GST_EVENT_TYPE(event) != GST_EVENT_STREAM_GROUP_DONE;
}

// Pads keep one of a type, of some types one for each name.
std::optional<ringcore::OutgoingEvent::Sticky> stickinessOf(GstEvent *event)
{
    const GstEventTypeFlags flags = gst_event_type_get_flags(GST_EVENT_TYPE(event));
    if ((flags & GST_EVENT_TYPE_STICKY) == 0)
        return std::nullopt;
    const bool named = (flags & GST_EVENT_TYPE_STICKY_MULTI) != 0;
    return ringcore::OutgoingEvent::Sticky{
        placeOf(GST_EVENT_TYPE(event)), named ? gst_structure_get_name(gst_event_get_structure(event)) : ""};
}

} // namespace

SinkStream::SinkStream(GstBaseSink *sink, std::unique_ptr<ringcore::Publisher> publisher,
                       std::shared_ptr<ClientRequests> requests, const SinkSettings &settings)
    : sink_(sink), settings_(settings), publisher_(std::move(publisher)), stream_(publisher_->stream()),
      requests_(std::move(requests)), allocator_(newPayloadAllocator(stream_, pools_)), time_(sink),
      metas_(GST_ELEMENT_CAST(sink))
{
}

void SinkStream::stop()
{
    publisher_->stop();
}

// ---- waiting for clients

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
    if (!settings_.waitForConnection)
        return GST_FLOW_OK;
    while (true) {
        const uint32_t seen = stream_->changes();
        if (stream_->consumers() > 0)
            break;
        announceWait();
        // A state change or a flush wants the preroll lock, and sets `flushing` under it before it
        // resumes us. To PLAYING, without async, it does not even interrupt us.
        GST_BASE_SINK_PREROLL_UNLOCK(sink_);
        stream_->waitForChange(seen);
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
    if (!settings_.waitForConnection || stream_->consumers() > 0)
        return GST_FLOW_OK;
    const int64_t begun = monotonicNow();
    while (stream_->consumers() == 0) {
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

// ---- the mode

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
    switch (settings_.timestamps) {
    case TimestampsChoice::Clock:
        return Timestamps::Clock;
    case TimestampsChoice::Preserve:
        return Timestamps::Preserve;
    case TimestampsChoice::Auto:
        break;
    }
    return upstreamLive || gst_base_sink_get_sync(sink_) ? Timestamps::Clock : Timestamps::Preserve;
}

// The first buffer (or gap, or end) of a stream: from here on the mode is known.
void SinkStream::open()
{
    {
        const std::lock_guard guard(eventsLock_);
        if (open_)
            return;
    }
    queryUpstream(&upstreamLive_, &minimumLatency_);
    time_.decide(chosenMode(upstreamLive_));
    publishInfo();
    publishHeld();
}

void SinkStream::publishInfo(uint32_t more)
{
    StreamInfo info{};
    info.timestamps = static_cast<uint32_t>(time_.mode());
    info.flags = (headers_.areInBand() ? kHeadersInBand : 0) | more;
    info.minimumLatency = gst_base_sink_get_sync(sink_) ? 0 : minimumLatency_;
    awaitRoom(sizeof info);
    stream_->publishEvent({kKindStreamInfo, std::as_bytes(std::span(&info, 1)),
                           ringcore::OutgoingEvent::Sticky{kInfoPlace, ""}});
}

// ---- events

void SinkStream::event(GstEvent *event)
{
    const bool headersChanged = GST_EVENT_TYPE(event) == GST_EVENT_CAPS && headers_.takeCaps(event);
    if (hold(event))
        return; // what has changed is said when the stream opens
    if (headersChanged)
        publishInfo();
    publish(event);
}

bool SinkStream::hold(GstEvent *event)
{
    const std::lock_guard guard(eventsLock_);
    if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
        open_ = false;
    if (!open_)
        held_.emplace_back(gst_event_ref(event));
    return !open_;
}

void SinkStream::publishHeld()
{
    while (true) {
        std::vector<EventOwner> held;
        {
            const std::lock_guard guard(eventsLock_);
            open_ = held_.empty();
            if (open_)
                return;
            held.swap(held_);
        }
        // One of another thread may have come before the stream that it will be told in.
        std::stable_partition(held.begin(), held.end(),
                              [](const EventOwner &event) { return GST_EVENT_IS_SERIALIZED(event.get()); });
        for (const EventOwner &event : held)
            publish(event.get());
    }
}

void SinkStream::publish(GstEvent *event)
{
    const auto encoded = encodeEvent(event);
    if (!encoded) {
        leave(event, "it, or something in it, does not cross");
        return;
    }
    if (GST_EVENT_IS_SERIALIZED(event))
        awaitRoom(encoded->bytes.size());
    if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
        stream_->forgetSticky(kForgottenAtStart);
    if (!stream_->publishEvent(
            {kKindEvent + static_cast<uint32_t>(encoded->type), encoded->bytes, stickinessOf(event)}))
        leave(event, kTooMuch);
}

void SinkStream::leave(GstEvent *event, const std::string &why)
{
    eventsLeft_.fetch_add(1, std::memory_order_relaxed);
    const bool isNew = [&] {
        const std::lock_guard guard(eventsLock_);
        return left_.insert(GST_EVENT_TYPE(event)).second;
    }();
    GST_CAT_LEVEL_LOG(GST_CAT_DEFAULT, isNew ? GST_LEVEL_WARNING : GST_LEVEL_DEBUG, sink_,
                      "left out: %s: %" GST_PTR_FORMAT, why.c_str(), event);
}

// Of who is waited for, nobody is to miss an event either.
void SinkStream::awaitRoom(size_t bytes)
{
    while (!stream_->waitForEventRoom(bytes)) {
        if (afterInterruption() != GST_FLOW_OK)
            return;
    }
}

GstFlowReturn SinkStream::gap(GstEvent *event)
{
    // No gap is prerolled as a buffer is: it waits here, before anything of its stream goes out.
    if (const GstFlowReturn flow = awaitClient(); flow != GST_FLOW_OK)
        return flow;
    open();
    if (time_.mode() == Timestamps::Preserve) {
        publish(event);
        return GST_FLOW_OK;
    }
    GstClockTime begin, duration;
    gst_event_parse_gap(event, &begin, &duration);
    BufferFields times{}; // only its times: a gap of the clock's time
    const BufferOwner stand(gst_buffer_new());
    GST_BUFFER_PTS(stand.get()) = begin;
    times.duration = duration;
    time_.stamp(stand.get(), times);
    if (times.pts < 0)
        return GST_FLOW_OK;
    publish(movedGap(event, static_cast<GstClockTime>(times.pts), times.duration).get());
    return GST_FLOW_OK;
}

void SinkStream::endOfStream()
{
    open();
    stream_->endOfStream();
}

void SinkStream::flushStart()
{
    stream_->flushStart();
}

void SinkStream::flushStop(bool resetTime)
{
    {
        const std::lock_guard guard(eventsLock_);
        std::erase_if(held_, [](const EventOwner &event) { return !survivesFlush(event.get()); });
    }
    oldNewsUntil_ = GST_CLOCK_TIME_NONE;
    stream_->flushStop(resetTime, kForgottenAtFlush);
}

// ---- memory for upstream

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
