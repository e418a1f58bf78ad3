// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: the fields of GstSegment in their order, each with a fixed size.
#include "plugin/segment_codec.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sharedring
{

namespace
{

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max(); // GST_CLOCK_TIME_NONE and "-1"
constexpr uint64_t kMaxPosition = std::numeric_limits<int64_t>::max();

constexpr uint32_t kKnownFlags = GST_SEGMENT_FLAG_RESET | GST_SEGMENT_FLAG_TRICKMODE |
                                 GST_SEGMENT_FLAG_SEGMENT | GST_SEGMENT_FLAG_TRICKMODE_KEY_UNITS |
                                 GST_SEGMENT_FLAG_TRICKMODE_FORWARD_PREDICTED |
                                 GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO;

bool isRate(double rate)
{
    const double speed = std::fabs(rate); // of NaN: NaN, which is in no range
    return speed >= kMinRate && speed <= kMaxRate;
}

bool isPosition(uint64_t position)
{
    return position <= kMaxPosition;
}
bool isPositionOrNone(uint64_t position)
{
    return position == kNone || isPosition(position);
}

bool isValid(const GstSegment &s)
{
    if (!isRate(s.rate) || !isRate(s.applied_rate) || !isSharedFormat(s.format))
        return false;
    if (!isPosition(s.base) || !isPosition(s.offset) || !isPosition(s.start) ||
        !isPosition(s.start + s.offset)) // no wrap: each is below 2^63
        return false;
    if (!isPositionOrNone(s.stop) || !isPositionOrNone(s.time) || !isPositionOrNone(s.position) ||
        !isPositionOrNone(s.duration))
        return false;
    // Played backwards, time runs from the end; GStreamer up to 1.24 asserts that there is one, and
    // takes the duration for it where no stop is set.
    const bool backwards = s.rate < 0;
    const uint64_t end = s.stop == kNone && backwards && s.duration != kNone ? s.start + s.duration : s.stop;
    return end == kNone ? !backwards : s.start + s.offset <= end;
}

} // namespace

bool isSharedFormat(GstFormat format)
{
    constexpr GstFormat kShared[] = {GST_FORMAT_DEFAULT, GST_FORMAT_BYTES, GST_FORMAT_TIME,
                                     GST_FORMAT_BUFFERS, GST_FORMAT_PERCENT};
    return std::find(std::begin(kShared), std::end(kShared), format) != std::end(kShared);
}

bool encodeSegment(const GstSegment &s, ringcore::ByteWriter &out)
{
    if (!isValid(s))
        return false;
    out.number(static_cast<uint32_t>(s.flags) & kKnownFlags);
    out.number(s.rate);
    out.number(s.applied_rate);
    out.number(static_cast<int32_t>(s.format));
    for (const uint64_t field : {s.base, s.offset, s.start, s.stop, s.time, s.position, s.duration})
        out.number(field);
    return true;
}

std::optional<GstSegment> decodeSegment(ringcore::ByteReader &in)
{
    GstSegment s;
    gst_segment_init(&s, GST_FORMAT_TIME);
    const auto flags = in.number<uint32_t>() & kKnownFlags;
    s.rate = in.number<double>();
    s.applied_rate = in.number<double>();
    const auto format = in.number<int32_t>();
    if (in.failed() || format < 0 || format > GST_FORMAT_PERCENT) // before the cast to an enum
        return std::nullopt;
    s.flags = static_cast<GstSegmentFlags>(flags);
    s.format = static_cast<GstFormat>(format);
    for (guint64 *field : {&s.base, &s.offset, &s.start, &s.stop, &s.time, &s.position, &s.duration})
        *field = in.number<uint64_t>();
    return !in.failed() && isValid(s) ? std::optional(s) : std::nullopt;
}

} // namespace sharedring
