// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A SinkStream's events, and what is said of the stream itself: held until its mode is known, then in order
// with the buffers.
#include "sink_stream.h"

#include "event_codec.h"
#include "stream_wire.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

namespace sharedring
{

namespace
{

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

void SinkStream::publishInfo()
{
    StreamInfo info{};
    info.timestamps = static_cast<uint32_t>(time_.mode());
    info.flags = headers_.areInBand() ? kHeadersInBand : 0;
    info.pauses = pauses_;
    info.minimumLatency = gst_base_sink_get_sync(sink_) ? 0 : minimumLatency_;
    awaitRoom(sizeof info);
    stream_->publishEvent({kKindStreamInfo, std::as_bytes(std::span(&info, 1)),
                           ringcore::OutgoingEvent::Sticky{kInfoPlace, ""}});
}

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
    if (const GstFlowReturn flow = waitAndOpen(); flow != GST_FLOW_OK)
        return flow;
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

void SinkStream::endOfStream(guint32 seqnum)
{
    if (decideMode())
        open();
    stream_->endOfStream(seqnum);
}

void SinkStream::flushStart(guint32 seqnum)
{
    stream_->flushStart(seqnum);
}

void SinkStream::flushStop(bool resetTime, guint32 seqnum)
{
    {
        const std::lock_guard guard(eventsLock_);
        std::erase_if(held_, [](const EventOwner &event) { return !survivesFlush(event.get()); });
    }
    oldNewsUntil_ = GST_CLOCK_TIME_NONE;
    stream_->flushStop(resetTime, kForgottenAtFlush, seqnum);
}

} // namespace sharedring
