// SPDX-License-Identifier: LGPL-2.1-or-later
//
// sharedring:///run/x: the socket of a producer as a URI. It has a path and nothing else.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

namespace sharedring
{

inline constexpr const char kUriScheme[] = "sharedring";

// Nothing: `error` says why it names no socket.
std::optional<std::string> socketOfUri(const char *uri, GError **error);

// nullptr if there is no path. To be freed.
gchar *uriOfSocket(const std::string &path);

void installUriHandler(gpointer interface, gpointer);

} // namespace sharedring
