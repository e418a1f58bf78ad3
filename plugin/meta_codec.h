// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas of one buffer as one message: how many, then of each its kind and its body. What a body
// says is for video_metas, audio_metas, rtp_metas, structured_metas and overlay_meta.
#pragma once

#include "ringcore/byte_codec.h"

#include <gst/audio/audio.h>
#include <gst/gst.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sharedring
{

// Numbers of the wire: never reused.
enum class WireMeta : uint16_t {
    Video = 1, // an empty body: where among the others it stood. What it says is in BufferFields
    Audio = 2,
    VideoCrop = 3,
    VideoAffineTransformation = 4,
    VideoRegionOfInterest = 5,
    VideoTimeCode = 6,
    VideoCaption = 7,
    VideoBar = 8,
    VideoAfd = 9,
    AudioClipping = 10,
    AudioLevel = 11,
    AudioDownmix = 12,
    ReferenceTimestamp = 13,
    Custom = 14,
    VideoOverlayComposition = 15,
    VideoSeiUserData = 16,
    RtpSource = 17,
    Protection = 18,
};

inline constexpr uint32_t kMaxMetas = 256; // of one buffer
// Of one buffer's metas together; and of its overlays, which are pixels: one of 3840x2160 and some.
inline constexpr size_t kMaxPlainMetaBytes = 64 * 1024;
inline constexpr size_t kMaxOverlayBytes = 36 * 1024 * 1024;
inline constexpr size_t kMaxMetasBytes = kMaxPlainMetaBytes + kMaxOverlayBytes;

// So that no sum of two leaves its type.
inline constexpr uint32_t kMaxMetaDimension = 1u << 16;

class MetaWriter
{
public:
    explicit MetaWriter(size_t limit); // at most kMaxMetasBytes is used

    // False, and nothing was written: it would be more than a reader takes, or than the limit.
    [[nodiscard]] bool add(WireMeta kind, std::span<const std::byte> body);
    [[nodiscard]] std::vector<std::byte> take();

private:
    ringcore::ByteWriter out_;
    const size_t limit_;
    uint32_t count_ = 0;
    size_t plainBytes_ = 0;
    size_t overlayBytes_ = 0;
};

struct MetaClaim {
    WireMeta kind;
    std::span<const std::byte> body;
};

// nullopt if refused. The bodies are views into `bytes`.
[[nodiscard]] std::optional<std::vector<MetaClaim>> splitMetas(std::span<const std::byte> bytes);

// What a meta is attached to, and what it must agree with.
struct MetaTarget {
    GstBuffer *buffer;
    uint32_t frameWidth = 0; // pixels that there are; 0: no raw video
    uint32_t frameHeight = 0;
    const GstAudioInfo *audio = nullptr; // of the caps; nullptr: no raw audio
    size_t payloadSize = 0;
};

enum class MetaVerdict {
    Attached,
    Left,      // well-formed, but nothing that can be attached here
    Malformed, // no honest peer says that
};

} // namespace sharedring
