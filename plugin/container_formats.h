// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Formats whose demuxers read times out of them, and take a segment of times for one of these.
#pragma once

#include <gst/gst.h>

namespace sharedring
{

[[nodiscard]] bool isContainerOfTimes(const GstCaps &caps);

} // namespace sharedring
