// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What goes upstream across the boundary: asked for by clients, granted by the sink.
#include "peer_process.h"
#include "playing.h"

#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{

using namespace std::chrono_literals;
using namespace sharedring;

class Upstream : public testing::Test
{
protected:
    const std::string socket_ = freshPath(".socket");
    std::unique_ptr<Playing> producer_;
    std::vector<std::unique_ptr<Playing>> consumers_;

    void produce(const std::string &properties = "",
                 const std::string &source = "videotestsrc is-live=true ! "
                                             "video/x-raw,format=I420,width=64,height=48,framerate=60/1 ! "
                                             "identity name=tap")
    {
        producer_ = std::make_unique<Playing>(
            source + " ! sharedringsink name=ring sync=false socket=" + socket_ + " " + properties, "tap",
            "src");
    }
    Playing &consume(const std::string &rest = "identity name=tap ! fakesink sync=false")
    {
        consumers_.push_back(std::make_unique<Playing>(
            "sharedringsrc name=ring socket=" + socket_ + " ! " + rest, "tap", "src"));
        Playing &consumer = *consumers_.back();
        EXPECT_TRUE(await([&] { return consumer.buffers() > 2; }));
        return consumer;
    }
    static GstEvent *custom(const char *name)
    {
        return gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty(name));
    }
    size_t keyUnitsAsked() const
    {
        return producer_->events(GST_EVENT_CUSTOM_UPSTREAM, "GstForceKeyUnit").size();
    }
    // A later request was answered: what came before it was dealt with.
    void awaitRefusals(uint64_t atLeast)
    {
        EXPECT_TRUE(await([&] { return producer_->stat("requests-refused") >= atLeast; }));
    }
};

} // namespace

// ---- key units

TEST_F(Upstream, AKeyUnitIsAskedFor)
{
    produce();
    Playing &consumer = consume();
    ASSERT_TRUE(
        consumer.sendUpstream(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1)));
    ASSERT_TRUE(await([&] { return keyUnitsAsked() == 1; }));
    GstClockTime time = 0;
    gboolean allHeaders = FALSE;
    gst_video_event_parse_upstream_force_key_unit(
        producer_->events(GST_EVENT_CUSTOM_UPSTREAM, "GstForceKeyUnit").front(), &time, &allHeaders, nullptr);
    EXPECT_EQ(time, GST_CLOCK_TIME_NONE);
    EXPECT_TRUE(allHeaders);
}

// In a pipeline whose clock has run for longer, the same instant has another running time.
TEST_F(Upstream, AKeyUnitInTheFutureIsAskedForAtItsInstant)
{
    produce();
    std::this_thread::sleep_for(300ms);
    Playing &consumer = consume();
    const ObjectOwner<GstClock> clock(gst_element_get_clock(consumer.element()));
    const GstClockTime there =
        gst_clock_get_time(clock.get()) - gst_element_get_base_time(consumer.element()) + GST_SECOND;
    const GstClockTime here = there + gst_element_get_base_time(consumer.element()) -
                              gst_element_get_base_time(producer_->element());
    ASSERT_GT(here, there + 200 * GST_MSECOND);
    ASSERT_TRUE(consumer.sendUpstream(gst_video_event_new_upstream_force_key_unit(there, FALSE, 1)));
    ASSERT_TRUE(await([&] { return keyUnitsAsked() == 1; }));
    GstClockTime time = 0;
    gst_video_event_parse_upstream_force_key_unit(
        producer_->events(GST_EVENT_CUSTOM_UPSTREAM, "GstForceKeyUnit").front(), &time, nullptr, nullptr);
    EXPECT_EQ(time, here);
}

TEST_F(Upstream, AKeyUnitIsAskedForOnceForAllWhoWantOne)
{
    produce();
    for (int i = 0; i < 4; i++)
        consume();
    for (const auto &consumer : consumers_)
        consumer->sendUpstream(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 1));
    ASSERT_TRUE(await([&] { return producer_->stat("requests") >= 4; }));
    // Every buffer here is a key unit: what came after the first answer may have asked once more.
    EXPECT_GE(keyUnitsAsked(), 1u);
    EXPECT_LE(keyUnitsAsked(), 2u);
}

TEST_F(Upstream, KeyUnitsAreNotLetThroughWhereTheUserSaysSo)
{
    produce("upstream-events=\"\"");
    Playing &consumer = consume();
    consumer.sendUpstream(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1));
    awaitRefusals(1);
    EXPECT_EQ(keyUnitsAsked(), 0u);
}

TEST_F(Upstream, AKeyUnitInAFarFutureIsNot)
{
    produce();
    Playing &consumer = consume();
    consumer.sendUpstream(gst_video_event_new_upstream_force_key_unit(3600 * GST_SECOND, TRUE, 1));
    awaitRefusals(1);
    EXPECT_EQ(keyUnitsAsked(), 0u);
}

TEST_F(Upstream, WhileOneQuestionIsNotAnsweredThereIsNoOther)
{
    produce();
    ASSERT_TRUE(await([&] { return producer_->buffers() > 2; })); // key units, as the stream has them
    const ObjectOwner<GstPad> pad(gst_element_get_static_pad(producer_->element(), "src"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *info, gpointer) {
            GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
            GST_PAD_PROBE_INFO_DATA(info) = buffer;
            return GST_PAD_PROBE_OK;
        },
        nullptr, nullptr);
    const uint64_t seen = producer_->buffers();
    ASSERT_TRUE(await([&] { return producer_->buffers() > seen + 2; }));
    // It came late, and is itself one that asks.
    Playing late("sharedringsrc name=ring socket=" + socket_ + " ! identity name=tap ! fakesink sync=false");
    ASSERT_TRUE(await([&] { return keyUnitsAsked() == 1; }));
    const uint64_t first = producer_->buffers();
    ASSERT_TRUE(await([&] { return producer_->buffers() > first + 20; })); // a third of a second
    for (int i = 0; i < 3; i++)
        late.sendUpstream(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 1));
    ASSERT_TRUE(await([&] { return producer_->stat("requests") >= 3; }));
    const uint64_t asked = producer_->buffers();
    ASSERT_TRUE(await([&] { return producer_->buffers() > asked + 20; }));
    EXPECT_EQ(keyUnitsAsked(), 1u);
    EXPECT_EQ(late.buffers(), 0u);
    ASSERT_TRUE(await([&] { return keyUnitsAsked() == 2; })); // nobody answers: it asks again, and says so
    EXPECT_TRUE(await([&] { return !producer_->messages(GST_MESSAGE_INFO).empty(); }));
}

TEST_F(Upstream, QuestionsThatWereAnsweredAreStillSomeWayApart)
{
    produce();
    Playing &consumer = consume();
    for (int attempt = 0; attempt < 20; attempt++) {
        const size_t before = keyUnitsAsked();
        const uint64_t requests = producer_->stat("requests");
        consumer.sendUpstream(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 1));
        ASSERT_TRUE(await([&] { return keyUnitsAsked() == before + 1; }));
        const auto begin = std::chrono::steady_clock::now();
        const uint64_t answered = producer_->buffers();
        ASSERT_TRUE(await([&] { return producer_->buffers() > answered + 1; }));
        consumer.sendUpstream(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 1));
        ASSERT_TRUE(await([&] { return producer_->stat("requests") == requests + 2; }));
        const size_t asked = keyUnitsAsked();
        if (std::chrono::steady_clock::now() - begin < 200ms) {
            EXPECT_EQ(asked, before + 1);
            return;
        }
        std::this_thread::sleep_for(1s); // it was not fast enough to tell, and may ask so often in a second
    }
    FAIL() << "never fast enough";
}

// ---- custom events

TEST_F(Upstream, CustomEventsAreNotLetThrough)
{
    produce();
    Playing &consumer = consume();
    consumer.sendUpstream(custom("zoom"));
    consumer.sendUpstream(gst_event_new_navigation(gst_structure_new_empty("application/x-gst-navigation")));
    awaitRefusals(2);
    EXPECT_TRUE(producer_->events(GST_EVENT_CUSTOM_UPSTREAM).empty());
    EXPECT_TRUE(producer_->events(GST_EVENT_NAVIGATION).empty());
}

TEST_F(Upstream, CustomEventsThatTheUserNamedAreLetThrough)
{
    produce("upstream-events=\"zoom, application/x-gst-navigation\"");
    Playing &consumer = consume();
    EXPECT_TRUE(consumer.sendUpstream(custom("pan")));
    EXPECT_TRUE(consumer.sendUpstream(gst_event_new_custom(
        GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new("zoom", "by", G_TYPE_INT, 3, nullptr))));
    EXPECT_TRUE(consumer.sendUpstream(
        gst_event_new_navigation(gst_structure_new_empty("application/x-gst-navigation"))));
    ASSERT_TRUE(await([&] { return producer_->events(GST_EVENT_NAVIGATION).size() == 1; }));
    const auto events = producer_->events(GST_EVENT_CUSTOM_UPSTREAM);
    ASSERT_EQ(events.size(), 1u);
    int by = 0;
    EXPECT_TRUE(gst_structure_get_int(gst_event_get_structure(events.front()), "by", &by));
    EXPECT_EQ(by, 3);
    EXPECT_EQ(producer_->stat("requests-refused"), 1u);
}

TEST_F(Upstream, WhoAsksTooOftenIsNotHeard)
{
    produce("upstream-events=zoom");
    Playing &consumer = consume();
    uint64_t sent = 0;
    while (sent < 30) {
        if (consumer.sendUpstream(custom("zoom")))
            sent++;
        else
            std::this_thread::sleep_for(5ms);
    }
    ASSERT_TRUE(
        await([&] { return producer_->stat("requests") + producer_->stat("requests-refused") == sent; }));
    EXPECT_GE(producer_->stat("requests-refused"), 10u); // they took a second at most
    EXPECT_EQ(producer_->events(GST_EVENT_CUSTOM_UPSTREAM).size(), producer_->stat("requests"));
    const uint64_t before = consumer.buffers();
    EXPECT_TRUE(await([&] { return consumer.buffers() > before + 5; })); // and it is still there
}

// ---- quality of service

namespace
{

constexpr double kProportion = 1.25;

GstEvent *late(const Playing &consumer, GstClockTimeDiff lateness)
{
    GstSegment segment;
    const ObjectOwner<GstPad> pad(gst_element_get_static_pad(consumer.element(), "src"));
    const EventOwner event(gst_pad_get_sticky_event(pad.get(), GST_EVENT_SEGMENT, 0));
    gst_event_copy_segment(event.get(), &segment);
    return gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, kProportion, lateness,
                             gst_segment_to_running_time(&segment, GST_FORMAT_TIME, consumer.lastPts()));
}

// What clients said, and not the sink's own.
std::vector<GstEvent *> qosOfClients(const Playing &producer)
{
    auto events = producer.events(GST_EVENT_QOS);
    std::erase_if(events, [](GstEvent *event) {
        gdouble proportion = 0;
        gst_event_parse_qos(event, nullptr, &proportion, nullptr, nullptr);
        return proportion != kProportion;
    });
    return events;
}

GstClockTimeDiff latenessOf(GstEvent *event)
{
    GstClockTimeDiff lateness = 0;
    gst_event_parse_qos(event, nullptr, nullptr, &lateness, nullptr);
    return lateness;
}

} // namespace

TEST_F(Upstream, QosStaysWithTheClient)
{
    produce();
    Playing &consumer = consume();
    EXPECT_TRUE(consumer.sendUpstream(late(consumer, GST_MSECOND)));
    awaitRefusals(1);
    EXPECT_TRUE(producer_->events(GST_EVENT_QOS).empty());
}

TEST_F(Upstream, QosIsPassedOnWhereTheSinkDoesQos)
{
    produce("qos=true");
    Playing &consumer = consume();
    EXPECT_TRUE(consumer.sendUpstream(late(consumer, GST_MSECOND)));
    ASSERT_TRUE(await([&] { return !qosOfClients(*producer_).empty(); }));
    GstEvent *event = qosOfClients(*producer_).front();
    gdouble proportion = 0;
    GstClockTimeDiff lateness = 0;
    GstClockTime time = 0;
    gst_event_parse_qos(event, nullptr, &proportion, &lateness, &time);
    EXPECT_EQ(proportion, kProportion);
    EXPECT_EQ(lateness, static_cast<GstClockTimeDiff>(GST_MSECOND));
    // The very buffer's running time here: the last one that passed, or one just before.
    EXPECT_LE(time, producer_->lastPts());
    EXPECT_GT(time + GST_SECOND, producer_->lastPts());
}

TEST_F(Upstream, QosThatCannotBeTrueIsNotPassedOn)
{
    produce("qos=true");
    Playing &consumer = consume();
    EXPECT_TRUE(consumer.sendUpstream(late(consumer, 8 * GST_SECOND))); // later than now
    awaitRefusals(1);
    EXPECT_TRUE(
        consumer.sendUpstream(gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, kProportion, 0, 3600 * GST_SECOND)));
    awaitRefusals(2); // of a buffer that there never was
    EXPECT_TRUE(qosOfClients(*producer_).empty());
}

TEST_F(Upstream, QosOfABufferThatThereNeverWasIsNotPassedOnWithPreserveEither)
{
    produce("qos=true timestamps=preserve");
    Playing &consumer = consume();
    EXPECT_TRUE(
        consumer.sendUpstream(gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, kProportion, -1, 3600 * GST_SECOND)));
    awaitRefusals(1);
    EXPECT_TRUE(consumer.sendUpstream(late(consumer, GST_MSECOND)));
    ASSERT_TRUE(await([&] { return qosOfClients(*producer_).size() == 1; }));
    EXPECT_EQ(latenessOf(qosOfClients(*producer_).front()), static_cast<GstClockTimeDiff>(GST_MSECOND));
}

TEST_F(Upstream, TheWorstQosIsPassedOnAndNotAllOfIt)
{
    produce("qos=true");
    Playing &good = consume();
    Playing &bad = consume();
    size_t sent = 0;
    ASSERT_TRUE(await([&] {
        sent += good.sendUpstream(late(good, -5 * GST_MSECOND));
        sent += bad.sendUpstream(late(bad, 5 * GST_MSECOND));
        const auto events = qosOfClients(*producer_);
        return events.size() >= 8;
    }));
    const auto events = qosOfClients(*producer_);
    // From when both were heard on, it is always the same one's.
    for (size_t i = 2; i < events.size(); i++)
        EXPECT_EQ(latenessOf(events[i]), static_cast<GstClockTimeDiff>(5 * GST_MSECOND)) << i;
    EXPECT_LT(events.size(), producer_->stat("requests"));
}

// ---- the rest

TEST_F(Upstream, ALatencyIsShownAndNotPassedOn)
{
    produce();
    Playing &consumer = consume();
    const size_t before = producer_->events(GST_EVENT_LATENCY).size();
    EXPECT_TRUE(consumer.sendUpstream(gst_event_new_latency(70 * GST_MSECOND)));
    EXPECT_TRUE(await([&] {
        const StructureOwner stats = producer_->stats();
        const GValue *clients = gst_structure_get_value(stats.get(), "clients");
        const auto *client =
            static_cast<const GstStructure *>(g_value_get_boxed(gst_value_array_get_value(clients, 0)));
        guint64 latency = 0;
        return gst_structure_get_uint64(client, "latency", &latency) && latency == 70 * GST_MSECOND;
    }));
    EXPECT_EQ(producer_->events(GST_EVENT_LATENCY).size(), before);
}

TEST_F(Upstream, AReconfigurationAndASeekAreLocal)
{
    produce("upstream-events=zoom");
    Playing &consumer = consume();
    EXPECT_TRUE(consumer.sendUpstream(gst_event_new_reconfigure()));
    EXPECT_FALSE(consumer.sendUpstream(gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                                          GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0)));
    EXPECT_TRUE(consumer.sendUpstream(custom("zoom")));
    ASSERT_TRUE(await([&] { return producer_->events(GST_EVENT_CUSTOM_UPSTREAM).size() == 1; }));
    EXPECT_TRUE(producer_->events(GST_EVENT_RECONFIGURE).empty());
    EXPECT_TRUE(producer_->events(GST_EVENT_SEEK).empty());
}

TEST_F(Upstream, NobodyIsAskedWhereThereIsNoProducer)
{
    produce();
    Playing &consumer = consume();
    producer_.reset();
    EXPECT_TRUE(await([&] { return !consumer.sendUpstream(custom("zoom")); }));
}
