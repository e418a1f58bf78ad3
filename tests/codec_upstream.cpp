// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a client asks its producer for arrives as it was meant, and nothing else is read out of it.
#include "plugin/stream_wire.h"
#include "plugin/upstream_codec.h"
#include "ringcore/control_protocol.h"
#include "tests/codec_wire.h"

#include <gst/video/video.h>

#include <cmath>
#include <limits>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

enum Number : uint32_t { KeyUnit = 1, Qos = 2, Latency = 3, Custom = 4 }; // as on the wire

std::optional<UpstreamRequest> crossed(GstEvent *made, std::optional<int64_t> toWire = 0)
{
    const EventOwner event(made);
    const auto encoded = encodeUpstream(event.get(), toWire);
    if (!encoded)
        return std::nullopt;
    return decodeUpstream(static_cast<uint32_t>(encoded->kind), encoded->bytes);
}

bool decodes(uint32_t kind, const Hostile &hostile)
{
    return decodeUpstream(kind, hostile.bytes()).has_value();
}

template <typename T>
const T &as(const std::optional<UpstreamRequest> &request)
{
    EXPECT_TRUE(request && std::holds_alternative<T>(*request));
    return std::get<T>(request.value());
}

} // namespace

TEST(KeyUnitRequest, KeepsItsFields)
{
    const auto received = crossed(gst_video_event_new_upstream_force_key_unit(5 * GST_SECOND, TRUE, 7), 100);
    const auto &request = as<KeyUnitRequest>(received);
    EXPECT_EQ(request.runningTime, static_cast<int64_t>(5 * GST_SECOND + 100));
    EXPECT_TRUE(request.allHeaders);
    EXPECT_EQ(request.count, 7u);
}

TEST(KeyUnitRequest, WithoutATimeOrAClockIsForNow)
{
    const auto make = [](GstClockTime time) {
        return gst_video_event_new_upstream_force_key_unit(time, FALSE, 0);
    };
    EXPECT_EQ(as<KeyUnitRequest>(crossed(make(GST_CLOCK_TIME_NONE))).runningTime, kNoTime);
    EXPECT_EQ(as<KeyUnitRequest>(crossed(make(GST_SECOND), std::nullopt)).runningTime, kNoTime);
    EXPECT_EQ(as<KeyUnitRequest>(crossed(make(G_MAXINT64), G_MAXINT64)).runningTime, kNoTime);
}

TEST(HostileKeyUnitRequest, IsRefused)
{
    const auto request = [](uint8_t allHeaders) {
        return Hostile().number(int64_t{1}).number(allHeaders).number(uint32_t{1});
    };
    EXPECT_TRUE(decodes(KeyUnit, request(1)));
    EXPECT_FALSE(decodes(KeyUnit, request(2)));
    EXPECT_FALSE(decodes(KeyUnit, request(1).number(uint8_t{0})));
    EXPECT_FALSE(decodes(KeyUnit, Hostile().number(int64_t{1}).number(uint8_t{1})));
}

TEST(QosRequest, KeepsItsFields)
{
    const auto received =
        crossed(gst_event_new_qos(GST_QOS_TYPE_OVERFLOW, 1.5, -20 * GST_MSECOND, GST_SECOND), -100);
    const auto &request = as<QosRequest>(received);
    EXPECT_EQ(request.type, GST_QOS_TYPE_OVERFLOW);
    EXPECT_EQ(request.proportion, 1.5);
    EXPECT_EQ(request.lateness, -20 * GST_MSECOND);
    EXPECT_EQ(request.runningTime, static_cast<int64_t>(GST_SECOND - 100));
}

// A consumer that is hours late is honest, and no producer must drop it for that.
TEST(QosRequest, IsClampedWhereItIsMade)
{
    const auto received =
        crossed(gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1e9, 3600 * GST_SECOND, GST_SECOND));
    EXPECT_EQ(as<QosRequest>(received).proportion, kMostProportion);
    EXPECT_EQ(as<QosRequest>(received).lateness, kMostLateness);
    EXPECT_EQ(as<QosRequest>(crossed(gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0,
                                                       -3600 * static_cast<GstClockTimeDiff>(GST_SECOND),
                                                       3600 * GST_SECOND)))
                  .lateness,
              -kMostLateness);
}

TEST(QosRequest, NeedsATime)
{
    EXPECT_FALSE(crossed(gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, 0, GST_SECOND), std::nullopt));
    EXPECT_FALSE(crossed(gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, 0, GST_CLOCK_TIME_NONE)));
}

TEST(HostileQosRequest, IsRefused)
{
    const auto request = [](uint32_t type, double proportion, int64_t lateness, int64_t time = 1) {
        return Hostile().number(type).number(proportion).number(lateness).number(time);
    };
    EXPECT_TRUE(decodes(Qos, request(GST_QOS_TYPE_THROTTLE, kMostProportion, kMostLateness)));
    EXPECT_TRUE(decodes(Qos, request(GST_QOS_TYPE_OVERFLOW, 0, -kMostLateness)));
    EXPECT_FALSE(decodes(Qos, request(GST_QOS_TYPE_THROTTLE + 1, 1, 0)));
    EXPECT_FALSE(decodes(Qos, request(1, std::numeric_limits<double>::quiet_NaN(), 0)));
    EXPECT_FALSE(decodes(Qos, request(1, std::numeric_limits<double>::infinity(), 0)));
    EXPECT_FALSE(decodes(Qos, request(1, std::nextafter(kMostProportion, 1000), 0)));
    EXPECT_FALSE(decodes(Qos, request(1, -0.1, 0)));
    EXPECT_FALSE(decodes(Qos, request(1, 1, kMostLateness + 1)));
    EXPECT_FALSE(decodes(Qos, request(1, 1, -kMostLateness - 1)));
    EXPECT_FALSE(decodes(Qos, request(1, 1, 0, kNoTime)));
    EXPECT_FALSE(decodes(Qos, request(1, 1, 0).number(uint8_t{0})));
}

TEST(LatencyRequest, IsKeptAndBounded)
{
    EXPECT_EQ(as<LatencyRequest>(crossed(gst_event_new_latency(20 * GST_MSECOND))).latency, 20 * GST_MSECOND);
    EXPECT_EQ(as<LatencyRequest>(crossed(gst_event_new_latency(3600 * GST_SECOND))).latency,
              static_cast<GstClockTime>(kMostLateness));
    EXPECT_TRUE(decodes(Latency, Hostile().number(uint64_t{kMostLateness})));
    EXPECT_FALSE(decodes(Latency, Hostile().number(uint64_t{kMostLateness} + 1)));
    EXPECT_FALSE(decodes(Latency, Hostile().number(uint32_t{1})));
}

TEST(CustomRequest, KeepsItsStructureAndKind)
{
    for (const GstEventType type : {GST_EVENT_CUSTOM_UPSTREAM, GST_EVENT_NAVIGATION}) {
        GstStructure *structure = gst_structure_new("app", "zoom", G_TYPE_INT, 3, nullptr);
        const StructureOwner expected(gst_structure_copy(structure));
        const auto received = crossed(gst_event_new_custom(type, structure));
        GstEvent *event = as<CustomRequest>(received).event.get();
        EXPECT_EQ(GST_EVENT_TYPE(event), type);
        EXPECT_TRUE(gst_structure_is_equal(gst_event_get_structure(event), expected.get()));
    }
}

TEST(CustomRequest, OfWhatCannotCrossIsNotSent)
{
    EXPECT_FALSE(crossed(gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, nullptr)));
    EXPECT_FALSE(crossed(gst_event_new_custom(
        GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new("app", "p", G_TYPE_POINTER, nullptr, nullptr))));
    EXPECT_FALSE(crossed(gst_event_new_navigation(gst_structure_new_empty("GstForceKeyUnit"))));
    const std::string large(ringcore::kRequestLimit, 'x');
    EXPECT_FALSE(crossed(gst_event_new_custom(
        GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new("app", "s", G_TYPE_STRING, large.c_str(), nullptr))));
}

TEST(HostileCustomRequest, IsRefused)
{
    const auto request = [](uint8_t kind, std::string_view name) {
        return Hostile().number(kind).text(name).number(uint32_t{0});
    };
    EXPECT_TRUE(decodes(Custom, request(0, "app")));
    EXPECT_TRUE(decodes(Custom, request(1, "app")));
    EXPECT_FALSE(decodes(Custom, request(2, "app")));
    EXPECT_FALSE(decodes(Custom, request(0, "not a name")));
    EXPECT_FALSE(decodes(Custom, request(0, "app").number(uint8_t{0})));
    // That one has a kind, and a rate, of its own.
    EXPECT_FALSE(decodes(Custom, request(0, "GstForceKeyUnit")));
}

TEST(UpstreamEvents, ThatNoProducerHasToDoWithAreNotSent)
{
    EXPECT_FALSE(crossed(gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_NONE, GST_SEEK_TYPE_SET, 0,
                                            GST_SEEK_TYPE_NONE, 0)));
    EXPECT_FALSE(crossed(gst_event_new_reconfigure()));
    EXPECT_FALSE(crossed(gst_event_new_step(GST_FORMAT_TIME, 1, 1.0, TRUE, FALSE)));
}

TEST(UpstreamEvents, OfAnUnknownKindAreRefused)
{
    for (const uint32_t kind : {0u, 5u, UINT32_MAX})
        EXPECT_FALSE(decodes(kind, Hostile().number(int64_t{1}).number(uint8_t{1}).number(uint32_t{1})));
}
