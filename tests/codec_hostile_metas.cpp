// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Metas as no honest peer writes them are refused whole, before GStreamer could complain, and nothing is
// larger than we said it may be.
#include "plugin/payload_path.h"
#include "plugin/peer_names.h"
#include "plugin/video_metas.h"
#include "tests/hostile_metas.h"

#include <cstdlib>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

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
        {Custom, emptyStructure(samples::kCustomMeta)},
        {Overlay, RectangleBody{}.bytes(2)},
        {Sei, sei(3)},
        {RtpSource, rtpSource(1, 3)},
        {Protection, emptyStructure("application/x-cenc")},
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
        EXPECT_TRUE(taker_.takes(Custom, emptyStructure(name))) << name;
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
