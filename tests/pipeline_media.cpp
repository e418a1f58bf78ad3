// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Phone video goes into another process as it is: every frame, byte for byte, with its times and
// flags; decoded, encoded and as bytes without caps.
#include "crossing.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace
{

std::string demuxed(const std::string &video, const std::string &stream)
{
    return "filesrc location=" + video + " ! qtdemux name=d  d." + stream +
           " ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! ";
}

struct Stream {
    const char *name;
    std::string upstream;
    size_t buffers; // that it has at least
};

std::ostream &operator<<(std::ostream &out, const Stream &stream)
{
    return out << stream.name;
}

class PhoneVideo : public testing::TestWithParam<Stream>
{
};

TEST_P(PhoneVideo, ArrivesByteForByteWithItsTimesFlagsAndTags)
{
    // fakevideosink knows GstVideoMeta. A process in which there is a qtdemux knows its tags, too.
    const bool isVideo = GetParam().upstream.ends_with("decodebin");
    Crossing crossing({GetParam().upstream,
                       isVideo ? "fakevideosink sync=false  qtdemux" : "fakesink sync=false  qtdemux"});

    EXPECT_GE(crossing.sent().buffers.size(), GetParam().buffers);
    EXPECT_EQ(crossing.sent().all("whole ").size(), 1u);
    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(crossing.sinkStat("drops"), 0u);
}

std::string encoded(const std::string &video, const std::string &format)
{
    return demuxed(video, "video_0") + "h264parse ! video/x-h264,stream-format=" + format;
}

std::string audio(const std::string &video, const std::string &format)
{
    return demuxed(video, "audio_0") +
           "decodebin ! audioconvert ! audio/x-raw,layout=interleaved,format=" + format;
}

INSTANTIATE_TEST_SUITE_P(
    Media, PhoneVideo,
    testing::Values(Stream{"Decoded", "filesrc location=" + phoneVideo() + " ! decodebin", 41},
                    Stream{"SmallDecoded", "filesrc location=" + smallPhoneVideo() + " ! decodebin", 249},
                    Stream{"Avc", encoded(phoneVideo(), "avc"), 41},
                    Stream{"ByteStream", encoded(phoneVideo(), "byte-stream"), 41},
                    Stream{"SmallAvc", encoded(smallPhoneVideo(), "avc"), 249},
                    Stream{"SmallByteStream", encoded(smallPhoneVideo(), "byte-stream"), 249},
                    Stream{"AudioS16LE", audio(phoneVideo(), "S16LE"), 50},
                    Stream{"AudioF32LE", audio(phoneVideo(), "F32LE"), 50},
                    Stream{"SmallAudioF32LE", audio(smallPhoneVideo(), "F32LE"), 200},
                    Stream{"BytesWithoutCaps", "filesrc blocksize=100003 location=" + phoneVideo(), 25}),
    [](const auto &tested) { return tested.param.name; });

// ---- encoded video keeps what its decoder needs

TEST(EncodedVideo, AvcBringsItsCodecData)
{
    Crossing crossing({encoded(smallPhoneVideo(), "avc")});

    ASSERT_EQ(crossing.received().all("caps ").size(), 1u);
    EXPECT_NE(crossing.received().all("caps ")[0].find("codec_data=(buffer)01"), std::string::npos);
    expectSameStream(crossing.sent(), crossing.received());
}

// The lines of checksumsink: a time and an MD5 for each frame.
std::vector<std::string> checksums(const std::string &output)
{
    std::istringstream lines(output);
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > 33 && line[line.size() - 33] == ' ' &&
            line.find_first_not_of("0123456789:. abcdef") == std::string::npos)
            found.push_back(line);
    }
    return found;
}

TEST(EncodedVideo, IsDecodedOnTheOtherSideIntoTheSameFrames)
{
    const std::string video = encoded(smallPhoneVideo(), "byte-stream");
    const std::string decoded = " ! avdec_h264 ! checksumsink hash=md5 sync=false";
    const auto direct = runToEnd(gstLaunch(video + decoded));
    const std::string socket = freshPath(".socket");
    PeerProcess producer(
        video + " ! sharedringsink sync=false slow-client=block wait-for-connection=true socket=" + socket);
    const auto across = runToEnd(gstLaunch("sharedringsrc is-live=false socket=" + socket + decoded));

    EXPECT_EQ(across.status, 0) << across.output;
    EXPECT_EQ(checksums(direct.output).size(), 249u) << direct.output;
    EXPECT_EQ(checksums(across.output), checksums(direct.output));
}

// ---- audio with a plane for each channel, as decoders make it

TEST(PlanarAudio, IsConvertedOnTheOtherSideAsInOneProcess)
{
    const std::string audio =
        "filesrc location=" + phoneVideo() + " ! qtdemux name=d d.audio_0 ! queue ! aacparse ! avdec_aac";
    const std::string converted = " ! audioconvert ! audio/x-raw,format=S16LE,layout=interleaved ! "
                                  "checksumsink hash=md5 sync=false";
    const auto direct = runToEnd(gstLaunch(audio + converted));
    const std::string socket = freshPath(".socket");
    PeerProcess producer(
        audio + " ! sharedringsink sync=false slow-client=block wait-for-connection=true socket=" + socket);
    const auto across = runToEnd(gstLaunch("sharedringsrc is-live=false socket=" + socket + converted));

    EXPECT_EQ(across.status, 0) << across.output;
    EXPECT_GT(checksums(direct.output).size(), 50u) << direct.output;
    EXPECT_EQ(checksums(across.output), checksums(direct.output));
}

// ---- times

int64_t number(const std::string &text)
{
    return std::strtoll(text.c_str(), nullptr, 10);
}

// Both have PTS, and the same distances between them.
void expectSameDistances(const TapLog &sent, const TapLog &received)
{
    ASSERT_EQ(sent.buffers.size(), received.buffers.size());
    for (size_t i = 0; i < sent.buffers.size(); i++) {
        ASSERT_NE(received.buffers[i].pts, "none") << "buffer " << i;
        EXPECT_EQ(number(received.buffers[i].pts) - number(received.buffers[0].pts),
                  number(sent.buffers[i].pts) - number(sent.buffers[0].pts))
            << "buffer " << i;
        EXPECT_EQ(received.buffers[i].duration, sent.buffers[i].duration) << "buffer " << i;
        EXPECT_EQ(received.buffers[i].md5, sent.buffers[i].md5) << "buffer " << i;
    }
}

constexpr const char *kSmallVideo =
    "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=64,height=48,framerate=30/1";

TEST(LiveSource, KeepsTheTimesOfAPreservedStreamAndMovesItsSegmentToNow)
{
    Crossing crossing({kSmallVideo, "fakesink", "timestamps=preserve", "is-live=true"});

    ASSERT_EQ(crossing.received().buffers.size(), 30u);
    for (size_t i = 0; i < 30; i++)
        EXPECT_EQ(crossing.received().buffers[i].pts, crossing.sent().buffers[i].pts);
    const auto segments = crossing.received().all("segment ");
    ASSERT_EQ(segments.size(), 1u);
    EXPECT_EQ(crossing.sent().all("segment ")[0].find("base=(guint64)0,") != std::string::npos, true);
    EXPECT_EQ(segments[0].find("base=(guint64)0,"), std::string::npos) << segments[0];
    EXPECT_NE(segments[0].find("start=(guint64)0,"), std::string::npos) << segments[0];
    EXPECT_NE(segments[0].find("time=(guint64)0,"), std::string::npos) << segments[0];
}

TEST(LiveSource, KeepsTheDistancesOfTimesTiedToTheClock)
{
    Crossing crossing({kSmallVideo, "fakesink sync=false", "timestamps=clock", "is-live=true"});

    expectSameDistances(crossing.sent(), crossing.received());
}

TEST(LiveSource, KeepsTheDistancesOfVideoThatItIsToShowInTime)
{
    Crossing crossing({kSmallVideo, "fakesink", "timestamps=auto sync=true", "is-live=true"});

    expectSameDistances(crossing.sent(), crossing.received());
}

} // namespace
