// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The pool that the sink proposes for raw video: its frames lie in the arena, and it never makes
// upstream wait for a client.
#pragma once

#include "idle_pools.h"
#include "ringcore/fan_out.h"

#include <gst/gst.h>

#include <memory>

namespace sharedring
{

// A GstVideoBufferPool; not configured. `pools` knows it from now on.
GstBufferPool *newPayloadPool(std::shared_ptr<ringcore::FanOut> stream, IdlePools &pools);

bool isPayloadPool(GstBufferPool *pool);

} // namespace sharedring
