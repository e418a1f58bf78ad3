// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planar_audio.h"

#include <cstring>

namespace sharedring
{

namespace
{

constexpr gint kMaxChannels = 1024; // keeps the products below within their types
constexpr gint kMaxSampleBytes = 8;

// GST_AUDIO_INFO_BPS() are those that matter: 3 of the 4 of S24_32.
gint bytesOfSample(const GstAudioInfo &audio)
{
    return GST_AUDIO_INFO_WIDTH(&audio) / 8;
}

size_t bytesOfPlane(const GstAudioMeta &meta)
{
    return meta.samples * static_cast<size_t>(bytesOfSample(meta.info));
}

} // namespace

bool hasLoosePlanes(GstBuffer *buffer)
{
    const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
    if (!meta || GST_AUDIO_INFO_LAYOUT(&meta->info) != GST_AUDIO_LAYOUT_NON_INTERLEAVED)
        return false;
    const size_t plane = bytesOfPlane(*meta);
    const auto channels = static_cast<size_t>(GST_AUDIO_INFO_CHANNELS(&meta->info));
    for (size_t channel = 0; channel < channels; channel++) {
        if (meta->offsets[channel] != channel * plane)
            return true;
    }
    return gst_buffer_get_size(buffer) != channels * plane;
}

size_t bytesOfPlanes(GstBuffer *buffer)
{
    const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
    return bytesOfPlane(*meta) * static_cast<size_t>(GST_AUDIO_INFO_CHANNELS(&meta->info));
}

bool copyPlanes(GstBuffer *buffer, std::byte *to)
{
    const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
    GstAudioBuffer planes;
    if (!gst_audio_buffer_map(&planes, &meta->info, buffer, GST_MAP_READ))
        return false;
    const size_t plane = bytesOfPlane(*meta);
    for (gint channel = 0; channel < GST_AUDIO_BUFFER_N_PLANES(&planes); channel++, to += plane)
        std::memcpy(to, GST_AUDIO_BUFFER_PLANE_DATA(&planes, channel), plane);
    gst_audio_buffer_unmap(&planes);
    return true;
}

bool isPlanar(const GstStructure *caps)
{
    return g_strcmp0(gst_structure_get_string(caps, "layout"), "non-interleaved") == 0;
}

std::optional<GstAudioInfo> rawAudioOf(const GstCaps *caps)
{
    gint channels = 0;
    GstAudioInfo audio;
    if (!gst_structure_get_int(gst_caps_get_structure(caps, 0), "channels", &channels) || channels < 1 ||
        channels > kMaxChannels || !gst_audio_info_from_caps(&audio, caps))
        return std::nullopt;
    const gint bytes = bytesOfSample(audio);
    if (!GST_AUDIO_INFO_IS_VALID(&audio) || bytes < 1 || bytes > kMaxSampleBytes ||
        GST_AUDIO_INFO_BPF(&audio) != bytes * channels)
        return std::nullopt;
    return audio;
}

void addPlanes(GstBuffer *buffer, const GstAudioInfo &audio, size_t size)
{
    gst_buffer_add_audio_meta(buffer, &audio, size / static_cast<size_t>(GST_AUDIO_INFO_BPF(&audio)),
                              nullptr);
}

} // namespace sharedring
