// SPDX-License-Identifier: LGPL-2.1-or-later
#include "buffer_checks.h"

#include "planar_audio.h"

#include <algorithm>

namespace sharedring
{

namespace
{

// So that no product of what follows leaves its type.
constexpr uint32_t kMaxDimension = 1u << 16;
constexpr uint32_t kMaxPadding = 1u << 12;
constexpr uint64_t kPaletteBytes = 256 * 4;

struct PlaneNeeds {
    uint64_t rowBytes; // that the stride must span
    uint64_t rows;
};

bool isPalette(const GstVideoFormatInfo *format, guint plane)
{
    return GST_VIDEO_FORMAT_INFO_HAS_PALETTE(format) && plane == 1;
}

PlaneNeeds needsOf(const GstVideoInfo &info, guint plane)
{
    const GstVideoFormatInfo *format = info.finfo;
    PlaneNeeds needs{0, 0};
    for (guint component = 0; component < format->n_components; component++) {
        if (format->plane[component] != plane)
            continue;
        const auto width = static_cast<uint64_t>(
            GST_VIDEO_SUB_SCALE(format->w_sub[component], static_cast<gint>(info.width)));
        const auto height = static_cast<uint64_t>(
            GST_VIDEO_SUB_SCALE(format->h_sub[component], GST_VIDEO_INFO_FIELD_HEIGHT(&info)));
        needs.rows = std::max(needs.rows, height);
        needs.rowBytes =
            std::max(needs.rowBytes, width * static_cast<uint64_t>(format->pixel_stride[component]));
        if (format->pixel_stride[component] == 0) // packed over several pixels: as GStreamer lays it out
            needs.rowBytes = std::max(needs.rowBytes, static_cast<uint64_t>(info.stride[plane]));
    }
    return needs;
}

// In a tiled format the stride counts tiles, not bytes: it is as GStreamer has it or it is wrong.
bool tiledPlaneFits(const VideoFields &fields, const GstVideoInfo &info, guint plane, uint64_t size)
{
    if (fields.strides[plane] != info.stride[plane])
        return false;
    const uint64_t end = plane + 1 < info.finfo->n_planes ? info.offset[plane + 1] : info.size;
    const uint64_t bytes = end - info.offset[plane];
    return fields.offsets[plane] <= size && bytes <= size - fields.offsets[plane];
}

bool planeFits(const VideoFields &fields, const GstVideoInfo &info, guint plane, uint64_t size)
{
    if (isPalette(info.finfo, plane))
        return fields.offsets[plane] <= size && kPaletteBytes <= size - fields.offsets[plane];
    if (GST_VIDEO_FORMAT_INFO_IS_TILED(info.finfo))
        return tiledPlaneFits(fields, info, plane, size);
    const PlaneNeeds needs = needsOf(info, plane);
    if (fields.strides[plane] <= 0 || static_cast<uint64_t>(fields.strides[plane]) < needs.rowBytes)
        return false;
    if (needs.rows == 0)
        return true;
    // Both factors are below 2^32.
    const uint64_t before = static_cast<uint64_t>(fields.strides[plane]) * (needs.rows - 1);
    if (fields.offsets[plane] > size || before > size - fields.offsets[plane])
        return false;
    return needs.rowBytes <= size - fields.offsets[plane] - before;
}

std::string numbers(uint64_t expected, uint64_t found)
{
    return " (expected " + std::to_string(expected) + ", found " + std::to_string(found) + ")";
}

bool inSystemMemory(const GstCaps *caps)
{
    const GstCapsFeatures *features = gst_caps_get_features(caps, 0);
    return !features || gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

bool alignmentIsSane(const VideoFields &fields)
{
    // GStreamer looks for a padding that suits these masks, and would look for long.
    for (const uint32_t mask : fields.strideAlign) {
        if (mask >= kMaxPadding || (mask & (mask + 1)) != 0)
            return false;
    }
    return std::all_of(std::begin(fields.padding), std::end(fields.padding),
                       [](uint32_t pixels) { return pixels <= kMaxPadding; });
}

} // namespace

std::optional<PayloadFormat> payloadFormatOf(const GstCaps *caps)
{
    PayloadFormat format;
    if (!caps || gst_caps_get_size(caps) != 1 || !inSystemMemory(caps))
        return format;
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    if (gst_structure_has_name(structure, "audio/x-raw")) {
        const auto audio = rawAudioOf(caps);
        const bool planar = isPlanar(structure);
        if (planar && !audio)
            return std::nullopt;
        format.kind = planar ? PayloadFormat::Kind::PlanarAudio : PayloadFormat::Kind::RawAudio;
        format.audio = audio.value_or(GstAudioInfo{});
        return format;
    }
    if (!gst_structure_has_name(structure, "video/x-raw"))
        return format;
    format.kind = PayloadFormat::Kind::RawVideo;
    gint width = 0;
    gint height = 0;
    if (!gst_structure_get_int(structure, "width", &width) ||
        !gst_structure_get_int(structure, "height", &height) || width < 1 || height < 1 ||
        static_cast<uint32_t>(width) > kMaxDimension || static_cast<uint32_t>(height) > kMaxDimension)
        return std::nullopt;
    if (!gst_video_info_from_caps(&format.video, caps) || format.video.finfo->n_planes == 0)
        return std::nullopt;
    return format;
}

std::optional<std::string> findFaultIn(const BufferFields &fields, const PayloadFormat &format, size_t size)
{
    const VideoFields &video = fields.video;
    if (format.kind == PayloadFormat::Kind::PlanarAudio &&
        size % static_cast<size_t>(GST_AUDIO_INFO_BPF(&format.audio)) != 0)
        return "planar audio of no whole number of samples" +
               numbers(static_cast<uint64_t>(GST_AUDIO_INFO_BPF(&format.audio)), size);
    if (format.kind != PayloadFormat::Kind::RawVideo)
        return video.present ? std::optional<std::string>("video meta without raw video caps") : std::nullopt;
    if (size == 0)
        return std::nullopt;
    if (!video.present) {
        if (size < format.video.size)
            return "video frame too small" + numbers(format.video.size, size);
        return std::nullopt;
    }
    const auto caps = &format.video;
    if (video.format != static_cast<uint32_t>(GST_VIDEO_INFO_FORMAT(caps)))
        return "video meta of another format than the caps" +
               numbers(static_cast<uint64_t>(GST_VIDEO_INFO_FORMAT(caps)), video.format);
    if (video.planes != GST_VIDEO_INFO_N_PLANES(caps))
        return "video meta with other planes than the format" +
               numbers(GST_VIDEO_INFO_N_PLANES(caps), video.planes);
    if (video.width < static_cast<uint32_t>(caps->width) || video.width > kMaxDimension)
        return "video meta's width" + numbers(static_cast<uint64_t>(caps->width), video.width);
    if (video.height < static_cast<uint32_t>(caps->height) || video.height > kMaxDimension)
        return "video meta's height" + numbers(static_cast<uint64_t>(caps->height), video.height);
    GstVideoInfo info;
    if (!gst_video_info_set_interlaced_format(&info, GST_VIDEO_INFO_FORMAT(caps),
                                              GST_VIDEO_INFO_INTERLACE_MODE(caps), video.width, video.height))
        return "video meta of an impossible size" + numbers(video.width, video.height);
    for (guint plane = 0; plane < video.planes; plane++) {
        if (!planeFits(video, info, plane, size))
            return "video plane " + std::to_string(plane) + " beyond the buffer: offset " +
                   std::to_string(video.offsets[plane]) + ", stride " + std::to_string(video.strides[plane]) +
                   numbers(size, video.offsets[plane]);
    }
    return std::nullopt;
}

bool hasDefaultLayout(const VideoFields &fields, const GstVideoInfo &video)
{
    if (!fields.present)
        return true;
    if (fields.width != static_cast<uint32_t>(video.width) ||
        fields.height != static_cast<uint32_t>(video.height) || fields.planes != video.finfo->n_planes)
        return false;
    for (guint plane = 0; plane < fields.planes; plane++) {
        if (fields.strides[plane] != video.stride[plane] || fields.offsets[plane] != video.offset[plane])
            return false;
    }
    return true;
}

void addVideoMeta(GstBuffer *buffer, const VideoFields &fields)
{
    gsize offsets[GST_VIDEO_MAX_PLANES] = {};
    gint strides[GST_VIDEO_MAX_PLANES] = {};
    std::copy_n(fields.offsets, GST_VIDEO_MAX_PLANES, offsets);
    std::copy_n(fields.strides, GST_VIDEO_MAX_PLANES, strides);
    constexpr uint32_t kFrameFlags = GST_VIDEO_FRAME_FLAG_INTERLACED | GST_VIDEO_FRAME_FLAG_TFF |
                                     GST_VIDEO_FRAME_FLAG_RFF | GST_VIDEO_FRAME_FLAG_ONEFIELD |
                                     GST_VIDEO_FRAME_FLAG_MULTIPLE_VIEW |
                                     GST_VIDEO_FRAME_FLAG_FIRST_IN_BUNDLE;
    GstVideoMeta *meta =
        gst_buffer_add_video_meta_full(buffer, static_cast<GstVideoFrameFlags>(fields.flags & kFrameFlags),
                                       static_cast<GstVideoFormat>(fields.format), fields.width,
                                       fields.height, fields.planes, offsets, strides);
    const bool aligned = std::any_of(std::begin(fields.padding), std::end(fields.padding),
                                     [](uint32_t p) { return p != 0; }) ||
                         std::any_of(std::begin(fields.strideAlign), std::end(fields.strideAlign),
                                     [](uint32_t a) { return a != 0; });
    if (!meta || !aligned || !alignmentIsSane(fields))
        return;
    GstVideoAlignment alignment{};
    alignment.padding_top = fields.padding[0];
    alignment.padding_bottom = fields.padding[1];
    alignment.padding_left = fields.padding[2];
    alignment.padding_right = fields.padding[3];
    std::copy_n(fields.strideAlign, GST_VIDEO_MAX_PLANES, alignment.stride_align);
    // Where it does not fit the strides, the meta goes without: it says nothing about the bytes.
    gst_video_meta_set_alignment(meta, alignment);
}

} // namespace sharedring
