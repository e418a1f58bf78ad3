// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Sound and picture that left one pipeline by two sockets are due together in another one, as they are in
// one pipeline: there, what has the same time in its stream has the same running time.
#include "peer_clock.h"
#include "peer_process.h" // freshPath
#include "playing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

using namespace sharedring;

namespace
{

constexpr int64_t kMillisecond = GST_MSECOND;
constexpr int64_t kFrame = 20 * kMillisecond;
constexpr int64_t kRate = 48000;
constexpr size_t kFrames = 100;

// What arrives of one of the two streams: by how much its running times are ahead of its media time.
class Arrivals
{
public:
    // `unit`: ns that one step of a buffer's offset lasts
    Arrivals(GstElement *pipeline, const char *sink, double unit) : unit_(unit)
    {
        const ObjectOwner<GstElement> element(gst_bin_get_by_name(GST_BIN(pipeline), sink));
        pad_.reset(gst_element_get_static_pad(element.get(), "sink"));
        gst_pad_add_probe(pad_.get(), GST_PAD_PROBE_TYPE_BUFFER, onBuffer, this, nullptr);
    }

    // By media time, ns.
    std::map<int64_t, int64_t> aheads() const
    {
        std::lock_guard guard(lock_);
        return aheads_;
    }

private:
    static GstPadProbeReturn onBuffer(GstPad *pad, GstPadProbeInfo *info, gpointer data)
    {
        auto &self = *static_cast<Arrivals *>(data);
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        const EventOwner event(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
        const GstSegment *segment = nullptr;
        gst_event_parse_segment(event.get(), &segment);
        const auto running = static_cast<int64_t>(
            gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)));
        const auto media = static_cast<int64_t>(static_cast<double>(GST_BUFFER_OFFSET(buffer)) * self.unit_);
        std::lock_guard guard(self.lock_);
        self.aheads_[media] = running - media;
        return GST_PAD_PROBE_OK;
    }

    const double unit_;
    ObjectOwner<GstPad> pad_;
    mutable std::mutex lock_;
    std::map<int64_t, int64_t> aheads_;
};

// A pipeline with a "video" and an "audio" sink, running by a clock of this name.
struct Both {
    Both(const std::string &line, const char *clockName)
        : pipeline(gst_parse_launch(line.c_str(), nullptr)),
          pictures(pipeline.get(), "video", static_cast<double>(kFrame)),
          sounds(pipeline.get(), "audio", static_cast<double>(GST_SECOND) / kRate)
    {
        if (const ObjectOwner<GstClock> clock(peerClock(clockName)); clock)
            gst_pipeline_use_clock(GST_PIPELINE(pipeline.get()), clock.get());
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    }
    ~Both() { gst_element_set_state(pipeline.get(), GST_STATE_NULL); }

    // Each picture beside the sound that was made for the same instant, by media time.
    std::map<int64_t, int64_t> pictureAheadOfSound() const
    {
        std::map<int64_t, int64_t> apart;
        const auto heard = sounds.aheads();
        for (const auto &[media, ahead] : pictures.aheads()) {
            if (const auto sound = heard.find(media); sound != heard.end())
                apart[media] = ahead - sound->second;
        }
        return apart;
    }

    const ObjectOwner<GstElement> pipeline;
    const Arrivals pictures;
    const Arrivals sounds;
};

struct Pair {
    const char *name;
    const char *source;   // properties of both, in the producer
    const char *producer; // its clock, and the consumer's
    const char *consumer;
};

class LipSync : public testing::TestWithParam<Pair>
{
};

} // namespace

TEST_P(LipSync, IsWhatItIsInOnePipeline)
{
    gst_init(nullptr, nullptr);
    const std::string source = GetParam().source;
    const std::string video = "socket=" + freshPath(".video");
    const std::string audio = "socket=" + freshPath(".audio");
    const Both receiver("sharedringsrc " + video + " ! fakesink name=video sync=true " + //
                            "sharedringsrc " + audio + " ! fakesink name=audio sync=true",
                        GetParam().consumer);
    const Both sender(
        "videotestsrc " + source + " ! video/x-raw,width=64,height=48,framerate=50/1 ! " +
            "sharedringsink sync=true name=video " + video + " audiotestsrc samplesperbuffer=480 " + source +
            " ! audio/x-raw,rate=48000,channels=2 ! sharedringsink sync=true name=audio " + audio,
        GetParam().producer);
    EXPECT_TRUE(await([&] {
        return receiver.pictures.aheads().size() >= kFrames && receiver.sounds.aheads().size() >= 2 * kFrames;
    })) << receiver.pictures.aheads().size()
        << " " << receiver.sounds.aheads().size();

    const auto sent = sender.pictureAheadOfSound();
    const auto got = receiver.pictureAheadOfSound();
    double worst = 0;
    size_t compared = 0;
    for (const auto &[media, ahead] : got) {
        const auto there = sent.find(media);
        if (there == sent.end())
            continue;
        compared++;
        EXPECT_NEAR(static_cast<double>(ahead), static_cast<double>(there->second), kMillisecond)
            << "at " << media;
        worst = std::max(worst, std::abs(static_cast<double>(ahead - there->second)));
    }
    EXPECT_GE(compared, kFrames / 2);
    RecordProperty("worst_ns", std::to_string(worst));
}

INSTANTIATE_TEST_SUITE_P(Of, LipSync,
                         testing::Values(Pair{"AFile", "", "monotonic", "monotonic"},
                                         Pair{"ALiveSource", "is-live=true", "monotonic", "monotonic"},
                                         Pair{"AProducerWithASoundCard", "", "audio:500", "monotonic"},
                                         Pair{"ALiveProducerWithASoundCard", "is-live=true", "audio:500",
                                              "monotonic"},
                                         Pair{"AConsumerWithASoundCard", "", "monotonic", "audio:-500"},
                                         Pair{"TwoSoundCards", "is-live=true", "audio:500", "audio:-500"}),
                         [](const auto &one) { return std::string(one.param.name); });
