// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs a launch line, as gst-launch-1.0 does, and logs each buffer that passes the element named "tap":
//
//     frame-log LOG 'filesrc location=a.mp4 ! decodebin ! sharedringsink name=tap socket=/tmp/ring'
//
// A line of the log is PTS and CLOCK_MONOTONIC, in ns, when the buffer came to a sink's pad or left a
// source's. That clock is one for all processes, so two logs joined by PTS give the latency between two taps.
#include <gst/gst.h>

#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <memory>

namespace
{

struct Unref {
    void operator()(GstObject *object) const { gst_object_unref(object); }
    void operator()(GstElement *element) const { gst_object_unref(element); }
    void operator()(GstPad *pad) const { gst_object_unref(pad); }
    void operator()(GstMessage *message) const { gst_message_unref(message); }
    void operator()(GError *error) const { g_error_free(error); }
    void operator()(FILE *file) const { std::fclose(file); }
};

template <typename T>
using Owned = std::unique_ptr<T, Unref>;

GstPadProbeReturn logBuffer(GstPad *, GstPadProbeInfo *info, gpointer log)
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    std::fprintf(static_cast<FILE *>(log), "%" PRIu64 " %" PRIu64 "\n",
                 GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)), GST_TIMESPEC_TO_TIME(now));
    return GST_PAD_PROBE_OK;
}

bool tap(GstElement *pipeline, FILE *log)
{
    if (!GST_IS_BIN(pipeline))
        return false;
    const Owned<GstElement> element(gst_bin_get_by_name(GST_BIN(pipeline), "tap"));
    if (!element)
        return false;
    Owned<GstPad> pad(gst_element_get_static_pad(element.get(), "sink"));
    if (!pad)
        pad.reset(gst_element_get_static_pad(element.get(), "src"));
    return pad && gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, logBuffer, log, nullptr) != 0;
}

// Plays until EOS; false after an error, which is printed.
bool play(GstElement *pipeline)
{
    const Owned<GstObject> bus(GST_OBJECT(gst_element_get_bus(pipeline)));
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    const Owned<GstMessage> last(
        gst_bus_timed_pop_filtered(GST_BUS(bus.get()), GST_CLOCK_TIME_NONE,
                                   static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    gst_element_set_state(pipeline, GST_STATE_NULL);
    if (GST_MESSAGE_TYPE(last.get()) == GST_MESSAGE_EOS)
        return true;

    GError *error = nullptr;
    gchar *detail = nullptr;
    gst_message_parse_error(last.get(), &error, &detail);
    std::fprintf(stderr, "%s: %s\n%s\n", GST_MESSAGE_SRC_NAME(last.get()), error->message,
                 detail ? detail : "");
    g_free(detail);
    g_error_free(error);
    return false;
}

} // namespace

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc != 3) {
        std::fprintf(stderr, "Usage: %s LOG LAUNCH-LINE, with one element of the line named \"tap\"\n",
                     argv[0]);
        return 2;
    }
    const Owned<FILE> log(std::fopen(argv[1], "w"));
    if (!log) {
        std::perror(argv[1]);
        return 1;
    }
    std::setvbuf(log.get(), nullptr, _IOLBF, 0); // so that it can be followed

    GError *failure = nullptr;
    const Owned<GstElement> pipeline(gst_parse_launch(argv[2], &failure));
    const Owned<GError> error(failure);
    if (error || !pipeline) {
        std::fprintf(stderr, "%s\n", error ? error->message : "This line makes no pipeline.");
        return 1;
    }
    if (!tap(pipeline.get(), log.get())) {
        std::fprintf(stderr, "No element of the line is named \"tap\".\n");
        return 1;
    }
    return play(pipeline.get()) ? 0 : 1;
}
