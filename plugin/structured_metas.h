// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas that are caps or a structure: a timestamp of another clock, what decrypts a sample, and those
// that applications register by name.
#pragma once

#include "plugin/message_budget.h"
#include "plugin/meta_codec.h"

namespace sharedring
{

[[nodiscard]] bool encodeReferenceTimestamp(const GstReferenceTimestampMeta &meta, ringcore::ByteWriter &out,
                                            MessageBudget &budget);
[[nodiscard]] MetaVerdict decodeReferenceTimestamp(ringcore::ByteReader &in, const MetaTarget &target,
                                                   MessageBudget &budget);

[[nodiscard]] bool encodeProtection(const GstProtectionMeta &meta, ringcore::ByteWriter &out,
                                    MessageBudget &budget);
[[nodiscard]] MetaVerdict decodeProtection(ringcore::ByteReader &in, const MetaTarget &target,
                                           MessageBudget &budget);

// Of gst_meta_register_custom().
[[nodiscard]] bool encodeCustomMeta(const GstCustomMeta &meta, ringcore::ByteWriter &out,
                                    MessageBudget &budget);
// Left where this process has registered none of that name.
[[nodiscard]] MetaVerdict decodeCustomMeta(ringcore::ByteReader &in, const MetaTarget &target,
                                           MessageBudget &budget);

} // namespace sharedring
