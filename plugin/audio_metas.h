// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas of raw and of encoded audio to bytes and back. Encoders say false where a decoder would
// call it malformed.
#pragma once

#include "plugin/meta_codec.h"

#include <gst/audio/audio.h>

namespace sharedring
{

inline constexpr int32_t kMaxDownmixChannels = 64;
inline constexpr uint8_t kMaxAudioLevel = 127; // -dBov, seven bits of RTP

// `payloadSize` are the bytes that travel: planes that lie apart are gathered, and the source says
// again where each begins.
[[nodiscard]] bool encodeAudio(const GstAudioMeta &meta, size_t payloadSize, ringcore::ByteWriter &out);
// One of another format than the caps is left: whoever maps the samples believes it.
[[nodiscard]] MetaVerdict decodeAudio(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeClipping(const GstAudioClippingMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeClipping(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeLevel(const GstAudioLevelMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeLevel(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeDownmix(const GstAudioDownmixMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeDownmix(ringcore::ByteReader &in, const MetaTarget &target);

} // namespace sharedring
