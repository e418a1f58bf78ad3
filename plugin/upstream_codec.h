// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Upstream events that a client may ask its producer for, to bytes and back. Nothing that is decoded
// has been granted: client_requests says what goes on upstream.
#pragma once

#include "plugin/gst_owner.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace sharedring
{

// Request::kind. Numbers of the wire: never reused.
enum class WireRequest : uint32_t {
    ForceKeyUnit = 1,
    Qos = 2,
    Latency = 3,
    Custom = 4,
};

// What GStreamer calls the event of a ForceKeyUnit.
inline constexpr const char *kForceKeyUnitName = "GstForceKeyUnit";

// Running times on the wire are those of the stream's buffers there: CLOCK_MONOTONIC with
// Timestamps::Clock, of the producer's segment with Timestamps::Preserve.
inline constexpr int64_t kMostLateness = 10 * GST_SECOND; // what is further off is said to be this much
inline constexpr double kMostProportion = 100;

struct KeyUnitRequest {
    int64_t runningTime = 0; // ns or kNoTime: as soon as possible
    bool allHeaders = false;
    uint32_t count = 0;
};

struct QosRequest {
    GstQOSType type = GST_QOS_TYPE_UNDERFLOW;
    double proportion = 1;
    GstClockTimeDiff lateness = 0; // ns; negative: early
    int64_t runningTime = 0;       // of the buffer, ns
};

struct LatencyRequest {
    GstClockTime latency = 0; // ns that the client's pipeline is configured to; at most kMostLateness
};

struct CustomRequest {
    EventOwner event; // CUSTOM_UPSTREAM or NAVIGATION, with a structure
};

using UpstreamRequest = std::variant<KeyUnitRequest, QosRequest, LatencyRequest, CustomRequest>;

struct EncodedRequest {
    WireRequest kind;
    std::vector<std::byte> bytes;
    bool replacesWaiting; // only the newest of its kind is of interest
};

// nullopt: this event does not go to a producer. `toWire` is added to running times; none: they are
// not known, and a key unit is asked for at once.
[[nodiscard]] std::optional<EncodedRequest> encodeUpstream(GstEvent *event, std::optional<int64_t> toWire);

// nullopt: refused.
[[nodiscard]] std::optional<UpstreamRequest> decodeUpstream(uint32_t kind, std::span<const std::byte> bytes);

// What the structure of a WireRequest::Custom claims to be called, of which nothing was made yet. nullopt: it
// says nothing.
[[nodiscard]] std::optional<std::string_view> customNameIn(std::span<const std::byte> bytes);

} // namespace sharedring
