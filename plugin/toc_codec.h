// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A table of contents to bytes and back: its entries, as deep as they nest, each with its tags.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

namespace sharedring
{

inline constexpr size_t kMaxTocBytes = 1024 * 1024;
inline constexpr uint32_t kMaxTocEntries = 1024; // in all
inline constexpr uint32_t kMaxTocDepth = 8;
inline constexpr size_t kMaxTocUidBytes = 256;
inline constexpr size_t kMaxTocTagBytes = 64 * 1024; // of one entry: what is more is left out

// Appends `toc`; false if there is more of it than crosses.
[[nodiscard]] bool encodeToc(const GstToc &toc, ringcore::ByteWriter &out, MessageBudget &budget);

// nullptr if refused.
[[nodiscard]] TocOwner decodeToc(ringcore::ByteReader &in, MessageBudget &budget);

} // namespace sharedring
