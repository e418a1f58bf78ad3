// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GstMemory that lies in the arena: what upstream writes there crosses without a copy.
#pragma once

#include "idle_pools.h"
#include "ringcore/fan_out.h"

#include <gst/gst.h>

#include <memory>
#include <optional>

namespace sharedring
{

G_DECLARE_FINAL_TYPE(GstSharedRingPayloadAllocator, gst_shared_ring_payload_allocator, GST,
                     SHARED_RING_PAYLOAD_ALLOCATOR, GstAllocator)

// An allocator over the stream's arena. Where the arena has no room it gives private memory, since a
// failed allocation is an error in most elements upstream and a slow client is no reason for one.
// Before that it takes back what lies idle in `pools`.
GstAllocator *newPayloadAllocator(std::shared_ptr<ringcore::FanOut> stream, std::shared_ptr<IdlePools> pools);

// A memory of the arena alone: nullptr where it has no room.
GstMemory *allocatePayload(GstAllocator *allocator, size_t size, size_t alignment);

struct PayloadPlace {
    ringcore::Block visible; // the memory's bytes, in the arena
    uint64_t charge;         // what its whole block occupies
};

// Where `memory` lies, if it (or its parent) is of `stream`'s arena: known by its allocator, never by
// the pool of the buffer around it.
std::optional<PayloadPlace> payloadPlaceOf(GstMemory *memory, const ringcore::FanOut &stream);

// Whether it lies in any arena of ours.
bool isPayload(GstMemory *memory);

} // namespace sharedring
