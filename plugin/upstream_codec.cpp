// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugin/upstream_codec.h"

#include "plugin/message_budget.h"
#include "plugin/peer_names.h"
#include "plugin/stream_wire.h"
#include "plugin/structure_codec.h"
#include "ringcore/control_protocol.h"

#include <algorithm>
#include <cmath>
#include <gst/video/video.h>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

enum class CustomKind : uint8_t { Upstream = 0, Navigation = 1 };

int64_t onWire(GstClockTime time, std::optional<int64_t> toWire)
{
    int64_t moved;
    if (!toWire || time > static_cast<GstClockTime>(G_MAXINT64) ||
        __builtin_add_overflow(static_cast<int64_t>(time), *toWire, &moved))
        return kNoTime;
    return moved;
}

std::optional<EncodedRequest> finished(WireRequest kind, ByteWriter &out, bool replacesWaiting = false)
{
    if (out.overflowed())
        return std::nullopt;
    return EncodedRequest{kind, out.take(), replacesWaiting};
}

// That has a kind of its own, which is rarer.
bool isKeyUnitRequest(const GstStructure *structure)
{
    return gst_structure_has_name(structure, kForceKeyUnitName);
}

std::optional<EncodedRequest> encodeKeyUnit(GstEvent *event, std::optional<int64_t> toWire)
{
    GstClockTime time = GST_CLOCK_TIME_NONE;
    gboolean allHeaders = FALSE;
    guint count = 0;
    if (!gst_video_event_parse_upstream_force_key_unit(event, &time, &allHeaders, &count))
        return std::nullopt;
    ByteWriter out(ringcore::kRequestLimit);
    out.number(onWire(time, toWire));
    out.number(static_cast<uint8_t>(allHeaders ? 1 : 0));
    out.number(uint32_t{count});
    return finished(WireRequest::ForceKeyUnit, out);
}

std::optional<EncodedRequest> encodeQos(GstEvent *event, std::optional<int64_t> toWire)
{
    GstQOSType type = GST_QOS_TYPE_UNDERFLOW;
    gdouble proportion = 1;
    GstClockTimeDiff lateness = 0;
    GstClockTime time = GST_CLOCK_TIME_NONE;
    gst_event_parse_qos(event, &type, &proportion, &lateness, &time);
    const int64_t moved = onWire(time, toWire);
    if (moved == kNoTime || std::isnan(proportion))
        return std::nullopt;
    ByteWriter out(ringcore::kRequestLimit);
    out.number(static_cast<uint32_t>(type));
    out.number(std::clamp(proportion, 0.0, kMostProportion));
    out.number(std::clamp<int64_t>(lateness, -kMostLateness, kMostLateness));
    out.number(moved);
    return finished(WireRequest::Qos, out, true);
}

std::optional<EncodedRequest> encodeLatency(GstEvent *event)
{
    GstClockTime latency = 0;
    gst_event_parse_latency(event, &latency);
    ByteWriter out(ringcore::kRequestLimit);
    out.number(std::min<uint64_t>(latency, kMostLateness));
    return finished(WireRequest::Latency, out, true);
}

std::optional<EncodedRequest> encodeCustom(GstEvent *event, CustomKind kind)
{
    const GstStructure *structure = gst_event_get_structure(event);
    MessageBudget budget;
    ByteWriter out(ringcore::kRequestLimit);
    out.number(static_cast<uint8_t>(kind));
    if (!structure || isKeyUnitRequest(structure) || !encodeStructure(*structure, out, budget))
        return std::nullopt;
    return finished(WireRequest::Custom, out);
}

std::optional<UpstreamRequest> decodeKeyUnit(ByteReader &in)
{
    KeyUnitRequest request;
    request.runningTime = in.number<int64_t>();
    const auto allHeaders = in.number<uint8_t>();
    request.count = in.number<uint32_t>();
    if (allHeaders > 1)
        return std::nullopt;
    request.allHeaders = allHeaders == 1;
    return request;
}

std::optional<UpstreamRequest> decodeQos(ByteReader &in)
{
    QosRequest request;
    const auto type = in.number<uint32_t>();
    request.proportion = in.number<double>();
    request.lateness = in.number<int64_t>();
    request.runningTime = in.number<int64_t>();
    // The negated comparison refuses NaN, too.
    if (type > GST_QOS_TYPE_THROTTLE || !(request.proportion >= 0 && request.proportion <= kMostProportion) ||
        request.lateness < -kMostLateness || request.lateness > kMostLateness ||
        request.runningTime == kNoTime)
        return std::nullopt;
    request.type = static_cast<GstQOSType>(type);
    return request;
}

std::optional<UpstreamRequest> decodeLatency(ByteReader &in)
{
    const auto latency = in.number<uint64_t>();
    if (latency > static_cast<uint64_t>(kMostLateness))
        return std::nullopt;
    return LatencyRequest{latency};
}

std::optional<UpstreamRequest> decodeCustom(ByteReader &in)
{
    const auto kind = in.number<uint8_t>();
    if (in.failed() || kind > static_cast<uint8_t>(CustomKind::Navigation))
        return std::nullopt;
    MessageBudget budget;
    StructureOwner structure = decodeStructure(in, budget);
    if (!structure || isKeyUnitRequest(structure.get()))
        return std::nullopt;
    return CustomRequest{EventOwner(gst_event_new_custom(static_cast<CustomKind>(kind) == CustomKind::Upstream
                                                             ? GST_EVENT_CUSTOM_UPSTREAM
                                                             : GST_EVENT_NAVIGATION,
                                                         structure.release()))};
}

std::optional<UpstreamRequest> decodeBody(uint32_t kind, ByteReader &in)
{
    switch (static_cast<WireRequest>(kind)) {
    case WireRequest::ForceKeyUnit:
        return decodeKeyUnit(in);
    case WireRequest::Qos:
        return decodeQos(in);
    case WireRequest::Latency:
        return decodeLatency(in);
    case WireRequest::Custom:
        return decodeCustom(in);
    }
    return std::nullopt; // a kind that we do not know
}

} // namespace

std::optional<EncodedRequest> encodeUpstream(GstEvent *event, std::optional<int64_t> toWire)
{
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_QOS:
        return encodeQos(event, toWire);
    case GST_EVENT_LATENCY:
        return encodeLatency(event);
    case GST_EVENT_NAVIGATION:
        return encodeCustom(event, CustomKind::Navigation);
    case GST_EVENT_CUSTOM_UPSTREAM:
        return gst_video_event_is_force_key_unit(event) ? encodeKeyUnit(event, toWire)
                                                        : encodeCustom(event, CustomKind::Upstream);
    default:
        return std::nullopt;
    }
}

std::optional<UpstreamRequest> decodeUpstream(uint32_t kind, std::span<const std::byte> bytes)
{
    ByteReader in(bytes);
    auto request = decodeBody(kind, in);
    return in.failed() || !in.atEnd() ? std::nullopt : std::move(request);
}

std::optional<std::string_view> customNameIn(std::span<const std::byte> bytes)
{
    ByteReader in(bytes);
    in.number<uint8_t>(); // CustomKind
    const auto name = in.text(kMaxNameBytes);
    return in.failed() ? std::nullopt : std::optional(name);
}

} // namespace sharedring
