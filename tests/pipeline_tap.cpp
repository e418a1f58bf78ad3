// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipeline_tap.h"

#include "ringcore/monotonic_time.h"

#include <gst/video/gstvideometa.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace
{

std::string number(guint64 value)
{
    return value == GST_CLOCK_TIME_NONE ? "none" : std::to_string(value);
}

void addTo(GChecksum *sum, GstBuffer *buffer)
{
    for (guint i = 0; i < gst_buffer_n_memory(buffer); i++) {
        GstMapInfo map;
        if (!gst_memory_map(gst_buffer_peek_memory(buffer, i), &map, GST_MAP_READ))
            continue;
        g_checksum_update(sum, map.data, static_cast<gssize>(map.size));
        gst_memory_unmap(gst_buffer_peek_memory(buffer, i), &map);
    }
}

std::string md5Of(GstBuffer *buffer)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_MD5);
    addTo(sum, buffer);
    std::string text = g_checksum_get_string(sum);
    g_checksum_free(sum);
    return text;
}

// What to add to the clock's time to get CLOCK_MONOTONIC; of some samples the one that was least
// disturbed.
int64_t fromClock(GstClock *clock)
{
    int64_t best = 0;
    int64_t leastTook = G_MAXINT64;
    for (int sample = 0; sample < 5; sample++) {
        const auto before = static_cast<int64_t>(ringcore::monotonicNow());
        const auto time = static_cast<int64_t>(gst_clock_get_time(clock));
        const int64_t took = static_cast<int64_t>(ringcore::monotonicNow()) - before;
        if (took < leastTook) {
            leastTook = took;
            best = before + took / 2 - time;
        }
    }
    return best;
}

std::string runningTime(const GstSegment &segment, GstClockTime time)
{
    guint64 running = 0;
    const gint sign = segment.format == GST_FORMAT_TIME
                          ? gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running)
                          : 0;
    return sign == 0 ? "none" : std::to_string(sign * static_cast<int64_t>(running));
}

std::string videoMetaOf(GstBuffer *buffer)
{
    const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
    if (!meta)
        return "";
    std::string text = " video=" + std::to_string(meta->width) + "x" + std::to_string(meta->height);
    for (guint plane = 0; plane < meta->n_planes; plane++)
        text += "," + std::to_string(meta->stride[plane]) + "@" + std::to_string(meta->offset[plane]);
    return text;
}

// Whether [data, data + size) lies in one mapping of an arena, as the kernel tells it.
bool isInArena(const guint8 *data, gsize size)
{
    const auto first = reinterpret_cast<uintptr_t>(data);
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        char *rest = nullptr;
        const uintptr_t begin = std::strtoull(line.c_str(), &rest, 16);
        const uintptr_t end = std::strtoull(rest + 1, nullptr, 16);
        if (first >= begin && first < end)
            return size <= end - first && line.find("memfd:sharedring-arena") != std::string::npos;
    }
    return false;
}

bool isInArena(GstBuffer *buffer)
{
    const guint memories = gst_buffer_n_memory(buffer);
    bool inside = memories > 0;
    for (guint i = 0; inside && i < memories; i++) {
        GstMapInfo map;
        if (!gst_memory_map(gst_buffer_peek_memory(buffer, i), &map, GST_MAP_READ))
            return false;
        inside = isInArena(map.data, map.size);
        gst_memory_unmap(gst_buffer_peek_memory(buffer, i), &map);
    }
    return inside;
}

} // namespace

Tap::~Tap()
{
    release();
    if (pad_)
        gst_object_unref(pad_);
    if (log_)
        std::fclose(log_);
    g_checksum_free(whole_);
}

void Tap::logTo(const char *path)
{
    log_ = std::fopen(path, "w");
    if (!log_)
        std::perror(path);
}

void Tap::attach(GstElement *pipeline)
{
    pipeline_ = pipeline;
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), "tap");
    if (!element)
        return;
    pad_ = gst_element_get_static_pad(element, "sink");
    if (!pad_)
        pad_ = gst_element_get_static_pad(element, "src");
    gst_object_unref(element);
    gst_pad_add_probe(
        pad_,
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                     GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH),
        onData, this, nullptr);
}

GstPadProbeReturn Tap::onData(GstPad *, GstPadProbeInfo *info, gpointer data)
{
    auto *self = static_cast<Tap *>(data);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        self->onBuffer(GST_PAD_PROBE_INFO_BUFFER(info));
    } else if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
        GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
        self->write("list " + std::to_string(gst_buffer_list_length(list)));
        for (guint i = 0; i < gst_buffer_list_length(list); i++)
            self->onBuffer(gst_buffer_list_get(list, i));
    } else {
        self->onEvent(GST_PAD_PROBE_INFO_EVENT(info));
    }
    return GST_PAD_PROBE_OK;
}

void Tap::onBuffer(GstBuffer *buffer)
{
    if (times)
        writeTimes(buffer);
    if (log_) {
        constexpr guint kNotOurs = GST_BUFFER_FLAG_TAG_MEMORY | 0xf; // GstMiniObject's
        const bool readOnly =
            gst_buffer_n_memory(buffer) > 0 && GST_MEMORY_IS_READONLY(gst_buffer_peek_memory(buffer, 0));
        write("buffer " + number(GST_BUFFER_PTS(buffer)) + " " + number(GST_BUFFER_DTS(buffer)) + " " +
              number(GST_BUFFER_DURATION(buffer)) + " " + number(GST_BUFFER_OFFSET(buffer)) + " " +
              number(GST_BUFFER_OFFSET_END(buffer)) + " " +
              std::to_string(GST_BUFFER_FLAGS(buffer) & ~kNotOurs) + " " +
              std::to_string(gst_buffer_get_size(buffer)) + " " + (digest ? md5Of(buffer) : "-") +
              videoMetaOf(buffer) + (readOnly ? " readonly" : "") + (isInArena(buffer) ? " arena" : ""));
    }
    if (sumWhole)
        addTo(whole_, buffer);
    if (hold) {
        std::lock_guard guard(lock_);
        held_.push_back(gst_buffer_ref(buffer));
    }
    const uint64_t number = ++count_;
    if (number == blockAt) {
        std::unique_lock guard(lock_);
        released_.wait(guard, [&, before = releases_] { return releases_ != before; });
    }
    // A consumer that is slow by nature, not a wait for anything.
    if (delay.count() > 0)
        std::this_thread::sleep_until(std::chrono::steady_clock::now() + delay);
}

void Tap::writeTimes(GstBuffer *buffer)
{
    GstEvent *event = gst_pad_get_sticky_event(pad_, GST_EVENT_SEGMENT, 0);
    GstClock *clock = gst_element_get_clock(pipeline_);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_UNDEFINED);
    if (event)
        gst_event_copy_segment(event, &segment);
    std::string now = "none";
    std::string zero = "none";
    if (clock) {
        const auto base = static_cast<int64_t>(gst_element_get_base_time(pipeline_));
        now = std::to_string(static_cast<int64_t>(gst_clock_get_time(clock)) - base);
        zero = std::to_string(base + fromClock(clock));
    }
    write("times " + now + " " + runningTime(segment, GST_BUFFER_PTS(buffer)) + " " +
          runningTime(segment, GST_BUFFER_DTS(buffer)) + " " + zero);
    if (clock)
        gst_object_unref(clock);
    if (event)
        gst_event_unref(event);
}

void Tap::onEvent(GstEvent *event)
{
    std::string line = GST_EVENT_TYPE_NAME(event);
    if (sumWhole && GST_EVENT_TYPE(event) == GST_EVENT_EOS)
        line = std::string("whole ") + g_checksum_get_string(whole_) + "\n" + line;
    if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START) {
        const gchar *id = nullptr;
        gst_event_parse_stream_start(event, &id);
        line += std::string(" ") + id;
    } else if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        gchar *text = gst_caps_to_string(caps);
        line += std::string(" ") + text;
        g_free(text);
    } else if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
        GstTagList *tags = nullptr;
        gst_event_parse_tag(event, &tags);
        gchar *text = gst_tag_list_to_string(tags);
        line += std::string(" ") + text;
        g_free(text);
    } else if (const GstStructure *structure = gst_event_get_structure(event)) {
        gchar *text = gst_structure_to_string(structure);
        line += std::string(" ") + text;
        g_free(text);
    }
    write(line);
}

void Tap::write(const std::string &line)
{
    std::lock_guard guard(lock_);
    if (!log_)
        return;
    std::fprintf(log_, "%s\n", line.c_str());
    std::fflush(log_);
}

void Tap::release()
{
    std::vector<GstBuffer *> held;
    {
        std::lock_guard guard(lock_);
        held.swap(held_);
        releases_++;
    }
    released_.notify_all();
    for (GstBuffer *buffer : held)
        gst_buffer_unref(buffer);
}

bool Tap::sendTitle(const std::string &title)
{
    if (!pad_)
        return false;
    GstEvent *event = gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, title.c_str(), nullptr));
    return GST_PAD_IS_SINK(pad_) ? gst_pad_send_event(pad_, event) : gst_pad_push_event(pad_, event);
}
