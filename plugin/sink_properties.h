// SPDX-License-Identifier: LGPL-2.1-or-later
//
// sharedringsink's properties: their names, ranges and defaults, and how they reach the settings.
#pragma once

#include "late_property.h"
#include "sink_state.h"

#include <gst/gst.h>

namespace sharedring
{

void installSinkProperties(GObjectClass *klass);

PropertySet setSinkProperty(SinkState &state, guint id, const GParamSpec *spec, const GValue *value);
// False: no property of ours.
bool getSinkProperty(SinkState &state, guint id, GValue *value);

} // namespace sharedring
