// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Own checks, made on the counted bytes before anything NUL-terminated exists.
#include "plugin/peer_names.h"

#include <gst/gst.h>

#include <algorithm>
#include <mutex>

namespace sharedring
{

namespace
{

bool isWord(std::string_view name)
{
    return !name.empty() && name.size() <= kMaxNameBytes && g_ascii_isalpha(name.front()) &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return g_ascii_isalnum(c) || std::string_view("/-_.:+").find(c) != std::string_view::npos;
           });
}

} // namespace

bool isStructureName(std::string_view name)
{
    return isWord(name) && !name.starts_with("video/x-raw-") && !name.starts_with("audio/x-raw-");
}

bool isFieldName(std::string_view name)
{
    return isWord(name);
}

bool isCarriedFeature(std::string_view name)
{
    const size_t colon = name.find(':');
    if (name.size() > kMaxNameBytes || colon == std::string_view::npos)
        return false;
    const auto kind = name.substr(0, colon);
    const auto what = name.substr(colon + 1);
    if (kind.empty() || !std::all_of(kind.begin(), kind.end(), [](char c) { return g_ascii_isalpha(c); }))
        return false;
    if (what.empty() || !g_ascii_isalpha(what.front()) ||
        !std::all_of(what.begin(), what.end(), [](char c) { return g_ascii_isalnum(c); }))
        return false;
    return kind != "memory" || name == GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY;
}

bool admitPeerName(const std::string &name)
{
    if (g_quark_try_string(name.c_str()) != 0)
        return true;

    static std::mutex lock; // guards newNames
    static size_t newNames = 0;
    const std::lock_guard guard(lock);
    if (newNames >= kMaxNewNames)
        return false;
    ++newNames;
    // Also where GStreamer would not keep it itself: or each use would count as new again.
    g_quark_from_string(name.c_str());
    return true;
}

} // namespace sharedring
