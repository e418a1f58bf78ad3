// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A GstBuffer's bytes as one block of the arena: where they lie if they lie there already, else by
// one copy.
#pragma once

#include "ringcore/fan_out.h"
#include "stream_wire.h"

#include <gst/gst.h>

namespace sharedring
{

struct Payload {
    ringcore::Block visible;
    uint64_t charge = 0;
    ringcore::Keeper keeper; // the caller's, to be released if it does not go out
    bool copied = false;
};

// Nothing: the arena has no room for the copy.
std::optional<Payload> payloadOf(GstBuffer *buffer, GstAllocator *allocator, const ringcore::FanOut &stream);

// Everything of a buffer but its bytes and times.
BufferFields fieldsOf(GstBuffer *buffer);

} // namespace sharedring
