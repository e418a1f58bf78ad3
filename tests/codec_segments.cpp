// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every sensible segment arrives as it left; one on which GStreamer would assert, or whose sums
// would wrap, arrives nowhere.
#include "plugin/segment_codec.h"
#include "tests/codec_wire.h"

#include <cmath>
#include <limits>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
constexpr uint64_t kNone = GST_CLOCK_TIME_NONE;

struct Claim {
    uint32_t flags = 0;
    double rate = 1.0;
    double appliedRate = 1.0;
    int32_t format = GST_FORMAT_TIME;
    uint64_t base = 0, offset = 0, start = 0, stop = kNone, time = 0, position = 0, duration = kNone;
};

Hostile claim(const Claim &c)
{
    return Hostile()
        .number(c.flags)
        .number(c.rate)
        .number(c.appliedRate)
        .number(c.format)
        .number(c.base)
        .number(c.offset)
        .number(c.start)
        .number(c.stop)
        .number(c.time)
        .number(c.position)
        .number(c.duration);
}

std::optional<GstSegment> decoded(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    return decodeSegment(in);
}

TEST(Segment, KeepsEveryField)
{
    GstSegment sent;
    for (const GstFormat format :
         {GST_FORMAT_DEFAULT, GST_FORMAT_BYTES, GST_FORMAT_TIME, GST_FORMAT_BUFFERS}) {
        gst_segment_init(&sent, format);
        sent.flags = GST_SEGMENT_FLAG_RESET;
        sent.rate = -1.5;
        sent.applied_rate = 2.0;
        sent.base = 1;
        sent.offset = 2;
        sent.start = 3;
        sent.stop = 400;
        sent.time = 5;
        sent.position = 6;
        sent.duration = 7;
        Hostile wire;
        ASSERT_TRUE(encodeSegment(sent, wire.out));
        const auto received = decoded(wire);
        ASSERT_TRUE(received);
        EXPECT_TRUE(gst_segment_is_equal(&sent, &*received));
    }
}

TEST(Segment, FreshOneArrivesAsItLeft)
{
    GstSegment sent;
    gst_segment_init(&sent, GST_FORMAT_TIME);
    Hostile wire;
    ASSERT_TRUE(encodeSegment(sent, wire.out));
    const auto received = decoded(wire);
    ASSERT_TRUE(received);
    EXPECT_TRUE(gst_segment_is_equal(&sent, &*received));
}

TEST(Segment, UndefinedOneIsRefusedByTheWriter)
{
    GstSegment sent;
    gst_segment_init(&sent, GST_FORMAT_UNDEFINED);
    ringcore::ByteWriter out(1024);
    EXPECT_FALSE(encodeSegment(sent, out));
}

TEST(HostileSegment, UnknownFlagsAreDropped)
{
    const auto received = decoded(claim({.flags = 0xffffffff}));
    ASSERT_TRUE(received);
    EXPECT_EQ(static_cast<uint32_t>(received->flags) & ~0x39dU, 0U);
}

class HostileSegment : public testing::TestWithParam<Claim>
{
};

TEST_P(HostileSegment, IsRefused)
{
    EXPECT_FALSE(decoded(claim(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(
    EachFieldOutOfRange, HostileSegment,
    testing::Values(Claim{.rate = 0.0}, Claim{.rate = -0.0}, Claim{.rate = std::nan("")},
                    Claim{.rate = std::numeric_limits<double>::infinity()},
                    Claim{.rate = std::numeric_limits<double>::denorm_min()}, Claim{.rate = kMinRate / 2},
                    Claim{.rate = -kMaxRate * 2}, Claim{.appliedRate = 0.0},
                    Claim{.appliedRate = std::nan("")},
                    Claim{.appliedRate = -std::numeric_limits<double>::infinity()},
                    Claim{.appliedRate = kMaxRate * 2}, Claim{.format = GST_FORMAT_UNDEFINED},
                    Claim{.format = -1}, Claim{.format = GST_FORMAT_PERCENT + 1}, Claim{.format = INT32_MIN},
                    Claim{.base = kMost + 1}, Claim{.base = kNone}, Claim{.offset = kMost + 1},
                    Claim{.start = kNone}, Claim{.start = kMost + 1}, Claim{.offset = kMost, .start = 1},
                    Claim{.start = 2, .stop = 1}, Claim{.offset = 2, .start = 2, .stop = 3},
                    Claim{.rate = -1.0}, Claim{.rate = -1.0, .offset = 2, .duration = 1},
                    Claim{.stop = kNone - 1}, Claim{.time = kMost + 1}, Claim{.position = kMost + 1},
                    Claim{.duration = kMost + 1}));

// Every function that does sums with a segment, on every corner that the reader lets through.
TEST(HostileSegment, AtItsLimitsMakesNoSegmentFunctionAssert)
{
    int taken = 0;
    for (const double rate : {kMinRate, -kMinRate, kMaxRate, -kMaxRate, 1.0, -1.0})
        for (const uint64_t start : {uint64_t{0}, kMost})
            for (const uint64_t stop : {uint64_t{0}, kMost, kNone})
                for (const uint64_t other : {uint64_t{0}, kMost, kNone}) {
                    auto s = decoded(claim({.rate = rate,
                                            .appliedRate = -rate,
                                            .start = start,
                                            .stop = stop,
                                            .time = other,
                                            .position = other,
                                            .duration = other}));
                    if (!s)
                        continue;
                    ++taken;
                    guint64 a = 0;
                    guint64 b = 0;
                    for (const uint64_t at : {uint64_t{0}, kMost, kNone}) {
                        gst_segment_to_running_time_full(&*s, s->format, at, &a);
                        gst_segment_to_stream_time_full(&*s, s->format, at, &a);
                        gst_segment_position_from_running_time_full(&*s, s->format, at, &a);
                        gst_segment_clip(&*s, s->format, at, kNone, &a, &b);
                        gst_segment_clip(&*s, s->format, 0, at, &a, &b);
                    }
                    gst_segment_offset_running_time(&*s, s->format, G_MAXINT64);
                    gst_segment_offset_running_time(&*s, s->format, G_MININT64 + 1);
                    const EventOwner event(gst_event_new_segment(&*s));
                    EXPECT_TRUE(event);
                }
    EXPECT_GT(taken, 50);
}

TEST(HostileSegment, CutShortIsRefused)
{
    const Bytes bytes = claim({}).bytes();
    for (size_t size = 0; size < bytes.size(); ++size) {
        ringcore::ByteReader in{std::span(bytes).first(size)};
        EXPECT_FALSE(decodeSegment(in));
    }
}

} // namespace
