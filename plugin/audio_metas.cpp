// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bodies are the members in the order of GStreamer's structs.
#include "plugin/audio_metas.h"

#include "plugin/segment_codec.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr uint64_t kMaxClip = std::numeric_limits<int64_t>::max();
// Of GstAudioChannelPosition: its special values are below 0, and there is room for some new ones.
constexpr int32_t kLeastPosition = GST_AUDIO_CHANNEL_POSITION_NONE;
constexpr int32_t kMaxPosition = 31;

// C writes into an enum what that has no name for; to load such a value as what it is not is undefined.
template <typename Enum>
int32_t numberIn(const Enum &value)
{
    static_assert(sizeof(Enum) == sizeof(int32_t));
    int32_t number;
    std::memcpy(&number, &value, sizeof number);
    return number;
}

bool isFormat(int32_t format)
{
    return format > GST_FORMAT_UNDEFINED && format <= GST_FORMAT_PERCENT &&
           isSharedFormat(static_cast<GstFormat>(format));
}

bool isChannelCount(int32_t channels)
{
    return channels >= 1 && channels <= kMaxDownmixChannels;
}

bool isPosition(int32_t position)
{
    return position >= kLeastPosition && position <= kMaxPosition;
}

bool putPositions(const GstAudioChannelPosition *positions, int32_t channels, ByteWriter &out)
{
    for (int32_t i = 0; i < channels; i++) {
        const int32_t position = numberIn(positions[i]);
        out.number(position);
        if (!isPosition(position))
            return false;
    }
    return true;
}

bool getPositions(ByteReader &in, GstAudioChannelPosition *positions, int32_t channels)
{
    for (int32_t i = 0; i < channels; i++) {
        const auto position = in.number<int32_t>();
        if (!isPosition(position)) // before the cast: an enum holds no more
            return false;
        positions[i] = static_cast<GstAudioChannelPosition>(position);
    }
    return !in.failed();
}

} // namespace

bool encodeAudio(const GstAudioMeta &meta, size_t payloadSize, ByteWriter &out)
{
    const GstAudioInfo &info = meta.info;
    if (!GST_AUDIO_INFO_IS_VALID(&info) ||
        meta.samples > payloadSize / static_cast<size_t>(GST_AUDIO_INFO_BPF(&info)))
        return false;
    out.number(static_cast<uint32_t>(GST_AUDIO_INFO_FORMAT(&info)));
    out.number(static_cast<uint32_t>(GST_AUDIO_INFO_LAYOUT(&info)));
    out.number(int32_t{GST_AUDIO_INFO_RATE(&info)});
    out.number(int32_t{GST_AUDIO_INFO_CHANNELS(&info)});
    out.number(uint64_t{meta.samples});
    return true;
}

MetaVerdict decodeAudio(ByteReader &in, const MetaTarget &target)
{
    const auto format = in.number<uint32_t>();
    const auto layout = in.number<uint32_t>();
    const auto rate = in.number<int32_t>();
    const auto channels = in.number<int32_t>();
    const auto samples = in.number<uint64_t>();
    if (in.failed())
        return MetaVerdict::Malformed;
    const GstAudioInfo *audio = target.audio;
    if (!audio || format != static_cast<uint32_t>(GST_AUDIO_INFO_FORMAT(audio)) ||
        layout != static_cast<uint32_t>(GST_AUDIO_INFO_LAYOUT(audio)) || rate != GST_AUDIO_INFO_RATE(audio) ||
        channels != GST_AUDIO_INFO_CHANNELS(audio))
        return MetaVerdict::Left;
    const bool planar = GST_AUDIO_INFO_LAYOUT(audio) == GST_AUDIO_LAYOUT_NON_INTERLEAVED;
    const uint64_t there = target.payloadSize / static_cast<size_t>(GST_AUDIO_INFO_BPF(audio));
    if (samples > there || (planar && samples != there))
        return MetaVerdict::Malformed;
    return gst_buffer_add_audio_meta(target.buffer, audio, samples, nullptr) ? MetaVerdict::Attached
                                                                             : MetaVerdict::Malformed;
}

bool encodeClipping(const GstAudioClippingMeta &meta, ByteWriter &out)
{
    const int32_t format = numberIn(meta.format);
    out.number(format);
    out.number(uint64_t{meta.start});
    out.number(uint64_t{meta.end});
    return isFormat(format) && meta.start <= kMaxClip && meta.end <= kMaxClip;
}

MetaVerdict decodeClipping(ByteReader &in, const MetaTarget &target)
{
    const auto format = in.number<int32_t>();
    const auto start = in.number<uint64_t>();
    const auto end = in.number<uint64_t>();
    if (in.failed() || !isFormat(format) || start > kMaxClip || end > kMaxClip)
        return MetaVerdict::Malformed;
    gst_buffer_add_audio_clipping_meta(target.buffer, static_cast<GstFormat>(format), start, end);
    return MetaVerdict::Attached;
}

bool encodeLevel(const GstAudioLevelMeta &meta, ByteWriter &out)
{
    out.number(uint8_t{meta.level});
    out.number(static_cast<uint8_t>(meta.voice_activity ? 1 : 0));
    return meta.level <= kMaxAudioLevel;
}

MetaVerdict decodeLevel(ByteReader &in, const MetaTarget &target)
{
    const auto level = in.number<uint8_t>();
    const auto voice = in.number<uint8_t>();
    if (in.failed() || level > kMaxAudioLevel || voice > 1)
        return MetaVerdict::Malformed;
    gst_buffer_add_audio_level_meta(target.buffer, level, voice == 1);
    return MetaVerdict::Attached;
}

bool encodeDownmix(const GstAudioDownmixMeta &meta, ByteWriter &out)
{
    if (!isChannelCount(meta.from_channels) || !isChannelCount(meta.to_channels) || !meta.matrix)
        return false;
    out.number(int32_t{meta.from_channels});
    out.number(int32_t{meta.to_channels});
    if (!putPositions(meta.from_position, meta.from_channels, out) ||
        !putPositions(meta.to_position, meta.to_channels, out))
        return false;
    for (gint to = 0; to < meta.to_channels; to++) {
        for (gint from = 0; from < meta.from_channels; from++) {
            const gfloat coefficient = meta.matrix[to][from];
            out.number(coefficient);
            if (!std::isfinite(coefficient))
                return false;
        }
    }
    return true;
}

MetaVerdict decodeDownmix(ByteReader &in, const MetaTarget &target)
{
    const auto from = in.number<int32_t>();
    const auto to = in.number<int32_t>();
    if (in.failed() || !isChannelCount(from) || !isChannelCount(to))
        return MetaVerdict::Malformed;
    GstAudioChannelPosition fromPositions[kMaxDownmixChannels];
    GstAudioChannelPosition toPositions[kMaxDownmixChannels];
    if (!getPositions(in, fromPositions, from) || !getPositions(in, toPositions, to))
        return MetaVerdict::Malformed;
    gfloat coefficients[kMaxDownmixChannels * kMaxDownmixChannels];
    const gfloat *rows[kMaxDownmixChannels];
    for (int32_t i = 0; i < from * to; i++) {
        coefficients[i] = in.number<gfloat>();
        if (!std::isfinite(coefficients[i]))
            return MetaVerdict::Malformed;
    }
    if (in.failed())
        return MetaVerdict::Malformed;
    for (int32_t row = 0; row < to; row++)
        rows[row] = coefficients + row * from;
    gst_buffer_add_audio_downmix_meta(target.buffer, fromPositions, from, toPositions, to, rows);
    return MetaVerdict::Attached;
}

} // namespace sharedring
