// SPDX-License-Identifier: LGPL-2.1-or-later
//
// sharedringsink's properties: their names, ranges and defaults, and how they reach the settings.
#pragma once

#include "sink_state.h"

#include <gst/gst.h>

namespace sharedring
{

void installSinkProperties(GObjectClass *klass);

// False: no property of ours.
bool setSinkProperty(SinkState &state, guint id, const GValue *value);
bool getSinkProperty(SinkState &state, guint id, GValue *value);

} // namespace sharedring
