// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Serialized downstream events to bytes and back, but for EOS, FLUSH and LATENCY, which the ring
// carries in words of its own.
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
};

inline constexpr size_t kMaxStreamIdBytes = 1024;
inline constexpr size_t kMaxCustomEventBytes = 64 * 1024;

// The largest message of this type; no reader needs to fetch more. 0 for a type we do not know.
[[nodiscard]] size_t maxEventBytes(WireEvent type);

struct EncodedEvent {
    WireEvent type;
    std::vector<std::byte> bytes;
};

struct DecodedEvent {
    EventOwner event; // nullptr: refused

    // The group that the *producer* gave a STREAM_START: tells its streams apart, and is no id of
    // this process. Whoever pushes the event sets one from gst_util_group_id_next() for it.
    std::optional<uint32_t> producerGroupId;
};

// nullopt if this type of event, or something in this one, does not cross. A running-time offset
// of the event is ignored.
[[nodiscard]] std::optional<EncodedEvent> encodeEvent(GstEvent *event);

// The peer's sequence number is kept, where it is one.
[[nodiscard]] DecodedEvent decodeEvent(WireEvent type, std::span<const std::byte> bytes);

} // namespace sharedring
