// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Streams in which the pair of elements once differed from a queue: they do not any more.
#include "stream_ways.h"

#include <gtest/gtest.h>

#include <set>

namespace
{

class SameStreams : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    void push(GstEvent *event, bool isAlone = false)
    {
        stream_.push_back({decltype(StreamItem::object)(GST_MINI_OBJECT_CAST(event)), isAlone});
    }
    void pushBuffer()
    {
        stream_.push_back(
            {decltype(StreamItem::object)(GST_MINI_OBJECT_CAST(gst_buffer_new_memdup("x", 1))), false});
    }
    void pushStreamStart(guint group)
    {
        GstEvent *event = gst_event_new_stream_start("stream");
        gst_event_set_group_id(event, group);
        push(event);
    }
    void pushSegment()
    {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        push(gst_event_new_segment(&segment));
    }
    void pushFlush()
    {
        push(gst_event_new_flush_start(), true);
        push(gst_event_new_flush_stop(TRUE), true);
    }

    std::vector<StreamItem> stream_;
};

TEST_F(SameStreams, AGroupThatComesAgainIsTheSameGroup)
{
    for (const guint group : {71U, 72U, 71U}) {
        pushStreamStart(group);
        pushSegment();
        pushBuffer();
    }
    push(gst_event_new_eos());

    expectSameLines(throughQueue(stream_), throughRing(stream_));
}

TEST_F(SameStreams, OfManyGroupsThoseLongAgoAreForgotten)
{
    for (guint group = 1; group <= 17; group++)
        pushStreamStart(group);
    pushStreamStart(1);
    pushSegment();
    push(gst_event_new_eos());

    std::set<std::string> groups;
    for (const std::string &line : throughRing(stream_)) {
        if (line.starts_with("stream-start"))
            groups.insert(line.substr(line.find("group ")));
    }
    EXPECT_EQ(groups.size(), 18u) << "no producer makes us remember more than 16";
}

TEST_F(SameStreams, AFlushAfterTheEndTellsNothingAgain)
{
    pushStreamStart(1);
    pushSegment();
    pushBuffer();
    push(gst_event_new_eos(), true);
    pushFlush();
    pushStreamStart(2);
    pushSegment();
    pushBuffer();
    push(gst_event_new_eos());

    expectSameLines(throughQueue(stream_), throughRing(stream_));
}

TEST_F(SameStreams, ManyEventsWithoutABufferAreWaitedFor)
{
    pushStreamStart(1);
    pushSegment();
    for (guint i = 0; i < 500; i++)
        push(gst_event_new_gap(i, 1));
    for (guint i = 0; i < 500; i++)
        push(gst_event_new_custom(
            GST_EVENT_CUSTOM_DOWNSTREAM,
            gst_structure_new("many", "text", G_TYPE_STRING, std::string(i, 'x').c_str(), nullptr)));
    push(gst_event_new_eos());

    expectSameLines(throughQueue(stream_), throughRing(stream_, {"max-buffers=1", ""}));
}

TEST_F(SameStreams, AGapWaitsForAConnectionAsABufferDoes)
{
    pushStreamStart(1);
    pushSegment();
    push(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("early")));
    push(gst_event_new_gap(0, 1));
    push(gst_event_new_gap(1, 1));
    pushBuffer();
    push(gst_event_new_eos());

    expectSameLines(throughQueue(stream_),
                    throughRing(stream_, {"wait-for-connection=true", "", false, true}));
}

} // namespace
