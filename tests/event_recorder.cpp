// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event_recorder.h"

#include <algorithm>
#include <chrono>

namespace
{

constexpr std::chrono::seconds kPatience{20};

std::string taken(gchar *text)
{
    std::string copy = text ? text : "none";
    g_free(text);
    return copy;
}

std::string describeStream(GstStream *stream)
{
    GstCaps *caps = gst_stream_get_caps(stream);
    GstTagList *tags = gst_stream_get_tags(stream);
    std::string text = std::string(gst_stream_get_stream_id(stream)) + " type " +
                       std::to_string(gst_stream_get_stream_type(stream)) + " flags " +
                       std::to_string(gst_stream_get_stream_flags(stream)) + " " +
                       taken(caps ? gst_caps_to_string(caps) : nullptr) + " " +
                       taken(tags ? gst_tag_list_to_string(tags) : nullptr);
    if (caps)
        gst_caps_unref(caps);
    if (tags)
        gst_tag_list_unref(tags);
    return text;
}

std::string describeEntries(GList *entries)
{
    std::string text = "[";
    for (; entries; entries = entries->next) {
        auto *entry = static_cast<GstTocEntry *>(entries->data);
        gint64 start = -1;
        gint64 stop = -1;
        gst_toc_entry_get_start_stop_times(entry, &start, &stop);
        text += std::string(" ") + gst_toc_entry_get_uid(entry) + " " + std::to_string(start) + "-" +
                std::to_string(stop) + describeEntries(gst_toc_entry_get_sub_entries(entry));
    }
    return text + " ]";
}

std::string describeContents(GstEvent *event)
{
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START: {
        const gchar *id = nullptr;
        guint group = 0;
        GstStreamFlags flags{};
        GstStream *stream = nullptr;
        gst_event_parse_stream_start(event, &id);
        gst_event_parse_stream_flags(event, &flags);
        gst_event_parse_stream(event, &stream);
        std::string text = std::string(id) + " flags " + std::to_string(flags) +
                           (gst_event_parse_group_id(event, &group) ? " in a group" : "") +
                           (stream ? " of " + describeStream(stream) : "");
        if (stream)
            gst_object_unref(stream);
        return text;
    }
    case GST_EVENT_STREAM_COLLECTION: {
        GstStreamCollection *collection = nullptr;
        gst_event_parse_stream_collection(event, &collection);
        std::string text;
        for (guint i = 0; i < gst_stream_collection_get_size(collection); i++)
            text += "{ " + describeStream(gst_stream_collection_get_stream(collection, i)) + " }";
        gst_object_unref(collection);
        return text;
    }
    case GST_EVENT_STREAM_GROUP_DONE:
        return "";
    case GST_EVENT_TOC: {
        GstToc *toc = nullptr;
        gboolean updated = FALSE;
        gst_event_parse_toc(event, &toc, &updated);
        std::string text = (updated ? "updated " : "") + describeEntries(gst_toc_get_entries(toc));
        gst_toc_unref(toc);
        return text;
    }
    case GST_EVENT_SINK_MESSAGE: {
        GstMessage *message = nullptr;
        gst_event_parse_sink_message(event, &message);
        std::string text = std::string(gst_structure_get_name(gst_event_get_structure(event))) + " " +
                           taken(gst_structure_to_string(gst_message_get_structure(message)));
        gst_message_unref(message);
        return text;
    }
    default: {
        const GstStructure *structure = gst_event_get_structure(event);
        return structure ? taken(gst_structure_to_string(structure)) : "";
    }
    }
}

} // namespace

std::string describe(GstEvent *event)
{
    return std::string(GST_EVENT_TYPE_NAME(event)) + " #" + std::to_string(gst_event_get_seqnum(event)) +
           " " + describeContents(event);
}

EventRecorder::EventRecorder(GstPad *pad)
    : pad_(pad),
      probe_(gst_pad_add_probe(
          pad,
          static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                       GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH),
          onData, this, nullptr))
{
}

EventRecorder::~EventRecorder()
{
    release();
    gst_pad_remove_probe(pad_, probe_);
    gst_object_unref(pad_);
}

GstPadProbeReturn EventRecorder::onData(GstPad *, GstPadProbeInfo *info, gpointer data)
{
    auto *self = static_cast<EventRecorder *>(data);
    const auto type = GST_PAD_PROBE_INFO_TYPE(info);
    if (type & GST_PAD_PROBE_TYPE_BUFFER) {
        self->add("buffer " + std::to_string(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info))), true);
    } else if (type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
        GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
        for (guint i = 0; i < gst_buffer_list_length(list); i++)
            self->add("buffer " + std::to_string(GST_BUFFER_PTS(gst_buffer_list_get(list, i))), true);
    } else {
        self->add(describe(GST_PAD_PROBE_INFO_EVENT(info)), false);
    }
    return GST_PAD_PROBE_OK;
}

void EventRecorder::add(const std::string &line, bool isBuffer)
{
    std::unique_lock guard(lock_);
    lines_.push_back(line);
    blocked_ = isBuffer && blocks_;
    changed_.notify_all();
    if (blocked_)
        changed_.wait(guard, [&] { return !blocks_; });
    blocked_ = false;
}

std::vector<std::string> EventRecorder::lines() const
{
    const std::lock_guard guard(lock_);
    return lines_;
}

bool EventRecorder::waitFor(const std::function<bool(const std::vector<std::string> &)> &holds) const
{
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, kPatience, [&] { return holds(lines_); });
}

bool EventRecorder::waitForLine(const std::string &beginning) const
{
    return waitFor([&](const std::vector<std::string> &lines) {
        return std::any_of(lines.begin(), lines.end(),
                           [&](const std::string &line) { return line.starts_with(beginning); });
    });
}

void EventRecorder::block()
{
    const std::lock_guard guard(lock_);
    blocks_ = true;
}

bool EventRecorder::waitUntilBlocked() const
{
    std::unique_lock guard(lock_);
    return changed_.wait_for(guard, kPatience, [&] { return blocked_; });
}

void EventRecorder::release()
{
    const std::lock_guard guard(lock_);
    blocks_ = false;
    changed_.notify_all();
}
