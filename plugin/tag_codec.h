// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A tag list to bytes and back. Tags are extras: one that cannot cross is left out and logged, and
// the others still arrive.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sharedring
{

inline constexpr size_t kMaxTagListBytes = 8 * 1024 * 1024; // a cover in front and one at the back
inline constexpr uint32_t kMaxTags = 256;
inline constexpr uint32_t kMaxValuesOfTag = 64;

// All of `tags` that can cross, with its scope.
[[nodiscard]] std::vector<std::byte> encodeTagList(const GstTagList &tags);

// nullptr if malformed. Tags that this process has not registered, and values that are not of the
// tag's registered type, are ignored.
[[nodiscard]] TagListOwner decodeTagList(std::span<const std::byte> bytes);

// The same within a larger message, in at most `limit` bytes and their count.
void encodeTagList(const GstTagList &tags, size_t limit, ringcore::ByteWriter &out, MessageBudget &budget);
[[nodiscard]] TagListOwner decodeTagList(size_t limit, ringcore::ByteReader &in, MessageBudget &budget);

} // namespace sharedring
