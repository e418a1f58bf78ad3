// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_messages.h"

namespace sharedring
{

namespace
{

void post(GstElement *sink, GstStructure *structure)
{
    gst_element_post_message(sink, gst_message_new_element(GST_OBJECT(sink), structure));
}

} // namespace

void postConnected(GstElement *sink, uint32_t id, const ringcore::PeerIdentity &peer)
{
    post(sink, gst_structure_new("sharedring-client-connected", "id", G_TYPE_UINT, id, "pid", G_TYPE_UINT,
                                 static_cast<guint>(peer.pid), "uid", G_TYPE_UINT,
                                 static_cast<guint>(peer.uid), nullptr));
}

void postDisconnected(GstElement *sink, uint32_t id, const std::string &reason)
{
    post(sink, gst_structure_new("sharedring-client-disconnected", "id", G_TYPE_UINT, id, "reason",
                                 G_TYPE_STRING, reason.c_str(), nullptr));
}

void postDropStart(GstElement *sink, uint32_t id)
{
    post(sink, gst_structure_new("sharedring-drop-start", "id", G_TYPE_UINT, id, nullptr));
}

void postDropEnd(GstElement *sink, uint32_t id, uint64_t dropped)
{
    post(sink, gst_structure_new("sharedring-drop-end", "id", G_TYPE_UINT, id, "dropped", G_TYPE_UINT64,
                                 dropped, nullptr));
}

} // namespace sharedring
