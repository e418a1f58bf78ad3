// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What to tell a user whose downstream does not take the producer's format.
#pragma once

#include <gst/gst.h>

#include <string>

namespace sharedring
{

// Whether whatever is linked to `pad` takes a stream of these caps. True where nothing is linked.
bool downstreamAccepts(GstPad *pad, GstCaps *caps);

// Names both formats, and the element that could stand between them.
std::string complainAboutFormat(GstPad *pad, const GstCaps *caps);

} // namespace sharedring
