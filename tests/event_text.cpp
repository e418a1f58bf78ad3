// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event_text.h"

#include "canonical_text.h"

#include "plugin/gst_owner.h"

#include <cstdio>

using namespace sharedring;

namespace
{

std::string textOf(const GstSegment &segment)
{
    char rates[96];
    std::snprintf(rates, sizeof rates, "rate %a applied %a", segment.rate, segment.applied_rate);
    std::string text = std::string(gst_format_get_name(segment.format)) + " flags " +
                       std::to_string(segment.flags) + " " + rates;
    for (const guint64 field : {segment.base, segment.offset, segment.start, segment.stop, segment.time,
                                segment.position, segment.duration})
        text += " " + numberOrNone(field);
    return text;
}

std::string textOfGap(GstEvent *event)
{
    GstClockTime time = 0;
    GstClockTime duration = 0;
    auto flags = static_cast<GstGapFlags>(0);
    gst_event_parse_gap(event, &time, &duration);
    gst_event_parse_gap_flags(event, &flags);
    return numberOrNone(time) + " for " + numberOrNone(duration) + " flags " + std::to_string(flags);
}

std::string textOfSegmentDone(GstEvent *event)
{
    GstFormat format = GST_FORMAT_UNDEFINED;
    gint64 position = 0;
    gst_event_parse_segment_done(event, &format, &position);
    return std::string(gst_format_get_name(format)) + " " + std::to_string(position);
}

std::string textOfCaps(GstEvent *event)
{
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    return textOf(*caps);
}

std::string textOfTagEvent(GstEvent *event)
{
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    return textOf(*tags);
}

std::string textOfFlushStop(GstEvent *event)
{
    gboolean reset = FALSE;
    gst_event_parse_flush_stop(event, &reset);
    return reset ? "reset" : "no reset";
}

// Aggregators of GStreamer make up an id for each run.
std::string textOfStreamId(const gchar *id)
{
    return g_str_has_prefix(id, "agg-") ? "of an aggregator" : quoted(id);
}

std::string textOfStreamStart(GstEvent *event)
{
    const gchar *id = nullptr;
    auto flags = GST_STREAM_FLAG_NONE;
    GstStream *parsed = nullptr;
    gst_event_parse_stream_start(event, &id);
    gst_event_parse_stream_flags(event, &flags);
    gst_event_parse_stream(event, &parsed);
    const ObjectOwner<GstStream> stream(parsed);
    return textOfStreamId(id) + " flags " + std::to_string(flags) + (stream ? " " + ::textOf(*stream) : "");
}

std::string textOfSegmentEvent(GstEvent *event)
{
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    return textOf(*segment);
}

std::string textOfCollection(GstEvent *event)
{
    GstStreamCollection *parsed = nullptr;
    gst_event_parse_stream_collection(event, &parsed);
    const ObjectOwner<GstStreamCollection> collection(parsed);
    std::string text = quoted(gst_stream_collection_get_upstream_id(parsed));
    for (guint i = 0; i < gst_stream_collection_get_size(parsed); i++)
        text += " " + ::textOf(*gst_stream_collection_get_stream(parsed, i));
    return text;
}

std::string textOfTags(GstTagList *tags)
{
    return tags ? " tags " + textOf(*tags) : "";
}

std::string textOfEntries(GList *entries)
{
    std::string text;
    for (; entries; entries = entries->next) {
        auto *entry = static_cast<GstTocEntry *>(entries->data);
        gint64 start = -1;
        gint64 stop = -1;
        auto loop = GST_TOC_LOOP_NONE;
        gint repeat = 0;
        gst_toc_entry_get_start_stop_times(entry, &start, &stop);
        gst_toc_entry_get_loop(entry, &loop, &repeat);
        text += " (" + std::to_string(gst_toc_entry_get_entry_type(entry)) + " " +
                quoted(gst_toc_entry_get_uid(entry)) + " " + std::to_string(start) + "-" +
                std::to_string(stop) + " loop " + std::to_string(loop) + " " + std::to_string(repeat) +
                textOfTags(gst_toc_entry_get_tags(entry)) +
                textOfEntries(gst_toc_entry_get_sub_entries(entry)) + ")";
    }
    return text;
}

std::string textOfToc(GstEvent *event)
{
    GstToc *parsed = nullptr;
    gboolean updated = FALSE;
    gst_event_parse_toc(event, &parsed, &updated);
    const TocOwner toc(parsed);
    return std::string(updated ? "updated" : "new") + " scope " + std::to_string(gst_toc_get_scope(parsed)) +
           textOfTags(gst_toc_get_tags(parsed)) + textOfEntries(gst_toc_get_entries(parsed));
}

std::string textOfProtection(GstEvent *event)
{
    const gchar *system = nullptr;
    const gchar *origin = nullptr;
    GstBuffer *data = nullptr;
    gst_event_parse_protection(event, &system, &data, &origin);
    return quoted(system) + " " + textOfBytes(data) + " " + quoted(origin);
}

std::string textOfSinkMessage(GstEvent *event)
{
    GstMessage *parsed = nullptr;
    gst_event_parse_sink_message(event, &parsed);
    const MessageOwner message(parsed);
    return std::string(gst_structure_get_name(gst_event_get_structure(event))) + " " +
           GST_MESSAGE_TYPE_NAME(parsed) + " " + textOf(*gst_message_get_structure(parsed));
}

std::string nothing(GstEvent *)
{
    return "";
}

struct Kind {
    GstEventType type;
    std::string (*text)(GstEvent *event);
};

constexpr Kind kKinds[] = {
    {GST_EVENT_STREAM_START, textOfStreamStart},
    {GST_EVENT_STREAM_GROUP_DONE, nothing},
    {GST_EVENT_STREAM_COLLECTION, textOfCollection},
    {GST_EVENT_CAPS, textOfCaps},
    {GST_EVENT_SEGMENT, textOfSegmentEvent},
    {GST_EVENT_TAG, textOfTagEvent},
    {GST_EVENT_TOC, textOfToc},
    {GST_EVENT_PROTECTION, textOfProtection},
    {GST_EVENT_SINK_MESSAGE, textOfSinkMessage},
    {GST_EVENT_GAP, textOfGap},
    {GST_EVENT_SEGMENT_DONE, textOfSegmentDone},
    {GST_EVENT_FLUSH_STOP, textOfFlushStop},
};

} // namespace

std::string textOf(GstStream &stream)
{
    const CapsOwner caps(gst_stream_get_caps(&stream));
    const TagListOwner tags(gst_stream_get_tags(&stream));
    return "<" + quoted(gst_stream_get_stream_id(&stream)) + " type " +
           std::to_string(gst_stream_get_stream_type(&stream)) + " flags " +
           std::to_string(gst_stream_get_stream_flags(&stream)) + " " + (caps ? textOf(*caps) : "") +
           textOfTags(tags.get()) + ">";
}

std::string textOfContents(GstEvent *event)
{
    for (const Kind &kind : kKinds) {
        if (kind.type == GST_EVENT_TYPE(event))
            return kind.text(event);
    }
    const GstStructure *structure = gst_event_get_structure(event);
    return structure ? textOf(*structure) : "";
}
