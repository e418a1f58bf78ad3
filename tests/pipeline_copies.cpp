// SPDX-License-Identifier: LGPL-2.1-or-later
//
// No copy where none is needed: upstream writes into the arena, and the consumer reads it there.
// Where one is needed there is exactly one.
#include "crossing.h"

#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace
{

struct FrameSize {
    int width, height;
};

GstVideoFormat formatOf(const FrameSize &size)
{
    const bool odd = size.width % 2 != 0 || size.height % 2 != 0; // of which 4:2:0 has none
    return odd ? GST_VIDEO_FORMAT_Y444 : GST_VIDEO_FORMAT_I420;
}

// H.264 of our own, with B-frames and several references, in a file.
std::string h264File(const FrameSize &size)
{
    const std::string path = freshPath(".h264");
    const std::string format = gst_video_format_to_string(formatOf(size));
    const auto made = runToEnd(
        gstLaunch("videotestsrc num-buffers=40 pattern=ball ! video/x-raw,framerate=30/1,format=" + format +
                  ",width=" + std::to_string(size.width) + ",height=" + std::to_string(size.height) +
                  " ! x264enc speed-preset=veryfast bframes=2 ref=4 key-int-max=15 ! h264parse ! "
                  "video/x-h264,stream-format=byte-stream ! filesink location=" +
                  path));
    EXPECT_EQ(made.status, 0) << made.output;
    return path;
}

std::string decoderOf(const std::string &file)
{
    return "filesrc location=" + file + " ! h264parse ! avdec_h264";
}

std::string decoderOfPhone(const std::string &video)
{
    return "filesrc location=" + video + " ! qtdemux ! h264parse ! avdec_h264";
}

constexpr const char *kKnowsVideoMeta = "fakevideosink sync=false";
constexpr const char *kKnowsTagsOfPhones = "fakevideosink sync=false  qtdemux"; // its plugin brings them

size_t inArena(const TapLog &log)
{
    return static_cast<size_t>(std::count_if(log.buffers.begin(), log.buffers.end(),
                                             [](const LoggedBuffer &buffer) { return buffer.inArena; }));
}

void expectCrossedInPlace(Crossing &crossing, size_t buffers)
{
    EXPECT_EQ(crossing.sent().buffers.size(), buffers);
    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(crossing.sinkStat("copies"), 0u);
    EXPECT_EQ(crossing.srcStat("copies"), 0u);
    EXPECT_EQ(inArena(crossing.sent()), buffers);
    EXPECT_EQ(inArena(crossing.received()), buffers);
    EXPECT_TRUE(std::all_of(crossing.received().buffers.begin(), crossing.received().buffers.end(),
                            [](const LoggedBuffer &buffer) { return buffer.readOnly; }));
}

void expectOneCopyEachBySink(Crossing &crossing, size_t buffers)
{
    EXPECT_EQ(crossing.sent().buffers.size(), buffers);
    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(crossing.sinkStat("copies"), buffers);
    EXPECT_EQ(crossing.srcStat("copies"), 0u);
    EXPECT_EQ(inArena(crossing.received()), buffers);
}

std::string testVideo(const std::string &caps)
{
    return "videotestsrc num-buffers=60 ! video/x-raw,framerate=30/1," + caps;
}

// ---- none

TEST(NoCopy, OfWhatVideotestsrcMakes)
{
    Crossing crossing({testVideo("format=I420,width=640,height=360"), kKnowsVideoMeta});
    expectCrossedInPlace(crossing, 60);
}

TEST(NoCopy, OfWhatVideoconvertMakes)
{
    Crossing crossing(
        {testVideo("format=I420,width=320,height=240") + " ! videoconvert ! video/x-raw,format=BGRx",
         kKnowsVideoMeta});
    expectCrossedInPlace(crossing, 60);
}

TEST(NoCopy, OfRawAudio)
{
    Crossing crossing(
        {"audiotestsrc num-buffers=60 ! audio/x-raw,format=S16LE,layout=interleaved,channels=2,rate=48000"});
    expectCrossedInPlace(crossing, 60);
}

TEST(NoCopy, OfDecodedPhoneVideo)
{
    Crossing crossing({decoderOfPhone(phoneVideo()), kKnowsTagsOfPhones});
    expectCrossedInPlace(crossing, 41);
}

TEST(NoCopy, OfDecodedSmallPhoneVideo)
{
    Crossing crossing({decoderOfPhone(smallPhoneVideo()), kKnowsTagsOfPhones});
    expectCrossedInPlace(crossing, 249);
    EXPECT_FALSE(crossing.received().buffers.at(0).video.empty());
}

std::ostream &operator<<(std::ostream &out, const FrameSize &size)
{
    return out << size.width << "x" << size.height;
}

class Padded : public testing::TestWithParam<FrameSize>
{
};

TEST_P(Padded, FramesOfTheDecoderCrossWithoutACopyAndWithTheirStrides)
{
    Crossing crossing({decoderOf(h264File(GetParam())), kKnowsVideoMeta});

    expectCrossedInPlace(crossing, 40);
    EXPECT_FALSE(crossing.received().buffers.at(0).video.empty());
}

// The file's bytes, without those that pad the rows of its frames: nobody writes these, so they are
// what was in the memory before.
std::string pixelsOf(const std::string &path, const FrameSize &size)
{
    GstVideoInfo info;
    gst_video_info_set_format(&info, formatOf(size), size.width, size.height);
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    for (size_t frame = 0; frame + info.size <= bytes.size(); frame += info.size) {
        for (unsigned plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); plane++) {
            const auto row = static_cast<size_t>(GST_VIDEO_INFO_COMP_WIDTH(&info, plane));
            const auto stride = static_cast<size_t>(GST_VIDEO_INFO_PLANE_STRIDE(&info, plane));
            auto at =
                bytes.begin() + static_cast<ptrdiff_t>(frame + GST_VIDEO_INFO_PLANE_OFFSET(&info, plane));
            for (int y = 0; y < GST_VIDEO_INFO_COMP_HEIGHT(&info, plane);
                 y++, at += static_cast<ptrdiff_t>(stride))
                std::fill(at + static_cast<ptrdiff_t>(row), at + static_cast<ptrdiff_t>(stride), '\0');
        }
    }
    return bytes;
}

TEST_P(Padded, FramesAreWrittenIntoAFileAsInOneProcess)
{
    const std::string video = decoderOf(h264File(GetParam()));
    const std::string direct = freshPath(".yuv");
    const std::string across = freshPath(".yuv");
    const auto inOne = runToEnd(gstLaunch(video + " ! filesink location=" + direct));
    ASSERT_EQ(inOne.status, 0) << inOne.output;

    Crossing crossing({video, "filesink location=" + across});

    EXPECT_EQ(std::filesystem::file_size(across), std::filesystem::file_size(direct));
    EXPECT_TRUE(pixelsOf(across, GetParam()) == pixelsOf(direct, GetParam()));
    EXPECT_EQ(crossing.sinkStat("copies"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Padded,
                         testing::Values(FrameSize{640, 360}, FrameSize{322, 242}, FrameSize{321, 241},
                                         FrameSize{178, 98}),
                         [](const auto &tested) {
                             return std::to_string(tested.param.width) + "x" +
                                    std::to_string(tested.param.height);
                         });

// ---- one

TEST(OneCopy, BySinkWhereUpstreamBringsItsOwnMemory)
{
    // filesrc without a pool of its own would take ours: rawvideoparse cuts frames from what it read.
    const std::string raw = freshPath(".yuv");
    ASSERT_EQ(
        runToEnd(gstLaunch(testVideo("format=I420,width=320,height=240") + " ! filesink location=" + raw))
            .status,
        0);
    Crossing crossing(
        {"filesrc location=" + raw + " ! rawvideoparse format=i420 width=320 height=240 framerate=30/1",
         kKnowsVideoMeta});
    expectOneCopyEachBySink(crossing, 60);
}

TEST(OneCopy, BySinkBehindTee)
{
    Crossing crossing({testVideo("format=I420,width=320,height=240") +
                           " ! tee name=t  t. ! queue ! fakesink sync=false async=false  t. ! queue",
                       kKnowsVideoMeta});
    expectOneCopyEachBySink(crossing, 60);
}

TEST(OneCopy, BySinkWhereNoPoolIsOffered)
{
    Crossing crossing({testVideo("format=I420,width=320,height=240"), kKnowsVideoMeta,
                       "timestamps=preserve offer-pool=false"});
    expectOneCopyEachBySink(crossing, 60);
}

TEST(OneCopy, BySourceOfWhatIsToBeParsed)
{
    Crossing crossing({"filesrc location=" + h264File({322, 242}) +
                       " ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au"});

    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(crossing.srcStat("copies"), 40u);
    EXPECT_EQ(inArena(crossing.received()), 0u);
}

TEST(OneCopy, BySourceIsLeftAwayWherePayloadIsToBeMapped)
{
    Crossing crossing({"filesrc location=" + h264File({322, 242}) +
                           " ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au",
                       "fakesink sync=false", "timestamps=preserve", "is-live=false payload-mode=map"});

    EXPECT_EQ(crossing.srcStat("copies"), 0u);
    EXPECT_EQ(inArena(crossing.received()), 40u);
}

} // namespace
