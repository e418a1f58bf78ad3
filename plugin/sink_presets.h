// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GstPreset on sharedringsink. What the presets are is in presets/GstSharedRingSink.prs.
#pragma once

#include <gst/gst.h>

namespace sharedring
{

void installSinkPresets(gpointer interface, gpointer);

} // namespace sharedring
