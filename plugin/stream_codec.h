// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GstStream and GstStreamCollection, what is said *about* streams, to bytes and back.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

#include <string_view>

namespace sharedring
{

inline constexpr size_t kMaxStreamIdBytes = 1024;
inline constexpr uint32_t kMaxStreams = 64;              // of a collection
inline constexpr size_t kMaxStreamTagBytes = 256 * 1024; // of one stream: what is more is left out
inline constexpr size_t kMaxStreamCapsBytes = 64 * 1024; // likewise
inline constexpr size_t kMaxCollectionBytes = 4 * 1024 * 1024;

// Flags that others do not know are dropped.
inline constexpr uint32_t kKnownStreamFlags =
    GST_STREAM_FLAG_SPARSE | GST_STREAM_FLAG_SELECT | GST_STREAM_FLAG_UNSELECT;

[[nodiscard]] bool isStreamId(std::string_view id);

// Appends `stream`; false if it has no id that crosses. Caps that do not cross are left out.
[[nodiscard]] bool encodeStream(GstStream &stream, ringcore::ByteWriter &out, MessageBudget &budget);
// nullptr if refused.
[[nodiscard]] ObjectOwner<GstStream> decodeStream(ringcore::ByteReader &in, MessageBudget &budget);

[[nodiscard]] bool encodeStreamCollection(GstStreamCollection &collection, ringcore::ByteWriter &out,
                                          MessageBudget &budget);
[[nodiscard]] ObjectOwner<GstStreamCollection> decodeStreamCollection(ringcore::ByteReader &in,
                                                                      MessageBudget &budget);

} // namespace sharedring
