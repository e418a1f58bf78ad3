// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas of a video frame to bytes and back, but for its layout (BufferFields has that) and its
// overlays. Encoders say false where a decoder would call it malformed.
#pragma once

#include "plugin/message_budget.h"
#include "plugin/meta_codec.h"

#include <gst/video/video-sei.h>
#include <gst/video/video.h>

namespace sharedring
{

inline constexpr size_t kMaxRegionTypeBytes = 128;
inline constexpr uint32_t kMaxRegionParams = 32;
inline constexpr uint32_t kMaxCaptionBytes = 4096; // a packet of CEA-708 has 256 at most
inline constexpr uint32_t kMaxFieldCount = 2;
inline constexpr uint32_t kMaxSeiBytes = 16 * 1024; // x264 has less than 1 KiB to say, a time stamp 12 bytes

[[nodiscard]] bool encodeVideoCrop(const GstVideoCropMeta &meta, ringcore::ByteWriter &out);
// One that leads out of the frame is left: sinks take it for the part that they show.
[[nodiscard]] MetaVerdict decodeVideoCrop(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeAffineTransformation(const GstVideoAffineTransformationMeta &meta,
                                              ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeAffineTransformation(ringcore::ByteReader &in, const MetaTarget &target);

// Detectors round beyond the frame's edge, so a region is not compared with the frame.
[[nodiscard]] bool encodeRegionOfInterest(const GstVideoRegionOfInterestMeta &meta, ringcore::ByteWriter &out,
                                          MessageBudget &budget);
[[nodiscard]] MetaVerdict decodeRegionOfInterest(ringcore::ByteReader &in, const MetaTarget &target,
                                                 MessageBudget &budget);

[[nodiscard]] bool encodeTimeCode(const GstVideoTimeCodeMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeTimeCode(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeCaption(const GstVideoCaptionMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeCaption(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeBar(const GstVideoBarMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeBar(ringcore::ByteReader &in, const MetaTarget &target);

[[nodiscard]] bool encodeAfd(const GstVideoAFDMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeAfd(ringcore::ByteReader &in, const MetaTarget &target);

// What an encoder, or who edits its stream, says beside the pictures: a UUID and bytes that only those
// know who know the UUID. GStreamer cannot copy one without bytes.
[[nodiscard]] bool encodeSeiUserData(const GstVideoSEIUserDataUnregisteredMeta &meta,
                                     ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeSeiUserData(ringcore::ByteReader &in, const MetaTarget &target);

} // namespace sharedring
