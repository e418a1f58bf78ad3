// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer's payload as GstMemory: read-only, not copied, given back to the producer when the last
// reference goes, whenever and in whatever thread that is.
#pragma once

#include "plugin/gst_owner.h"
#include "ringcore/connection.h"

#include <gst/gst.h>

#include <cstddef>
#include <span>

namespace sharedring
{

// `bytes` are what `lease` keeps. The memory holds the lease, and with it the connection's mapping.
MemoryOwner wrapPayload(std::span<const std::byte> bytes, ringcore::Lease lease);

// Whether `memory` came from wrapPayload(), or is a part of such memory.
bool isWrappedPayload(GstMemory *memory);

} // namespace sharedring
