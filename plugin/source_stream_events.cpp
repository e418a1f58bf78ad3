// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The events of a SourceStream: those of the wire, and those that we owe downstream.
#include "source_stream.h"

#include "plugin/container_formats.h"
#include "plugin/format_complaint.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug);
#define GST_CAT_DEFAULT gst_shared_ring_src_debug

namespace sharedring
{

namespace
{

using ringcore::Delivery;

// A producer that sends events and no buffer does not make us keep them all.
constexpr size_t kMaxHeld = 64;
// Nor does one that makes up groups.
constexpr size_t kMaxGroups = 16;

// Pads keep one event for each name.
std::string stickyName(GstEvent *event)
{
    const GstStructure *structure = gst_event_get_structure(event);
    return structure && (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_STICKY_MULTI)
               ? gst_structure_get_name(structure)
               : "";
}

// What a pad still has when the next stream starts.
bool outlivesItsStream(GstEvent *event)
{
    return GST_EVENT_IS_STICKY(event) && GST_EVENT_TYPE(event) != GST_EVENT_TAG &&
           GST_EVENT_TYPE(event) != GST_EVENT_STREAM_GROUP_DONE;
}

int64_t wireTime(GstClockTime time)
{
    return time <= static_cast<GstClockTime>(G_MAXINT64) ? static_cast<int64_t>(time) : kNoTime;
}

} // namespace

void SourceStream::takeEvent(const Delivery &delivery)
{
    const uint32_t number = delivery.record.head.kind - kKindEvent;
    const auto type = static_cast<WireEvent>(number);
    const std::span<const std::byte> claimed = delivery.extra.empty() ? delivery.inlineBytes : delivery.extra;
    if (number > UINT16_MAX || claimed.size() > maxEventBytes(type)) { // 0 for a type we do not know
        refuse("event of type " + std::to_string(number) + " with " + std::to_string(claimed.size()) +
               " bytes");
        return;
    }
    allowance_.spend(claimed.size(), monotonicNow());
    // Into private memory: the producer may change the block while we read it.
    const std::vector<std::byte> bytes(claimed.begin(), claimed.end());
    DecodedEvent decoded = decodeEvent(type, bytes, GST_OBJECT_CAST(port_.element));
    if (!decoded.event) {
        refuse("malformed event of type " + std::to_string(number) + ", " + std::to_string(bytes.size()) +
               " bytes");
        return;
    }
    if (!started_ && type != WireEvent::StreamStart) {
        refuse("event of type " + std::to_string(number) + " before any stream-start");
        return;
    }
    if (type == WireEvent::Gap && cameBeforePlaying(delivery))
        return;
    // A stream that begins anew without a flush is told in full: after an end the pad takes nothing else.
    if (atEnd_ && type == WireEvent::StreamStart)
        sticky_.forgetAll();
    if (gst_event_type_get_flags(GST_EVENT_TYPE(decoded.event.get())) & GST_EVENT_TYPE_STICKY) {
        const bool isReplay = (delivery.record.head.flags & ringcore::kRecordIsReplay) != 0;
        switch (sticky_.consider(type, stickyName(decoded.event.get()), bytes, isReplay)) {
        case StickyMemory::Verdict::Push:
            break;
        case StickyMemory::Verdict::Skip:
            port_.counters.eventsSkipped.fetch_add(1, std::memory_order_relaxed);
            return;
        case StickyMemory::Verdict::TooMany:
            refuse("more than " + std::to_string(StickyMemory::kMaxNames) + " kinds of sticky events");
            return;
        }
    }
    dispatch(type, std::move(decoded));
}

void SourceStream::dispatch(WireEvent type, DecodedEvent decoded)
{
    switch (type) {
    case WireEvent::StreamStart:
        takeStreamStart(std::move(decoded));
        break;
    case WireEvent::Caps:
        takeCaps(std::move(decoded.event));
        break;
    case WireEvent::Segment:
        takeSegment(decoded.event);
        break;
    case WireEvent::Gap:
        takeGap(std::move(decoded.event));
        break;
    case WireEvent::SegmentDone:
    case WireEvent::InstantRateChange:
        // About the producer's segment; in clock mode there is another.
        if (times_.timestamps() == Timestamps::Preserve && times_.hasSegment())
            pushSerialized(std::move(decoded.event));
        break;
    case WireEvent::StreamGroupDone:
        takeGroupDone(std::move(decoded));
        break;
    case WireEvent::CustomDownstreamOob:
    case WireEvent::CustomBothOob:
        gst_pad_push_event(port_.pad, decoded.event.release()); // waits for nothing that is held
        break;
    case WireEvent::Tag:
    case WireEvent::Toc:
    case WireEvent::Protection:
    case WireEvent::SinkMessage:
    case WireEvent::StreamCollection:
    case WireEvent::CustomDownstream:
    case WireEvent::CustomDownstreamSticky:
    case WireEvent::CustomBoth:
        pushSerialized(std::move(decoded.event));
        break;
    }
}

std::optional<guint> SourceStream::knownGroup(uint32_t producerId) const
{
    const auto known = std::find_if(groups_.begin(), groups_.end(),
                                    [&](const Group &group) { return group.producerId == producerId; });
    return known != groups_.end() ? std::optional(known->id) : std::nullopt;
}

// The producer's number means nothing here, but streams that share it there share one here.
guint SourceStream::groupFor(uint32_t producerId)
{
    if (const auto known = knownGroup(producerId))
        return *known;
    if (groups_.size() >= kMaxGroups)
        groups_.pop_front();
    groups_.push_back({producerId, gst_util_group_id_next()});
    return groups_.back().id;
}

void SourceStream::takeStreamStart(DecodedEvent decoded)
{
    if (mustHold()) // the stream before had no buffers for downstream
        std::erase_if(held_, [](const EventOwner &event) { return !outlivesItsStream(event.get()); });
    else if (times_.owesNewSegment())
        pushOwedSegment(kNoTime);
    if (decoded.producerGroupId)
        gst_event_set_group_id(decoded.event.get(), groupFor(*decoded.producerGroupId));
    times_.beginStream();
    // Pads forget the last two; the segment stays, but a stream that tells one is told it.
    for (const WireEvent type : {WireEvent::Segment, WireEvent::Tag, WireEvent::StreamGroupDone})
        sticky_.forget(type);
    started_ = true;
    atEnd_ = false;
    isFirst_ = true;
    missedBeginning_ = seenKeyUnit_ = false;
    gst_pad_push_event(port_.pad, decoded.event.release());
}

void SourceStream::takeGroupDone(DecodedEvent decoded)
{
    // One that no stream of ours was in is nothing that downstream knows.
    const auto group = decoded.producerGroupId ? knownGroup(*decoded.producerGroupId) : std::nullopt;
    if (!group)
        return;
    EventOwner event(gst_event_new_stream_group_done(*group));
    gst_event_set_seqnum(event.get(), gst_event_get_seqnum(decoded.event.get()));
    pushSerialized(std::move(event));
}

void SourceStream::takeCaps(EventOwner event)
{
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event.get(), &caps);
    if (!payload_.setCaps(caps)) {
        refuse("raw caps of an impossible size");
        return;
    }
    caps_.reset(gst_caps_ref(caps));
    times_.setTimesInside(isContainerOfTimes(*caps));
    port_.reconfigured.store(false, std::memory_order_relaxed);
    if (!downstreamAccepts(port_.pad, caps)) {
        capsAccepted_ = false;
        GST_INFO_OBJECT(port_.element, "%s; waiting for another format",
                        complainAboutFormat(port_.pad, caps).c_str());
        sticky_.forget(WireEvent::Caps);
        unacceptableSince_ = monotonicNow();
        unacceptableBuffers_ = 0;
        return;
    }
    acceptCaps(std::move(event));
}

void SourceStream::acceptCaps(EventOwner event)
{
    gst_pad_push_event(port_.pad, event.release());
    if (!std::exchange(capsAccepted_, true) && !mustHold())
        pushHeld();
    payload_.askDownstream(port_.pad, caps_.get());
}

// A segment before its caps would be in the wrong order; one that waits for its first time is not
// known yet. What follows it waits with it.
bool SourceStream::mustHold() const
{
    return !capsAccepted_ || times_.waitsForFirstTime();
}

void SourceStream::pushHeld()
{
    if (times_.owesSegment())
        gst_pad_push_event(port_.pad, times_.takeSegment(kNoTime, dueNow()).release());
    for (EventOwner &event : std::exchange(held_, {}))
        gst_pad_push_event(port_.pad, event.release());
}

void SourceStream::takeSegment(const EventOwner &event)
{
    // One that still waits for its first time never had any buffers.
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event.get(), &segment);
    times_.setSegment(*segment, gst_event_get_seqnum(event.get()));
    if (times_.owesSegment() && !mustHold())
        pushOwedSegment(kNoTime);
}

void SourceStream::takeGap(EventOwner event)
{
    GstClockTime time = GST_CLOCK_TIME_NONE;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
    gst_event_parse_gap(event.get(), &time, &duration);
    if (!capsAccepted_)
        return;
    goOnAfterPause();
    if (times_.owesSegment())
        pushOwedSegment(wireTime(time));
    if (!times_.hasSegment())
        return;
    if (times_.timestamps() == Timestamps::Preserve) {
        pushSerialized(std::move(event));
        return;
    }
    const GstClockTime here = times_.timeFor(wireTime(time), port_.clock());
    if (!GST_CLOCK_TIME_IS_VALID(here))
        return;
    pushSerialized(movedGap(event.get(), here, duration));
}

void SourceStream::pushSerialized(EventOwner event)
{
    if (mustHold()) {
        if (held_.size() < kMaxHeld) {
            held_.push_back(std::move(event));
            return;
        }
        if (!capsAccepted_)
            return;
        pushOwedSegment(kNoTime);
    }
    gst_pad_push_event(port_.pad, event.release());
}

SourceStream::Next SourceStream::pushOwn(EventOwner event)
{
    if (pushList() == Next::Finished)
        return Next::Finished;
    pushOwnStart();
    gst_pad_push_event(port_.pad, event.release());
    return Next::Continue;
}

// Sinks add the latency, so what is to be shown now has a running time of as much before.
RunningClock SourceStream::dueNow()
{
    RunningClock clock = port_.clockReadNow();
    clock.now -= static_cast<GstClockTimeDiff>(port_.latency.load(std::memory_order_relaxed));
    return clock;
}

void SourceStream::pushOwedSegment(int64_t firstTime)
{
    gst_pad_push_event(port_.pad, times_.takeSegment(firstTime, dueNow()).release());
    pushHeld();
}

// What must come before an event of our own, where no producer said it.
void SourceStream::pushOwnStart()
{
    if (!started_) {
        started_ = true;
        gchar *id = gst_pad_create_stream_id(port_.pad, port_.element, nullptr);
        EventOwner start(gst_event_new_stream_start(id));
        g_free(id);
        gst_event_set_group_id(start.get(), gst_util_group_id_next());
        gst_pad_push_event(port_.pad, start.release());
    }
    if (times_.owesSegment())
        pushOwedSegment(kNoTime);
    if (times_.hasSegment())
        return;
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(port_.pad, gst_event_new_segment(&segment));
}

} // namespace sharedring
