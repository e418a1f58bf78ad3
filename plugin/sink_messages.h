// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What sharedringsink tells on the bus of its clients: element messages, posted by the connections' threads.
#pragma once

#include "ringcore/control_socket.h"

#include <gst/gst.h>

#include <cstdint>
#include <string>

namespace sharedring
{

// Any thread but the streaming one, which must not wait for who listens; without a lock.
void postConnected(GstElement *sink, uint32_t id, const ringcore::PeerIdentity &peer);
void postDisconnected(GstElement *sink, uint32_t id, const std::string &reason);
void postDropStart(GstElement *sink, uint32_t id);
void postDropEnd(GstElement *sink, uint32_t id, uint64_t dropped);

} // namespace sharedring
