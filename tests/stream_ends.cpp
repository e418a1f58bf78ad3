// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_ends.h"

#include <gst/video/video.h>

using namespace sharedring;

namespace
{

void linkPads(GstPad *from, GstPad *to)
{
    if (gst_pad_link(from, to) != GST_PAD_LINK_OK)
        g_error("the pads cannot be linked");
}

StreamWitness &witnessOf(GstPad *pad)
{
    return *static_cast<StreamWitness *>(gst_pad_get_element_private(pad));
}

} // namespace

StreamPusher::StreamPusher(GstElement *to) : pad_(gst_pad_new("pusher", GST_PAD_SRC))
{
    const ObjectOwner<GstPad> sink(gst_element_get_static_pad(to, "sink"));
    gst_pad_set_active(pad_.get(), TRUE);
    linkPads(pad_.get(), sink.get());
}

StreamPusher::~StreamPusher()
{
    gst_pad_set_active(pad_.get(), FALSE);
}

bool StreamPusher::push(GstMiniObject *object)
{
    gst_mini_object_ref(object);
    if (GST_IS_EVENT(object))
        return gst_pad_push_event(pad_.get(), GST_EVENT_CAST(object)) != FALSE;
    if (GST_IS_BUFFER_LIST(object))
        return gst_pad_push_list(pad_.get(), GST_BUFFER_LIST_CAST(object)) == GST_FLOW_OK;
    return gst_pad_push(pad_.get(), GST_BUFFER_CAST(object)) == GST_FLOW_OK;
}

StreamWitness::StreamWitness(GstElement *from, std::function<void(const std::string &)> onLine,
                             Seqnums seqnums)
    : onLine_(std::move(onLine)), transcript_(seqnums), pad_(gst_pad_new("witness", GST_PAD_SINK))
{
    gst_pad_set_element_private(pad_.get(), this);
    gst_pad_set_chain_function(pad_.get(), onBuffer);
    gst_pad_set_chain_list_function(pad_.get(), onList);
    gst_pad_set_event_function(pad_.get(), onEvent);
    gst_pad_set_query_function(pad_.get(), onQuery);
    gst_pad_set_active(pad_.get(), TRUE);
    const ObjectOwner<GstPad> src(gst_element_get_static_pad(from, "src"));
    linkPads(src.get(), pad_.get());
}

StreamWitness::~StreamWitness()
{
    gst_pad_set_active(pad_.get(), FALSE); // waits for a streaming thread that is in it
}

template <typename Object>
void StreamWitness::note(Object *object)
{
    const std::lock_guard guard(lock_);
    lines_.push_back(transcript_.lineOf(object));
    if (onLine_)
        onLine_(lines_.back());
    grown_.notify_all();
}

GstFlowReturn StreamWitness::onBuffer(GstPad *pad, GstObject *, GstBuffer *buffer)
{
    witnessOf(pad).note(buffer);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

GstFlowReturn StreamWitness::onList(GstPad *pad, GstObject *, GstBufferList *list)
{
    witnessOf(pad).note(list);
    gst_buffer_list_unref(list);
    return GST_FLOW_OK;
}

gboolean StreamWitness::onEvent(GstPad *pad, GstObject *, GstEvent *event)
{
    witnessOf(pad).note(event);
    gst_event_unref(event);
    return TRUE;
}

gboolean StreamWitness::onQuery(GstPad *pad, GstObject *parent, GstQuery *query)
{
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_ALLOCATION:
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr); // frames may lie as they do
        return TRUE;
    case GST_QUERY_CAPS: {
        const CapsOwner any(gst_caps_new_any());
        gst_query_set_caps_result(query, any.get());
        return TRUE;
    }
    case GST_QUERY_ACCEPT_CAPS:
        gst_query_set_accept_caps_result(query, TRUE);
        return TRUE;
    default:
        return gst_pad_query_default(pad, parent, query);
    }
}

bool StreamWitness::waitForCount(size_t lines, std::chrono::milliseconds patience)
{
    std::unique_lock guard(lock_);
    return grown_.wait_for(guard, patience, [&] { return lines_.size() >= lines; });
}

std::vector<std::string> StreamWitness::lines() const
{
    const std::lock_guard guard(lock_);
    return lines_;
}
