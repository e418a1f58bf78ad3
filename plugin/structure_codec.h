// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One GstStructure to bytes and back: its name and fields, every name checked before GStreamer
// sees it.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

namespace sharedring
{

inline constexpr uint32_t kMaxFields = 128;

// Appends `structure`; false if a name or a value does not cross. Fields whose value is NULL are
// left out: readers of a structure cannot tell the two apart.
[[nodiscard]] bool encodeStructure(const GstStructure &structure, ringcore::ByteWriter &out,
                                   MessageBudget &budget);

// nullptr if refused.
[[nodiscard]] StructureOwner decodeStructure(ringcore::ByteReader &in, MessageBudget &budget);

} // namespace sharedring
