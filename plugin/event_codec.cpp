// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: the sequence number as uint32_t, then the body that belongs to the type.
#include "plugin/event_codec.h"

#include "plugin/caps_codec.h"
#include "plugin/segment_codec.h"
#include "plugin/structure_codec.h"
#include "plugin/tag_codec.h"

#include <limits>
#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr size_t kSeqnumBytes = sizeof(uint32_t);
constexpr size_t kMaxSmallEventBytes = 256; // what has no variable part
constexpr uint64_t kMaxTime = std::numeric_limits<int64_t>::max();

constexpr uint32_t kKnownStreamFlags =
    GST_STREAM_FLAG_SPARSE | GST_STREAM_FLAG_SELECT | GST_STREAM_FLAG_UNSELECT;
constexpr uint32_t kKnownGapFlags = GST_GAP_FLAG_MISSING_DATA;

std::optional<WireEvent> wireType(const GstEvent &event)
{
    switch (GST_EVENT_TYPE(&event)) {
    case GST_EVENT_STREAM_START:
        return WireEvent::StreamStart;
    case GST_EVENT_CAPS:
        return WireEvent::Caps;
    case GST_EVENT_SEGMENT:
        return WireEvent::Segment;
    case GST_EVENT_TAG:
        return WireEvent::Tag;
    case GST_EVENT_GAP:
        return WireEvent::Gap;
    case GST_EVENT_SEGMENT_DONE:
        return WireEvent::SegmentDone;
    case GST_EVENT_CUSTOM_DOWNSTREAM:
        return WireEvent::CustomDownstream;
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
        return WireEvent::CustomDownstreamSticky;
    default:
        return std::nullopt;
    }
}

bool isStreamId(std::string_view id)
{
    return !id.empty() && id.size() <= kMaxStreamIdBytes &&
           g_utf8_validate_len(id.data(), id.size(), nullptr);
}

bool encodeStreamStart(GstEvent *event, ByteWriter &out)
{
    const char *id = nullptr;
    GstStreamFlags flags = GST_STREAM_FLAG_NONE;
    guint group = 0;
    gst_event_parse_stream_start(event, &id);
    gst_event_parse_stream_flags(event, &flags);
    const bool hasGroup = gst_event_parse_group_id(event, &group) != FALSE;
    if (id == nullptr || !isStreamId(id))
        return false;
    out.counted(std::string_view(id));
    out.number(static_cast<uint32_t>(flags) & kKnownStreamFlags);
    out.number(static_cast<uint8_t>(hasGroup ? 1 : 0));
    out.number(uint32_t{group});
    return true;
}

DecodedEvent decodeStreamStart(ByteReader &in)
{
    const std::string id(in.text(kMaxStreamIdBytes));
    const auto flags = in.number<uint32_t>() & kKnownStreamFlags;
    const auto hasGroup = in.number<uint8_t>();
    const auto group = in.number<uint32_t>();
    if (in.failed() || !isStreamId(id) || hasGroup > 1)
        return {};
    DecodedEvent decoded{EventOwner(gst_event_new_stream_start(id.c_str())), std::nullopt};
    gst_event_set_stream_flags(decoded.event.get(), static_cast<GstStreamFlags>(flags));
    if (hasGroup == 1)
        decoded.producerGroupId = group;
    return decoded;
}

bool encodeCapsEvent(GstEvent *event, ByteWriter &out)
{
    GstCaps *caps = nullptr;
    MessageBudget budget;
    gst_event_parse_caps(event, &caps);
    return caps != nullptr && encodeCaps(*caps, out, budget);
}

GstEvent *decodeCapsEvent(ByteReader &in)
{
    MessageBudget budget;
    const CapsOwner caps = decodeCaps(in, budget);
    return caps ? gst_event_new_caps(caps.get()) : nullptr;
}

bool encodeSegmentEvent(GstEvent *event, ByteWriter &out)
{
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    return encodeSegment(*segment, out);
}

GstEvent *decodeSegmentEvent(ByteReader &in)
{
    const auto segment = decodeSegment(in);
    return segment ? gst_event_new_segment(&*segment) : nullptr;
}

bool encodeTagEvent(GstEvent *event, ByteWriter &out)
{
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    if (tags == nullptr)
        return false;
    out.counted(encodeTagList(*tags));
    return true;
}

GstEvent *decodeTagEvent(ByteReader &in)
{
    TagListOwner tags = decodeTagList(in.counted(kMaxTagListBytes));
    return tags ? gst_event_new_tag(tags.release()) : nullptr;
}

bool isTimeOrNone(uint64_t time)
{
    return time <= kMaxTime || time == GST_CLOCK_TIME_NONE;
}

bool encodeGap(GstEvent *event, ByteWriter &out)
{
    GstClockTime timestamp = 0;
    GstClockTime duration = 0;
    auto flags = static_cast<GstGapFlags>(0);
    gst_event_parse_gap(event, &timestamp, &duration);
    gst_event_parse_gap_flags(event, &flags);
    if (timestamp > kMaxTime || !isTimeOrNone(duration))
        return false;
    out.number(uint64_t{timestamp});
    out.number(uint64_t{duration});
    out.number(static_cast<uint32_t>(flags) & kKnownGapFlags);
    return true;
}

GstEvent *decodeGap(ByteReader &in)
{
    const auto timestamp = in.number<uint64_t>();
    const auto duration = in.number<uint64_t>();
    const auto flags = in.number<uint32_t>() & kKnownGapFlags;
    if (in.failed() || timestamp > kMaxTime || !isTimeOrNone(duration))
        return nullptr;
    GstEvent *event = gst_event_new_gap(timestamp, duration);
    if (flags != 0)
        gst_event_set_gap_flags(event, static_cast<GstGapFlags>(flags));
    return event;
}

bool encodeSegmentDone(GstEvent *event, ByteWriter &out)
{
    GstFormat format = GST_FORMAT_UNDEFINED;
    gint64 position = 0;
    gst_event_parse_segment_done(event, &format, &position);
    if (!isSharedFormat(format) || position < -1)
        return false;
    out.number(static_cast<int32_t>(format));
    out.number(int64_t{position});
    return true;
}

GstEvent *decodeSegmentDone(ByteReader &in)
{
    const auto format = in.number<int32_t>();
    const auto position = in.number<int64_t>();
    if (in.failed() || format < 0 || format > GST_FORMAT_PERCENT || position < -1 ||
        !isSharedFormat(static_cast<GstFormat>(format)))
        return nullptr;
    return gst_event_new_segment_done(static_cast<GstFormat>(format), position);
}

bool encodeCustom(GstEvent *event, ByteWriter &out)
{
    const GstStructure *structure = gst_event_get_structure(event);
    MessageBudget budget;
    return structure != nullptr && encodeStructure(*structure, out, budget);
}

GstEvent *decodeCustom(GstEventType type, ByteReader &in)
{
    MessageBudget budget;
    StructureOwner structure = decodeStructure(in, budget);
    return structure ? gst_event_new_custom(type, structure.release()) : nullptr;
}

bool encodeBody(WireEvent type, GstEvent *event, ByteWriter &out)
{
    switch (type) {
    case WireEvent::StreamStart:
        return encodeStreamStart(event, out);
    case WireEvent::Caps:
        return encodeCapsEvent(event, out);
    case WireEvent::Segment:
        return encodeSegmentEvent(event, out);
    case WireEvent::Tag:
        return encodeTagEvent(event, out);
    case WireEvent::Gap:
        return encodeGap(event, out);
    case WireEvent::SegmentDone:
        return encodeSegmentDone(event, out);
    case WireEvent::CustomDownstream:
    case WireEvent::CustomDownstreamSticky:
        return encodeCustom(event, out);
    }
    return false;
}

DecodedEvent decodeBody(WireEvent type, ByteReader &in)
{
    const auto plain = [](GstEvent *event) { return DecodedEvent{EventOwner(event), std::nullopt}; };
    switch (type) {
    case WireEvent::StreamStart:
        return decodeStreamStart(in);
    case WireEvent::Caps:
        return plain(decodeCapsEvent(in));
    case WireEvent::Segment:
        return plain(decodeSegmentEvent(in));
    case WireEvent::Tag:
        return plain(decodeTagEvent(in));
    case WireEvent::Gap:
        return plain(decodeGap(in));
    case WireEvent::SegmentDone:
        return plain(decodeSegmentDone(in));
    case WireEvent::CustomDownstream:
        return plain(decodeCustom(GST_EVENT_CUSTOM_DOWNSTREAM, in));
    case WireEvent::CustomDownstreamSticky:
        return plain(decodeCustom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, in));
    }
    return {}; // a type that we do not know
}

} // namespace

size_t maxEventBytes(WireEvent type)
{
    switch (type) {
    case WireEvent::StreamStart:
        return kSeqnumBytes + kMaxSmallEventBytes + kMaxStreamIdBytes;
    case WireEvent::Caps:
        return kSeqnumBytes + kMaxCapsBytes;
    case WireEvent::Tag:
        return kSeqnumBytes + sizeof(uint32_t) + kMaxTagListBytes;
    case WireEvent::Segment:
    case WireEvent::Gap:
    case WireEvent::SegmentDone:
        return kSeqnumBytes + kMaxSmallEventBytes;
    case WireEvent::CustomDownstream:
    case WireEvent::CustomDownstreamSticky:
        return kSeqnumBytes + kMaxCustomEventBytes;
    }
    return 0;
}

std::optional<EncodedEvent> encodeEvent(GstEvent *event)
{
    const auto type = wireType(*event);
    if (!type)
        return std::nullopt;
    ByteWriter out(maxEventBytes(*type));
    out.number(uint32_t{gst_event_get_seqnum(event)});
    if (!encodeBody(*type, event, out) || out.overflowed())
        return std::nullopt;
    return EncodedEvent{*type, out.take()};
}

DecodedEvent decodeEvent(WireEvent type, std::span<const std::byte> bytes)
{
    if (bytes.size() > maxEventBytes(type))
        return {};
    ByteReader in(bytes);
    const auto seqnum = in.number<uint32_t>();
    DecodedEvent decoded = decodeBody(type, in);
    if (!decoded.event || in.failed() || !in.atEnd())
        return {};
    if (seqnum != GST_SEQNUM_INVALID)
        gst_event_set_seqnum(decoded.event.get(), seqnum);
    return decoded;
}

} // namespace sharedring
