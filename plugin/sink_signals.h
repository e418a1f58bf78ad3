// SPDX-License-Identifier: LGPL-2.1-or-later
//
// sharedringsink's signals: emitted by the connections' threads.
#pragma once

#include "ringcore/control_socket.h"

#include <gst/gst.h>

#include <cstdint>
#include <string>

namespace sharedring
{

void installSinkSignals(GObjectClass *klass);

// Any thread, without a lock.
bool emitAuthorize(GstElement *sink, const ringcore::PeerIdentity &peer);
void emitConnected(GstElement *sink, uint32_t id, const ringcore::PeerIdentity &peer);
void emitDisconnected(GstElement *sink, uint32_t id, const std::string &reason);

} // namespace sharedring
