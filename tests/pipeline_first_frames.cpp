// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The first frames that a late joiner shows: each when it is due, none dropped because it came too late,
// and none before.
#include "peer_process.h"
#include "playing.h"

#include <gst/base/gstbasesink.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

using namespace sharedring;

namespace
{

constexpr GstClockTimeDiff kEarly = GST_MSECOND;
// More than a busy machine needs, and less than anything that is looked for here.
constexpr GstClockTimeDiff kLate = 500 * GST_MSECOND;

struct Frame {
    GstClockTimeDiff late;  // shown after it was due
    GstClockTimeDiff early; // it came before it was due
};

// A pipeline of this process whose sink shows each frame when it is due and drops late ones.
class Showing
{
public:
    Showing(const std::string &socket, const std::string &decoder, GstState state = GST_STATE_PLAYING)
        : pipeline_(gst_parse_launch(("sharedringsrc name=ring socket=" + socket + " ! " + decoder +
                                      "fakesink name=shown sync=true qos=true max-lateness=" +
                                      std::to_string(kLate) + " signal-handoffs=true")
                                         .c_str(),
                                     nullptr)),
          sink_(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "shown"))
    {
        const ObjectOwner<GstPad> pad(gst_element_get_static_pad(sink_.get(), "sink"));
        gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, onArrival, this, nullptr);
        g_signal_connect(sink_.get(), "handoff", G_CALLBACK(onFrame), this);
        heedLatency(pipeline_.get());
        setState(state);
    }
    ~Showing() { setState(GST_STATE_NULL); }
    Showing(const Showing &) = delete;

    void setState(GstState state) { gst_element_set_state(pipeline_.get(), state); }
    bool waitForFrames(size_t frames)
    {
        return await([&] { return this->frames().size() >= frames; });
    }
    std::vector<Frame> frames() const
    {
        const std::lock_guard guard(lock_);
        return frames_;
    }
    guint64 dropped() const
    {
        GstStructure *stats = nullptr;
        guint64 dropped = 0;
        g_object_get(sink_.get(), "stats", &stats, nullptr);
        const StructureOwner owned(stats);
        EXPECT_TRUE(gst_structure_get_uint64(stats, "dropped", &dropped));
        return dropped;
    }
    void expectOnTime() const
    {
        for (const Frame &frame : frames()) {
            EXPECT_GE(frame.late, -kEarly) << "shown before it was due";
            EXPECT_LE(frame.late, kLate);
            EXPECT_LE(frame.early, kLate) << "the ring is no queue for so much";
        }
        EXPECT_EQ(dropped(), 0u);
    }

private:
    GstClockTimeDiff now() const
    {
        const ObjectOwner<GstClock> clock(gst_element_get_clock(sink_.get()));
        return clock ? GST_CLOCK_DIFF(gst_element_get_base_time(sink_.get()), gst_clock_get_time(clock.get()))
                     : 0;
    }
    // Both in the streaming thread.
    static GstPadProbeReturn onArrival(GstPad *, GstPadProbeInfo *, gpointer self)
    {
        auto &showing = *static_cast<Showing *>(self);
        showing.arrived_ = showing.now();
        return GST_PAD_PROBE_OK;
    }
    static void onFrame(GstElement *sink, GstBuffer *buffer, GstPad *, Showing *self)
    {
        GstBaseSink *base = GST_BASE_SINK(sink);
        guint64 time = 0;
        if (gst_segment_to_running_time_full(&base->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer), &time) <
            0)
            return; // from before this pipeline ran: it is shown when it comes
        const auto due = static_cast<GstClockTimeDiff>(time + gst_base_sink_get_latency(base));
        const std::lock_guard guard(self->lock_);
        self->frames_.push_back({self->now() - due, due - self->arrived_});
    }

    const ObjectOwner<GstElement> pipeline_;
    const ObjectOwner<GstElement> sink_;
    GstClockTimeDiff arrived_ = 0; // streaming thread
    mutable std::mutex lock_;      // guards frames_
    std::vector<Frame> frames_;
};

struct Kind {
    const char *name;
    const char *timestamps;
    const char *encoder;
    const char *decoder;
};

void PrintTo(const Kind &kind, std::ostream *out)
{
    *out << kind.name;
}

class FirstFrames : public testing::TestWithParam<Kind>
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    std::string producerLine(const std::string &more = "") const
    {
        return "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=50/1 ! " +
               more + GetParam().encoder +
               "identity name=tap ! sharedringsink name=ring sync=false timestamps=" + GetParam().timestamps +
               " socket=" + socket_;
    }

    // After so many frames of a producer that is killed; `more` is in front of the next one's sink.
    void expectOnTimeWithTheNext(size_t framesOfTheFirst, const std::string &more = "")
    {
        auto producer = std::make_unique<PeerProcess>(producerLine());
        Showing viewer(socket_, GetParam().decoder);
        ASSERT_TRUE(viewer.waitForFrames(framesOfTheFirst)) << producer->transcript();
        producer->signal(SIGKILL);
        ASSERT_EQ(producer->waitForExit(), -SIGKILL);
        const size_t before = viewer.frames().size();
        producer = std::make_unique<PeerProcess>(producerLine(more));
        ASSERT_TRUE(viewer.waitForFrames(before + 30)) << producer->transcript();
        viewer.expectOnTime();
    }

    const std::string socket_ = freshPath(".socket");
};

} // namespace

TEST_P(FirstFrames, OfWhoJoinsInMidstreamAreShownWhenTheyAreDue)
{
    PeerProcess producer(producerLine());
    ASSERT_TRUE(producer.waitForCount(60)) << producer.transcript();
    Showing joiner(socket_, GetParam().decoder);
    ASSERT_TRUE(joiner.waitForFrames(10)) << producer.transcript();
    joiner.expectOnTime();
}

TEST_P(FirstFrames, OfTheNextProducerAreShownWhenTheyAreDue)
{
    expectOnTimeWithTheNext(10);
}

TEST_P(FirstFrames, OfANextProducerWithALatencyAreShownWhenTheyAreDue)
{
    expectOnTimeWithTheNext(75, "queue min-threshold-time=1000000000 ! ");
}

TEST_P(FirstFrames, OfWhoWasPausedFirstAreShownWhenTheyAreDue)
{
    PeerProcess producer(producerLine());
    Showing joiner(socket_, GetParam().decoder, GST_STATE_PAUSED);
    ASSERT_TRUE(producer.waitFor("connected")) << producer.transcript();
    const uint64_t then = std::stoull(producer.command("count"));
    ASSERT_TRUE(producer.waitForCount(then + 150)) << producer.transcript();
    joiner.setState(GST_STATE_PLAYING);
    ASSERT_TRUE(joiner.waitForFrames(30)) << producer.transcript();
    joiner.expectOnTime();
}

INSTANTIATE_TEST_SUITE_P(Of, FirstFrames,
                         testing::Values(Kind{"RawOnTheClock", "clock", "", ""},
                                         Kind{"RawPreserved", "preserve", "", ""},
                                         Kind{"Vp8OnTheClock", "clock",
                                              "vp8enc deadline=1 keyframe-max-dist=100000 ! ", "vp8dec ! "},
                                         Kind{"Vp8Preserved", "preserve",
                                              "vp8enc deadline=1 keyframe-max-dist=100000 ! ", "vp8dec ! "}),
                         [](const auto &one) { return std::string(one.param.name); });
