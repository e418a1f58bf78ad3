// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: the sequence number as uint32_t, then the body that belongs to the type.
#include "plugin/event_codec.h"

#include "plugin/caps_codec.h"
#include "plugin/event_bodies.h"
#include "plugin/stream_codec.h"
#include "plugin/tag_codec.h"
#include "plugin/toc_codec.h"

#include <algorithm>
#include <utility>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr size_t kSeqnumBytes = sizeof(uint32_t);
constexpr size_t kSmallBytes = 256; // what has no variable part
constexpr size_t kStreamBytes = kSmallBytes + kMaxStreamIdBytes + kMaxStreamCapsBytes + kMaxStreamTagBytes;

struct Kind {
    WireEvent wire;
    GstEventType type;
    size_t maxBytes; // of the body
    EventBody body;
};

// A function, not a table of its own: the bodies are constants of other translation units.
std::span<const Kind> kinds()
{
    static const Kind table[] = {
        {WireEvent::StreamStart, GST_EVENT_STREAM_START, kSmallBytes + kMaxStreamIdBytes + kStreamBytes,
         kStreamStartBody},
        {WireEvent::Caps, GST_EVENT_CAPS, kMaxCapsBytes, kCapsBody},
        {WireEvent::Segment, GST_EVENT_SEGMENT, kSmallBytes, kSegmentBody},
        {WireEvent::Tag, GST_EVENT_TAG, sizeof(uint32_t) + kMaxTagListBytes, kTagBody},
        {WireEvent::Gap, GST_EVENT_GAP, kSmallBytes, kGapBody},
        {WireEvent::SegmentDone, GST_EVENT_SEGMENT_DONE, kSmallBytes, kSegmentDoneBody},
        {WireEvent::CustomDownstream, GST_EVENT_CUSTOM_DOWNSTREAM, kMaxCustomEventBytes,
         kCustomDownstreamBody},
        {WireEvent::CustomDownstreamSticky, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, kMaxCustomEventBytes,
         kCustomDownstreamStickyBody},
        {WireEvent::Toc, GST_EVENT_TOC, kMaxTocBytes, kTocBody},
        {WireEvent::StreamCollection, GST_EVENT_STREAM_COLLECTION, kMaxCollectionBytes,
         kStreamCollectionBody},
        {WireEvent::SinkMessage, GST_EVENT_SINK_MESSAGE, kMaxCustomEventBytes, kSinkMessageBody},
        {WireEvent::Protection, GST_EVENT_PROTECTION, kMaxProtectionBytes, kProtectionBody},
        {WireEvent::InstantRateChange, GST_EVENT_INSTANT_RATE_CHANGE, kSmallBytes, kInstantRateChangeBody},
        {WireEvent::StreamGroupDone, GST_EVENT_STREAM_GROUP_DONE, kSmallBytes, kStreamGroupDoneBody},
        {WireEvent::CustomDownstreamOob, GST_EVENT_CUSTOM_DOWNSTREAM_OOB, kMaxCustomEventBytes,
         kCustomDownstreamOobBody},
        {WireEvent::CustomBoth, GST_EVENT_CUSTOM_BOTH, kMaxCustomEventBytes, kCustomBothBody},
        {WireEvent::CustomBothOob, GST_EVENT_CUSTOM_BOTH_OOB, kMaxCustomEventBytes, kCustomBothOobBody},
    };
    return table;
}

// nullptr: a type that does not cross, or that we do not know.
template <typename Member, typename Value>
const Kind *find(Member member, Value value)
{
    const auto all = kinds();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Kind &kind) { return kind.*member == value; });
    return found == all.end() ? nullptr : &*found;
}

} // namespace

size_t maxEventBytes(WireEvent type)
{
    const Kind *kind = find(&Kind::wire, type);
    return kind ? kSeqnumBytes + kind->maxBytes : 0;
}

std::optional<EncodedEvent> encodeEvent(GstEvent *event)
{
    const Kind *kind = find(&Kind::type, GST_EVENT_TYPE(event));
    if (!kind)
        return std::nullopt;
    ByteWriter out(kSeqnumBytes + kind->maxBytes);
    out.number(uint32_t{gst_event_get_seqnum(event)});
    if (!kind->body.encode(event, out) || out.overflowed())
        return std::nullopt;
    return EncodedEvent{kind->wire, out.take()};
}

EventOwner numbered(EventOwner event, guint32 seqnum)
{
    if (seqnum != GST_SEQNUM_INVALID)
        gst_event_set_seqnum(event.get(), seqnum);
    return event;
}

DecodedEvent decodeEvent(WireEvent type, std::span<const std::byte> bytes, GstObject *messageSource)
{
    const Kind *kind = find(&Kind::wire, type);
    if (!kind || bytes.size() > kSeqnumBytes + kind->maxBytes)
        return {};
    ByteReader in(bytes);
    const auto seqnum = in.number<uint32_t>();
    DecodedEvent decoded = kind->body.decode(in, messageSource);
    if (!decoded.event || in.failed() || !in.atEnd())
        return {};
    decoded.event = numbered(std::move(decoded.event), seqnum);
    return decoded;
}

EventOwner movedGap(GstEvent *gap, GstClockTime timestamp, GstClockTime duration)
{
    auto flags = static_cast<GstGapFlags>(0);
    gst_event_parse_gap_flags(gap, &flags);
    EventOwner moved(gst_event_new_gap(timestamp, duration));
    if (flags != 0)
        gst_event_set_gap_flags(moved.get(), flags);
    gst_event_set_seqnum(moved.get(), gst_event_get_seqnum(gap));
    return moved;
}

} // namespace sharedring
