// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Downstream events to bytes and back, but for EOS, FLUSH and LATENCY, which the ring carries in words
// of its own.
#pragma once

#include "plugin/gst_owner.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sharedring
{

// Numbers of the wire: never reused.
enum class WireEvent : uint16_t {
    StreamStart = 1,
    Caps = 2,
    Segment = 3,
    Tag = 4,
    Gap = 5,
    SegmentDone = 6,
    CustomDownstream = 7,
    CustomDownstreamSticky = 8,
    Toc = 9,
    StreamCollection = 10,
    SinkMessage = 11,
    Protection = 12,
    InstantRateChange = 13,
    StreamGroupDone = 14,
    CustomDownstreamOob = 15,
    CustomBoth = 16,
    CustomBothOob = 17,
};

inline constexpr size_t kMaxCustomEventBytes = 64 * 1024;
inline constexpr size_t kMaxProtectionBytes = 256 * 1024;

// The largest message of this type; no reader needs to fetch more. 0 for a type we do not know.
[[nodiscard]] size_t maxEventBytes(WireEvent type);

struct EncodedEvent {
    WireEvent type;
    std::vector<std::byte> bytes;
};

struct DecodedEvent {
    EventOwner event; // nullptr: refused

    // The group that the *producer* gave a STREAM_START or a STREAM_GROUP_DONE: tells its streams apart,
    // and is no id of this process. Whoever pushes the event takes one from gst_util_group_id_next().
    std::optional<uint32_t> producerGroupId;
};

// nullopt if this type of event, or something in this one, does not cross. A running-time offset
// of the event is ignored.
[[nodiscard]] std::optional<EncodedEvent> encodeEvent(GstEvent *event);

// The peer's sequence number is kept, where it is one. `messageSource`: whose message a SINK_MESSAGE's
// is here, or nullptr.
[[nodiscard]] DecodedEvent decodeEvent(WireEvent type, std::span<const std::byte> bytes,
                                       GstObject *messageSource = nullptr);

// With the peer's sequence number, where it is one.
[[nodiscard]] EventOwner numbered(EventOwner event, guint32 seqnum);

// The same gap at another time.
[[nodiscard]] EventOwner movedGap(GstEvent *gap, GstClockTime timestamp, GstClockTime duration);

} // namespace sharedring
