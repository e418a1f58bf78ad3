// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One GValue to bytes and back. Only the types listed in value_codec.cpp cross; every other type is
// refused on both sides, never guessed at.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

namespace sharedring
{

inline constexpr size_t kMaxStringBytes = 64 * 1024;
inline constexpr size_t kMaxValueBufferBytes = 4 * 1024 * 1024; // cover art; codec_data is far smaller
inline constexpr uint32_t kMaxListValues = 256;

// Appends `value`; false if its type or size does not cross. What was appended is garbage then.
[[nodiscard]] bool encodeValue(const GValue &value, ringcore::ByteWriter &out, MessageBudget &budget);

// Reads one value into `value`, which must be G_VALUE_INIT. On false it may be left set to
// something valid: keep it in a ValueOwner.
[[nodiscard]] bool decodeValue(ringcore::ByteReader &in, GValue &value, MessageBudget &budget);

// A buffer's bytes and its HEADER flag; its times, metas and memories do not cross.
[[nodiscard]] bool encodeBuffer(GstBuffer &buffer, ringcore::ByteWriter &out);
[[nodiscard]] BufferOwner decodeBuffer(ringcore::ByteReader &in);

} // namespace sharedring
