// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The formats that a downstream takes arrive in its order of preference, within the bound, and say
// rightly which streams it takes.
#include "plugin/format_names.h"
#include "tests/codec_wire.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

FormatNames crossed(const char *downstream)
{
    const CapsOwner caps(gst_caps_from_string(downstream));
    EXPECT_TRUE(caps);
    const auto names = decodeFormatNames(encodeFormatNames(caps.get()));
    EXPECT_TRUE(names);
    return names.value_or(FormatNames{});
}

bool accepts(const FormatNames &names, const char *stream)
{
    const CapsOwner caps(gst_caps_from_string(stream));
    return names.accepts(caps.get());
}

const char *const kI420 = "video/x-raw,format=I420,width=2,height=2";
const char *const kS16 = "audio/x-raw,format=S16LE,rate=8000,channels=1";
const char *const kH264 = "video/x-h264";

TEST(FormatNames, KeepTheOrderOfPreference)
{
    const FormatNames names = crossed("video/x-raw,format={NV12,I420};audio/x-raw,format=F32LE;"
                                      "video/x-raw,format={BGRx,NV12},width=[1,100]");
    EXPECT_EQ(names,
              (FormatNames{.video = {GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_BGRx},
                           .audio = {GST_AUDIO_FORMAT_F32LE}}));
    EXPECT_TRUE(accepts(names, kI420));
    EXPECT_FALSE(accepts(names, "video/x-raw,format=YUY2"));
    EXPECT_FALSE(accepts(names, kS16));
    EXPECT_TRUE(accepts(names, kH264));
}

TEST(FormatNames, AnyCapsTakeEverything)
{
    const FormatNames names = crossed("ANY");
    EXPECT_EQ(names, (FormatNames{.anyVideo = true, .anyAudio = true}));
    EXPECT_TRUE(accepts(names, kI420));
    EXPECT_TRUE(accepts(names, kS16));
    EXPECT_EQ(decodeFormatNames(encodeFormatNames(nullptr)), names);
}

TEST(FormatNames, StructureWithoutAFormatTakesAnyOfItsMedium)
{
    const FormatNames names = crossed("video/x-raw,width=[1,100]");
    EXPECT_TRUE(accepts(names, kI420));
    EXPECT_FALSE(accepts(names, kS16));
}

TEST(FormatNames, DownstreamOfEncodedMediaTakesNoRawOne)
{
    const FormatNames names = crossed("video/x-h264");
    EXPECT_EQ(names, FormatNames{});
    EXPECT_FALSE(accepts(names, kI420));
    EXPECT_FALSE(accepts(names, kS16));
    EXPECT_TRUE(accepts(names, kH264));
    EXPECT_EQ(crossed("EMPTY"), FormatNames{});
}

TEST(FormatNames, ForeignMemoryDoesNotCount)
{
    const FormatNames names =
        crossed("video/x-raw(memory:GLMemory),format=RGBA;video/x-raw(memory:DMABuf);"
                "video/x-raw(meta:GstVideoOverlayComposition),format=BGRA;"
                "video/x-raw(memory:SystemMemory),format=I420;video/x-raw(ANY),format=NV12");
    EXPECT_EQ(names, (FormatNames{.video = {GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12}}));
}

TEST(FormatNames, NamesWithoutALayoutAreLeftOut)
{
    const FormatNames names = crossed("video/x-raw,format={ENCODED,DMA_DRM,NoSuchFormat,I420}");
    EXPECT_EQ(names, (FormatNames{.video = {GST_VIDEO_FORMAT_I420}}));
}

TEST(FormatNames, ConverterThatTakesEveryFormatIsSaidToTakeAny)
{
    const FormatNames names =
        crossed("video/x-raw,format=" GST_VIDEO_FORMATS_ALL ";audio/x-raw,format=" GST_AUDIO_FORMATS_ALL);
    EXPECT_TRUE(names.anyVideo);
    EXPECT_TRUE(names.anyAudio);
    EXPECT_EQ(names.video.size() + names.audio.size(), kMaxFormatNames);
}

// The list of all formats begins with 16-bit ones: cut from the end it would lose all that
// cameras and displays share.
TEST(FormatNames, TooManyAreCutSoThatTheCommonOnesStay)
{
    const CapsOwner caps(gst_caps_from_string("video/x-raw,format=" GST_VIDEO_FORMATS_ALL));
    GValue formats = G_VALUE_INIT;
    g_value_init(&formats, GST_TYPE_LIST);
    const GValue *all = gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), "format");
    for (guint i = 1; i < gst_value_list_get_size(all); ++i)
        gst_value_list_append_value(&formats, gst_value_list_get_value(all, i));
    gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "format", &formats);

    const auto names = decodeFormatNames(encodeFormatNames(caps.get()));

    ASSERT_TRUE(names);
    EXPECT_FALSE(names->anyVideo);
    EXPECT_EQ(names->video.size(), kMaxFormatNames);
    for (const char *common : {"I420", "NV12", "YUY2", "BGRx", "RGB"})
        EXPECT_TRUE(accepts(*names, (std::string("video/x-raw,format=") + common).c_str())) << common;
}

Hostile claim(uint32_t video, uint32_t audio)
{
    return Hostile()
        .number(uint8_t{0})
        .number(uint8_t{0})
        .number(static_cast<uint8_t>(video))
        .repeat(video, [](Hostile &name) { name.text("I420"); })
        .number(static_cast<uint8_t>(audio))
        .repeat(audio, [](Hostile &name) { name.text("S16LE"); });
}

TEST(HostileFormatNames, CountIsBoundedOverBothMedia)
{
    EXPECT_TRUE(decodeFormatNames(claim(kMaxFormatNames, 0).bytes()));
    EXPECT_TRUE(decodeFormatNames(claim(kMaxFormatNames - 1, 1).bytes()));
    EXPECT_FALSE(decodeFormatNames(claim(kMaxFormatNames + 1, 0).bytes()));
    EXPECT_FALSE(decodeFormatNames(claim(kMaxFormatNames, 1).bytes()));
    EXPECT_FALSE(decodeFormatNames(claim(0, 255).bytes()));
}

Hostile oneName(std::string_view name)
{
    return Hostile().number(uint8_t{0}).number(uint8_t{0}).number(uint8_t{1}).text(name).number(uint8_t{0});
}

TEST(HostileFormatNames, UnknownOnesAreSkippedAndOverlongOnesRefuse)
{
    EXPECT_EQ(decodeFormatNames(oneName("FromTheFuture").bytes()), FormatNames{});
    EXPECT_EQ(decodeFormatNames(oneName("").bytes()), FormatNames{});
    EXPECT_EQ(decodeFormatNames(oneName("ENCODED").bytes()), FormatNames{});
    EXPECT_TRUE(decodeFormatNames(oneName(std::string(kMaxFormatNameBytes, 'x')).bytes()));
    EXPECT_FALSE(decodeFormatNames(oneName(std::string(kMaxFormatNameBytes + 1, 'x')).bytes()));
    EXPECT_FALSE(decodeFormatNames(oneName(std::string_view("I420\0x", 6)).bytes()));
}

TEST(HostileFormatNames, ThatAreMalformedAreRefused)
{
    Bytes bytes = claim(2, 2).bytes();
    for (size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decodeFormatNames(std::span(bytes).first(size)));
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(decodeFormatNames(bytes));
    EXPECT_FALSE(
        decodeFormatNames(Hostile().number(uint8_t{2}).number(uint8_t{0}).number(uint16_t{0}).bytes()));
    EXPECT_FALSE(
        decodeFormatNames(Hostile().number(uint8_t{0}).number(uint8_t{2}).number(uint16_t{0}).bytes()));
}

} // namespace
