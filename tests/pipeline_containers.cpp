// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A live stream in a container has times of its own inside, which a demuxer gives to what it takes out:
// that is decoded, and not taken for something before our segment.
#include "peer_process.h"
#include "playing.h"

#include <gtest/gtest.h>

#include <string>

namespace
{

struct Container {
    const char *name;
    std::string muxer;
    std::string demuxer;
};

void PrintTo(const Container &container, std::ostream *out)
{
    *out << container.name;
}

class LiveContainer : public testing::TestWithParam<Container>
{
};

TEST_P(LiveContainer, IsDecodedFromItsBeginningOn)
{
    const std::string socket = freshPath(".socket");
    Playing producer("videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120 ! " +
                         GetParam().muxer +
                         " ! sharedringsink name=ring sync=false wait-for-connection=true socket=" + socket,
                     "ring", "sink");
    Playing consumer("sharedringsrc name=ring socket=" + socket + " ! " + GetParam().demuxer +
                     " ! identity name=tap ! fakesink");
    EXPECT_TRUE(await([&] { return consumer.buffers() >= 10; }));
    EXPECT_EQ(consumer.messages(static_cast<GstMessageType>(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)),
              std::vector<std::string>());
}

const std::string kVp8 = "vp8enc deadline=1 cpu-used=8 ! ";
const std::string kH264 = "x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! ";

INSTANTIATE_TEST_SUITE_P(
    Containers, LiveContainer,
    testing::Values(
        Container{"Matroska", kH264 + "matroskamux streamable=true", "matroskademux ! avdec_h264"},
        Container{"WebM", kVp8 + "webmmux streamable=true", "matroskademux ! vp8dec"},
        Container{"Mp4", kH264 + "mp4mux fragment-duration=100 streamable=true", "qtdemux ! avdec_h264"},
        Container{"Flv", kH264 + "flvmux streamable=true", "flvdemux ! h264parse ! avdec_h264"},
        Container{"MpegTs", kH264 + "mpegtsmux", "tsdemux ! h264parse ! avdec_h264"}),
    [](const auto &tested) { return std::string(tested.param.name); });

} // namespace
