// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffers with metas of every kind that crosses.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/overlay_meta.h"

#include <gst/audio/audio.h>
#include <gst/rtp/rtp.h>
#include <gst/video/video-sei.h>
#include <gst/video/video.h>

#include <cstring>
#include <iterator>
#include <numeric>
#include <string>

namespace sharedring::samples
{

constexpr const char *kCustomMeta = "SharedRingTestMeta";

inline void registerCustomMeta(const char *name = kCustomMeta)
{
    static const gchar *tags[] = {nullptr};
    if (!gst_meta_get_info(name))
        gst_meta_register_custom(name, tags, nullptr, nullptr, nullptr);
}

inline void addCustomMeta(GstBuffer *buffer, const char *name = kCustomMeta)
{
    registerCustomMeta(name);
    gst_structure_set(gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, name)), "count",
                      G_TYPE_INT, 7, "why", G_TYPE_STRING, "because", nullptr);
}

// Pixels of this size, each row padded by `padding` bytes.
inline BufferOwner overlayPixels(guint width, guint height, GstVideoFormat format, guint8 seed,
                                 guint padding = 0)
{
    const gsize row = gsize{width} * 4;
    const gsize stride = row + padding;
    BufferOwner pixels(gst_buffer_new_allocate(nullptr, stride * height, nullptr));
    GstMapInfo map;
    gst_buffer_map(pixels.get(), &map, GST_MAP_WRITE);
    for (guint y = 0; y < height; y++) {
        std::memset(map.data + y * stride, static_cast<int>(seed + y), row);
        std::memset(map.data + y * stride + row, 0xEE, padding);
    }
    gst_buffer_unmap(pixels.get(), &map);
    gsize offsets[GST_VIDEO_MAX_PLANES] = {};
    gint strides[GST_VIDEO_MAX_PLANES] = {static_cast<gint>(stride)};
    gst_buffer_add_video_meta_full(pixels.get(), GST_VIDEO_FRAME_FLAG_NONE, format, width, height, 1, offsets,
                                   strides);
    return pixels;
}

inline void addRectangle(GstVideoOverlayComposition *overlay, GstBuffer *pixels, gint x, gint y, guint width,
                         guint height, gfloat alpha = 1,
                         GstVideoOverlayFormatFlags flags = GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE)
{
    GstVideoOverlayRectangle *rectangle =
        gst_video_overlay_rectangle_new_raw(pixels, x, y, width, height, flags);
    gst_video_overlay_rectangle_set_global_alpha(rectangle, alpha);
    gst_video_overlay_composition_add_rectangle(overlay, rectangle);
    gst_video_overlay_rectangle_unref(rectangle);
}

inline OverlayOwner overlayOf(guint width, guint height, guint8 seed = 1)
{
    OverlayOwner overlay(gst_video_overlay_composition_new(nullptr));
    addRectangle(overlay.get(),
                 overlayPixels(width, height, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, seed).get(), 1, 2,
                 width, height);
    return overlay;
}

inline void addOverlays(GstBuffer *buffer)
{
    const OverlayOwner overlay(gst_video_overlay_composition_new(nullptr));
    addRectangle(overlay.get(), overlayPixels(17, 5, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 3, 12).get(),
                 -3, 4, 34, 10, 0.5, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
    addRectangle(overlay.get(), overlayPixels(2, 3, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_YUV, 9).get(), 5, -6,
                 2, 3);
    gst_buffer_add_video_overlay_composition_meta(buffer, overlay.get());
    // An empty one, which says that there is nothing to show.
    const OverlayOwner none(gst_video_overlay_composition_new(nullptr));
    gst_buffer_add_video_overlay_composition_meta(buffer, none.get());
}

inline void addRegions(GstBuffer *buffer)
{
    auto *face = gst_buffer_add_video_region_of_interest_meta(buffer, "a face", 1, 2, 30, 40);
    face->id = 17;
    face->parent_id = -1;
    gst_video_region_of_interest_meta_add_param(
        face, gst_structure_new("roi/test", "delta-qp", G_TYPE_INT, -5, nullptr));
    gst_video_region_of_interest_meta_add_param(
        face, gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, 0.25, nullptr));
    auto *nose = gst_buffer_add_video_region_of_interest_meta_id(buffer, 0, 5, 6, 7, 8);
    nose->id = 18;
    nose->parent_id = 17;
}

inline void addTimeCodes(GstBuffer *buffer)
{
    GTimeZone *zone = g_time_zone_new_offset(2 * 3600);
    GDateTime *jam = g_date_time_new(zone, 2024, 2, 29, 23, 59, 58.25);
    gst_buffer_add_video_time_code_meta_full(buffer, 30000, 1001, jam, GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME,
                                             1, 2, 3, 4, 0);
    gst_buffer_add_video_time_code_meta_full(buffer, 25, 1, nullptr, GST_VIDEO_TIME_CODE_FLAGS_INTERLACED, 23,
                                             59, 59, 24, 2);
    g_date_time_unref(jam);
    g_time_zone_unref(zone);
}

inline void addReferenceTimestamps(GstBuffer *buffer)
{
    const CapsOwner ntp(gst_caps_from_string("timestamp/x-ntp, host=(string)pool.ntp.org, port=(int)123"));
    gst_buffer_add_reference_timestamp_meta(buffer, ntp.get(), 3900000000 * GST_SECOND, 40);
    const CapsOwner unix(gst_caps_new_empty_simple("timestamp/x-unix"));
    gst_buffer_add_reference_timestamp_meta(buffer, unix.get(), 0, GST_CLOCK_TIME_NONE);
}

inline GstVideoSEIUserDataUnregisteredMeta *addSei(GstBuffer *buffer, std::string data)
{
    guint8 uuid[] = {0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7,
                     0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23, 0xee, 0xef}; // of x264
    return gst_buffer_add_video_sei_user_data_unregistered_meta(
        buffer, uuid, reinterpret_cast<guint8 *>(data.data()), data.size());
}

// All of a video frame but its layout; `crop` within 64x48.
inline void addVideoMetas(GstBuffer *buffer)
{
    auto *crop = gst_buffer_add_video_crop_meta(buffer);
    crop->x = 1;
    crop->y = 2;
    crop->width = 60;
    crop->height = 40;
    gfloat *matrix = gst_buffer_add_video_affine_transformation_meta(buffer)->matrix;
    for (int i = 0; i < 16; i++)
        matrix[i] = static_cast<gfloat>(i) / 4;
    addRegions(buffer);
    addTimeCodes(buffer);
    gst_buffer_add_video_caption_meta(buffer, GST_VIDEO_CAPTION_TYPE_CEA708_RAW,
                                      reinterpret_cast<const guint8 *>("caption"), 7);
    gst_buffer_add_video_bar_meta(buffer, 1, TRUE, 20, 460);
    gst_buffer_add_video_afd_meta(buffer, 0, GST_VIDEO_AFD_SPEC_ATSC_A53, GST_VIDEO_AFD_4_3_FULL_16_9_FULL);
    addSei(buffer, std::string("options: bframes=3\0", 19));
    addSei(buffer, "\xff");
    addOverlays(buffer);
    addReferenceTimestamps(buffer);
    addCustomMeta(buffer);
}

// All of audio but GstAudioMeta.
inline void addAudioMetas(GstBuffer *buffer)
{
    gst_buffer_add_audio_clipping_meta(buffer, GST_FORMAT_DEFAULT, 312, 20);
    gst_buffer_add_audio_clipping_meta(buffer, GST_FORMAT_TIME, 0, GST_SECOND);
    gst_buffer_add_audio_level_meta(buffer, 127, TRUE);
    const GstAudioChannelPosition from[] = {GST_AUDIO_CHANNEL_POSITION_FRONT_LEFT,
                                            GST_AUDIO_CHANNEL_POSITION_FRONT_RIGHT,
                                            GST_AUDIO_CHANNEL_POSITION_LFE1};
    const GstAudioChannelPosition to[] = {GST_AUDIO_CHANNEL_POSITION_MONO,
                                          GST_AUDIO_CHANNEL_POSITION_INVALID};
    const gfloat first[] = {0.5, 0.5, 0};
    const gfloat second[] = {-1, 1, 2};
    const gfloat *rows[] = {first, second};
    gst_buffer_add_audio_downmix_meta(buffer, from, 3, to, 2, rows);
    addReferenceTimestamps(buffer);
}

// Of one sender, of a mixer with as many senders as a packet can name, and of nobody.
inline void addRtpSources(GstBuffer *buffer)
{
    const guint32 source = 0xfedcba98;
    guint32 contributors[GST_RTP_SOURCE_META_MAX_CSRC_COUNT];
    std::iota(std::begin(contributors), std::end(contributors), 7U);
    gst_buffer_add_rtp_source_meta(buffer, &source, nullptr, 0);
    gst_buffer_add_rtp_source_meta(buffer, &source, contributors, std::size(contributors));
    gst_buffer_add_rtp_source_meta(buffer, nullptr, contributors, 1);
    gst_buffer_add_rtp_source_meta(buffer, nullptr, nullptr, 0);
}

// As demuxers write it, and one that says only that this sample is clear.
inline void addProtections(GstBuffer *buffer)
{
    const BufferOwner key(gst_buffer_new_memdup("0123456789abcdef", 16));
    const BufferOwner vector(gst_buffer_new_memdup("\0\1\2\3\4\5\6\7", 8));
    const BufferOwner parts(gst_buffer_new_memdup("\0\5\0\0\1\0", 6)); // 5 bytes clear, 256 encrypted
    gst_buffer_add_protection_meta(
        buffer,
        gst_structure_new("application/x-cenc", "iv_size", G_TYPE_UINT, 8, "encrypted", G_TYPE_BOOLEAN, TRUE,
                          "kid", GST_TYPE_BUFFER, key.get(), "iv", GST_TYPE_BUFFER, vector.get(),
                          "subsample_count", G_TYPE_UINT, 1, "subsamples", GST_TYPE_BUFFER, parts.get(),
                          "cipher-mode", G_TYPE_STRING, "cenc", nullptr));
    gst_buffer_add_protection_meta(
        buffer, gst_structure_new("application/x-cenc", "encrypted", G_TYPE_BOOLEAN, FALSE, nullptr));
}

} // namespace sharedring::samples
