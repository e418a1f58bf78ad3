// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Phone video goes into another process as it is: every frame, byte for byte, with its times and
// flags; decoded, encoded and as bytes without caps.
#include "crossing.h"

#include <gtest/gtest.h>

#include <string>

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

TEST_P(PhoneVideo, ArrivesByteForByteWithItsTimesAndFlags)
{
    Crossing crossing({GetParam().upstream});

    EXPECT_GE(crossing.sent().buffers.size(), GetParam().buffers);
    EXPECT_EQ(crossing.sent().all("whole ").size(), 1u);
    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(crossing.sinkStat("drops"), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Media, PhoneVideo,
    testing::Values(
        Stream{"Decoded", "filesrc location=" + phoneVideo() + " ! decodebin", 100},
        Stream{"SmallDecoded", "filesrc location=" + smallPhoneVideo() + " ! decodebin", 100},
        Stream{"AvcWithCodecData",
               demuxed(phoneVideo(), "video_0") + "h264parse ! video/x-h264,stream-format=avc", 100},
        Stream{"ByteStream",
               demuxed(phoneVideo(), "video_0") + "h264parse ! video/x-h264,stream-format=byte-stream", 100},
        Stream{"SmallAvcWithCodecData",
               demuxed(smallPhoneVideo(), "video_0") + "h264parse ! video/x-h264,stream-format=avc", 100},
        Stream{"SmallByteStream",
               demuxed(smallPhoneVideo(), "video_0") + "h264parse ! video/x-h264,stream-format=byte-stream",
               100},
        Stream{"AudioS16LE",
               demuxed(phoneVideo(), "audio_0") + "decodebin ! audioconvert ! audio/x-raw,format=S16LE", 100},
        Stream{"AudioF32LE",
               demuxed(phoneVideo(), "audio_0") + "decodebin ! audioconvert ! audio/x-raw,format=F32LE", 100},
        Stream{"BytesWithoutCaps", "filesrc blocksize=100003 location=" + phoneVideo(), 10}),
    [](const auto &tested) { return tested.param.name; });

} // namespace
