// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A property that is a time to wait, for ringcore.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace sharedring
{

// None: for ever.
inline std::optional<std::chrono::nanoseconds> timeoutOf(GstClockTime property)
{
    if (!GST_CLOCK_TIME_IS_VALID(property))
        return std::nullopt;
    return std::chrono::nanoseconds(std::min<GstClockTime>(property, G_MAXINT64));
}

} // namespace sharedring
