// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events behind the pair are those behind a queue: the same ones in the same order, with their sequence
// numbers; a joiner hears what a pad would tell it; and what cannot cross costs only itself.
#include "event_recorder.h"
#include "peer_process.h"
#include "sample_events.h"

#include "plugin/gst_owner.h"
#include "ringcore/fan_out.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace sharedring;

namespace
{

// ---- the elements

class Producer
{
public:
    explicit Producer(const std::string &properties = "slow-client=block wait-for-connection=true "
                                                      "timestamps=preserve")
    {
        GstElement *const sink = gst_parse_launch(
            ("sharedringsink name=ring sync=false socket=" + socket_ + " " + properties).c_str(), nullptr);
        g_signal_connect(
            sink, "client-connected",
            G_CALLBACK(+[](GstElement *, guint, gint, guint, Producer *self) { ++self->connected_; }), this);
        harness_ = gst_harness_new_with_element(sink, "sink", nullptr);
        gst_object_unref(sink);
        gst_harness_use_systemclock(harness_);
    }
    ~Producer() { gst_harness_teardown(harness_); }
    Producer(const Producer &) = delete;
    Producer &operator=(const Producer &) = delete;

    const std::string &socket() const { return socket_; }
    GstPad *pad() const { return harness_->srcpad; }
    // Later than any client's pipeline began.
    void beginSoon()
    {
        const ObjectOwner<GstClock> clock(gst_element_get_clock(harness_->element));
        gst_element_set_base_time(harness_->element, gst_clock_get_time(clock.get()) + GST_SECOND);
    }
    unsigned connected() const { return connected_; }
    guint64 stat(const char *name) const
    {
        GstStructure *stats = nullptr;
        guint64 value = 0;
        g_object_get(harness_->element, "ring-stats", &stats, nullptr);
        EXPECT_TRUE(gst_structure_get_uint64(stats, name, &value)) << name;
        gst_structure_free(stats);
        return value;
    }

private:
    const std::string socket_ = freshPath(".socket");
    GstHarness *harness_ = nullptr;
    std::atomic<unsigned> connected_{0};
};

class Client
{
public:
    explicit Client(const Producer &producer, const std::string &properties = "is-live=false")
        : pipeline_(gst_parse_launch(("sharedringsrc name=ring socket=" + producer.socket() + " " +
                                      properties + " ! fakesink sync=false async=false")
                                         .c_str(),
                                     nullptr)),
          recorder_(sourcePad())
    {
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    ~Client()
    {
        recorder_.release();
        gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    }

    EventRecorder &seen() { return recorder_; }
    EventRecorder *operator->() { return &recorder_; }

private:
    GstPad *sourcePad() const
    {
        const ObjectOwner<GstElement> source(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "ring"));
        return gst_element_get_static_pad(source.get(), "src");
    }

    const ObjectOwner<GstElement> pipeline_;
    EventRecorder recorder_;
};

std::vector<std::string> behindAQueue(const std::vector<Item> &items)
{
    GstElement *const queue = gst_element_factory_make("queue", nullptr);
    EventRecorder recorder(gst_element_get_static_pad(queue, "src"));
    GstHarness *harness = gst_harness_new_with_element(queue, "sink", "src");
    push(harness->srcpad, items);
    EXPECT_TRUE(recorder.waitForLine("eos"));
    gst_harness_teardown(harness);
    return recorder.lines();
}

std::vector<std::string> behindThePair(const std::vector<Item> &items)
{
    Producer producer;
    Client client(producer);
    push(producer.pad(), items);
    EXPECT_TRUE(client->waitForLine("eos"));
    EXPECT_EQ(producer.stat("events-left"), 0u);
    return client->lines();
}

std::vector<std::string> stickyEventsOf(GstPad *pad)
{
    std::vector<std::string> lines;
    gst_pad_sticky_events_foreach(
        pad,
        [](GstPad *, GstEvent **event, gpointer list) -> gboolean {
            static_cast<std::vector<std::string> *>(list)->push_back(describe(*event));
            return TRUE;
        },
        &lines);
    return lines;
}

size_t countOf(const std::vector<std::string> &lines, const std::string &beginning)
{
    return static_cast<size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const std::string &line) { return line.starts_with(beginning); }));
}

class Events : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

} // namespace

TEST_F(Events, AreThoseBehindAQueue)
{
    std::vector<Item> items = everySticky();
    const auto event = [&](GstEvent *made) { items.emplace_back(made); };
    const auto buffer = [&](GstClockTime pts) { items.emplace_back(pts); };
    buffer(0);
    event(gst_event_new_gap(1, 2));
    event(custom(GST_EVENT_CUSTOM_DOWNSTREAM, "in-order"));
    event(custom(GST_EVENT_CUSTOM_BOTH, "either-way"));
    buffer(3);
    // A segment seek that loops, then other rates.
    event(gst_event_new_segment_done(GST_FORMAT_TIME, 5));
    event(segment(1, 1, 5));
    buffer(4);
    event(segment(2, 1, 6));
    buffer(6);
    event(segment(1, -2, 7));
    buffer(7);
    event(tags(GST_TAG_SCOPE_STREAM, "another"));
    event(caps("application/x-test,number=(int)2"));
    buffer(8);
    event(byteSegment());
    buffer(9);
    event(gst_event_new_stream_group_done(4711));
    event(gst_event_new_eos());

    EXPECT_EQ(behindThePair(items), behindAQueue(items));
}

TEST_F(Events, OfGapsAreTheSameOnesByTheClockAsWell)
{
    Producer producer("slow-client=block wait-for-connection=true timestamps=clock");
    Client client(producer, "is-live=true");
    producer.beginSoon();
    const EventOwner gap(gst_event_new_gap(GST_MSECOND, GST_SECOND));
    gst_event_set_gap_flags(gap.get(), GST_GAP_FLAG_MISSING_DATA);
    push(producer.pad(), everySticky());
    push(producer.pad(), Item(GstClockTime{0}));
    push(producer.pad(), Item(gst_event_ref(gap.get())));
    push(producer.pad(), Item(gst_event_new_eos()));
    ASSERT_TRUE(client->waitForLine("eos"));
    const auto lines = client->lines();
    const auto seen = std::find_if(lines.begin(), lines.end(),
                                   [](const std::string &line) { return line.starts_with("gap "); });
    ASSERT_NE(seen, lines.end());
    EXPECT_TRUE(seen->starts_with("gap #" + std::to_string(gst_event_get_seqnum(gap.get())) + " ")) << *seen;
    EXPECT_NE(seen->find("duration=(guint64)1000000000"), std::string::npos) << *seen;
    EXPECT_NE(seen->find("MISSING_DATA"), std::string::npos) << *seen;
}

TEST_F(Events, OfASecondStreamNeedNoSegment)
{
    std::vector<Item> items = everySticky();
    items.emplace_back(GstClockTime{0});
    items.emplace_back(streamStart("two", 4712));
    items.emplace_back(GstClockTime{1});
    items.emplace_back(tags(GST_TAG_SCOPE_GLOBAL, "global"));
    items.emplace_back(GstClockTime{2});
    items.emplace_back(gst_event_new_eos());

    EXPECT_EQ(behindThePair(items), behindAQueue(items));
}

TEST_F(Events, OfASecondStreamOnTheClockNeedNoSegment)
{
    Producer producer("slow-client=block wait-for-connection=true timestamps=clock");
    Client client(producer, "is-live=true");
    for (const Item &item : {Item(streamStart("one")), Item(caps()), Item(segment()), Item(GstClockTime{0}),
                             Item(streamStart("two")), Item(GstClockTime{1})})
        push(producer.pad(), item);
    EXPECT_TRUE(
        client->waitFor([](const std::vector<std::string> &lines) { return countOf(lines, "buffer") == 2; }));
    EXPECT_EQ(countOf(client->lines(), "stream-start"), 2u);
    EXPECT_EQ(countOf(client->lines(), "segment #"), 1u);
    EXPECT_EQ(producer.connected(), 1u);
}

TEST_F(Events, ThatAPadKeepsAreToldToAJoinerInItsOrder)
{
    Producer producer;
    Client early(producer);
    std::vector<Item> items = everySticky();
    std::rotate(items.begin() + 4, items.begin() + 7, items.end()); // not in the order of their types
    push(producer.pad(), items);
    push(producer.pad(), Item(GstClockTime{0}));
    for (GstEvent *event :
         {gst_event_new_instant_rate_change(2, GST_SEGMENT_FLAG_NONE), gst_event_new_stream_group_done(4711)})
        push(producer.pad(), Item(event));
    ASSERT_TRUE(early->waitForLine("stream-group-done"));

    Client late(producer);
    const auto expected = stickyEventsOf(producer.pad());
    EXPECT_EQ(expected.size(), everySticky().size() + 2);
    EXPECT_TRUE(
        late->waitFor([&](const std::vector<std::string> &lines) { return lines.size() > expected.size(); }));
    auto lines = late->lines();
    // A pad pushes an event that is sticky and not serialized twice.
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    EXPECT_EQ(lines, expected);
}

TEST_F(Events, ThatAPadForgetsAreToldToNoJoiner)
{
    Producer producer;
    Client early(producer);
    push(producer.pad(), everySticky());
    push(producer.pad(), Item(GstClockTime{0}));
    for (GstEvent *event : {gst_event_new_stream_group_done(4711), streamStart("two")})
        push(producer.pad(), Item(event));
    push(producer.pad(), Item(GstClockTime{1}));
    ASSERT_TRUE(early->waitForLine("buffer 1"));
    {
        Client late(producer);
        const auto expected = stickyEventsOf(producer.pad());
        EXPECT_TRUE(late->waitFor(
            [&](const std::vector<std::string> &lines) { return lines.size() >= expected.size(); }));
        EXPECT_EQ(late->lines(), expected);
    }
    push(producer.pad(), Item(tags(GST_TAG_SCOPE_STREAM, "stream")));
    push(producer.pad(), Item(gst_event_new_stream_group_done(4711)));
    push(producer.pad(), Item(gst_event_new_flush_start()));
    push(producer.pad(), Item(gst_event_new_flush_stop(FALSE)));
    Client late(producer);
    const auto expected = stickyEventsOf(producer.pad()); // no segment
    EXPECT_EQ(countOf(expected, "segment"), 0u);
    EXPECT_TRUE(late->waitFor(
        [&](const std::vector<std::string> &lines) { return lines.size() >= expected.size(); }));
    EXPECT_EQ(late->lines(), expected);
}

TEST_F(Events, OfTheOldStreamAreToldAgainToOneThatWasBehind)
{
    Producer producer("slow-client=drop wait-for-connection=true timestamps=preserve");
    Client client(producer);
    client->block();
    const Item same(tags(GST_TAG_SCOPE_STREAM, "of both streams"));
    for (GstEvent *event : {streamStart("one"), caps(), segment()})
        push(producer.pad(), Item(event));
    push(producer.pad(), same);
    push(producer.pad(), Item(GstClockTime{0}));
    ASSERT_TRUE(client->waitUntilBlocked());
    for (int i = 0; i < 100; i++) // more than its ring holds
        push(producer.pad(), Item(custom(GST_EVENT_CUSTOM_DOWNSTREAM, "lost")));
    push(producer.pad(), Item(streamStart("two")));
    push(producer.pad(), same);
    push(producer.pad(), Item(GstClockTime{1})); // lost as well
    client->release();

    EXPECT_TRUE(client->waitFor([](const std::vector<std::string> &lines) {
        const auto start = std::find_if(lines.begin(), lines.end(), [](const std::string &line) {
            return line.starts_with("stream-start") && line.find("two") != std::string::npos;
        });
        return std::any_of(start, lines.end(),
                           [](const std::string &line) { return line.starts_with("tag"); });
    }));
}

TEST_F(Events, OutOfBandWaitForNoStreamingThread)
{
    Producer producer("slow-client=block wait-for-connection=true timestamps=preserve max-buffers=2");
    Client client(producer);
    client->block();
    push(producer.pad(), Item(custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, "before-the-stream")));
    for (GstEvent *event : {streamStart("one"), caps(), segment()})
        push(producer.pad(), Item(event));
    std::thread streaming([&] {
        for (GstClockTime pts = 0; pts < 10; pts++)
            push(producer.pad(), Item(pts));
    });
    ASSERT_TRUE(client->waitUntilBlocked());
    while (producer.stat("published") < 2) // and the third waits for room
        std::this_thread::yield();
    push(producer.pad(), Item(custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, "down")));
    push(producer.pad(), Item(custom(GST_EVENT_CUSTOM_BOTH_OOB, "both")));
    push(producer.pad(), Item(gst_event_new_instant_rate_change(2, GST_SEGMENT_FLAG_NONE)));
    EXPECT_LT(producer.stat("published"), 10u);
    client->release();
    streaming.join();
    push(producer.pad(), Item(gst_event_new_eos()));

    ASSERT_TRUE(client->waitForLine("eos"));
    const auto lines = client->lines();
    EXPECT_EQ(countOf(lines, "custom-downstream-oob"), 2u);
    EXPECT_EQ(countOf(lines, "custom-both-oob"), 1u);
    EXPECT_EQ(countOf(lines, "buffer"), 10u);
    EXPECT_GE(countOf(lines, "instant-rate-change"), 1u); // pads push such an event more than once
}

TEST_F(Events, AboutTheProducersSegmentDoNotArriveOnTheClock)
{
    Producer producer("slow-client=block wait-for-connection=true timestamps=clock");
    Client client(producer, "is-live=true");
    for (GstEvent *event : {streamStart("one"), caps(), segment()})
        push(producer.pad(), Item(event));
    push(producer.pad(), Item(GstClockTime{0}));
    for (GstEvent *event :
         {gst_event_new_instant_rate_change(2, GST_SEGMENT_FLAG_NONE),
          gst_event_new_segment_done(GST_FORMAT_TIME, 5), custom(GST_EVENT_CUSTOM_DOWNSTREAM, "after")})
        push(producer.pad(), Item(event));
    ASSERT_TRUE(client->waitForLine("custom-downstream"));
    EXPECT_EQ(countOf(client->lines(), "instant-rate-change"), 0u);
    EXPECT_EQ(countOf(client->lines(), "segment-done"), 0u);
}

TEST_F(Events, ThatCannotCrossAreCountedAndTheStreamGoesOn)
{
    Producer producer;
    Client client(producer);
    for (GstEvent *event : {streamStart("one"), caps(), segment()})
        push(producer.pad(), Item(event));
    push(producer.pad(), Item(GstClockTime{0}));
    push(producer.pad(), Item(gst_event_new_buffer_size(GST_FORMAT_BYTES, 1, 2, FALSE)));
    push(producer.pad(),
         Item(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                   gst_structure_new("s", "here", G_TYPE_POINTER, &producer, nullptr))));
    push(producer.pad(), Item(gst_event_new_eos()));
    ASSERT_TRUE(client->waitForLine("eos"));
    EXPECT_EQ(producer.stat("events-left"), 2u);
    EXPECT_EQ(countOf(client->lines(), "buffer"), 1u);
    EXPECT_EQ(producer.connected(), 1u);
}

TEST_F(Events, OfMoreNamesThanAreKeptAreLeftOut)
{
    Producer producer;
    Client early(producer);
    for (GstEvent *event : {streamStart("one"), caps(), segment()})
        push(producer.pad(), Item(event));
    push(producer.pad(), Item(GstClockTime{0}));
    for (uint32_t i = 0; i < ringcore::kMaxStickyEvents; i++)
        push(producer.pad(), Item(custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, "name-" + std::to_string(i))));
    push(producer.pad(), Item(gst_event_new_eos()));
    ASSERT_TRUE(early->waitForLine("eos"));
    EXPECT_EQ(producer.stat("events-left"), 4u); // what says how times are, and the three above are kept too

    Client late(producer);
    ASSERT_TRUE(late->waitForLine("eos"));
    EXPECT_EQ(countOf(late->lines(), "custom-downstream-sticky"), ringcore::kMaxStickyEvents - 4);
}
