// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugin/container_formats.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace sharedring
{

bool isContainerOfTimes(const GstCaps &caps)
{
    static constexpr std::string_view kNames[] = {
        "application/x-3gp", "audio/webm", "audio/x-m4a",      "audio/x-matroska",    "video/mj2",
        "video/quicktime",   "video/webm", "video/x-matroska", "video/x-matroska-3d",
    };
    const std::string_view name = gst_structure_get_name(gst_caps_get_structure(&caps, 0));
    return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

} // namespace sharedring
