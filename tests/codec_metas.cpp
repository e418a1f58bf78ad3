// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas of a buffer arrive as they were and in their order; what cannot be carried is counted.
#include "plugin/buffer_checks.h"
#include "plugin/structure_codec.h"
#include "tests/meta_crossing.h"

using namespace sharedring;
using namespace sharedring::samples;

namespace
{

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

TEST_F(Metas, OfRtpPacketsArriveInTheirOrder)
{
    addRtpSources(buffer_.get());
    expectToCross();
}

TEST_F(Metas, OfEncryptedSamplesArriveInTheirOrder)
{
    addProtections(buffer_.get());
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
