// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_transcript.h"

#include "canonical_text.h"
#include "event_text.h"
#include "meta_text.h"

#include <cstdio>
#include <sstream>

namespace
{

std::string textOfMetas(GstBuffer *buffer)
{
    std::string text;
    std::istringstream metas(metasOf(buffer));
    for (std::string meta; std::getline(metas, meta);)
        text += " with " + meta;
    return text;
}

} // namespace

std::string StreamTranscript::textOfGroup(GstEvent *event)
{
    guint group = 0;
    if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_GROUP_DONE)
        gst_event_parse_stream_group_done(event, &group);
    else if (GST_EVENT_TYPE(event) != GST_EVENT_STREAM_START || !gst_event_parse_group_id(event, &group))
        return "";
    return " group " + std::to_string(groups_.emplace(group, groups_.size()).first->second);
}

std::string StreamTranscript::lineOf(GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
        beginsStretch_ = true;
    std::string line = GST_EVENT_TYPE_NAME(event);
    if (seqnums_ == Seqnums::Shown)
        line += " #" + std::to_string(gst_event_get_seqnum(event));
    return line + " " + textOfContents(event) + textOfGroup(event);
}

std::string StreamTranscript::lineOf(GstBuffer *buffer)
{
    constexpr guint kObjects = GST_MINI_OBJECT_FLAG_LAST - 1; // of every mini object
    guint flags = GST_BUFFER_FLAGS(buffer) & ~(kObjects | GST_BUFFER_FLAG_TAG_MEMORY);
    if (beginsStretch_)
        flags |= GST_BUFFER_FLAG_DISCONT;
    beginsStretch_ = false;
    std::string line = "buffer";
    for (const guint64 field : {GST_BUFFER_PTS(buffer), GST_BUFFER_DTS(buffer), GST_BUFFER_DURATION(buffer),
                                GST_BUFFER_OFFSET(buffer), GST_BUFFER_OFFSET_END(buffer)})
        line += " " + numberOrNone(field);
    char text[16];
    std::snprintf(text, sizeof text, " %#x ", flags);
    return line + text + textOfBytes(buffer) + textOfMetas(buffer);
}

std::string StreamTranscript::lineOf(GstBufferList *list)
{
    std::string line = "list of " + std::to_string(gst_buffer_list_length(list));
    for (guint i = 0; i < gst_buffer_list_length(list); i++)
        line += " | " + lineOf(gst_buffer_list_get(list, i));
    return line;
}
