// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_format.h"

#include "random_values.h"

#include <algorithm>

using namespace sharedring;

namespace
{

template <typename Choice>
const Choice &pickOf(Dice &dice, const Choice *choices, guint count)
{
    return choices[dice.below(count)];
}

// The same bytes in several memories.
BufferOwner inPieces(Dice &dice, BufferOwner whole)
{
    const gsize size = gst_buffer_get_size(whole.get());
    BufferOwner pieces(gst_buffer_new());
    for (gsize at = 0; at < size;) {
        const gsize length = dice.between<gsize>(1, size - at);
        BufferOwner part(
            gst_buffer_copy_region(whole.get(), GST_BUFFER_COPY_MEMORY, at, static_cast<gssize>(length)));
        pieces.reset(gst_buffer_append(pieces.release(), part.release()));
        at += length;
    }
    return pieces;
}

// gst_video_info_align() knows nothing of tiles, palettes, and pixels that share bytes.
bool canBePadded(const GstVideoFormatInfo &format)
{
    return !GST_VIDEO_FORMAT_INFO_IS_TILED(&format) && !GST_VIDEO_FORMAT_INFO_HAS_PALETTE(&format) &&
           std::all_of(format.pixel_stride, format.pixel_stride + format.n_components,
                       [](gint stride) { return stride > 0; });
}

} // namespace

RandomFormat::RandomFormat(Dice &dice)
{
    switch (dice.below(4)) {
    case 0:
        chooseVideo(dice);
        return;
    case 1:
        chooseAudio(dice);
        return;
    default:
        break;
    }
    static constexpr const char *kNames[] = {"video/x-h264", "audio/mpeg",           "application/x-rtp",
                                             "text/x-raw",   "application/x-random", "video/mpegts"};
    caps_.reset(gst_caps_new_full(randomStructure(dice, dice.pick(kNames)).release(), nullptr));
}

void RandomFormat::chooseVideo(Dice &dice)
{
    guint count = 0;
    const GstVideoFormat *formats = gst_video_formats_raw(&count);
    const auto mode =
        dice.oneIn(3) ? GST_VIDEO_INTERLACE_MODE_INTERLEAVED : GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
    gst_video_info_set_interlaced_format(&video_, pickOf(dice, formats, count), mode, dice.between(1U, 70U),
                                         dice.between(1U, 50U));
    GST_VIDEO_INFO_FPS_N(&video_) = dice.between(0, 120);
    GST_VIDEO_INFO_PAR_N(&video_) = dice.between(1, 16);
    kind_ = Kind::Video;
    caps_.reset(gst_video_info_to_caps(&video_));
    // As whoever gets the caps sees it.
    gst_video_info_from_caps(&video_, caps_.get());
}

void RandomFormat::chooseAudio(Dice &dice)
{
    guint count = 0;
    const GstAudioFormat *formats = gst_audio_formats_raw(&count);
    gst_audio_info_set_format(&audio_, pickOf(dice, formats, count), dice.between(1, 192000),
                              dice.between(1, 8), nullptr);
    if (dice.oneIn(2))
        audio_.layout = GST_AUDIO_LAYOUT_NON_INTERLEAVED;
    kind_ = Kind::Audio;
    caps_.reset(gst_audio_info_to_caps(&audio_));
    gst_audio_info_from_caps(&audio_, caps_.get());
}

BufferOwner RandomFormat::videoFrame(Dice &dice) const
{
    GstVideoInfo info = video_;
    GstVideoAlignment alignment;
    gst_video_alignment_reset(&alignment);
    if (canBePadded(*info.finfo) && dice.oneIn(2)) {
        for (guint *padding : {&alignment.padding_top, &alignment.padding_bottom, &alignment.padding_left,
                               &alignment.padding_right})
            *padding = 4 * static_cast<guint>(dice.below(3)); // else it may lose a row of chroma
        const auto mask = (1U << dice.below(7)) - 1;
        std::fill(std::begin(alignment.stride_align), std::end(alignment.stride_align), mask);
        gst_video_info_align(&info, &alignment);
    }
    const size_t tail = dice.oneIn(4) ? dice.below(1000) : 0;
    BufferOwner buffer = randomBytes(dice, info.size + tail);
    if (dice.oneIn(4))
        buffer = inPieces(dice, std::move(buffer));
    const bool isDefault = std::equal(std::begin(info.stride), std::end(info.stride), video_.stride) &&
                           std::equal(std::begin(info.offset), std::end(info.offset), video_.offset);
    if (isDefault && dice.oneIn(2))
        return buffer;
    static constexpr guint kFlags[] = {GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FRAME_FLAG_INTERLACED,
                                       GST_VIDEO_FRAME_FLAG_INTERLACED | GST_VIDEO_FRAME_FLAG_TFF};
    GstVideoMeta *meta = gst_buffer_add_video_meta_full(
        buffer.get(), static_cast<GstVideoFrameFlags>(dice.pick(kFlags)), GST_VIDEO_INFO_FORMAT(&info),
        static_cast<guint>(info.width), static_cast<guint>(info.height), GST_VIDEO_INFO_N_PLANES(&info),
        info.offset, info.stride);
    if (!isDefault)
        gst_video_meta_set_alignment(meta, alignment);
    return buffer;
}

BufferOwner RandomFormat::audioSamples(Dice &dice, size_t atMost) const
{
    const auto frame = static_cast<size_t>(GST_AUDIO_INFO_BPF(&audio_));
    const size_t samples = dice.below(std::max<size_t>(atMost / frame, 1)) + 1;
    BufferOwner buffer = randomBytes(dice, samples * frame);
    if (dice.oneIn(4))
        buffer = inPieces(dice, std::move(buffer));
    if (GST_AUDIO_INFO_LAYOUT(&audio_) == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
        gst_buffer_add_audio_meta(buffer.get(), &audio_, samples, nullptr);
    return buffer;
}

BufferOwner RandomFormat::content(Dice &dice, size_t atMost) const
{
    if (dice.oneIn(10))
        return BufferOwner(gst_buffer_new());
    switch (kind_) {
    case Kind::Video:
        return videoFrame(dice);
    case Kind::Audio:
        return audioSamples(dice, atMost);
    case Kind::Opaque:
        break;
    }
    BufferOwner buffer = randomBytes(dice, dice.magnitude(atMost));
    return dice.oneIn(4) ? inPieces(dice, std::move(buffer)) : std::move(buffer);
}
