// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_metas.h"

#include "meta_samples.h"
#include "random_values.h"

#include <algorithm>
#include <vector>

using namespace sharedring;

namespace
{

guint place(Dice &dice)
{
    return static_cast<guint>(dice.below(65536));
}

void addCrop(Dice &dice, const RandomFormat &format, GstBuffer *buffer)
{
    auto *crop = gst_buffer_add_video_crop_meta(buffer);
    const auto width = format.video() ? static_cast<guint>(format.video()->width) : 40000;
    const auto height = format.video() ? static_cast<guint>(format.video()->height) : 30000;
    crop->x = dice.between(0U, width);
    crop->y = dice.between(0U, height);
    crop->width = dice.between(0U, width - crop->x);
    crop->height = dice.between(0U, height - crop->y);
}

void addTransformation(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    for (gfloat &element : gst_buffer_add_video_affine_transformation_meta(buffer)->matrix)
        element = static_cast<gfloat>(dice.between(-4000, 4000)) / 256.0F;
}

void addRegion(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    static constexpr const char *kTypes[] = {"face", "a region", "ünïcode"};
    auto *region = gst_buffer_add_video_region_of_interest_meta(buffer, dice.pick(kTypes), place(dice),
                                                                place(dice), place(dice), place(dice));
    region->id = dice.between(-1, 1000);
    region->parent_id = dice.between(-1, 1000);
    for (uint64_t params = dice.below(4); params > 0; params--)
        gst_video_region_of_interest_meta_add_param(region, randomStructure(dice, "param").release());
}

void addTimeCode(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    GTimeZone *zone = g_time_zone_new_offset(60 * dice.between(-600, 600));
    GDateTime *jam = dice.oneIn(2) ? g_date_time_new(zone, dice.between(1970, 2100), dice.between(1, 12),
                                                     dice.between(1, 28), 23, 59, 59.5)
                                   : nullptr;
    gst_buffer_add_video_time_code_meta_full(
        buffer, dice.between(10U, 60U), 1, jam, GST_VIDEO_TIME_CODE_FLAGS_NONE, dice.between(0U, 23U),
        dice.between(0U, 59U), dice.between(0U, 59U), dice.between(0U, 9U), dice.between(0U, 2U));
    if (jam)
        g_date_time_unref(jam);
    g_time_zone_unref(zone);
}

void addCaption(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    static constexpr GstVideoCaptionType kTypes[] = {
        GST_VIDEO_CAPTION_TYPE_CEA608_RAW, GST_VIDEO_CAPTION_TYPE_CEA608_S334_1A,
        GST_VIDEO_CAPTION_TYPE_CEA708_RAW, GST_VIDEO_CAPTION_TYPE_CEA708_CDP};
    const std::string text = randomText(dice);
    gst_buffer_add_video_caption_meta(buffer, dice.pick(kTypes),
                                      reinterpret_cast<const guint8 *>(text.data()), text.size());
}

void addSei(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    samples::addSei(buffer, randomText(dice))->uuid[dice.below(16)] ^= static_cast<guint8>(dice.below(256));
}

void addBar(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    gst_buffer_add_video_bar_meta(buffer, static_cast<guint8>(dice.below(2)), dice.oneIn(2), place(dice),
                                  place(dice));
}

void addAfd(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    static constexpr GstVideoAFDValue kValues[] = {
        GST_VIDEO_AFD_16_9_TOP_ALIGNED, GST_VIDEO_AFD_4_3_FULL_16_9_FULL, GST_VIDEO_AFD_GREATER_THAN_16_9};
    static constexpr GstVideoAFDSpec kStandards[] = {GST_VIDEO_AFD_SPEC_DVB_ETSI, GST_VIDEO_AFD_SPEC_ATSC_A53,
                                                     GST_VIDEO_AFD_SPEC_SMPTE_ST2016_1};
    gst_buffer_add_video_afd_meta(buffer, static_cast<guint8>(dice.below(2)), dice.pick(kStandards),
                                  dice.pick(kValues));
}

void addOverlay(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    const OverlayOwner overlay(gst_video_overlay_composition_new(nullptr));
    for (uint64_t rectangles = dice.below(4); rectangles > 0; rectangles--) {
        const auto format = dice.oneIn(2) ? GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB
                                          : GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_YUV;
        const BufferOwner pixels =
            samples::overlayPixels(dice.between(1U, 40U), dice.between(1U, 20U), format,
                                   static_cast<guint8>(dice.any()), dice.oneIn(2) ? 8 : 0);
        samples::addRectangle(overlay.get(), pixels.get(), dice.between(-100, 100), dice.between(-100, 100),
                              dice.between(1U, 200U), dice.between(1U, 200U),
                              static_cast<gfloat>(dice.below(5)) / 4.0F,
                              dice.oneIn(2) ? GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA
                                            : GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
    }
    gst_buffer_add_video_overlay_composition_meta(buffer, overlay.get());
}

// Of planar samples it says how they lie.
void addSamples(Dice &dice, const RandomFormat &format, GstBuffer *buffer)
{
    if (!format.audio() || GST_AUDIO_INFO_LAYOUT(format.audio()) != GST_AUDIO_LAYOUT_INTERLEAVED ||
        gst_buffer_get_audio_meta(buffer))
        return;
    const gsize samples =
        gst_buffer_get_size(buffer) / static_cast<gsize>(GST_AUDIO_INFO_BPF(format.audio()));
    gst_buffer_add_audio_meta(buffer, format.audio(), dice.oneIn(2) ? samples : dice.below(samples + 1),
                              nullptr);
}

void addClipping(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    static constexpr GstFormat kFormats[] = {GST_FORMAT_DEFAULT, GST_FORMAT_TIME};
    gst_buffer_add_audio_clipping_meta(buffer, dice.pick(kFormats), dice.magnitude(G_MAXINT64),
                                       dice.magnitude(G_MAXINT64));
}

void addLevel(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    gst_buffer_add_audio_level_meta(buffer, static_cast<guint8>(dice.below(128)), dice.oneIn(2));
}

void addDownmix(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    const auto randomPositions = [&dice] {
        std::vector<GstAudioChannelPosition> positions(dice.between<size_t>(1, 8));
        for (auto &position : positions)
            position = static_cast<GstAudioChannelPosition>(dice.between(-2, 27));
        return positions;
    };
    const auto from = randomPositions();
    const auto to = randomPositions();
    std::vector<std::vector<gfloat>> matrix(to.size(), std::vector<gfloat>(from.size()));
    std::vector<const gfloat *> rows;
    for (auto &row : matrix) {
        for (gfloat &share : row)
            share = static_cast<gfloat>(dice.between(-16, 16)) / 16.0F;
        rows.push_back(row.data());
    }
    gst_buffer_add_audio_downmix_meta(buffer, from.data(), static_cast<gint>(from.size()), to.data(),
                                      static_cast<gint>(to.size()), rows.data());
}

void addRtpSource(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    guint32 contributors[GST_RTP_SOURCE_META_MAX_CSRC_COUNT];
    for (guint32 &contributor : contributors)
        contributor = static_cast<guint32>(dice.any());
    const auto source = static_cast<guint32>(dice.any());
    gst_buffer_add_rtp_source_meta(buffer, dice.oneIn(2) ? &source : nullptr, contributors,
                                   static_cast<guint>(dice.below(std::size(contributors) + 1)));
}

void addReferenceTimestamp(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    static constexpr const char *kReferences[] = {"timestamp/x-ntp", "timestamp/x-ptp,version=IEEE1588-2008",
                                                  "timestamp/x-unix"};
    const CapsOwner reference(gst_caps_from_string(dice.pick(kReferences)));
    gst_buffer_add_reference_timestamp_meta(buffer, reference.get(), dice.magnitude(G_MAXINT64),
                                            randomTime(dice));
}

void addProtection(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    gst_buffer_add_protection_meta(buffer, randomStructure(dice, "application/x-cenc").release());
}

void addCustom(Dice &dice, const RandomFormat &, GstBuffer *buffer)
{
    samples::registerCustomMeta();
    GstStructure *structure =
        gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, samples::kCustomMeta));
    const StructureOwner fields = randomStructure(dice, "fields");
    for (gint i = 0; i < gst_structure_n_fields(fields.get()); i++) {
        const gchar *name = gst_structure_nth_field_name(fields.get(), static_cast<guint>(i));
        gst_structure_set_value(structure, name, gst_structure_get_value(fields.get(), name));
    }
}

constexpr void (*kMetas[])(Dice &, const RandomFormat &, GstBuffer *) = {
    addCrop,
    addTransformation,
    addRegion,
    addTimeCode,
    addCaption,
    addSei,
    addBar,
    addAfd,
    addOverlay,
    addSamples,
    addClipping,
    addLevel,
    addDownmix,
    addRtpSource,
    addReferenceTimestamp,
    addProtection,
    addCustom,
};

} // namespace

void addRandomMetas(Dice &dice, const RandomFormat &format, GstBuffer *buffer)
{
    for (uint64_t left = dice.oneIn(2) ? dice.below(5) : 0; left > 0; left--)
        dice.pick(kMetas)(dice, format, buffer);
}
