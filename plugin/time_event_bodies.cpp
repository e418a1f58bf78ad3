// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layouts. GAP: timestamp and duration as uint64_t, flags as uint32_t. SEGMENT_DONE: format as int32_t,
// position as int64_t. INSTANT_RATE_CHANGE: multiplier as double, flags as uint32_t.
#include "plugin/event_bodies.h"

#include "plugin/segment_codec.h"

#include <limits>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr uint64_t kMaxTime = std::numeric_limits<int64_t>::max();
constexpr uint32_t kKnownGapFlags = GST_GAP_FLAG_MISSING_DATA;

bool encodeSegmentEvent(GstEvent *event, ByteWriter &out)
{
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    return encodeSegment(*segment, out);
}

DecodedEvent decodeSegmentEvent(ByteReader &in, GstObject *)
{
    const auto segment = decodeSegment(in);
    return plain(segment ? gst_event_new_segment(&*segment) : nullptr);
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

DecodedEvent decodeSegmentDone(ByteReader &in, GstObject *)
{
    const auto format = in.number<int32_t>();
    const auto position = in.number<int64_t>();
    if (in.failed() || format < 0 || format > GST_FORMAT_PERCENT || position < -1 ||
        !isSharedFormat(static_cast<GstFormat>(format)))
        return {};
    return plain(gst_event_new_segment_done(static_cast<GstFormat>(format), position));
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

DecodedEvent decodeGap(ByteReader &in, GstObject *)
{
    const auto timestamp = in.number<uint64_t>();
    const auto duration = in.number<uint64_t>();
    const auto flags = in.number<uint32_t>() & kKnownGapFlags;
    if (in.failed() || timestamp > kMaxTime || !isTimeOrNone(duration))
        return {};
    GstEvent *event = gst_event_new_gap(timestamp, duration);
    if (flags != 0)
        gst_event_set_gap_flags(event, static_cast<GstGapFlags>(flags));
    return plain(event);
}

// A multiplier changes no direction; GStreamer asserts that it is not 0.
bool isMultiplier(double multiplier)
{
    return multiplier >= kMinRate && multiplier <= kMaxRate;
}

bool encodeInstantRateChange(GstEvent *event, ByteWriter &out)
{
    gdouble multiplier = 0;
    GstSegmentFlags flags = GST_SEGMENT_FLAG_NONE;
    gst_event_parse_instant_rate_change(event, &multiplier, &flags);
    out.number(double{multiplier});
    out.number(static_cast<uint32_t>(flags));
    return isMultiplier(multiplier);
}

DecodedEvent decodeInstantRateChange(ByteReader &in, GstObject *)
{
    const auto multiplier = in.number<double>();
    const auto flags = in.number<uint32_t>(); // GStreamer drops those that are not for this
    if (in.failed() || !isMultiplier(multiplier))
        return {};
    return plain(gst_event_new_instant_rate_change(multiplier, static_cast<GstSegmentFlags>(flags)));
}

} // namespace

const EventBody kSegmentBody{encodeSegmentEvent, decodeSegmentEvent};
const EventBody kSegmentDoneBody{encodeSegmentDone, decodeSegmentDone};
const EventBody kGapBody{encodeGap, decodeGap};
const EventBody kInstantRateChangeBody{encodeInstantRateChange, decodeInstantRateChange};

} // namespace sharedring
