// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a reader of metas would refuse is not written.
#include "tests/meta_crossing.h"

#include <gst/video/gstvideocodecalphameta.h>

#include <cmath>
#include <functional>
#include <limits>

using namespace sharedring;
using namespace sharedring::samples;

namespace
{

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
        Oddity{"SeiTooLong", [](GstBuffer *b) { samples::addSei(b, std::string(16 * 1024 + 1, 'x')); }},
        Oddity{"SeiOfNoBytes",
               [](GstBuffer *b) {
                   gst_buffer_add_meta(b, GST_VIDEO_SEI_USER_DATA_UNREGISTERED_META_INFO, nullptr);
               }},
        Oddity{"SeiWhoseBytesAreNotThere",
               [](GstBuffer *b) { g_clear_pointer(&samples::addSei(b, "x")->data, g_free); }},
        Oddity{"SeiOfLengthZero", [](GstBuffer *b) { samples::addSei(b, "x")->size = 0; }},
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
        Oddity{"RtpSourceOfManyContributors",
               [](GstBuffer *b) { gst_buffer_add_rtp_source_meta(b, nullptr, nullptr, 0)->csrc_count = 16; }},
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
        Oddity{"ProtectionByAPointer",
               [](GstBuffer *b) {
                   gst_buffer_add_protection_meta(b, gst_structure_new("s", "key", G_TYPE_POINTER, b, nullptr));
               }},
        Oddity{"ProtectionByNothing",
               [](GstBuffer *b) { gst_buffer_add_meta(b, GST_PROTECTION_META_INFO, nullptr); }},
        Oddity{"AlphaOfAnotherBuffer",
               [](GstBuffer *b) { gst_buffer_add_video_codec_alpha_meta(b, gst_buffer_new()); }}),
    [](const auto &tested) { return std::string(tested.param.name); });

} // namespace
