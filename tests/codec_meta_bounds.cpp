// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Each field of a meta at its bound is taken and beyond it refused, before GStreamer could complain.
#include "tests/hostile_metas.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

struct Bound {
    const char *name;
    uint16_t kind;
    Bytes within;
    Bytes beyond;
};

void PrintTo(const Bound &bound, std::ostream *out)
{
    *out << bound.name;
}

class BoundOfAMeta : public HostileMetas, public testing::WithParamInterface<Bound>
{
};

TEST_P(BoundOfAMeta, IsTakenAndNoMore)
{
    EXPECT_TRUE(taker_.takes(GetParam().kind, GetParam().within));
    EXPECT_EQ(taker_.left, 0u);
    EXPECT_FALSE(taker_.takes(GetParam().kind, GetParam().beyond));
}

constexpr uint32_t kFar = 65536;
constexpr uint32_t kIntMax = std::numeric_limits<int32_t>::max();
constexpr uint64_t kTimeMax = std::numeric_limits<int64_t>::max();

INSTANTIATE_TEST_SUITE_P(
    OfVideo, BoundOfAMeta,
    testing::Values(
        Bound{"CropX", Crop, numbers({kFar, 0, 0, 0}), numbers({kFar + 1, 0, 0, 0})},
        Bound{"CropY", Crop, numbers({0, kFar, 0, 0}), numbers({0, kFar + 1, 0, 0})},
        Bound{"CropWidth", Crop, numbers({0, 0, kFar, 0}), numbers({0, 0, kFar + 1, 0})},
        Bound{"CropHeight", Crop, numbers({0, 0, 0, kFar}), numbers({0, 0, 0, UINT32_MAX})},
        Bound{"MatrixNumber", Affine, affine(), affine(kNoNumber)},
        Bound{"MatrixInfinite", Affine, affine(), affine(std::numeric_limits<float>::infinity())},
        Bound{"RegionTypeLength", Region, RegionBody{.type = std::string(128, 'x')}.bytes(),
              RegionBody{.type = std::string(129, 'x')}.bytes()},
        Bound{"RegionTypeText", Region, RegionBody{.type = "visage \xc3\xa9"}.bytes(),
              RegionBody{.type = "\xff"}.bytes()},
        Bound{"RegionTypeWithoutNul", Region, RegionBody{.type = ""}.bytes(),
              RegionBody{.type = std::string("a\0b", 3)}.bytes()},
        Bound{"RegionX", Region, RegionBody{.x = kFar}.bytes(), RegionBody{.x = kFar + 1}.bytes()},
        Bound{"RegionY", Region, RegionBody{.y = kFar}.bytes(), RegionBody{.y = kFar + 1}.bytes()},
        Bound{"RegionWidth", Region, RegionBody{.width = kFar}.bytes(),
              RegionBody{.width = kFar + 1}.bytes()},
        Bound{"RegionHeight", Region, RegionBody{.height = kFar}.bytes(),
              RegionBody{.height = kFar + 1}.bytes()},
        Bound{"RegionParams", Region, RegionBody{.params = 32}.bytes(), RegionBody{.params = 33}.bytes()},
        Bound{"RegionParam", Region, RegionBody{}.bytes(), RegionBody{.param = "no name"}.bytes()},
        Bound{"TimeCodeFpsN", TimeCode, TimeCodeBody{.fpsN = kIntMax}.bytes(),
              TimeCodeBody{.fpsN = kIntMax + 1}.bytes()},
        Bound{"TimeCodeFpsD", TimeCode, TimeCodeBody{.fpsN = kIntMax, .fpsD = kIntMax, .frames = 0}.bytes(),
              TimeCodeBody{
                  .fpsN = kIntMax, .fpsD = kIntMax + 1, .hours = 0, .minutes = 0, .seconds = 0, .frames = 0}
                  .bytes()},
        Bound{"TimeCodeOfNoRate", TimeCode, TimeCodeBody{}.bytes(), TimeCodeBody{.fpsD = 0}.bytes()},
        Bound{"TimeCodeFlags", TimeCode, TimeCodeBody{.flags = 2}.bytes(), TimeCodeBody{.flags = 4}.bytes()},
        Bound{"TimeCodeHours", TimeCode, TimeCodeBody{.hours = 23}.bytes(),
              TimeCodeBody{.hours = 24}.bytes()},
        Bound{"TimeCodeMinutes", TimeCode, TimeCodeBody{.minutes = 59}.bytes(),
              TimeCodeBody{.minutes = 60}.bytes()},
        Bound{"TimeCodeSeconds", TimeCode, TimeCodeBody{.seconds = 59}.bytes(),
              TimeCodeBody{.seconds = 60}.bytes()},
        Bound{"TimeCodeFrames", TimeCode, TimeCodeBody{.frames = 24}.bytes(),
              TimeCodeBody{.frames = 25}.bytes()},
        Bound{"TimeCodeFields", TimeCode, TimeCodeBody{.fields = 2}.bytes(),
              TimeCodeBody{.fields = 3}.bytes()},
        Bound{"TimeCodeHasJam", TimeCode, TimeCodeBody{}.bytes(), withLastByte(TimeCodeBody{}.bytes(), 2)},
        Bound{"TimeCodeJamMonth", TimeCode, TimeCodeBody{.hasJam = 1}.bytes(),
              TimeCodeBody{.hasJam = 1, .month = 13}.bytes()},
        Bound{"TimeCodeJamOfADay", TimeCode, TimeCodeBody{.hasJam = 1}.bytes(),
              TimeCodeBody{.hasJam = 1, .precision = 3}.bytes()},
        Bound{"CaptionType", Caption, caption(4, 1), caption(5, 1)},
        Bound{"CaptionWithoutType", Caption, caption(1, 1), caption(0, 1)},
        Bound{"CaptionLength", Caption, caption(1, 4096), caption(1, 4097)},
        Bound{"CaptionEmpty", Caption, caption(1, 1), caption(1, 0)},
        Bound{"SeiLength", Sei, sei(16 * 1024), sei(16 * 1024 + 1)}, Bound{"SeiEmpty", Sei, sei(1), sei(0)},
        Bound{"BarField", BarKind, bar(1, 0, 0, 0), bar(2, 0, 0, 0)},
        Bound{"BarLetterbox", BarKind, bar(0, 1, 0, 0), bar(0, 2, 0, 0)},
        Bound{"BarFirst", BarKind, bar(0, 1, kFar, 0), bar(0, 1, kFar + 1, 0)},
        Bound{"BarSecond", BarKind, bar(0, 1, 0, kFar), bar(0, 1, 0, kFar + 1)},
        Bound{"AfdField", Afd, afd(1, 1, 8), afd(2, 1, 8)},
        Bound{"AfdStandard", Afd, afd(0, 2, 8), afd(0, 3, 8)},
        Bound{"AfdValue", Afd, afd(0, 1, 15), afd(0, 1, 16)},
        Bound{"AfdOf32Bits", Afd, afd(0, 1, 0), afd(0, 1, 32)},
        Bound{"AfdReserved", Afd, afd(0, 1, 4), afd(0, 1, 5)},
        Bound{"AfdReservedByDvb", Afd, afd(0, 1, 0), afd(0, 0, 0)}),
    [](const auto &tested) { return std::string(tested.param.name); });

INSTANTIATE_TEST_SUITE_P(
    OfAudio, BoundOfAMeta,
    testing::Values(
        Bound{"Samples", AudioKind, audio(100), audio(101)},
        Bound{"SamplesOf64Bits", AudioKind, audio(0), audio(UINT64_MAX)},
        Bound{"ClippingFormat", Clipping, clipping(GST_FORMAT_PERCENT, 0, 0), clipping(6, 0, 0)},
        Bound{"ClippingOfNoFormat", Clipping, clipping(GST_FORMAT_DEFAULT, 0, 0), clipping(0, 0, 0)},
        Bound{"ClippingOfANegativeFormat", Clipping, clipping(GST_FORMAT_TIME, 0, 0), clipping(-1, 0, 0)},
        Bound{"ClippingStart", Clipping, clipping(GST_FORMAT_TIME, kTimeMax, 0),
              clipping(GST_FORMAT_TIME, kTimeMax + 1, 0)},
        Bound{"ClippingEnd", Clipping, clipping(GST_FORMAT_TIME, 0, kTimeMax),
              clipping(GST_FORMAT_TIME, 0, kTimeMax + 1)},
        Bound{"Level", Level, level(127, 0), level(128, 0)},
        Bound{"LevelVoice", Level, level(0, 1), level(0, 2)},
        Bound{"DownmixFrom", Downmix, DownmixBody{.from = 64}.bytes(), DownmixBody{.from = 65}.bytes()},
        Bound{"DownmixFromNone", Downmix, DownmixBody{.from = 1}.bytes(), DownmixBody{.from = 0}.bytes()},
        Bound{"DownmixFromLess", Downmix, DownmixBody{}.bytes(), DownmixBody{.from = -1}.bytes()},
        Bound{"DownmixTo", Downmix, DownmixBody{.to = 64}.bytes(), DownmixBody{.to = 65}.bytes()},
        Bound{"DownmixToNone", Downmix, DownmixBody{.to = 1}.bytes(), DownmixBody{.to = 0}.bytes()},
        Bound{"DownmixFromPosition", Downmix, DownmixBody{.fromPosition = 31}.bytes(),
              DownmixBody{.fromPosition = 32}.bytes()},
        Bound{"DownmixToPosition", Downmix, DownmixBody{.toPosition = -3}.bytes(),
              DownmixBody{.toPosition = -4}.bytes()},
        Bound{"DownmixNumber", Downmix, DownmixBody{.coefficient = -7}.bytes(),
              DownmixBody{.coefficient = kNoNumber}.bytes()}),
    [](const auto &tested) { return std::string(tested.param.name); });

INSTANTIATE_TEST_SUITE_P(OfRtp, BoundOfAMeta,
                         testing::Values(Bound{"HasSource", RtpSource, rtpSource(1, 0), rtpSource(2, 0)},
                                         Bound{"Contributors", RtpSource, rtpSource(0, 15),
                                               rtpSource(0, 16)}),
                         [](const auto &tested) { return std::string(tested.param.name); });

INSTANTIATE_TEST_SUITE_P(
    OfStructures, BoundOfAMeta,
    testing::Values(
        Bound{"TimestampCaps", Timestamp, TimestampBody{}.bytes(), TimestampBody{.caps = "no caps"}.bytes()},
        Bound{"Timestamp", Timestamp, TimestampBody{.timestamp = kTimeMax}.bytes(),
              TimestampBody{.timestamp = kTimeMax + 1}.bytes()},
        Bound{"TimestampNone", Timestamp, TimestampBody{.duration = UINT64_MAX}.bytes(),
              TimestampBody{.timestamp = UINT64_MAX}.bytes()},
        Bound{"TimestampDuration", Timestamp, TimestampBody{.duration = kTimeMax}.bytes(),
              TimestampBody{.duration = kTimeMax + 1}.bytes()},
        Bound{"TimestampHasInfo", Timestamp, TimestampBody{}.bytes(),
              withLastByte(TimestampBody{}.bytes(), 2)},
        Bound{"TimestampInfo", Timestamp, TimestampBody{.hasInfo = 1}.bytes(),
              TimestampBody{.hasInfo = 1, .info = "no name"}.bytes()},
        Bound{"ProtectionInfo", Protection, emptyStructure("application/x-cenc"), emptyStructure("no name")},
        Bound{"CustomName", Custom, emptyStructure(samples::kCustomMeta), emptyStructure("no name")}),
    [](const auto &tested) { return std::string(tested.param.name); });

INSTANTIATE_TEST_SUITE_P(
    OfOverlays, BoundOfAMeta,
    testing::Values(
        Bound{"Rectangles", Overlay, RectangleBody{}.bytes(64), RectangleBody{}.bytes(65)},
        Bound{"Left", Overlay, RectangleBody{.x = -65536}.bytes(), RectangleBody{.x = -65537}.bytes()},
        Bound{"Right", Overlay, RectangleBody{.x = 65536}.bytes(), RectangleBody{.x = 65537}.bytes()},
        Bound{"Top", Overlay, RectangleBody{.y = -65536}.bytes(), RectangleBody{.y = -65537}.bytes()},
        Bound{"Bottom", Overlay, RectangleBody{.y = 65536}.bytes(), RectangleBody{.y = 65537}.bytes()},
        Bound{"RenderWidth", Overlay, RectangleBody{.renderWidth = kFar, .renderHeight = 1}.bytes(),
              RectangleBody{.renderWidth = kFar + 1, .renderHeight = 1}.bytes()},
        Bound{"RenderHeight", Overlay, RectangleBody{.renderWidth = 1, .renderHeight = kFar}.bytes(),
              RectangleBody{.renderWidth = 1, .renderHeight = kFar + 1}.bytes()},
        Bound{"NoRenderWidth", Overlay, RectangleBody{.renderWidth = 1}.bytes(),
              RectangleBody{.renderWidth = 0}.bytes()},
        Bound{"NoRenderHeight", Overlay, RectangleBody{.renderHeight = 1}.bytes(),
              RectangleBody{.renderHeight = 0}.bytes()},
        Bound{"Rendered", Overlay, RectangleBody{.renderWidth = 8192, .renderHeight = 4320}.bytes(),
              rectangles({RectangleBody{.renderWidth = 8192, .renderHeight = 4320},
                          RectangleBody{.renderWidth = 1, .renderHeight = 1}})},
        Bound{"Flags", Overlay, RectangleBody{.flags = 3}.bytes(), RectangleBody{.flags = 4}.bytes()},
        Bound{"Alpha", Overlay, RectangleBody{.alpha = 0}.bytes(), RectangleBody{.alpha = -0.1F}.bytes()},
        Bound{"MuchAlpha", Overlay, RectangleBody{.alpha = 1}.bytes(), RectangleBody{.alpha = 1.1F}.bytes()},
        Bound{"AlphaOfNoNumber", Overlay, RectangleBody{}.bytes(), RectangleBody{.alpha = kNoNumber}.bytes()},
        Bound{"NoFormat", Overlay, RectangleBody{}.bytes(), RectangleBody{.format = 0}.bytes()},
        Bound{"Format", Overlay, RectangleBody{.format = 2}.bytes(), RectangleBody{.format = 3}.bytes()},
        Bound{"Width", Overlay, RectangleBody{.width = 16384, .height = 1}.bytes(),
              RectangleBody{.width = 16385, .height = 1}.bytes()},
        Bound{"Height", Overlay, RectangleBody{.width = 1, .height = 16384}.bytes(),
              RectangleBody{.width = 1, .height = 16385}.bytes()},
        Bound{"NoWidth", Overlay, RectangleBody{}.bytes(), RectangleBody{.width = 0}.bytes()},
        Bound{"NoHeight", Overlay, RectangleBody{}.bytes(), RectangleBody{.height = 0}.bytes()},
        Bound{"FewerPixels", Overlay, RectangleBody{}.bytes(), RectangleBody{.morePixels = -1}.bytes()},
        Bound{"MorePixels", Overlay, RectangleBody{}.bytes(), RectangleBody{.morePixels = 1}.bytes()}),
    [](const auto &tested) { return std::string(tested.param.name); });

} // namespace
