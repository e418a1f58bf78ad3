// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Real caps arrive as they left; caps that speak of foreign memory or of more than one format do
// not, whoever writes them.
#include "plugin/caps_codec.h"
#include "plugin/peer_names.h"
#include "tests/codec_wire.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

CapsOwner caps(const char *text)
{
    return CapsOwner(gst_caps_from_string(text));
}

class CapsRoundTrip : public testing::TestWithParam<const char *>
{
};

TEST_P(CapsRoundTrip, ArriveAsTheyLeft)
{
    const CapsOwner sent = caps(GetParam());
    ASSERT_TRUE(sent);

    const auto bytes = encodeCaps(sent.get());
    ASSERT_TRUE(bytes);
    const CapsOwner received = decodeCaps(*bytes);

    ASSERT_TRUE(received);
    EXPECT_TRUE(gst_caps_is_strictly_equal(sent.get(), received.get()));
    EXPECT_TRUE(gst_caps_features_is_equal(gst_caps_get_features(sent.get(), 0),
                                           gst_caps_get_features(received.get(), 0)));
}

INSTANTIATE_TEST_SUITE_P(
    RealStreams, CapsRoundTrip,
    testing::Values(
        "video/x-raw,format=(string)NV12,width=(int)1920,height=(int)1080,framerate=(fraction)30000/1001,"
        "pixel-aspect-ratio=(fraction)1/1,interlace-mode=(string)progressive,colorimetry=(string)bt709,"
        "chroma-site=(string)mpeg2,multiview-mode=(string)mono",
        "video/x-raw,format=(string)P010_10LE,width=(int)3840,height=(int)2160,framerate=(fraction)0/1,"
        "colorimetry=(string)2:9:16:9,mastering-display-info=(string)\"1:2:3:4:5:6:7:8:9:10\"",
        "video/x-raw(format:Interlaced),format=(string)UYVY,width=(int)720,height=(int)576,"
        "framerate=(fraction)25/1,interlace-mode=(string)alternate,field-order=(string)top-field-first",
        "video/x-raw(memory:SystemMemory,meta:GstVideoOverlayComposition),format=(string)I420,width=(int)2,"
        "height=(int)2",
        "video/x-h264,stream-format=(string)avc,alignment=(string)au,level=(string)3.1,profile=(string)high,"
        "codec_data=(buffer)"
        "0164001fffe1001b6764001facd9405005bb0110000003001000000303c0f18319601000468ebe3cb2,"
        "width=(int)1280,height=(int)720,framerate=(fraction)25/1,parsed=(boolean)true",
        "audio/x-opus,rate=(int)48000,channels=(int)2,channel-mapping-family=(int)0,stream-count=(int)1,"
        "coupled-count=(int)1,streamheader=(buffer)< 4f707573486561640102380180bb0000000000,"
        "4f707573546167730700000047537472 >",
        "audio/x-vorbis,rate=(int)44100,channels=(int)2,streamheader=(buffer)< "
        "01766f726269730000000002,03766f72626973,05766f72626973 >",
        "audio/x-raw,format=(string)F32LE,layout=(string)interleaved,rate=(int)48000,channels=(int)6,"
        "channel-mask=(bitmask)0x000000000000003f",
        "audio/mpeg,mpegversion=(int)4,stream-format=(string)raw,codec_data=(buffer)1190,rate=(int)48000,"
        "channels=(int)2",
        "video/mpegts,systemstream=(boolean)true,packetsize=(int)188",
        "application/x-rtp,media=(string)video,payload=(int)96,clock-rate=(int)90000,"
        "encoding-name=(string)H264,ssrc=(uint)4294967295,sprop-parameter-sets=(string)\"Z0IAKeKQ,aM48gA\\="
        "\\=\"",
        "text/x-raw,format=(string)utf8", "application/octet-stream"));

TEST(Caps, StreamheaderBuffersStayHeaders)
{
    const CapsOwner sent = caps("audio/x-opus,streamheader=(buffer)< 01, 02 >");
    const GValue *headers = gst_structure_get_value(gst_caps_get_structure(sent.get(), 0), "streamheader");
    GST_BUFFER_FLAG_SET(gst_value_get_buffer(gst_value_array_get_value(headers, 0)), GST_BUFFER_FLAG_HEADER);

    const CapsOwner received = decodeCaps(*encodeCaps(sent.get()));

    headers = gst_structure_get_value(gst_caps_get_structure(received.get(), 0), "streamheader");
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(gst_value_get_buffer(gst_value_array_get_value(headers, 0)),
                                       GST_BUFFER_FLAG_HEADER));
}

class CapsThatDoNotCross : public testing::TestWithParam<const char *>
{
};

TEST_P(CapsThatDoNotCross, AreRefusedByTheWriter)
{
    const CapsOwner sent = caps(GetParam());
    ASSERT_TRUE(sent);
    EXPECT_FALSE(encodeCaps(sent.get()));
}

INSTANTIATE_TEST_SUITE_P(Caps, CapsThatDoNotCross,
                         testing::Values("ANY", "EMPTY", "video/x-raw,width=[1,2]",
                                         "video/x-raw,format={I420,NV12}", "video/x-raw;audio/x-raw",
                                         "video/x-raw(ANY),width=1", "video/x-raw(memory:DMABuf),width=1",
                                         "video/x-raw(memory:GLMemory)"));

TEST(CapsThatDoNotCross, NullIsRefusedByTheWriter)
{
    EXPECT_FALSE(encodeCaps(nullptr));
}

Hostile withFeatures(std::initializer_list<std::string_view> features)
{
    Hostile hostile;
    hostile.number(static_cast<uint32_t>(features.size()));
    for (const auto feature : features)
        hostile.text(feature);
    return hostile.text("video/x-raw").number(uint32_t{0});
}

TEST(HostileCaps, OfForeignMemoryAreRefused)
{
    EXPECT_TRUE(decodeCaps(withFeatures({"memory:SystemMemory"}).bytes()));
    EXPECT_TRUE(decodeCaps(withFeatures({"meta:GstVideoOverlayComposition"}).bytes()));
    EXPECT_FALSE(decodeCaps(withFeatures({"memory:DMABuf"}).bytes()));
    EXPECT_FALSE(decodeCaps(withFeatures({"memory:SystemMemory", "memory:GLMemory"}).bytes()));
    EXPECT_FALSE(decodeCaps(withFeatures({"memory:SystemMemoryX"}).bytes()));
}

TEST(HostileCaps, OfMalformedFeaturesAreRefused)
{
    for (const std::string_view name : {"ANY", "", ":", "a:", ":a", "meta", "meta:1", "meta:a-b", "me1a:a",
                                        "meta:a:b", "meta: a", "meta:\xc3\xa4"})
        EXPECT_FALSE(decodeCaps(withFeatures({name}).bytes())) << name;
    EXPECT_FALSE(decodeCaps(withFeatures({std::string_view("meta:a\0b", 8)}).bytes()));
    EXPECT_FALSE(decodeCaps(withFeatures({"meta:" + std::string(kMaxNameBytes, 'a')}).bytes()));
}

TEST(HostileCaps, CountOfFeaturesIsBounded)
{
    const auto features = [](uint32_t count) {
        return Hostile()
            .number(count)
            .repeat(count, [](Hostile &feature) { feature.text("meta:Same"); })
            .text("video/x-raw")
            .number(uint32_t{0})
            .bytes();
    };
    EXPECT_TRUE(decodeCaps(features(kMaxCapsFeatures)));
    EXPECT_FALSE(decodeCaps(features(kMaxCapsFeatures + 1)));
}

Hostile withOneField()
{
    return Hostile().number(uint32_t{0}).text("video/x-raw").number(uint32_t{1}).text("f");
}

TEST(HostileCaps, ThatAreNotFixedAreRefused)
{
    EXPECT_TRUE(
        decodeCaps(withOneField().kind(Array).number(uint32_t{1}).kind(Int).number(int32_t{1}).bytes()));
    EXPECT_FALSE(
        decodeCaps(withOneField().kind(List).number(uint32_t{1}).kind(Int).number(int32_t{1}).bytes()));
    EXPECT_FALSE(decodeCaps(
        withOneField().kind(Flagset).text("GstFlagSet").number(uint32_t{1}).number(uint32_t{1}).bytes()));
}

TEST(HostileCaps, InsideAValueObeyTheSameRules)
{
    EXPECT_FALSE(decodeCaps(withOneField()
                                .kind(Caps)
                                .number(uint32_t{1})
                                .text("memory:DMABuf")
                                .text("video/x-raw")
                                .number(uint32_t{0})
                                .bytes()));
}

TEST(HostileCaps, WithBytesLeftOverOrMissingAreRefused)
{
    Bytes bytes = withFeatures({}).bytes();
    ASSERT_TRUE(decodeCaps(bytes));
    for (size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decodeCaps(std::span(bytes).first(size)));
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(decodeCaps(bytes));
}

TEST(HostileCaps, BeyondTheirBytesAreRefused)
{
    const auto sized = [](size_t header) {
        return withOneField().kind(Buffer).number(uint8_t{0}).text(std::string(header, 'x')).bytes();
    };
    const size_t frame = sized(0).size();
    EXPECT_TRUE(decodeCaps(sized(kMaxCapsBytes - frame)));
    EXPECT_FALSE(decodeCaps(sized(kMaxCapsBytes - frame + 1)));
}

} // namespace
