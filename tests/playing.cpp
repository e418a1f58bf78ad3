// SPDX-License-Identifier: LGPL-2.1-or-later
#include "playing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

using namespace sharedring;

bool await(const std::function<bool()> &holds, std::chrono::milliseconds patience)
{
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

void heedLatency(GstElement *pipeline)
{
    const ObjectOwner<GstBus> bus(gst_element_get_bus(pipeline));
    gst_bus_set_sync_handler(
        bus.get(),
        [](GstBus *, GstMessage *message, gpointer ofBus) {
            if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY)
                gst_element_call_async(
                    GST_ELEMENT(ofBus),
                    [](GstElement *element, gpointer) { gst_bin_recalculate_latency(GST_BIN(element)); },
                    nullptr, nullptr);
            return GST_BUS_PASS;
        },
        pipeline, nullptr);
}

Playing::Playing(const std::string &line, const std::string &padOf, const char *pad)
{
    gst_init(nullptr, nullptr);
    GError *error = nullptr;
    pipeline_.reset(gst_parse_launch(line.c_str(), &error));
    if (error) {
        const std::string text = error->message;
        g_error_free(error);
        throw std::runtime_error(text);
    }
    element_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), padOf.c_str()));
    const ObjectOwner<GstPad> looked(gst_element_get_static_pad(element_.get(), pad));
    gst_pad_add_probe(
        looked.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_EVENT_UPSTREAM | GST_PAD_PROBE_TYPE_BUFFER), onData,
        this, nullptr);
    heedLatency(pipeline_.get());
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

Playing::~Playing()
{
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

GstPadProbeReturn Playing::onData(GstPad *, GstPadProbeInfo *info, gpointer self)
{
    auto &playing = *static_cast<Playing *>(self);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        playing.lastPts_ = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
        if (playing.buffers_++ == 0)
            playing.firstPts_ = playing.lastPts_.load();
    } else {
        std::lock_guard guard(playing.lock_);
        playing.events_.emplace_back(gst_event_ref(GST_PAD_PROBE_INFO_EVENT(info)));
    }
    return GST_PAD_PROBE_OK;
}

std::vector<GstEvent *> Playing::events(GstEventType type, const char *structure) const
{
    std::lock_guard guard(lock_);
    std::vector<GstEvent *> found;
    for (const EventOwner &event : events_) {
        if (GST_EVENT_TYPE(event.get()) == type && (!structure || gst_event_has_name(event.get(), structure)))
            found.push_back(event.get());
    }
    return found;
}

ObjectOwner<GstElement> Playing::named(const char *name) const
{
    return ObjectOwner<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
}

void Playing::set(const char *property, const std::string &value) const
{
    gst_util_set_object_arg(G_OBJECT(named("ring").get()), property, value.c_str());
}

StructureOwner Playing::stats() const
{
    const auto ring = named("ring");
    GstStructure *stats = nullptr;
    g_object_get(ring.get(), "ring-stats", &stats, nullptr);
    return StructureOwner(stats);
}

uint64_t Playing::stat(const char *field) const
{
    guint64 value = 0;
    EXPECT_TRUE(gst_structure_get_uint64(stats().get(), field, &value)) << field;
    return value;
}

bool Playing::sendUpstream(GstEvent *event)
{
    const ObjectOwner<GstPad> pad(gst_element_get_static_pad(element_.get(), "sink"));
    return gst_pad_push_event(pad.get(), event);
}

namespace
{

// What the text of an error, a warning or an info leaves out.
std::string wordsOf(GstMessage *message)
{
    GError *error = nullptr;
    gchar *details = nullptr;
    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
        gst_message_parse_error(message, &error, &details);
        break;
    case GST_MESSAGE_WARNING:
        gst_message_parse_warning(message, &error, &details);
        break;
    case GST_MESSAGE_INFO:
        gst_message_parse_info(message, &error, &details);
        break;
    default:
        return "";
    }
    const std::string words = std::string(" ") + error->message + (details ? details : "");
    g_error_free(error);
    g_free(details);
    return words;
}

} // namespace

std::vector<std::string> Playing::messages(GstMessageType types) const
{
    std::vector<std::string> texts;
    const ObjectOwner<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    while (GstMessage *message = gst_bus_pop_filtered(bus.get(), types)) {
        gchar *text = gst_info_strdup_printf("%" GST_PTR_FORMAT, message);
        texts.push_back(text + wordsOf(message));
        g_free(text);
        gst_message_unref(message);
    }
    return texts;
}

bool Playing::awaitMessage(GstMessageType types, const std::string &part) const
{
    return await([&] {
        const auto texts = messages(types);
        return std::any_of(texts.begin(), texts.end(),
                           [&](const std::string &text) { return text.find(part) != std::string::npos; });
    });
}
