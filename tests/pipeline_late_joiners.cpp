// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who joins an encoded stream in its middle decodes it from its first buffer on: with the stream's
// headers, from a key unit, which upstream is asked for once.
#include "peer_process.h"
#include "playing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace
{

struct Codec {
    const char *name;
    std::string encoder;
    std::string decoder;
    bool hasDeltas;
};

void PrintTo(const Codec &codec, std::ostream *out)
{
    *out << codec.name;
}

const std::string kVideo = "videotestsrc is-live=true pattern=ball ! "
                           "video/x-raw,format=I420,width=160,height=120,framerate=30/1 ! ";
const std::string kAudio = "audiotestsrc is-live=true samplesperbuffer=480 ! "
                           "audio/x-raw,rate=48000,channels=2 ! audioconvert ! ";
const std::string kX264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=100000 ! ";
const std::string kVp8 = "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=100000 ! ";

// What decoders and parsers (and the elements here) complain of while this lives.
class Complaints
{
public:
    Complaints()
    {
        gst_init(nullptr, nullptr);
        gst_debug_set_active(TRUE);
        gst_debug_set_default_threshold(GST_LEVEL_WARNING);
        gst_debug_remove_log_function(gst_debug_log_default);
        gst_debug_add_log_function(note, this, nullptr);
    }
    ~Complaints()
    {
        gst_debug_remove_log_function_by_data(this);
        gst_debug_add_log_function(gst_debug_log_default, nullptr, nullptr);
        gst_debug_set_default_threshold(GST_LEVEL_NONE);
    }
    std::string all()
    {
        std::lock_guard guard(lock_);
        return text_;
    }

private:
    static void note(GstDebugCategory *category, GstDebugLevel level, const gchar *, const gchar *function,
                     gint, GObject *, GstDebugMessage *message, gpointer self)
    {
        static const std::vector<std::string> kOfDecoding = {
            "libav",      "videodecoder",      "audiodecoder",  "vp8dec",   "vpxdec",
            "opusdec",    "vorbisdec",         "theoradec",     "flacdec",  "jpegdec",
            "h264parse",  "codecparsers_h264", "aacparse",      "oggdemux", "tsdemux",
            "mpegtsbase", "matroskademux",     "sharedringsrc", "baseparse"};
        const std::string name = gst_debug_category_get_name(category);
        if (level > GST_LEVEL_WARNING ||
            std::find(kOfDecoding.begin(), kOfDecoding.end(), name) == kOfDecoding.end())
            return;
        auto &complaints = *static_cast<Complaints *>(self);
        std::lock_guard guard(complaints.lock_);
        complaints.text_ += name + " " + function + ": " + gst_debug_message_get(message) + "\n";
    }

    std::mutex lock_; // guards text_
    std::string text_;
};

// In one process, from the stream's beginning on.
std::string complaintsUncut(const Codec &codec)
{
    Complaints complaints;
    Playing whole(codec.encoder + codec.decoder + " ! identity name=tap ! fakesink");
    EXPECT_TRUE(await([&] { return whole.buffers() >= 10; }));
    return complaints.all();
}

class LateJoiner : public testing::TestWithParam<Codec>
{
protected:
    const std::string socket_ = freshPath(".socket");
};

} // namespace

TEST_P(LateJoiner, DecodesFromItsFirstBufferOn)
{
    const Codec &codec = GetParam();
    Playing producer(codec.encoder +
                     "identity name=tap ! sharedringsink name=ring sync=false socket=" + socket_);
    ASSERT_TRUE(await([&] { return producer.buffers() > 20; }));

    const std::string usual = complaintsUncut(codec);
    Complaints complaints;
    Playing consumer("sharedringsrc name=ring socket=" + socket_ + " ! " + codec.decoder +
                     " ! identity name=tap ! fakesink");
    ASSERT_TRUE(await([&] { return consumer.buffers() >= 10; }))
        << complaints.all() << testing::PrintToString(consumer.messages(GST_MESSAGE_ANY));
    EXPECT_EQ(complaints.all(), usual);
    EXPECT_EQ(consumer.messages(static_cast<GstMessageType>(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)),
              std::vector<std::string>());
    const size_t asked = producer.events(GST_EVENT_CUSTOM_UPSTREAM, "GstForceKeyUnit").size();
    EXPECT_EQ(asked, codec.hasDeltas ? 1u : 0u) << "asked for by clients: " << producer.stat("requests");
    EXPECT_EQ(producer.stat("drops"), 0u);
}

// Several who come at once cost the encoder one key unit.
TEST_F(LateJoiner, AndThreeOthersAskOnce)
{
    Playing producer(kVideo + kVp8 +
                     "identity name=tap ! sharedringsink name=ring sync=false socket=" + socket_);
    ASSERT_TRUE(await([&] { return producer.buffers() > 20; }));
    std::vector<std::unique_ptr<Playing>> consumers;
    for (int i = 0; i < 4; i++)
        consumers.push_back(std::make_unique<Playing>("sharedringsrc name=ring socket=" + socket_ +
                                                      " ! vp8dec ! identity name=tap ! fakesink"));
    for (const auto &consumer : consumers)
        ASSERT_TRUE(await([&] { return consumer->buffers() >= 5; }));
    // They start within a second; in the worst case each second quarter of it has its own question.
    const size_t asked = producer.events(GST_EVENT_CUSTOM_UPSTREAM, "GstForceKeyUnit").size();
    EXPECT_GE(asked, 1u);
    EXPECT_LT(asked, 4u);
}

INSTANTIATE_TEST_SUITE_P(
    Codecs, LateJoiner,
    testing::Values(Codec{"H264Avc", kVideo + kX264 + "video/x-h264,stream-format=avc ! ",
                          "h264parse ! avdec_h264", true},
                    Codec{"H264ByteStream", kVideo + kX264 + "video/x-h264,stream-format=byte-stream ! ",
                          "h264parse ! avdec_h264", true},
                    Codec{"Vp8", kVideo + kVp8, "vp8dec", true},
                    Codec{"Theora", kVideo + "theoraenc keyframe-force=64 ! ", "theoradec", true},
                    Codec{"Mjpeg", kVideo + "jpegenc ! ", "jpegdec", false},
                    Codec{"Opus", kAudio + "opusenc ! ", "opusdec", false},
                    Codec{"Aac", kAudio + "avenc_aac ! aacparse ! ", "aacparse ! avdec_aac", false},
                    Codec{"Vorbis", kAudio + "vorbisenc ! ", "vorbisdec", false},
                    Codec{"Flac", kAudio + "flacenc blocksize=480 ! ", "flacparse ! flacdec", false},
                    Codec{"MpegTs", kVideo + kX264 + "h264parse ! mpegtsmux ! ",
                          "tsdemux ! h264parse ! avdec_h264", true},
                    Codec{"MpegTsOfAudio", kAudio + "avenc_aac ! aacparse ! mpegtsmux ! ",
                          "tsdemux ! aacparse ! avdec_aac", false},
                    Codec{"Matroska", kVideo + kVp8 + "matroskamux streamable=true ! ",
                          "matroskademux ! vp8dec", true}),
    [](const auto &tested) { return tested.param.name; });
