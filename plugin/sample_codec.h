// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A GstSample as image tags hold it (buffer, caps, info) to bytes and back. Its segment, buffer
// list and the buffer's times do not cross.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/message_budget.h"
#include "ringcore/byte_codec.h"

namespace sharedring
{

[[nodiscard]] bool encodeSample(GstSample &sample, ringcore::ByteWriter &out, MessageBudget &budget);
[[nodiscard]] SampleOwner decodeSample(ringcore::ByteReader &in, MessageBudget &budget);

} // namespace sharedring
