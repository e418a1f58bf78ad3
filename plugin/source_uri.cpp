// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source_uri.h"

#include "sharedringsrc.h"

#include <memory>

namespace sharedring
{

namespace
{

struct Free {
    void operator()(gchar *text) const { g_free(text); }
};
using Text = std::unique_ptr<gchar, Free>;

GstURIType uriType(GType)
{
    return GST_URI_SRC;
}

const gchar *const *uriProtocols(GType)
{
    static const gchar *const protocols[] = {kUriScheme, nullptr};
    return protocols;
}

gchar *uriOf(GstURIHandler *handler)
{
    gchar *socket = nullptr;
    g_object_get(handler, "socket", &socket, nullptr);
    const Text owned(socket);
    return uriOfSocket(socket ? socket : "");
}

gboolean setUri(GstURIHandler *handler, const gchar *uri, GError **error)
{
    GST_OBJECT_LOCK(handler);
    const bool running = GST_STATE(handler) > GST_STATE_READY || GST_STATE_NEXT(handler) > GST_STATE_READY;
    GST_OBJECT_UNLOCK(handler);
    if (running) {
        g_set_error_literal(error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE,
                            "The URI of a running sharedringsrc cannot be changed");
        return FALSE;
    }
    const auto socket = socketOfUri(uri, error);
    if (!socket)
        return FALSE;
    g_object_set(handler, "socket", socket->c_str(), nullptr);
    return TRUE;
}

} // namespace

std::optional<std::string> socketOfUri(const char *uri, GError **error)
{
    const auto refuse = [&](const char *why) {
        g_set_error(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, "%s: %s", uri, why);
        return std::nullopt;
    };
    const std::string text(uri);
    const std::string prefix = std::string(kUriScheme) + "://";
    if (g_ascii_strncasecmp(text.c_str(), prefix.c_str(), prefix.size()) != 0)
        return refuse("not of the form sharedring:///path");
    const std::string escaped = text.substr(prefix.size());
    if (!escaped.starts_with('/'))
        return refuse("a host, or a path that is not absolute");
    if (escaped.find_first_of("?#") != std::string::npos)
        return refuse("a query or a fragment; in a path these are %3F and %23");
    const Text path(g_uri_unescape_string(escaped.c_str(), nullptr)); // it refuses %00
    if (!path)
        return refuse("a percent sign that escapes nothing");
    const std::string socket(path.get());
    if (socket.ends_with('/'))
        return refuse("a directory, not a socket");
    return socket;
}

gchar *uriOfSocket(const std::string &path)
{
    if (path.empty())
        return nullptr;
    const Text absolute(g_path_is_absolute(path.c_str())
                            ? g_strdup(path.c_str())
                            : g_build_filename(Text(g_get_current_dir()).get(), path.c_str(), nullptr));
    const Text escaped(g_uri_escape_string(absolute.get(), G_URI_RESERVED_CHARS_ALLOWED_IN_PATH, FALSE));
    return g_strconcat(kUriScheme, "://", escaped.get(), nullptr);
}

void installUriHandler(gpointer interface, gpointer)
{
    auto *const handler = static_cast<GstURIHandlerInterface *>(interface);
    handler->get_type = uriType;
    handler->get_protocols = uriProtocols;
    handler->get_uri = uriOf;
    handler->set_uri = setUri;
}

} // namespace sharedring
