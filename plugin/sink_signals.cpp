// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_signals.h"

namespace sharedring
{

namespace
{

enum Signal { kAuthorizeClient, kClientConnected, kClientDisconnected, kSignals };
guint signals[kSignals];

// Everybody who listens must agree.
gboolean stopAtNo(GSignalInvocationHint *, GValue *sum, const GValue *answer, gpointer)
{
    const gboolean yes = g_value_get_boolean(answer);
    g_value_set_boolean(sum, yes);
    return yes;
}

// The last to be asked, and the only one where nobody listens.
gboolean yesByDefault(GstElement *, guint, guint, guint)
{
    return TRUE;
}

} // namespace

void installSinkSignals(GObjectClass *klass)
{
    const GType type = G_OBJECT_CLASS_TYPE(klass);
    /**
     * GstSharedRingSink::authorize-client:
     * @sink: the sink
     * @pid: the client's process id, 0 if unknown
     * @uid: its user id, 4294967295 if unknown
     * @gid: its group id, 4294967295 if unknown
     *
     * Asked in a thread of that client, before it is given anything.
     *
     * Returns: whether the client may have the stream.
     */
    signals[kAuthorizeClient] = g_signal_new_class_handler(
        "authorize-client", type, G_SIGNAL_RUN_LAST, G_CALLBACK(yesByDefault), stopAtNo, nullptr, nullptr,
        G_TYPE_BOOLEAN, 3, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT);
    /**
     * GstSharedRingSink::client-connected:
     * @sink: the sink
     * @id: the client's number, never used again
     * @pid: its process id, 0 if unknown
     * @uid: its user id, 4294967295 if unknown
     */
    signals[kClientConnected] =
        g_signal_new_class_handler("client-connected", type, G_SIGNAL_RUN_LAST, nullptr, nullptr, nullptr,
                                   nullptr, G_TYPE_NONE, 3, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT);
    /**
     * GstSharedRingSink::client-disconnected:
     * @sink: the sink
     * @id: the client's number
     * @reason: why, in words
     */
    signals[kClientDisconnected] =
        g_signal_new_class_handler("client-disconnected", type, G_SIGNAL_RUN_LAST, nullptr, nullptr, nullptr,
                                   nullptr, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_STRING);
}

bool emitAuthorize(GstElement *sink, const ringcore::PeerIdentity &peer)
{
    gboolean yes = FALSE;
    g_signal_emit(sink, signals[kAuthorizeClient], 0, static_cast<guint>(peer.pid),
                  static_cast<guint>(peer.uid), static_cast<guint>(peer.gid), &yes);
    return yes;
}

void emitConnected(GstElement *sink, uint32_t id, const ringcore::PeerIdentity &peer)
{
    g_signal_emit(sink, signals[kClientConnected], 0, id, static_cast<guint>(peer.pid),
                  static_cast<guint>(peer.uid));
    g_object_notify(G_OBJECT(sink), "num-clients");
}

void emitDisconnected(GstElement *sink, uint32_t id, const std::string &reason)
{
    g_signal_emit(sink, signals[kClientDisconnected], 0, id, reason.c_str());
    g_object_notify(G_OBJECT(sink), "num-clients");
}

} // namespace sharedring
