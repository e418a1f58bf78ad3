// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source_observer.h"

#include "plugin/event_codec.h"
#include "plugin/format_names.h"

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug);
#define GST_CAT_DEFAULT gst_shared_ring_src_debug

namespace sharedring
{

SourceObserver::SourceObserver(GstElement *element, GstPad *pad)
{
    g_weak_ref_init(&element_, element);
    g_weak_ref_init(&pad_, pad);
}

SourceObserver::~SourceObserver()
{
    g_weak_ref_clear(&element_);
    g_weak_ref_clear(&pad_);
}

ObjectOwner<GstElement> SourceObserver::element()
{
    if (retired_.load(std::memory_order_acquire))
        return nullptr;
    return ObjectOwner<GstElement>(static_cast<GstElement *>(g_weak_ref_get(&element_)));
}

ObjectOwner<GstPad> SourceObserver::pad()
{
    if (retired_.load(std::memory_order_acquire))
        return nullptr;
    return ObjectOwner<GstPad>(static_cast<GstPad *>(g_weak_ref_get(&pad_)));
}

bool SourceObserver::authorizeProducer(const ringcore::PeerIdentity &identity)
{
    const auto source = element();
    if (!source)
        return false;
    gboolean authorized = TRUE;
    g_signal_emit_by_name(source.get(), "authorize-producer", static_cast<guint>(identity.pid), identity.uid,
                          identity.gid, &authorized);
    return authorized != FALSE;
}

std::vector<std::byte> SourceObserver::attachment()
{
    const auto source = pad();
    if (!source)
        return {};
    const CapsOwner downstream(gst_pad_peer_query_caps(source.get(), nullptr));
    return encodeFormatNames(downstream.get());
}

void SourceObserver::flushStarted(uint32_t seqnum)
{
    if (const auto source = pad())
        gst_pad_push_event(source.get(), numbered(EventOwner(gst_event_new_flush_start()), seqnum).release());
}

void SourceObserver::waiting(const std::string &why)
{
    if (const auto source = element())
        // gst-launch-1.0 shows nothing but the details of an info.
        GST_ELEMENT_INFO(source.get(), RESOURCE, NOT_FOUND, ("Waiting for a producer"),
                         ("Waiting for a producer: %s", why.c_str()));
}

void SourceObserver::connected(const ringcore::PeerIdentity &producer)
{
    if (const auto source = element())
        gst_element_post_message(
            source.get(),
            gst_message_new_element(GST_OBJECT(source.get()),
                                    gst_structure_new("sharedring-producer-connected", "pid", G_TYPE_UINT,
                                                      static_cast<guint>(producer.pid), "uid", G_TYPE_UINT,
                                                      static_cast<guint>(producer.uid), nullptr)));
}

void SourceObserver::disconnected(const std::string &why)
{
    if (const auto source = element())
        gst_element_post_message(
            source.get(),
            gst_message_new_element(GST_OBJECT(source.get()),
                                    gst_structure_new("sharedring-producer-disconnected", "reason",
                                                      G_TYPE_STRING, why.c_str(), nullptr)));
}

void SourceObserver::log(const std::string &line)
{
    if (const auto source = element())
        GST_WARNING_OBJECT(source.get(), "%s", line.c_str());
    else
        GST_WARNING("%s", line.c_str());
}

} // namespace sharedring
