// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What goes upstream across the boundary: asked for by clients, granted by the sink.
#include "peer_process.h"

#include "plugin/gst_owner.h"

#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace
{

using namespace std::chrono_literals;
using namespace sharedring;

bool await(const std::function<bool()> &holds, std::chrono::milliseconds patience = 20s)
{
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

// A pipeline that plays, with a probe on one pad.
class Playing
{
public:
    explicit Playing(const std::string &line, const std::string &padOf, const char *pad)
    {
        gst_init(nullptr, nullptr);
        GError *error = nullptr;
        pipeline_.reset(gst_parse_launch(line.c_str(), &error));
        if (error)
            throw std::runtime_error(error->message);
        element_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), padOf.c_str()));
        pad_.reset(gst_element_get_static_pad(element_.get(), pad));
        gst_pad_add_probe(
            pad_.get(),
            static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_EVENT_UPSTREAM | GST_PAD_PROBE_TYPE_BUFFER),
            onData, this, nullptr);
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    }
    ~Playing() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

    GstElement *element() const { return element_.get(); }
    GstPad *pad() const { return pad_.get(); }
    uint64_t buffers() const { return buffers_.load(); }
    GstClockTime lastPts() const { return lastPts_.load(); }

    // Upstream events that passed the pad, of this type (and structure).
    std::vector<GstEvent *> events(GstEventType type, const char *structure = nullptr) const
    {
        std::lock_guard guard(lock_);
        std::vector<GstEvent *> found;
        for (const EventOwner &event : events_) {
            if (GST_EVENT_TYPE(event.get()) == type &&
                (!structure || gst_event_has_name(event.get(), structure)))
                found.push_back(event.get());
        }
        return found;
    }
    GstElement *sink() const { return gst_bin_get_by_name(GST_BIN(pipeline_.get()), "ring"); }
    StructureOwner stats() const
    {
        const ObjectOwner<GstElement> ring(sink());
        GstStructure *stats = nullptr;
        g_object_get(ring.get(), "ring-stats", &stats, nullptr);
        return StructureOwner(stats);
    }
    uint64_t stat(const char *field) const
    {
        guint64 value = 0;
        gst_structure_get_uint64(stats().get(), field, &value);
        return value;
    }

private:
    static GstPadProbeReturn onData(GstPad *, GstPadProbeInfo *info, gpointer self)
    {
        auto &playing = *static_cast<Playing *>(self);
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
            playing.lastPts_ = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
            playing.buffers_++;
        } else {
            std::lock_guard guard(playing.lock_);
            playing.events_.emplace_back(gst_event_ref(GST_PAD_PROBE_INFO_EVENT(info)));
        }
        return GST_PAD_PROBE_OK;
    }

    ObjectOwner<GstElement> pipeline_;
    ObjectOwner<GstElement> element_;
    ObjectOwner<GstPad> pad_;
    std::atomic<uint64_t> buffers_{0};
    std::atomic<GstClockTime> lastPts_{GST_CLOCK_TIME_NONE};
    mutable std::mutex lock_; // guards events_
    std::vector<EventOwner> events_;
};

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
    static bool sendUpstream(Playing &consumer, GstEvent *event)
    {
        const ObjectOwner<GstPad> pad(gst_element_get_static_pad(consumer.element(), "sink"));
        return gst_pad_push_event(pad.get(), event);
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
        sendUpstream(consumer, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1)));
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
    ASSERT_TRUE(sendUpstream(consumer, gst_video_event_new_upstream_force_key_unit(there, FALSE, 1)));
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
        sendUpstream(*consumer, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 1));
    ASSERT_TRUE(await([&] { return producer_->stat("requests") >= 4; }));
    // Every buffer here is a key unit: what came after the first answer may have asked once more.
    EXPECT_GE(keyUnitsAsked(), 1u);
    EXPECT_LE(keyUnitsAsked(), 2u);
}

TEST_F(Upstream, KeyUnitsAreNotLetThroughWhereTheUserSaysSo)
{
    produce("upstream-events=\"\"");
    Playing &consumer = consume();
    sendUpstream(consumer, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1));
    awaitRefusals(1);
    EXPECT_EQ(keyUnitsAsked(), 0u);
}

// ---- custom events

TEST_F(Upstream, CustomEventsAreNotLetThrough)
{
    produce();
    Playing &consumer = consume();
    sendUpstream(consumer, custom("zoom"));
    sendUpstream(consumer, gst_event_new_navigation(gst_structure_new_empty("application/x-gst-navigation")));
    awaitRefusals(2);
    EXPECT_TRUE(producer_->events(GST_EVENT_CUSTOM_UPSTREAM).empty());
    EXPECT_TRUE(producer_->events(GST_EVENT_NAVIGATION).empty());
}

TEST_F(Upstream, CustomEventsThatTheUserNamedAreLetThrough)
{
    produce("upstream-events=\"zoom, application/x-gst-navigation\"");
    Playing &consumer = consume();
    EXPECT_TRUE(sendUpstream(consumer, custom("pan")));
    EXPECT_TRUE(sendUpstream(consumer,
                             gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                  gst_structure_new("zoom", "by", G_TYPE_INT, 3, nullptr))));
    EXPECT_TRUE(sendUpstream(
        consumer, gst_event_new_navigation(gst_structure_new_empty("application/x-gst-navigation"))));
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
        if (sendUpstream(consumer, custom("zoom")))
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
    EXPECT_TRUE(sendUpstream(consumer, late(consumer, GST_MSECOND)));
    awaitRefusals(1);
    EXPECT_TRUE(producer_->events(GST_EVENT_QOS).empty());
}

TEST_F(Upstream, QosIsPassedOnWhereTheSinkDoesQos)
{
    produce("qos=true");
    Playing &consumer = consume();
    EXPECT_TRUE(sendUpstream(consumer, late(consumer, GST_MSECOND)));
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
    EXPECT_TRUE(sendUpstream(consumer, late(consumer, 8 * GST_SECOND))); // later than now
    awaitRefusals(1);
    EXPECT_TRUE(
        sendUpstream(consumer, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, kProportion, 0, 3600 * GST_SECOND)));
    awaitRefusals(2); // of a buffer that there never was
    EXPECT_TRUE(qosOfClients(*producer_).empty());
}

TEST_F(Upstream, TheWorstQosIsPassedOnAndNotAllOfIt)
{
    produce("qos=true");
    Playing &good = consume();
    Playing &bad = consume();
    size_t sent = 0;
    ASSERT_TRUE(await([&] {
        sent += sendUpstream(good, late(good, -5 * GST_MSECOND));
        sent += sendUpstream(bad, late(bad, 5 * GST_MSECOND));
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
    EXPECT_TRUE(sendUpstream(consumer, gst_event_new_latency(70 * GST_MSECOND)));
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
    EXPECT_TRUE(sendUpstream(consumer, gst_event_new_reconfigure()));
    EXPECT_FALSE(sendUpstream(consumer, gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                                           GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0)));
    EXPECT_TRUE(sendUpstream(consumer, custom("zoom")));
    ASSERT_TRUE(await([&] { return producer_->events(GST_EVENT_CUSTOM_UPSTREAM).size() == 1; }));
    EXPECT_TRUE(producer_->events(GST_EVENT_RECONFIGURE).empty());
    EXPECT_TRUE(producer_->events(GST_EVENT_SEEK).empty());
}

TEST_F(Upstream, NobodyIsAskedWhereThereIsNoProducer)
{
    produce();
    Playing &consumer = consume();
    producer_.reset();
    EXPECT_TRUE(await([&] { return !sendUpstream(consumer, custom("zoom")); }));
}
