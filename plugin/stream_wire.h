// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the plugin puts into ringcore's records: the kinds, and the fixed fields of a buffer. Events
// travel as event_codec encodes them, inline where they fit, else as the record's extra block.
#pragma once

#include "ringcore/wire.h"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sharedring
{

// RecordHead::kind.
inline constexpr uint32_t kKindBuffer = 1;     // BufferFields inline; the payload block, if any
inline constexpr uint32_t kKindStreamInfo = 2; // StreamInfo inline; before the stream's first event
inline constexpr uint32_t kKindEvent = 0x100;  // + WireEvent: bytes inline, or in the extra block

// Times on the wire are signed nanoseconds: running times before zero exist (B-frames).
inline constexpr int64_t kNoTime = INT64_MIN;

enum class Timestamps : uint32_t {
    Clock = 1,    // PTS and DTS are CLOCK_MONOTONIC
    Preserve = 2, // PTS and DTS are as upstream had them, in the segment that crosses too
};

// The stream began with the headers that its caps repeat, as buffers.
inline constexpr uint16_t kHeadersInBand = 1u << 0;

// Sticky: told first to each joiner, again when it changes, and again to who was behind.
struct StreamInfo {
    uint32_t timestamps;
    uint16_t flags; // kHeadersInBand
    // How often the producer was paused: another number than before says that its times went on no further,
    // while those of a live client did.
    uint16_t pauses;
    uint64_t minimumLatency; // ns that the producer's upstream needs; 0 where its sink syncs
};
static_assert(sizeof(StreamInfo) == 16 && std::is_trivially_copyable_v<StreamInfo>);

// GstVideoMeta, with its alignment (GStreamer 1.18). Format and geometry must agree with the caps.
struct VideoFields {
    uint32_t present; // 0 or 1
    uint32_t format;  // GstVideoFormat
    uint32_t flags;   // GstVideoFrameFlags
    uint32_t width;   // pixels
    uint32_t height;
    uint32_t planes;
    int32_t strides[4];  // bytes
    uint64_t offsets[4]; // bytes into the payload
    uint32_t padding[4]; // top, bottom, left, right; pixels
    uint32_t strideAlign[4];
};

struct BufferFields {
    int64_t pts;        // ns or kNoTime
    int64_t dts;        // ns or kNoTime
    uint64_t duration;  // ns or UINT64_MAX
    uint64_t offset;    // or UINT64_MAX
    uint64_t offsetEnd; // or UINT64_MAX
    uint32_t flags;     // the public GstBufferFlags and GstVideoBufferFlags
    uint32_t reserved;
    VideoFields video;
};
static_assert(sizeof(BufferFields) == 48 + 104 && sizeof(BufferFields) <= ringcore::kInlineBytes);
static_assert(offsetof(BufferFields, video) == 48 && std::is_trivially_copyable_v<BufferFields>);

} // namespace sharedring
