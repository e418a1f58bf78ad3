// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sample_events.h"

#include <gtest/gtest.h>

using namespace sharedring;

void push(GstPad *pad, const Item &item)
{
    if (item.event) {
        gst_pad_push_event(pad, gst_event_ref(item.event.get()));
        return;
    }
    GstBuffer *buffer = gst_buffer_new_memdup("payload", 7);
    GST_BUFFER_PTS(buffer) = item.pts;
    EXPECT_EQ(gst_pad_push(pad, buffer), GST_FLOW_OK);
}

void push(GstPad *pad, const std::vector<Item> &items)
{
    for (const Item &item : items)
        push(pad, item);
}

GstEvent *streamStart(const char *id, guint group)
{
    GstEvent *event = gst_event_new_stream_start(id);
    if (group != 0)
        gst_event_set_group_id(event, group);
    return event;
}

namespace
{

ObjectOwner<GstStream> stream(const char *id)
{
    const CapsOwner caps(gst_caps_from_string("application/x-test"));
    return ObjectOwner<GstStream>(
        gst_stream_new(id, caps.get(), GST_STREAM_TYPE_TEXT, GST_STREAM_FLAG_SPARSE));
}

} // namespace

GstEvent *streamStartOf(const char *id)
{
    GstEvent *event = streamStart(id, 4711);
    gst_event_set_stream(event, stream(id).get());
    return event;
}

GstEvent *collection()
{
    const ObjectOwner<GstStreamCollection> streams(gst_stream_collection_new("upstream"));
    gst_stream_collection_add_stream(streams.get(), stream("one").release());
    gst_stream_collection_add_stream(streams.get(), stream("two").release());
    return gst_event_new_stream_collection(streams.get());
}

GstEvent *caps(const char *text)
{
    const CapsOwner owned(gst_caps_from_string(text));
    return gst_event_new_caps(owned.get());
}

GstEvent *segment(double rate, double appliedRate, GstClockTime base)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.rate = rate;
    segment.applied_rate = appliedRate;
    segment.base = base;
    segment.stop = 100 * GST_SECOND;
    return gst_event_new_segment(&segment);
}

GstEvent *byteSegment()
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    segment.start = 4096;
    return gst_event_new_segment(&segment);
}

GstEvent *tags(GstTagScope scope, const char *title)
{
    GstTagList *list = gst_tag_list_new(GST_TAG_TITLE, title, nullptr);
    gst_tag_list_set_scope(list, scope);
    return gst_event_new_tag(list);
}

GstEvent *toc()
{
    const TocOwner table(gst_toc_new(GST_TOC_SCOPE_GLOBAL));
    GstTocEntry *edition = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_EDITION, "edition");
    GstTocEntry *chapter = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_CHAPTER, "chapter");
    gst_toc_entry_set_start_stop_times(chapter, 0, GST_SECOND);
    gst_toc_entry_append_sub_entry(edition, chapter);
    gst_toc_append_entry(table.get(), edition);
    return gst_event_new_toc(table.get(), FALSE);
}

GstEvent *protection()
{
    const BufferOwner data(gst_buffer_new_memdup("pssh", 4));
    return gst_event_new_protection("system", data.get(), "origin");
}

GstEvent *sinkMessage()
{
    const MessageOwner message(
        gst_message_new_application(nullptr, gst_structure_new("said", "n", G_TYPE_INT, 1, nullptr)));
    return gst_event_new_sink_message("in-sync", message.get());
}

GstEvent *custom(GstEventType type, const std::string &name)
{
    return gst_event_new_custom(type, gst_structure_new(name.c_str(), "n", G_TYPE_INT, 1, nullptr));
}

std::vector<Item> everySticky()
{
    std::vector<Item> items;
    for (GstEvent *event : {streamStartOf("one"), collection(), caps(), segment(),
                            tags(GST_TAG_SCOPE_GLOBAL, "global"), tags(GST_TAG_SCOPE_STREAM, "stream"), toc(),
                            protection(), custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, "sticky-a"),
                            custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, "sticky-b"), sinkMessage()})
        items.emplace_back(event);
    return items;
}
