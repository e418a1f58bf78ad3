// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The producer's times become this pipeline's, with a segment that fits them.
#include "plugin/time_line.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

using namespace sharedring;

namespace
{

constexpr GstClockTime kSecond = GST_SECOND;

GstSegment segmentAt(GstClockTime start, GstClockTime base = 0)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = segment.position = start;
    segment.base = base;
    return segment;
}

GstSegment taken(TimeLine &line, int64_t first, const RunningClock &clock)
{
    const EventOwner event = line.takeSegment(first, clock);
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event.get(), &segment);
    return *segment;
}

BufferFields at(int64_t pts, int64_t dts = kNoTime, uint64_t duration = GST_CLOCK_TIME_NONE)
{
    BufferFields fields{};
    fields.pts = pts;
    fields.dts = dts;
    fields.duration = duration;
    return fields;
}

BufferOwner stamped(TimeLine &line, const BufferFields &fields, const RunningClock &clock,
                    bool missing = false)
{
    BufferOwner buffer(gst_buffer_new());
    line.stampBuffer(buffer.get(), fields, clock, missing);
    return buffer;
}

int64_t runningTime(const GstSegment &segment, GstClockTime time)
{
    guint64 running = 0;
    return gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running) *
           static_cast<int64_t>(running);
}

} // namespace

TEST(TimeLine, ClockTimesBecomeOurRunningTimes)
{
    TimeLine line(true);
    line.setTimestamps(Timestamps::Clock);
    line.join();
    line.setSegment(segmentAt(55 * kSecond), 5);
    ASSERT_TRUE(line.owesSegment());
    EXPECT_FALSE(line.waitsForFirstTime());
    const RunningClock clock{0, -1000 * static_cast<int64_t>(kSecond)}; // running since 1000 s
    const GstSegment segment = taken(line, kNoTime, clock);
    const BufferOwner buffer = stamped(
        line, at(1003 * static_cast<int64_t>(kSecond), 999 * static_cast<int64_t>(kSecond), 40), clock);
    EXPECT_EQ(runningTime(segment, GST_BUFFER_PTS(buffer.get())), 3 * static_cast<int64_t>(kSecond));
    EXPECT_EQ(runningTime(segment, GST_BUFFER_DTS(buffer.get())), -static_cast<int64_t>(kSecond));
    EXPECT_EQ(GST_BUFFER_DURATION(buffer.get()), 40u);
    // Long ago is no time at all.
    EXPECT_FALSE(GST_BUFFER_PTS_IS_VALID(stamped(line, at(5), clock).get()));
    EXPECT_FALSE(GST_BUFFER_PTS_IS_VALID(stamped(line, at(-(INT64_C(1) << 62)), clock).get()));
    EXPECT_TRUE(GST_BUFFER_PTS_IS_VALID(stamped(line, at(INT64_MAX), {0, INT64_C(1) << 62}).get()));
    // One segment for each stream, whatever the producer's are.
    line.setSegment(segmentAt(77 * kSecond), 6);
    EXPECT_FALSE(line.owesSegment());
    line.beginStream();
    line.setSegment(segmentAt(77 * kSecond), 6);
    EXPECT_TRUE(line.owesSegment());
}

TEST(TimeLine, TimesInsideTheDataHaveNoSegmentOfOurClock)
{
    TimeLine line(true);
    line.setTimestamps(Timestamps::Clock);
    line.join();
    line.setTimesInside(true);
    line.setSegment(segmentAt(0), 5);
    EXPECT_EQ(taken(line, 0, {}).format, GST_FORMAT_BYTES);
    line.setTimesInside(true); // as it was
    EXPECT_FALSE(line.owesSegment());
    // Other caps follow, and no segment of the producer's.
    line.setTimesInside(false);
    EXPECT_FALSE(line.hasSegment());
    ASSERT_TRUE(line.owesSegment());
    EXPECT_FALSE(line.owesNewSegment());
    const GstSegment times = taken(line, 0, {});
    EXPECT_EQ(times.format, GST_FORMAT_TIME);
    EXPECT_EQ(times.start, TimeLine::kLead);
}

TEST(TimeLine, TimesInsideTheDataKeepAPreservedSegment)
{
    TimeLine line(false);
    line.join();
    line.setTimesInside(true);
    line.setSegment(segmentAt(7), 5);
    const GstSegment segment = taken(line, 7, {});
    EXPECT_EQ(segment.format, GST_FORMAT_TIME);
    EXPECT_EQ(segment.start, 7u);
    line.setTimesInside(false);
    EXPECT_TRUE(line.hasSegment());
}

TEST(TimeLine, AStreamWithoutASegmentGoesOnInTheOneBefore)
{
    for (const Timestamps mode : {Timestamps::Clock, Timestamps::Preserve}) {
        TimeLine line(false);
        line.setTimestamps(mode);
        line.join();
        line.setSegment(segmentAt(0), 5);
        taken(line, 0, {});
        line.beginStream();
        EXPECT_TRUE(line.hasSegment());
        EXPECT_FALSE(line.owesSegment());
        line.setTimestamps(mode); // as it was
        EXPECT_TRUE(line.hasSegment());
        // In the other mode it does not fit, and downstream is told one that does.
        line.setTimestamps(mode == Timestamps::Clock ? Timestamps::Preserve : Timestamps::Clock);
        EXPECT_FALSE(line.hasSegment());
        EXPECT_TRUE(line.owesSegment());
        EXPECT_FALSE(line.owesNewSegment());
        EXPECT_EQ(taken(line, 0, {}).start, mode == Timestamps::Clock ? 0 : TimeLine::kLead);
    }
}

TEST(TimeLine, WithoutARunningClockEverythingIsForNow)
{
    TimeLine line(false);
    line.setTimestamps(Timestamps::Clock);
    line.join();
    line.setSegment(segmentAt(0), 5);
    const RunningClock paused{2 * static_cast<GstClockTimeDiff>(kSecond), std::nullopt};
    const GstSegment segment = taken(line, kNoTime, paused);
    const BufferOwner buffer = stamped(line, at(1003 * static_cast<int64_t>(kSecond)), paused);
    EXPECT_EQ(runningTime(segment, GST_BUFFER_PTS(buffer.get())), 2 * static_cast<int64_t>(kSecond));
}

TEST(TimeLine, LiveAndPreservedTheFirstBufferIsNow)
{
    for (const int64_t now : {INT64_C(0), INT64_C(5), INT64_C(500)}) {
        TimeLine line(true);
        line.setTimestamps(Timestamps::Preserve);
        line.join();
        line.setSegment(segmentAt(10 * kSecond, 100 * kSecond), 5);
        ASSERT_TRUE(line.waitsForFirstTime());
        const RunningClock clock{now * static_cast<int64_t>(kSecond), 0};
        const auto first = 17 * static_cast<int64_t>(kSecond); // running time 107 s over there
        const GstSegment segment = taken(line, first, clock);
        const BufferOwner buffer = stamped(line, at(first), clock);
        EXPECT_EQ(GST_BUFFER_PTS(buffer.get()), 17 * kSecond); // as it left
        EXPECT_EQ(runningTime(segment, 17 * kSecond), now * static_cast<int64_t>(kSecond));
        EXPECT_EQ(runningTime(segment, 18 * kSecond), (now + 1) * static_cast<int64_t>(kSecond));
        EXPECT_EQ(gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, 17 * kSecond), 17 * kSecond);
        // A later segment of the same producer is moved by as much, at once.
        line.setSegment(segmentAt(0, 110 * kSecond), 6);
        EXPECT_TRUE(line.owesSegment());
        EXPECT_FALSE(line.waitsForFirstTime());
        EXPECT_EQ(runningTime(taken(line, kNoTime, clock), 0), (now + 3) * static_cast<int64_t>(kSecond));
        // The next producer begins where we are then.
        line.join();
        EXPECT_FALSE(line.hasSegment());
        line.setSegment(segmentAt(0), 7);
        EXPECT_TRUE(line.waitsForFirstTime());
    }
}

TEST(TimeLine, NotLiveTheSegmentIsAsItWas)
{
    TimeLine line(false);
    line.setTimestamps(Timestamps::Preserve);
    line.join();
    const GstSegment wire = segmentAt(10 * kSecond, 100 * kSecond);
    line.setSegment(wire, 5);
    EXPECT_FALSE(line.waitsForFirstTime());
    const GstSegment segment = taken(line, kNoTime, {});
    EXPECT_TRUE(gst_segment_is_equal(&segment, &wire));
    stamped(line, at(20 * static_cast<int64_t>(kSecond), kNoTime, kSecond), {});
    stamped(line, at(15 * static_cast<int64_t>(kSecond)), {});
    // The next producer goes on from the end of the last buffer, at 111 s.
    line.join();
    line.setSegment(segmentAt(0), 6);
    ASSERT_TRUE(line.waitsForFirstTime());
    const GstSegment next = taken(line, 2 * static_cast<int64_t>(kSecond), {});
    EXPECT_EQ(runningTime(next, 2 * kSecond), 111 * static_cast<int64_t>(kSecond));
}

TEST(TimeLine, AFlushMayResetTheTimeOnlyWhereItIsNotTiedToTheClock)
{
    for (const bool live : {false, true}) {
        for (const Timestamps mode : {Timestamps::Clock, Timestamps::Preserve}) {
            TimeLine line(live);
            line.setTimestamps(mode);
            line.join();
            line.setSegment(segmentAt(0), 5);
            taken(line, 0, {7, 0});
            EXPECT_EQ(line.flushed(true), !live && mode == Timestamps::Preserve);
            EXPECT_FALSE(line.flushed(false));
            EXPECT_FALSE(line.hasSegment());
            EXPECT_TRUE(line.owesSegment());
        }
    }
}

TEST(TimeLine, LiveAndPreservedItBeginsAgainNow)
{
    TimeLine line(true);
    line.setTimestamps(Timestamps::Preserve);
    line.join();
    line.setSegment(segmentAt(0), 7);
    EXPECT_EQ(runningTime(taken(line, 3 * GST_SECOND, {GST_SECOND, std::nullopt}), 3 * kSecond), GST_SECOND);

    line.beginAgain();
    EXPECT_TRUE(line.owesSegment());
    EXPECT_FALSE(line.owesNewSegment()) << "downstream had it before";
    EXPECT_TRUE(line.waitsForFirstTime());
    EXPECT_EQ(runningTime(taken(line, 4 * GST_SECOND, {20 * GST_SECOND, std::nullopt}), 4 * kSecond),
              20 * GST_SECOND);
}

TEST(TimeLine, NotLiveOrOnTheClockItGoesOn)
{
    for (const Timestamps timestamps : {Timestamps::Clock, Timestamps::Preserve}) {
        TimeLine line(timestamps == Timestamps::Clock);
        line.setTimestamps(timestamps);
        line.join();
        line.setSegment(segmentAt(0), 7);
        (void)taken(line, 0, {0, 0});
        line.beginAgain();
        EXPECT_FALSE(line.owesSegment());
        EXPECT_TRUE(line.hasSegment());
    }
}

TEST(TimeLine, OtherFormatsAreLeftAlone)
{
    TimeLine line(true);
    line.setTimestamps(Timestamps::Preserve);
    line.join();
    GstSegment bytes;
    gst_segment_init(&bytes, GST_FORMAT_BYTES);
    bytes.start = 4096;
    line.setSegment(bytes, 5);
    EXPECT_FALSE(line.waitsForFirstTime());
    const GstSegment segment = taken(line, kNoTime, {99, 0});
    EXPECT_TRUE(gst_segment_is_equal(&segment, &bytes));
}

TEST(TimeLine, StampsWhatHasNoTime)
{
    TimeLine line(true);
    line.setTimestamps(Timestamps::Clock);
    line.join();
    line.setSegment(segmentAt(0), 5);
    const RunningClock clock{static_cast<GstClockTimeDiff>(3 * kSecond), -static_cast<int64_t>(kSecond)};
    const GstSegment segment = taken(line, kNoTime, clock);
    const BufferOwner none = stamped(line, at(kNoTime), clock, true);
    EXPECT_EQ(runningTime(segment, GST_BUFFER_PTS(none.get())), 3 * static_cast<int64_t>(kSecond));
    EXPECT_EQ(GST_BUFFER_DTS(none.get()), GST_BUFFER_PTS(none.get()));
    const BufferOwner some = stamped(line, at(3 * static_cast<int64_t>(kSecond)), clock, true);
    EXPECT_EQ(runningTime(segment, GST_BUFFER_PTS(some.get())), 2 * static_cast<int64_t>(kSecond));
    EXPECT_FALSE(GST_BUFFER_PTS_IS_VALID(stamped(line, at(kNoTime), clock).get()));
}

// Segments and times from a peer, at the ends of what 64 bits hold.
TEST(TimeLine, SurvivesExtremes)
{
    const GstClockTime times[] = {0, 1, kSecond, GST_CLOCK_TIME_NONE - 1,
                                  static_cast<GstClockTime>(INT64_MAX)};
    for (const bool live : {false, true}) {
        for (const GstClockTime start : times) {
            for (const GstClockTime base : times) {
                for (const int64_t first : {kNoTime, INT64_C(0), INT64_C(1000), INT64_MAX}) {
                    TimeLine line(live);
                    line.setTimestamps(Timestamps::Preserve);
                    for (int i = 0; i < 2; i++) {
                        line.join();
                        line.setSegment(segmentAt(start, base), 5);
                        taken(line, first, {static_cast<GstClockTimeDiff>(5 * kSecond), 0});
                        stamped(line, at(first, first, start), {}, true);
                    }
                }
            }
        }
    }
}
