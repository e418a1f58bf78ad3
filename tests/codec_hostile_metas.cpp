// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Metas as no honest peer writes them: each field at its bound is taken and beyond it refused, before
// GStreamer could complain; and nothing is larger than we said it may be.
#include "plugin/incoming_metas.h"
#include "plugin/payload_path.h"
#include "plugin/peer_names.h"
#include "plugin/video_metas.h"
#include "tests/codec_wire.h"
#include "tests/meta_samples.h"

#include <cstdlib>
#include <limits>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug); // the element makes it, which is not here

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

// The numbers of the wire, as a peer of another version has them.
enum MetaKind : uint16_t {
    Video = 1,
    AudioKind,
    Crop,
    Affine,
    Region,
    TimeCode,
    Caption,
    BarKind,
    Afd,
    Clipping,
    Level,
    Downmix,
    Timestamp,
    Custom,
    Overlay,
    Unknown,
};

constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

// ---- bodies, good ones unless something is changed

Bytes numbers(std::initializer_list<uint32_t> all)
{
    Hostile out;
    for (const uint32_t number : all)
        out.number(number);
    return out.bytes();
}

Bytes affine(float changed = 1)
{
    Hostile out;
    for (int i = 0; i < 15; i++)
        out.number(1.0F);
    return out.number(changed).bytes();
}

struct RegionBody {
    std::string type = "face";
    uint32_t x = 1, y = 2, width = 3, height = 4;
    uint32_t params = 1;
    std::string param = "p";

    Bytes bytes() const
    {
        Hostile out;
        out.text(type).number(int32_t{1}).number(int32_t{-1});
        for (const uint32_t number : {x, y, width, height, params})
            out.number(number);
        return out.repeat(params, [this](Hostile &o) { o.text(param).number(uint32_t{0}); }).bytes();
    }
};

struct TimeCodeBody {
    uint32_t fpsN = 25, fpsD = 1, flags = 0, hours = 1, minutes = 2, seconds = 3, frames = 4, fields = 0;
    uint8_t hasJam = 0;
    uint8_t precision = 5, month = 2;

    Bytes bytes() const
    {
        Hostile out;
        for (const uint32_t number : {fpsN, fpsD, flags, hours, minutes, seconds, frames, fields})
            out.number(number);
        out.number(hasJam);
        if (hasJam != 0) {
            out.number(precision).number(uint16_t{2024}).number(month);
            for (const int part : {29, 1, 2, 3})
                out.number(static_cast<uint8_t>(part));
            out.number(uint32_t{0}).number(int16_t{0});
        }
        return out.bytes();
    }
};

Bytes withLastByte(Bytes bytes, uint8_t last)
{
    bytes.back() = static_cast<std::byte>(last);
    return bytes;
}

Bytes caption(uint32_t type, size_t size)
{
    return Hostile().number(type).text(std::string(size, 'x')).bytes();
}

Bytes bar(uint8_t field, uint8_t letterbox, uint32_t first, uint32_t second)
{
    return Hostile().number(field).number(letterbox).number(first).number(second).bytes();
}

Bytes afd(uint8_t field, uint32_t standard, uint32_t value)
{
    return Hostile().number(field).number(standard).number(value).bytes();
}

Bytes clipping(int32_t format, uint64_t start, uint64_t end)
{
    return Hostile().number(format).number(start).number(end).bytes();
}

Bytes level(uint8_t value, uint8_t voice)
{
    return Hostile().number(value).number(voice).bytes();
}

struct DownmixBody {
    int32_t from = 2, to = 1;
    int32_t fromPosition = 0, toPosition = 1;
    float coefficient = 0.5F;

    Bytes bytes() const
    {
        Hostile out;
        out.number(from).number(to);
        for (int32_t i = 0; i < from; i++)
            out.number(fromPosition);
        for (int32_t i = 0; i < to; i++)
            out.number(toPosition);
        for (int32_t i = 0; i < from * to; i++)
            out.number(coefficient);
        return out.bytes();
    }
};

struct TimestampBody {
    std::string caps = "timestamp/x-a";
    uint64_t timestamp = 1, duration = 2;
    uint8_t hasInfo = 0;
    std::string info = "info";

    Bytes bytes() const
    {
        Hostile out;
        out.number(uint32_t{0})
            .text(caps)
            .number(uint32_t{0})
            .number(timestamp)
            .number(duration)
            .number(hasInfo);
        if (hasInfo != 0)
            out.text(info).number(uint32_t{0});
        return out.bytes();
    }
};

Bytes custom(const char *name)
{
    return Hostile().text(name).number(uint32_t{0}).bytes();
}

Bytes audio(uint64_t samples, uint32_t layout = GST_AUDIO_LAYOUT_INTERLEAVED)
{
    Hostile out;
    out.number(static_cast<uint32_t>(GST_AUDIO_FORMAT_S16)).number(layout);
    return out.number(int32_t{48000}).number(int32_t{2}).number(samples).bytes();
}

struct RectangleBody {
    int32_t x = 1, y = -1;
    uint32_t renderWidth = 3, renderHeight = 4, flags = 0;
    float alpha = 1;
    uint8_t format = 1;
    uint32_t width = 2, height = 2;
    int64_t morePixels = 0;

    void write(Hostile &out) const
    {
        out.number(x).number(y).number(renderWidth).number(renderHeight).number(flags).number(alpha);
        out.number(format).number(width).number(height);
        out.text(std::string(static_cast<size_t>(int64_t{width} * height * 4 + morePixels), '\x55'));
    }
    Bytes bytes(uint32_t count = 1) const
    {
        return Hostile().number(count).repeat(count, [this](Hostile &out) { write(out); }).bytes();
    }
};

Bytes rectangles(std::initializer_list<RectangleBody> all)
{
    Hostile out;
    out.number(static_cast<uint32_t>(all.size()));
    for (const RectangleBody &one : all)
        one.write(out);
    return out.bytes();
}

// ---- taking them

Bytes message(std::initializer_list<std::pair<uint16_t, Bytes>> metas)
{
    Hostile out;
    out.number(static_cast<uint32_t>(metas.size()));
    for (const auto &[kind, body] : metas) {
        out.number(kind);
        out.out.counted(body);
    }
    return out.bytes();
}

GstAudioInfo audioInfo(GstAudioLayout layout)
{
    GstAudioInfo info;
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_S16, 48000, 2, nullptr);
    info.layout = layout;
    return info;
}

class Taker
{
public:
    explicit Taker(GstAudioLayout layout = GST_AUDIO_LAYOUT_INTERLEAVED) : audio_(audioInfo(layout)) {}

    // The buffer, or nothing if the message is refused.
    BufferOwner take(const Bytes &bytes)
    {
        BufferOwner buffer(gst_buffer_new_allocate(nullptr, 400, nullptr));
        if (!metas_.fetch(bytes))
            return nullptr;
        left = 0;
        const auto fault = metas_.attach({buffer.get(), 0, 0, &audio_, 400}, {}, left);
        return fault ? nullptr : std::move(buffer);
    }
    bool takes(const Bytes &bytes) { return take(bytes) != nullptr; }
    bool takes(uint16_t kind, const Bytes &body) { return takes(message({{kind, body}})); }

    unsigned left = 0;

private:
    const GstAudioInfo audio_;
    IncomingMetas metas_;
};

// What GStreamer logs as an error: nothing hostile shall get so far.
class HostileMetas : public testing::Test
{
protected:
    static void SetUpTestSuite()
    {
        if (!gst_shared_ring_src_debug)
            GST_DEBUG_CATEGORY_INIT(gst_shared_ring_src_debug, "sharedringsrc", 0, "");
    }
    void SetUp() override
    {
        samples::registerCustomMeta();
        complaints_ = 0;
        gst_debug_set_active(TRUE);
        gst_debug_set_default_threshold(GST_LEVEL_ERROR);
        gst_debug_remove_log_function(gst_debug_log_default);
        gst_debug_add_log_function(count, nullptr, nullptr);
    }
    void TearDown() override
    {
        gst_debug_remove_log_function(count);
        gst_debug_set_default_threshold(GST_LEVEL_NONE);
        EXPECT_EQ(complaints_, 0);
    }

    Taker taker_;

private:
    static void count(GstDebugCategory *, GstDebugLevel, const gchar *, const gchar *, gint, GObject *,
                      GstDebugMessage *message, gpointer)
    {
        complaints_++;
        ADD_FAILURE() << gst_debug_message_get(message);
    }
    static inline int complaints_ = 0;
};

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

INSTANTIATE_TEST_SUITE_P(
    OfStructures, BoundOfAMeta,
    testing::Values(Bound{"TimestampCaps", Timestamp, TimestampBody{}.bytes(),
                          TimestampBody{.caps = "no caps"}.bytes()},
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
                    Bound{"CustomName", Custom, custom(samples::kCustomMeta), custom("no name")}),
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

// ---- each kind alike

const std::vector<std::pair<uint16_t, Bytes>> &goodOnes()
{
    static const std::vector<std::pair<uint16_t, Bytes>> all{
        {Video, {}},
        {AudioKind, audio(100)},
        {Crop, numbers({1, 2, 3, 4})},
        {Affine, affine()},
        {Region, RegionBody{.params = 2}.bytes()},
        {TimeCode, TimeCodeBody{.hasJam = 1}.bytes()},
        {Caption, caption(1, 3)},
        {BarKind, bar(0, 0, 1, 2)},
        {Afd, afd(0, 1, 8)},
        {Clipping, clipping(GST_FORMAT_TIME, 1, 2)},
        {Level, level(1, 0)},
        {Downmix, DownmixBody{}.bytes()},
        {Timestamp, TimestampBody{.hasInfo = 1}.bytes()},
        {Custom, custom(samples::kCustomMeta)},
        {Overlay, RectangleBody{}.bytes(2)},
    };
    return all;
}

TEST_F(HostileMetas, OfEachKindAreRefusedCutShortAtEveryByte)
{
    for (const auto &[kind, body] : goodOnes()) {
        EXPECT_TRUE(taker_.takes(kind, body)) << kind;
        for (size_t size = 0; size < body.size(); size++)
            EXPECT_FALSE(taker_.takes(kind, Bytes(body.begin(), body.begin() + static_cast<ptrdiff_t>(size))))
                << kind << " " << size;
    }
}

TEST_F(HostileMetas, OfEachKindAreRefusedWithAByteMore)
{
    for (const auto &[kind, body] : goodOnes()) {
        Bytes more = body;
        more.push_back({});
        EXPECT_FALSE(taker_.takes(kind, more)) << kind;
    }
}

TEST_F(HostileMetas, OfUnknownKindsAreRefused)
{
    for (const uint16_t kind : {uint16_t{0}, uint16_t{Unknown}, uint16_t{0xffff}})
        EXPECT_FALSE(taker_.takes(kind, {})) << kind;
}

TEST_F(HostileMetas, SayALayoutOnlyOnce)
{
    EXPECT_FALSE(taker_.takes(message({{Video, {}}, {Video, {}}})));
    EXPECT_FALSE(taker_.takes(message({{AudioKind, audio(1)}, {AudioKind, audio(1)}})));
}

TEST_F(HostileMetas, SayOfPlanesNothingButWhatThereIs)
{
    Taker planar(GST_AUDIO_LAYOUT_NON_INTERLEAVED);
    EXPECT_TRUE(planar.takes(AudioKind, audio(100, GST_AUDIO_LAYOUT_NON_INTERLEAVED)));
    EXPECT_FALSE(planar.takes(AudioKind, audio(99, GST_AUDIO_LAYOUT_NON_INTERLEAVED)));
}

// A producer with a newer GStreamer is honest; one whose time code aborts who counts it is not.
TEST_F(HostileMetas, WithTimeCodesThatThisGStreamerHasNoRuleForAreLeft)
{
    constexpr uint32_t kDropFrame = GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME;
    const TimeCodeBody unknown[] = {
        {.fpsN = 48000, .fpsD = 1001},
        {.fpsN = 15, .fpsD = 2},
        {.fpsN = 120000, .fpsD = 1001, .flags = kDropFrame},
        {.fpsN = 25, .flags = kDropFrame},
    };
    for (const TimeCodeBody &body : unknown) {
        const BufferOwner buffer = taker_.take(message({{TimeCode, body.bytes()}}));
        ASSERT_TRUE(buffer) << body.fpsN;
        EXPECT_EQ(taker_.left, 1u) << body.fpsN;
        EXPECT_FALSE(gst_buffer_get_video_time_code_meta(buffer.get())) << body.fpsN;
    }
    EXPECT_TRUE(
        taker_.takes(TimeCode, TimeCodeBody{.fpsN = 30000, .fpsD = 1001, .flags = kDropFrame}.bytes()));
    EXPECT_EQ(taker_.left, 0u);
}

TEST_F(HostileMetas, ThatNameWhatIsNoCustomMetaAreLeft)
{
    for (const char *name : {"GstVideoMeta", "GstParentBufferMeta", "GObject", "NeverHeardOf"}) {
        EXPECT_TRUE(taker_.takes(Custom, custom(name))) << name;
        EXPECT_EQ(taker_.left, 1u) << name;
    }
}

// ---- all together

TEST_F(HostileMetas, AreOneMessage)
{
    EXPECT_TRUE(taker_.takes(message({})));
    EXPECT_FALSE(taker_.takes(Bytes{}));
    EXPECT_FALSE(taker_.takes(Bytes(3)));
    const Bytes good = message({{Level, level(1, 0)}, {Crop, numbers({1, 2, 3, 4})}});
    EXPECT_TRUE(taker_.takes(good));
    for (size_t size = 0; size < good.size(); size++) {
        const Bytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
        EXPECT_FALSE(splitMetas(cut)) << size;
        EXPECT_FALSE(taker_.takes(cut)) << size;
    }
    Bytes more = good;
    more.push_back({});
    EXPECT_FALSE(taker_.takes(more));
}

Bytes manyOf(uint32_t count, uint16_t kind, const Bytes &body)
{
    Hostile out;
    out.number(count);
    return out
        .repeat(count,
                [&](Hostile &o) {
                    o.number(kind);
                    o.out.counted(body);
                })
        .bytes();
}

TEST_F(HostileMetas, AreNoMoreThanWeSay)
{
    EXPECT_TRUE(taker_.takes(manyOf(256, Level, level(1, 0))));
    EXPECT_FALSE(taker_.takes(manyOf(257, Level, level(1, 0))));
    EXPECT_FALSE(taker_.takes(numbers({UINT32_MAX})));
}

TEST_F(HostileMetas, HaveNoMoreBytesThanWeSay)
{
    // 16 of 4096 bytes, each head of 6 counted.
    constexpr size_t kBody = 4096 - 6;
    EXPECT_TRUE(taker_.takes(manyOf(16, Caption, caption(1, kBody - 8))));
    Bytes more = manyOf(16, Caption, caption(1, kBody - 8));
    const uint32_t count = 17;
    std::memcpy(more.data(), &count, sizeof count);
    const Bytes one = message({{Video, {}}});
    more.insert(more.end(), one.begin() + 4, one.end());
    EXPECT_FALSE(taker_.takes(more));
}

// Looked at where they lie: they are large.
TEST_F(HostileMetas, HaveNoMorePixelsThanWeSay)
{
    constexpr uint16_t kOverlay = Overlay;
    constexpr uint32_t kFirst = 16 * 1024 * 1024;
    Bytes bytes(4 + kMaxMetasBytes + 1);
    const auto splits = [&](uint32_t pixels) { // in two overlays
        const uint32_t count = 2;
        const uint32_t second = pixels - kFirst;
        std::memcpy(bytes.data(), &count, sizeof count);
        std::memcpy(&bytes[4], &kOverlay, sizeof kOverlay);
        std::memcpy(&bytes[6], &kFirst, sizeof kFirst);
        std::memcpy(&bytes[10 + kFirst], &kOverlay, sizeof kOverlay);
        std::memcpy(&bytes[12 + kFirst], &second, sizeof second);
        return splitMetas(std::span(bytes).first(16 + pixels)).has_value();
    };
    EXPECT_TRUE(splits(kMaxOverlayBytes));
    EXPECT_FALSE(splits(kMaxOverlayBytes + 1));
    EXPECT_FALSE(IncomingMetas().fetch(bytes)) << "not even copied";
}

// Values nest and multiply: of all metas of a buffer together there is one budget.
TEST_F(HostileMetas, ShareOneBudgetOfValues)
{
    const auto withValues = [](uint32_t values) {
        Hostile out;
        out.text(samples::kCustomMeta).number(uint32_t{1}).text("v").kind(List).number(values);
        out.repeat(values, [](Hostile &o) { o.kind(Boolean).number(uint8_t{1}); });
        return out.bytes();
    };
    const Bytes most = withValues(255); // and the list itself
    EXPECT_TRUE(taker_.takes(manyOf(16, Custom, most)));
    Hostile out;
    out.number(uint32_t{17});
    out.repeat(16, [&](Hostile &o) {
        o.number(uint16_t{Custom});
        o.out.counted(most);
    });
    out.number(uint16_t{Custom});
    out.out.counted(withValues(1));
    EXPECT_FALSE(taker_.takes(out.bytes()));
}

// In a process of its own: what it uses up stays used up.
void exhaustTheRation()
{
    bool fine = true;
    Taker taker;
    for (size_t i = 0; i < kMaxNewNames; i++)
        fine = fine && taker.takes(Region, RegionBody{.type = "invented" + std::to_string(i)}.bytes());
    fine = fine && !taker.takes(Region, RegionBody{.type = "one too many"}.bytes());
    fine = fine && taker.takes(Region, RegionBody{.type = "invented0"}.bytes());
    std::_Exit(fine ? 0 : 1); // at exit(), GLib's table of names looks like a leak
}

TEST_F(HostileMetas, NameNoMoreRegionsThanWeSay)
{
    g_quark_from_static_string("p"); // RegionBody's param
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(exhaustTheRation(), testing::ExitedWithCode(0), "");
}

TEST_F(HostileMetas, LeaveNoBufferAndAFaultWithNumbers)
{
    const auto make = [](std::span<const std::byte> metas) {
        ringcore::Delivery delivery;
        delivery.extra = metas;
        return PayloadPath(PayloadMode::Copy).make(BufferFields{}, delivery);
    };
    const Bytes good = message({{Level, level(127, 0)}});
    EXPECT_TRUE(make(good).buffer);
    const Bytes bad = message({{Level, level(128, 0)}});
    const auto made = make(bad);
    EXPECT_FALSE(made.buffer);
    EXPECT_EQ(made.fault, "malformed meta of kind 11, 2 bytes");
    EXPECT_EQ(make(Bytes(3)).fault, "malformed metas of 3 bytes");
    const auto tooMany = make(Bytes(4 + kMaxMetasBytes + 1));
    EXPECT_FALSE(tooMany.buffer);
    EXPECT_EQ(tooMany.fault, "metas of " + std::to_string(4 + kMaxMetasBytes + 1) + " bytes");
}

// Queues count the bytes of payload, so the pixels beside it are counted by us.
TEST_F(HostileMetas, HoldNoMorePixelsThanWeSay)
{
    OverlayDecoder decoder(4 * 1024);
    const auto attach = [&](BufferOwner &buffer, const RectangleBody &rectangle) {
        const Bytes body = rectangle.bytes();
        ringcore::ByteReader in(body);
        buffer.reset(gst_buffer_new());
        return decoder.decode(in, {buffer.get()});
    };
    BufferOwner held[5];
    for (int32_t i = 0; i < 4; i++)
        EXPECT_EQ(attach(held[i], {.x = i, .width = 16, .height = 16}), MetaVerdict::Attached);
    EXPECT_EQ(decoder.heldBytes(), 4096u);
    EXPECT_EQ(attach(held[4], {.x = 9}), MetaVerdict::Left);
    EXPECT_EQ(decoder.heldBytes(), 4096u);
    held[0].reset();
    EXPECT_EQ(attach(held[4], {.x = 9}), MetaVerdict::Attached);
    EXPECT_EQ(decoder.heldBytes(), 3072u + 16);
}

} // namespace
