// SPDX-License-Identifier: LGPL-2.1-or-later
//
// All metas of a buffer as text, in their order, with everything in them that another process can see.
#pragma once

#include <gst/audio/audio.h>
#include <gst/gst.h>
#include <gst/rtp/rtp.h>
#include <gst/video/video-sei.h>
#include <gst/video/video.h>

#include <sstream>
#include <string>

inline std::string textOf(const GstStructure *structure)
{
    gchar *text = gst_structure_to_string(structure);
    std::string copy = text;
    g_free(text);
    return copy;
}

inline std::string textOf(GstVideoOverlayComposition *overlay)
{
    std::ostringstream out;
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles(overlay); i++) {
        GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(overlay, i);
        gint x, y;
        guint width, height;
        gst_video_overlay_rectangle_get_render_rectangle(rectangle, &x, &y, &width, &height);
        const auto flags = gst_video_overlay_rectangle_get_flags(rectangle);
        GstBuffer *pixels = gst_video_overlay_rectangle_get_pixels_unscaled_raw(rectangle, flags);
        const GstVideoMeta *meta = gst_buffer_get_video_meta(pixels);
        GChecksum *sum = g_checksum_new(G_CHECKSUM_MD5);
        GstMapInfo map;
        gst_buffer_map(pixels, &map, GST_MAP_READ);
        for (guint row = 0; row < meta->height; row++) // without what pads the rows
            g_checksum_update(sum, map.data + meta->offset[0] + static_cast<gsize>(meta->stride[0]) * row,
                              static_cast<gssize>(meta->width) * 4);
        gst_buffer_unmap(pixels, &map);
        out << " [" << x << "," << y << " " << width << "x" << height << " flags " << flags << " alpha "
            << gst_video_overlay_rectangle_get_global_alpha(rectangle) << " format " << meta->format << " "
            << meta->width << "x" << meta->height << " " << g_checksum_get_string(sum) << "]";
        g_checksum_free(sum);
    }
    return out.str();
}

inline std::string hexOf(const guint8 *bytes, gsize size)
{
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (gsize i = 0; i < size; i++)
        text.append({kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]});
    return text;
}

template <typename Meta>
const Meta &as(const GstMeta *meta)
{
    return *reinterpret_cast<const Meta *>(meta);
}

inline std::string textOf(const GstMeta *meta)
{
    std::ostringstream out;
    const GType api = meta->info->api;
    out << g_type_name(meta->info->type);
    if (api == GST_VIDEO_META_API_TYPE) {
        const auto &m = as<GstVideoMeta>(meta);
        out << " " << m.format << " flags " << m.flags << " id " << m.id << " " << m.width << "x" << m.height;
        for (guint i = 0; i < m.n_planes; i++)
            out << " " << m.stride[i] << "@" << m.offset[i] << "/" << m.alignment.stride_align[i];
        out << " padding " << m.alignment.padding_top << " " << m.alignment.padding_bottom << " "
            << m.alignment.padding_left << " " << m.alignment.padding_right;
    } else if (api == GST_VIDEO_CROP_META_API_TYPE) {
        const auto &m = as<GstVideoCropMeta>(meta);
        out << " " << m.x << "," << m.y << " " << m.width << "x" << m.height;
    } else if (api == GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE) {
        for (const gfloat element : as<GstVideoAffineTransformationMeta>(meta).matrix)
            out << " " << element;
    } else if (api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) {
        const auto &m = as<GstVideoRegionOfInterestMeta>(meta);
        const char *type = g_quark_to_string(m.roi_type);
        out << " " << (type ? type : "(none)") << " " << m.id << "<" << m.parent_id << " " << m.x << ","
            << m.y << " " << m.w << "x" << m.h;
        for (const GList *param = m.params; param; param = param->next)
            out << " {" << textOf(static_cast<const GstStructure *>(param->data)) << "}";
    } else if (api == GST_VIDEO_TIME_CODE_META_API_TYPE) {
        const auto &m = as<GstVideoTimeCodeMeta>(meta).tc;
        out << " " << m.config.fps_n << "/" << m.config.fps_d << " flags " << m.config.flags << " " << m.hours
            << ":" << m.minutes << ":" << m.seconds << ":" << m.frames << "." << m.field_count;
        if (m.config.latest_daily_jam) {
            gchar *jam = g_date_time_format(m.config.latest_daily_jam, "%F %T.%f %z");
            out << " since " << jam;
            g_free(jam);
        }
    } else if (api == GST_VIDEO_CAPTION_META_API_TYPE) {
        const auto &m = as<GstVideoCaptionMeta>(meta);
        out << " " << m.caption_type << " " << std::string(reinterpret_cast<const char *>(m.data), m.size);
    } else if (api == GST_VIDEO_SEI_USER_DATA_UNREGISTERED_META_API_TYPE) {
        const auto &m = as<GstVideoSEIUserDataUnregisteredMeta>(meta);
        out << " " << hexOf(m.uuid, sizeof m.uuid) << " " << hexOf(m.data, m.size);
    } else if (api == GST_VIDEO_BAR_META_API_TYPE) {
        const auto &m = as<GstVideoBarMeta>(meta);
        out << " " << int{m.field} << " " << m.is_letterbox << " " << m.bar_data1 << " " << m.bar_data2;
    } else if (api == GST_VIDEO_AFD_META_API_TYPE) {
        const auto &m = as<GstVideoAFDMeta>(meta);
        out << " " << int{m.field} << " " << m.spec << " " << m.afd;
    } else if (api == GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE) {
        out << textOf(as<GstVideoOverlayCompositionMeta>(meta).overlay);
    } else if (api == GST_AUDIO_META_API_TYPE) {
        const auto &m = as<GstAudioMeta>(meta);
        out << " " << GST_AUDIO_INFO_NAME(&m.info) << " layout " << m.info.layout << " " << m.info.rate << " "
            << m.info.channels << " " << m.samples;
        for (gint i = 0; m.offsets && i < m.info.channels; i++)
            out << " @" << m.offsets[i];
    } else if (api == GST_AUDIO_CLIPPING_META_API_TYPE) {
        const auto &m = as<GstAudioClippingMeta>(meta);
        out << " " << m.format << " " << m.start << " " << m.end;
    } else if (api == GST_AUDIO_LEVEL_META_API_TYPE) {
        const auto &m = as<GstAudioLevelMeta>(meta);
        out << " " << int{m.level} << " " << m.voice_activity;
    } else if (api == GST_AUDIO_DOWNMIX_META_API_TYPE) {
        const auto &m = as<GstAudioDownmixMeta>(meta);
        for (gint i = 0; i < m.from_channels; i++)
            out << " " << m.from_position[i];
        out << " ->";
        for (gint i = 0; i < m.to_channels; i++)
            out << " " << m.to_position[i];
        for (gint i = 0; i < m.from_channels * m.to_channels; i++)
            out << " " << m.matrix[i / m.from_channels][i % m.from_channels];
    } else if (api == GST_RTP_SOURCE_META_API_TYPE) {
        const auto &m = as<GstRTPSourceMeta>(meta);
        out << " " << (m.ssrc_valid ? std::to_string(m.ssrc) : "none");
        for (guint i = 0; i < m.csrc_count; i++)
            out << " " << m.csrc[i];
    } else if (api == GST_REFERENCE_TIMESTAMP_META_API_TYPE) {
        const auto &m = as<GstReferenceTimestampMeta>(meta);
        gchar *caps = gst_caps_to_string(m.reference);
        out << " " << caps << " " << m.timestamp << " " << m.duration;
        g_free(caps);
    } else if (api == GST_PROTECTION_META_API_TYPE) {
        out << " " << textOf(as<GstProtectionMeta>(meta).info);
    } else if (gst_meta_info_is_custom(meta->info)) {
        out << " "
            << textOf(gst_custom_meta_get_structure(
                   reinterpret_cast<GstCustomMeta *>(const_cast<GstMeta *>(meta))));
    }
    return out.str();
}

inline std::string metasOf(GstBuffer *buffer)
{
    std::string text;
    gpointer state = nullptr;
    while (const GstMeta *meta = gst_buffer_iterate_meta(buffer, &state))
        text += textOf(meta) + "\n";
    return text;
}
