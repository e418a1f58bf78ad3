// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Fixed caps to bytes and back: one structure, and features that do not speak of memory which
// could not have crossed.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace sharedring
{

inline constexpr size_t kMaxCapsBytes = 1024 * 1024; // streamheaders carry comments with pictures
inline constexpr uint32_t kMaxCapsFeatures = 8;

// nullopt if these caps cannot cross: not fixed, ANY, another memory, a value of unknown type.
[[nodiscard]] std::optional<std::vector<std::byte>> encodeCaps(const GstCaps *caps);

// nullptr if refused. Fixed and well-formed is all that is promised of the result: whether its
// numbers make sense for the media is for whoever parses them.
[[nodiscard]] CapsOwner decodeCaps(std::span<const std::byte> bytes);

// The same within a larger message.
[[nodiscard]] bool encodeCaps(const GstCaps &caps, ringcore::ByteWriter &out, MessageBudget &budget);
[[nodiscard]] CapsOwner decodeCaps(ringcore::ByteReader &in, MessageBudget &budget);

} // namespace sharedring
