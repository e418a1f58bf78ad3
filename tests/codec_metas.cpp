// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas of a buffer arrive as they were and in their order; what cannot be carried is counted.
#include "plugin/buffer_checks.h"
#include "plugin/incoming_metas.h"
#include "plugin/outgoing_metas.h"
#include "plugin/structure_codec.h"
#include "tests/meta_samples.h"
#include "tests/meta_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

using namespace sharedring;
using namespace sharedring::samples;

namespace
{

constexpr size_t kRoom = 64 * 1024 * 1024;

struct Arrived {
    BufferOwner buffer{gst_buffer_new()};
    std::optional<std::string> fault;
    unsigned left = 0;
};

// What is on the other side of the wire.
class Receiver
{
public:
    Arrived receive(const std::vector<std::byte> &bytes, MetaTarget target = {},
                    const IncomingMetas::Layout &layout = {})
    {
        Arrived arrived;
        gst_buffer_append_memory(
            arrived.buffer.get(),
            gst_allocator_alloc(nullptr, std::max<size_t>(target.payloadSize, 1), nullptr));
        target.buffer = arrived.buffer.get();
        EXPECT_TRUE(metas_.fetch(bytes));
        arrived.fault = metas_.attach(target, layout, arrived.left);
        return arrived;
    }

private:
    IncomingMetas metas_;
};

class Metas : public testing::Test
{
protected:
    std::vector<std::byte> sent(size_t limit = kRoom)
    {
        return out_.encode(buffer_.get(), gst_buffer_get_size(buffer_.get()), limit);
    }

    // All of them arrive, and look the same.
    void expectToCross(const MetaTarget &target = {}, const IncomingMetas::Layout &layout = {})
    {
        const Arrived arrived = receiver_.receive(sent(), target, layout);
        EXPECT_FALSE(arrived.fault) << *arrived.fault;
        EXPECT_EQ(arrived.left, 0u);
        EXPECT_EQ(out_.left(), 0u);
        EXPECT_NE(metasOf(buffer_.get()), "");
        EXPECT_EQ(metasOf(arrived.buffer.get()), metasOf(buffer_.get()));
    }

    // Not one, but a meta beside it.
    void expectToBeLeft(unsigned count = 1)
    {
        gst_buffer_add_audio_level_meta(buffer_.get(), 5, FALSE);
        const Arrived arrived = receiver_.receive(sent());
        EXPECT_FALSE(arrived.fault) << *arrived.fault;
        EXPECT_EQ(out_.left(), count);
        EXPECT_EQ(metasOf(arrived.buffer.get()), "GstAudioLevelMeta 5 0\n");
    }

    BufferOwner buffer_{gst_buffer_new()};
    OutgoingMetas out_{nullptr};
    Receiver receiver_;
};

GstAudioInfo audioInfo(GstAudioLayout layout, gint channels = 2)
{
    GstAudioInfo info;
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_S16, 48000, channels, nullptr);
    info.layout = layout;
    return info;
}

// ---- each arrives

TEST_F(Metas, OfVideoArriveInTheirOrder)
{
    addVideoMetas(buffer_.get());
    expectToCross();
}

TEST_F(Metas, OfAudioArriveInTheirOrder)
{
    addAudioMetas(buffer_.get());
    expectToCross();
}

TEST_F(Metas, AreNoneWhereThereAreNone)
{
    EXPECT_TRUE(sent().empty());
}

TEST_F(Metas, DoNotRepeatALayout)
{
    gst_buffer_append_memory(buffer_.get(), gst_allocator_alloc(nullptr, 4096, nullptr));
    gst_buffer_add_video_meta(buffer_.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 64, 48);
    const GstAudioInfo planar = audioInfo(GST_AUDIO_LAYOUT_NON_INTERLEAVED);
    gst_buffer_add_audio_meta(buffer_.get(), &planar, 1024, nullptr);
    EXPECT_TRUE(sent().empty());
    EXPECT_EQ(out_.left(), 0u);
}

TEST_F(Metas, KeepTheirPlaceAroundTheLayoutOfAFrame)
{
    gst_buffer_append_memory(buffer_.get(), gst_allocator_alloc(nullptr, 64 * 48, nullptr));
    addRegions(buffer_.get());
    gst_buffer_add_video_meta(buffer_.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 64, 48);
    addReferenceTimestamps(buffer_.get());
    VideoFields fields{};
    fields.present = 1;
    fields.format = GST_VIDEO_FORMAT_GRAY8;
    fields.width = 64;
    fields.height = 48;
    fields.planes = 1;
    fields.strides[0] = 64;
    expectToCross({nullptr, 64, 48, nullptr, 64 * 48}, {&fields, false});
}

TEST_F(Metas, ArriveBesideALayoutThatTheyDoNotName)
{
    addRegions(buffer_.get());
    VideoFields fields{};
    fields.present = 1;
    fields.format = GST_VIDEO_FORMAT_GRAY8;
    fields.width = fields.height = 8;
    fields.planes = 1;
    fields.strides[0] = 8;
    const Arrived arrived = receiver_.receive(sent(), {nullptr, 8, 8, nullptr, 64}, {&fields, false});
    EXPECT_TRUE(gst_buffer_get_video_meta(arrived.buffer.get()));
}

TEST_F(Metas, KeepTheirPlaceAroundPlanesOfAudio)
{
    gst_buffer_append_memory(buffer_.get(), gst_allocator_alloc(nullptr, 4096, nullptr));
    const GstAudioInfo planar = audioInfo(GST_AUDIO_LAYOUT_NON_INTERLEAVED);
    gst_buffer_add_audio_clipping_meta(buffer_.get(), GST_FORMAT_DEFAULT, 1, 2);
    gst_buffer_add_audio_meta(buffer_.get(), &planar, 1024, nullptr);
    gst_buffer_add_audio_level_meta(buffer_.get(), 1, FALSE);
    expectToCross({nullptr, 0, 0, &planar, 4096}, {nullptr, true});
}

TEST_F(Metas, ArriveBesidePlanesThatTheyDoNotName)
{
    const GstAudioInfo planar = audioInfo(GST_AUDIO_LAYOUT_NON_INTERLEAVED);
    gst_buffer_add_audio_level_meta(buffer_.get(), 1, FALSE);
    const Arrived arrived = receiver_.receive(sent(), {nullptr, 0, 0, &planar, 4096}, {nullptr, true});
    EXPECT_TRUE(gst_buffer_get_audio_meta(arrived.buffer.get()));
}

TEST_F(Metas, SayHowManySamplesAreValid)
{
    gst_buffer_append_memory(buffer_.get(), gst_allocator_alloc(nullptr, 4096, nullptr));
    const GstAudioInfo interleaved = audioInfo(GST_AUDIO_LAYOUT_INTERLEAVED);
    gst_buffer_add_audio_meta(buffer_.get(), &interleaved, 1000, nullptr);
    expectToCross({nullptr, 0, 0, &interleaved, 4096});
}

TEST_F(Metas, OfAudioInAnotherFormatThanTheCapsAreLeft)
{
    gst_buffer_append_memory(buffer_.get(), gst_allocator_alloc(nullptr, 4096, nullptr));
    const GstAudioInfo interleaved = audioInfo(GST_AUDIO_LAYOUT_INTERLEAVED);
    gst_buffer_add_audio_meta(buffer_.get(), &interleaved, 1000, nullptr);
    GstAudioInfo others[4];
    std::fill(std::begin(others), std::end(others), interleaved);
    others[0].rate = 44100;
    others[1] = audioInfo(GST_AUDIO_LAYOUT_INTERLEAVED, 1);
    others[2] = audioInfo(GST_AUDIO_LAYOUT_NON_INTERLEAVED);
    gst_audio_info_set_format(&others[3], GST_AUDIO_FORMAT_U16, 48000, 2, nullptr);
    for (const GstAudioInfo &other : others) {
        const Arrived arrived = receiver_.receive(sent(), {nullptr, 0, 0, &other, 4096});
        EXPECT_FALSE(arrived.fault);
        EXPECT_EQ(arrived.left, 1u);
        EXPECT_EQ(metasOf(arrived.buffer.get()), "");
    }
    EXPECT_EQ(receiver_.receive(sent(), {nullptr, 0, 0, nullptr, 4096}).left, 1u);
}

TEST_F(Metas, ThatCropMoreThanTheFrameAreLeft)
{
    auto *crop = gst_buffer_add_video_crop_meta(buffer_.get());
    crop->x = 4;
    crop->y = 8;
    crop->width = 60;
    crop->height = 40;
    EXPECT_EQ(receiver_.receive(sent(), {nullptr, 64, 48}).left, 0u);
    for (const auto &[width, height] : {std::pair{63u, 48u}, {64u, 47u}}) {
        const Arrived arrived = receiver_.receive(sent(), {nullptr, width, height});
        EXPECT_FALSE(arrived.fault);
        EXPECT_EQ(arrived.left, 1u);
        EXPECT_EQ(metasOf(arrived.buffer.get()), "");
    }
}

TEST_F(Metas, ThatNobodyRegisteredHereAreLeft)
{
    addCustomMeta(buffer_.get());
    ringcore::ByteWriter body(1000);
    MessageBudget budget;
    const StructureOwner stranger(gst_structure_new("NeverRegisteredMeta", "a", G_TYPE_INT, 1, nullptr));
    ASSERT_TRUE(encodeStructure(*stranger, body, budget));
    MetaWriter writer(1000);
    ASSERT_TRUE(writer.add(WireMeta::Custom, body.bytes()));
    const Arrived arrived = receiver_.receive(writer.take());
    EXPECT_FALSE(arrived.fault);
    EXPECT_EQ(arrived.left, 1u);
    EXPECT_EQ(metasOf(arrived.buffer.get()), "");
    expectToCross();
}

// ---- overlays

TEST_F(Metas, ShareAnOverlayAsLongAsItIsTheSame)
{
    const OverlayOwner first = overlayOf(16, 16);
    gst_buffer_add_video_overlay_composition_meta(buffer_.get(), first.get());
    const auto overlayIn = [](const Arrived &arrived) {
        return gst_buffer_get_video_overlay_composition_meta(arrived.buffer.get())->overlay;
    };
    const Arrived one = receiver_.receive(sent());
    const Arrived two = receiver_.receive(sent());
    EXPECT_EQ(overlayIn(one), overlayIn(two));

    const OverlayOwner otherPixels = overlayOf(16, 16, 2);
    buffer_.reset(gst_buffer_new());
    gst_buffer_add_video_overlay_composition_meta(buffer_.get(), otherPixels.get());
    const Arrived three = receiver_.receive(sent());
    EXPECT_NE(overlayIn(two), overlayIn(three));
    EXPECT_EQ(textOf(overlayIn(three)), textOf(otherPixels.get()));
    EXPECT_EQ(textOf(overlayIn(one)), textOf(first.get()));
}

TEST_F(Metas, OfWhichAnOverlayIsTooLargeAreLeft)
{
    const OverlayOwner overlay = overlayOf(4096, 2305); // 36 MiB and a row
    gst_buffer_add_video_overlay_composition_meta(buffer_.get(), overlay.get());
    expectToBeLeft();
}

TEST_F(Metas, OfAnOverlayOfAFullFrameArrive)
{
    const OverlayOwner overlay = overlayOf(3840, 2160);
    gst_buffer_add_video_overlay_composition_meta(buffer_.get(), overlay.get());
    EXPECT_FALSE(receiver_.receive(sent()).fault);
    EXPECT_EQ(out_.left(), 0u);
}

struct Oddity {
    const char *name;
    std::function<void(GstBuffer *)> add;
};

void PrintTo(const Oddity &oddity, std::ostream *out)
{
    *out << oddity.name;
}

class OddMeta : public Metas, public testing::WithParamInterface<Oddity>
{
};

// What a reader would refuse is not written.
TEST_P(OddMeta, IsLeftBehind)
{
    GetParam().add(buffer_.get());
    expectToBeLeft();
}

void addOverlay(GstBuffer *buffer, const std::function<void(GstVideoOverlayComposition *)> &fill)
{
    const OverlayOwner overlay(gst_video_overlay_composition_new(nullptr));
    fill(overlay.get());
    gst_buffer_add_video_overlay_composition_meta(buffer, overlay.get());
}

BufferOwner somePixels(guint width = 1, guint height = 1)
{
    return overlayPixels(width, height, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 1);
}

// 4x4 pixels, of which the meta says something else once they are in use.
void addOverlayOfLayout(GstBuffer *buffer, const std::function<void(GstVideoMeta &)> &change)
{
    const BufferOwner pixels = somePixels(4, 4);
    addOverlay(buffer,
               [&](GstVideoOverlayComposition *overlay) { addRectangle(overlay, pixels.get(), 0, 0, 1, 1); });
    change(*gst_buffer_get_video_meta(pixels.get()));
}

INSTANTIATE_TEST_SUITE_P(
    OddMetas, OddMeta,
    testing::Values(
        Oddity{"CropTooWide", [](GstBuffer *b) { gst_buffer_add_video_crop_meta(b)->width = 65537; }},
        Oddity{"MatrixOfNoNumbers",
               [](GstBuffer *b) {
                   gst_buffer_add_video_affine_transformation_meta(b)->matrix[3] = std::nanf("");
               }},
        Oddity{"RegionTooFar",
               [](GstBuffer *b) { gst_buffer_add_video_region_of_interest_meta(b, "t", 65537, 0, 0, 0); }},
        Oddity{"RegionWithALongName",
               [](GstBuffer *b) {
                   gst_buffer_add_video_region_of_interest_meta(b, std::string(129, 'x').c_str(), 0, 0, 0, 0);
               }},
        Oddity{"RegionWithMuchToSay",
               [](GstBuffer *b) {
                   auto *region = gst_buffer_add_video_region_of_interest_meta(b, "t", 0, 0, 0, 0);
                   for (int i = 0; i < 33; i++)
                       gst_video_region_of_interest_meta_add_param(region, gst_structure_new_empty("s"));
               }},
        Oddity{"RegionWithAPointer",
               [](GstBuffer *b) {
                   auto *region = gst_buffer_add_video_region_of_interest_meta(b, "t", 0, 0, 0, 0);
                   gst_video_region_of_interest_meta_add_param(
                       region, gst_structure_new("s", "p", G_TYPE_POINTER, region, nullptr));
               }},
        Oddity{"TimeCodeOfNoDay",
               [](GstBuffer *b) {
                   gst_buffer_add_video_time_code_meta_full(b, 25, 1, nullptr, GST_VIDEO_TIME_CODE_FLAGS_NONE,
                                                            0, 0, 0, 0, 0)
                       ->tc.hours = 24;
               }},
        Oddity{"TimeCodeWithManyFields",
               [](GstBuffer *b) {
                   gst_buffer_add_video_time_code_meta_full(b, 25, 1, nullptr, GST_VIDEO_TIME_CODE_FLAGS_NONE,
                                                            0, 0, 0, 0, 3);
               }},
        Oddity{"CaptionTooLong",
               [](GstBuffer *b) {
                   const std::vector<guint8> text(4097);
                   gst_buffer_add_video_caption_meta(b, GST_VIDEO_CAPTION_TYPE_CEA708_CDP, text.data(),
                                                     text.size());
               }},
        Oddity{"CaptionOfNoType",
               [](GstBuffer *b) {
                   gst_buffer_add_video_caption_meta(b, GST_VIDEO_CAPTION_TYPE_CEA708_CDP,
                                                     reinterpret_cast<const guint8 *>("x"), 1)
                       ->caption_type = GST_VIDEO_CAPTION_TYPE_UNKNOWN;
               }},
        Oddity{"BarTooFar", [](GstBuffer *b) { gst_buffer_add_video_bar_meta(b, 0, FALSE, 65537, 0); }},
        Oddity{"AfdOfNoField",
               [](GstBuffer *b) {
                   gst_buffer_add_video_afd_meta(b, 0, GST_VIDEO_AFD_SPEC_ATSC_A53,
                                                 GST_VIDEO_AFD_4_3_FULL_16_9_FULL)
                       ->field = 2;
               }},
        Oddity{"ClippingOfARegisteredFormat",
               [](GstBuffer *b) {
                   gst_buffer_add_audio_clipping_meta(
                       b, gst_format_register("sharedring-test", "of this process only"), 0, 0);
               }},
        Oddity{"ClippingWithoutStart",
               [](GstBuffer *b) {
                   gst_buffer_add_audio_clipping_meta(b, GST_FORMAT_TIME, GST_CLOCK_TIME_NONE, 0);
               }},
        Oddity{"ClippingWithoutEnd",
               [](GstBuffer *b) {
                   gst_buffer_add_audio_clipping_meta(b, GST_FORMAT_TIME, 0, GST_CLOCK_TIME_NONE);
               }},
        Oddity{"LevelBelowAll", [](GstBuffer *b) { gst_buffer_add_audio_level_meta(b, 128, FALSE); }},
        Oddity{"DownmixOfManyChannels",
               [](GstBuffer *b) {
                   const std::vector<GstAudioChannelPosition> from(65, GST_AUDIO_CHANNEL_POSITION_NONE);
                   const std::vector<gfloat> row(65);
                   const gfloat *rows[] = {row.data()};
                   gst_buffer_add_audio_downmix_meta(b, from.data(), 65, from.data(), 1, rows);
               }},
        Oddity{"DownmixIntoManyChannels",
               [](GstBuffer *b) {
                   const std::vector<GstAudioChannelPosition> to(65, GST_AUDIO_CHANNEL_POSITION_NONE);
                   const gfloat coefficient = 0;
                   const std::vector<const gfloat *> rows(65, &coefficient);
                   gst_buffer_add_audio_downmix_meta(b, to.data(), 1, to.data(), 65,
                                                     const_cast<const gfloat **>(rows.data()));
               }},
        Oddity{"DownmixOfAnUnknownPosition",
               [](GstBuffer *b) {
                   const GstAudioChannelPosition position = GST_AUDIO_CHANNEL_POSITION_MONO;
                   const gfloat row[] = {0};
                   const gfloat *rows[] = {row};
                   const gint unknown = 32;
                   std::memcpy(
                       gst_buffer_add_audio_downmix_meta(b, &position, 1, &position, 1, rows)->to_position,
                       &unknown, sizeof unknown);
               }},
        Oddity{"DownmixOfNoNumbers",
               [](GstBuffer *b) {
                   const GstAudioChannelPosition position = GST_AUDIO_CHANNEL_POSITION_MONO;
                   const gfloat row[] = {std::numeric_limits<gfloat>::infinity()};
                   const gfloat *rows[] = {row};
                   gst_buffer_add_audio_downmix_meta(b, &position, 1, &position, 1, rows);
               }},
        Oddity{"TimestampOfSeveralClocks",
               [](GstBuffer *b) {
                   const CapsOwner caps(gst_caps_from_string("timestamp/x-a; timestamp/x-b"));
                   gst_buffer_add_reference_timestamp_meta(b, caps.get(), 1, 1);
               }},
        Oddity{"TimestampBeyondTime",
               [](GstBuffer *b) {
                   const CapsOwner caps(gst_caps_from_string("timestamp/x-a"));
                   gst_buffer_add_reference_timestamp_meta(b, caps.get(), uint64_t{1} << 63, 1);
               }},
        Oddity{"AudioOfMoreSamplesThanThereAre",
               [](GstBuffer *b) {
                   const GstAudioInfo format = audioInfo(GST_AUDIO_LAYOUT_INTERLEAVED);
                   gst_buffer_add_audio_meta(b, &format, 1, nullptr);
               }},
        Oddity{"OverlayOfManyRectangles",
               [](GstBuffer *b) {
                   addOverlay(b, [](GstVideoOverlayComposition *overlay) {
                       for (int i = 0; i < 65; i++)
                           addRectangle(overlay, somePixels().get(), 0, 0, 1, 1);
                   });
               }},
        Oddity{"OverlayScaledBeyondMemory",
               [](GstBuffer *b) {
                   addOverlay(b, [](GstVideoOverlayComposition *overlay) {
                       addRectangle(overlay, somePixels().get(), 0, 0, 8192, 4320);
                       addRectangle(overlay, somePixels().get(), 0, 0, 1, 1);
                   });
               }},
        Oddity{"OverlayTooFar",
               [](GstBuffer *b) {
                   addOverlay(b, [](GstVideoOverlayComposition *overlay) {
                       addRectangle(overlay, somePixels().get(), -65537, 0, 1, 1);
                   });
               }},
        Oddity{"OverlayTooWide",
               [](GstBuffer *b) {
                   addOverlay(b, [](GstVideoOverlayComposition *overlay) {
                       addRectangle(overlay, somePixels(16385).get(), 0, 0, 1, 1);
                   });
               }},
        Oddity{"OverlayWhoseRowsAreNotThere",
               [](GstBuffer *b) { addOverlayOfLayout(b, [](GstVideoMeta &meta) { meta.stride[0] = 17; }); }},
        Oddity{"OverlayWhoseRowsAreFarApart",
               [](GstBuffer *b) { addOverlayOfLayout(b, [](GstVideoMeta &meta) { meta.stride[0] = 100; }); }},
        Oddity{"OverlayWhoseRowsOverlap",
               [](GstBuffer *b) { addOverlayOfLayout(b, [](GstVideoMeta &meta) { meta.stride[0] = 15; }); }},
        Oddity{"OverlayOfAnotherBuffer",
               [](GstBuffer *b) { addOverlayOfLayout(b, [](GstVideoMeta &meta) { meta.offset[0] = 65; }); }},
        Oddity{"Protection",
               [](GstBuffer *b) {
                   gst_buffer_add_protection_meta(b, gst_structure_new_empty("application/x-cenc"));
               }}),
    [](const auto &tested) { return std::string(tested.param.name); });

TEST_F(Metas, ThatSpeakOfMemoryAreLeftSilently)
{
    const BufferOwner parent(gst_buffer_new());
    gst_buffer_add_parent_buffer_meta(buffer_.get(), parent.get());
    EXPECT_TRUE(sent().empty());
    EXPECT_EQ(out_.left(), 0u);
    expectToBeLeft(0);
}

TEST_F(Metas, BeyondTheMostOfOneBufferAreLeft)
{
    for (uint32_t i = 0; i < kMaxMetas + 3; i++)
        gst_buffer_add_audio_level_meta(buffer_.get(), 1, FALSE);
    const Arrived arrived = receiver_.receive(sent());
    EXPECT_FALSE(arrived.fault);
    EXPECT_EQ(out_.left(), 3u);
}

TEST_F(Metas, BeyondTheBytesOfOneBufferAreLeft)
{
    const std::vector<guint8> text(4000);
    for (int i = 0; i < 20; i++)
        gst_buffer_add_video_caption_meta(buffer_.get(), GST_VIDEO_CAPTION_TYPE_CEA708_CDP, text.data(),
                                          text.size());
    const Arrived arrived = receiver_.receive(sent());
    EXPECT_FALSE(arrived.fault);
    EXPECT_EQ(out_.left(), 4u);
    EXPECT_LE(sent().size(), kMaxPlainMetaBytes + sizeof(uint32_t));
}

// One whose last words are too many is left whole, and nothing half is sent.
TEST_F(Metas, ArriveWholeOrNotAtAll)
{
    unsigned arrived = 0;
    for (size_t size = kMaxPlainMetaBytes - 80; size < kMaxPlainMetaBytes; size++) {
        const CapsOwner caps(gst_caps_new_simple("timestamp/x-a", "long", G_TYPE_STRING,
                                                 std::string(size, 'x').c_str(), nullptr));
        buffer_.reset(gst_buffer_new());
        gst_buffer_add_reference_timestamp_meta(buffer_.get(), caps.get(), 1, 1);
        const auto bytes = sent();
        if (bytes.empty())
            continue;
        EXPECT_FALSE(receiver_.receive(bytes).fault);
        arrived++;
    }
    EXPECT_GT(arrived, 0u);
    EXPECT_EQ(out_.left(), 80 - arrived);
}

TEST_F(Metas, BeyondTheRoomAreLeft)
{
    gst_buffer_add_audio_level_meta(buffer_.get(), 1, FALSE); // 8 bytes, after 4 of the count
    gst_buffer_add_audio_level_meta(buffer_.get(), 2, FALSE);
    EXPECT_EQ(sent(12).size(), 12u);
    EXPECT_EQ(out_.left(), 1u);
    EXPECT_TRUE(sent(11).empty());
    EXPECT_EQ(out_.left(), 3u);
    EXPECT_TRUE(sent(0).empty());
}

TEST_F(Metas, OfASecondLayoutAreLeft)
{
    gst_buffer_append_memory(buffer_.get(), gst_allocator_alloc(nullptr, 64, nullptr));
    for (int i = 0; i < 2; i++)
        gst_buffer_add_video_meta(buffer_.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 8, 8)
            ->id = i;
    gst_buffer_add_audio_level_meta(buffer_.get(), 1, FALSE);
    EXPECT_FALSE(receiver_.receive(sent()).fault);
    EXPECT_EQ(out_.left(), 1u);
}

} // namespace
