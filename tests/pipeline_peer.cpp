// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A process with a pipeline that tests talk to:
//
//     pipeline-peer [OPTION...] LAUNCH-LINE
//
// Commands come in as lines, and each is answered by a line "ok ..." or "no ..."; between them come
// lines about what happens: "state PLAYING", "eos", "error TEXT", "warning TEXT", "info TEXT",
// "connected ID PID UID", "disconnected ID REASON", "asked PID UID GID" (authorize-client or
// authorize-producer), "latency-message ELEMENT", "element STRUCTURE" (an element message), "ended" (last).
// See kUsage.
#include "peer_clock.h"
#include "pipeline_tap.h"

#include <gst/gst.h>

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <unistd.h>

namespace
{

constexpr const char *kUsage = R"(pipeline-peer [OPTION...] LAUNCH-LINE
Options
    --log FILE      a line for each buffer and event at the pad of the element named "tap"
    --no-digest     the log says "-" instead of md5 sums
    --slow MS       each buffer at the tap takes so long
    --hold          every buffer at the tap is kept
    --block-at N    the tap's streaming thread stays in the Nth buffer until "release"
    --times         a line for each buffer that says when it came and when it is due
    --clock NAME    the pipeline's clock; see peer_clock.h
    --whole         the log ends with the MD5 of all bytes
    --refuse        authorize-client and authorize-producer say no
    --paused        goes to PAUSED only
Commands
    play, pause, ready, null     -> ok MS (that the change took)
    get ELEMENT PROPERTY         -> ok VALUE
    set ELEMENT PROPERTY VALUE   -> ok
    seek SECONDS [RATE]          -> ok (a flushing one, of the pipeline)
    eos                          -> ok (the event, to the pipeline)
    tags TITLE                   -> ok (an event into the element named "tap")
    count                        -> ok BUFFERS (seen by the tap)
    release                      -> ok (what --hold kept, who --block-at stopped)
    latency ELEMENT              -> ok LIVE MIN MAX (ns; what a query at the element gives)
    recalculate-latency          -> ok
    quit
)";

struct Peer {
    GMainLoop *loop = g_main_loop_new(nullptr, FALSE);
    GstElement *pipeline = nullptr;
    Tap tap;
    bool refuse = false;
    int status = 0;
};

void say(const std::string &line)
{
    std::string one = line + "\n";
    for (size_t i = 0; i + 1 < one.size(); i++) {
        if (one[i] == '\n')
            one[i] = ' ';
    }
    std::fwrite(one.data(), 1, one.size(), stdout);
    std::fflush(stdout);
}

void sayMessage(const char *kind, GstMessage *message, void (*parse)(GstMessage *, GError **, gchar **))
{
    GError *error = nullptr;
    gchar *detail = nullptr;
    parse(message, &error, &detail);
    say(std::string(kind) + " " + error->message + (detail ? std::string(" | ") + detail : ""));
    g_error_free(error);
    g_free(detail);
}

gboolean onMessage(GstBus *, GstMessage *message, gpointer data)
{
    auto *peer = static_cast<Peer *>(data);
    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_STATE_CHANGED:
        if (GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(peer->pipeline)) {
            GstState state;
            gst_message_parse_state_changed(message, nullptr, &state, nullptr);
            say(std::string("state ") + gst_element_state_get_name(state));
        }
        break;
    case GST_MESSAGE_EOS:
        say("eos");
        break;
    case GST_MESSAGE_ERROR:
        peer->status = 1;
        sayMessage("error", message, gst_message_parse_error);
        break;
    case GST_MESSAGE_WARNING:
        sayMessage("warning", message, gst_message_parse_warning);
        break;
    case GST_MESSAGE_INFO:
        sayMessage("info", message, gst_message_parse_info);
        break;
    case GST_MESSAGE_LATENCY:
        say(std::string("latency-message ") + GST_MESSAGE_SRC_NAME(message));
        gst_bin_recalculate_latency(GST_BIN(peer->pipeline));
        break;
    case GST_MESSAGE_ELEMENT: {
        gchar *text = gst_structure_to_string(gst_message_get_structure(message));
        say(std::string("element ") + text);
        g_free(text);
        break;
    }
    default:
        break;
    }
    return G_SOURCE_CONTINUE;
}

std::string changeState(Peer &peer, GstState state)
{
    const auto begun = std::chrono::steady_clock::now();
    if (gst_element_set_state(peer.pipeline, state) == GST_STATE_CHANGE_FAILURE)
        return "no state change";
    const auto took = std::chrono::steady_clock::now() - begun;
    return "ok " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
}

std::string getProperty(Peer &peer, const std::string &elementName, const std::string &property)
{
    GstElement *element = gst_bin_get_by_name(GST_BIN(peer.pipeline), elementName.c_str());
    if (!element)
        return "no such element";
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), property.c_str());
    std::string answer = "no such property";
    if (spec) {
        GValue value = G_VALUE_INIT;
        g_value_init(&value, spec->value_type);
        g_object_get_property(G_OBJECT(element), property.c_str(), &value);
        gchar *text = gst_value_serialize(&value);
        answer = std::string("ok ") + (text ? text : "NULL");
        g_free(text);
        g_value_unset(&value);
    }
    gst_object_unref(element);
    return answer;
}

std::string setProperty(Peer &peer, const std::string &elementName, const std::string &property,
                        const std::string &value)
{
    GstElement *element = gst_bin_get_by_name(GST_BIN(peer.pipeline), elementName.c_str());
    if (!element)
        return "no such element";
    gst_util_set_object_arg(G_OBJECT(element), property.c_str(), value.c_str());
    gst_object_unref(element);
    return "ok";
}

std::string queryLatency(Peer &peer, const std::string &elementName)
{
    GstElement *element = gst_bin_get_by_name(GST_BIN(peer.pipeline), elementName.c_str());
    if (!element)
        return "no such element";
    GstQuery *query = gst_query_new_latency();
    std::string answer = "no answer";
    if (gst_element_query(element, query)) {
        gboolean live = FALSE;
        GstClockTime least = 0, most = 0;
        gst_query_parse_latency(query, &live, &least, &most);
        answer = std::string("ok ") + (live ? "live " : "not-live ") + std::to_string(least) + " " +
                 (most == GST_CLOCK_TIME_NONE ? "none" : std::to_string(most));
    }
    gst_query_unref(query);
    gst_object_unref(element);
    return answer;
}

GstClock *clockOrEnd(const char *name)
{
    GstClock *clock = peerClock(name);
    if (clock)
        return clock;
    say(std::string("error no clock ") + name);
    std::exit(2);
}

std::string obey(Peer &peer, const std::string &line)
{
    std::istringstream words(line);
    std::string verb, a, b, c;
    words >> verb >> a >> b;
    std::getline(words >> std::ws, c);
    if (verb == "play")
        return changeState(peer, GST_STATE_PLAYING);
    if (verb == "pause")
        return changeState(peer, GST_STATE_PAUSED);
    if (verb == "ready")
        return changeState(peer, GST_STATE_READY);
    if (verb == "null")
        return changeState(peer, GST_STATE_NULL);
    if (verb == "get")
        return getProperty(peer, a, b);
    if (verb == "set")
        return setProperty(peer, a, b, c);
    if (verb == "seek") {
        const auto position = static_cast<gint64>(std::strtod(a.c_str(), nullptr) * GST_SECOND);
        const double rate = b.empty() ? 1 : std::strtod(b.c_str(), nullptr);
        return gst_element_seek(peer.pipeline, rate, GST_FORMAT_TIME,
                                static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
                                GST_SEEK_TYPE_SET, position, GST_SEEK_TYPE_NONE, -1)
                   ? "ok"
                   : "no seek";
    }
    if (verb == "eos")
        return gst_element_send_event(peer.pipeline, gst_event_new_eos()) ? "ok" : "no one took it";
    if (verb == "tags")
        return peer.tap.sendTitle(a) ? "ok" : "no one took it";
    if (verb == "count")
        return "ok " + std::to_string(peer.tap.count());
    if (verb == "release") {
        peer.tap.release();
        return "ok";
    }
    if (verb == "latency")
        return queryLatency(peer, a);
    if (verb == "recalculate-latency")
        return gst_bin_recalculate_latency(GST_BIN(peer.pipeline)) ? "ok" : "no latency that fits";
    if (verb == "quit") {
        g_main_loop_quit(peer.loop);
        return "ok";
    }
    return "no such command";
}

gboolean onCommand(GIOChannel *channel, GIOCondition, gpointer data)
{
    auto *peer = static_cast<Peer *>(data);
    gchar *line = nullptr;
    gsize end = 0;
    const GIOStatus status = g_io_channel_read_line(channel, &line, nullptr, &end, nullptr);
    if (status == G_IO_STATUS_AGAIN)
        return G_SOURCE_CONTINUE;
    if (status != G_IO_STATUS_NORMAL) { // whoever talked to us is gone
        g_main_loop_quit(peer->loop);
        return G_SOURCE_REMOVE;
    }
    line[end] = '\0';
    say(obey(*peer, line));
    g_free(line);
    return G_SOURCE_CONTINUE;
}

gboolean authorize(GstElement *, guint pid, guint uid, guint gid, gpointer data)
{
    say("asked " + std::to_string(pid) + " " + std::to_string(uid) + " " + std::to_string(gid));
    return !static_cast<Peer *>(data)->refuse;
}

void onConnected(GstElement *, guint id, guint pid, guint uid, gpointer)
{
    say("connected " + std::to_string(id) + " " + std::to_string(pid) + " " + std::to_string(uid));
}

void onDisconnected(GstElement *, guint id, const gchar *reason, gpointer)
{
    say("disconnected " + std::to_string(id) + " " + reason);
}

void listenTo(GstElement *element, Peer *peer)
{
    const GType type = G_OBJECT_TYPE(element);
    if (g_signal_lookup("authorize-client", type)) {
        g_signal_connect(element, "authorize-client", G_CALLBACK(authorize), peer);
        g_signal_connect(element, "client-connected", G_CALLBACK(onConnected), peer);
        g_signal_connect(element, "client-disconnected", G_CALLBACK(onDisconnected), peer);
    }
    if (g_signal_lookup("authorize-producer", type))
        g_signal_connect(element, "authorize-producer", G_CALLBACK(authorize), peer);
}

} // namespace

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    Peer peer;
    GstState target = GST_STATE_PLAYING;
    GstClock *clock = nullptr;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        const std::string option = argv[at];
        if (option == "--log" && at + 1 < argc)
            peer.tap.logTo(argv[++at]);
        else if (option == "--slow" && at + 1 < argc)
            peer.tap.delay = std::chrono::milliseconds(std::atoi(argv[++at]));
        else if (option == "--no-digest")
            peer.tap.digest = false;
        else if (option == "--hold")
            peer.tap.hold = true;
        else if (option == "--block-at" && at + 1 < argc)
            peer.tap.blockAt = std::strtoull(argv[++at], nullptr, 10);
        else if (option == "--times")
            peer.tap.times = true;
        else if (option == "--clock" && at + 1 < argc)
            clock = clockOrEnd(argv[++at]);
        else if (option == "--whole")
            peer.tap.sumWhole = true;
        else if (option == "--refuse")
            peer.refuse = true;
        else if (option == "--paused")
            target = GST_STATE_PAUSED;
    }
    if (at + 1 != argc) {
        std::fputs(kUsage, stderr);
        return 2;
    }
    GError *error = nullptr;
    GstElement *parsed = gst_parse_launch(argv[at], &error);
    if (!parsed || error) {
        say(std::string("error ") + (error ? error->message : "no pipeline"));
        return 2;
    }
    // A line of one element is no bin yet.
    peer.pipeline = GST_IS_PIPELINE(parsed) ? parsed : gst_pipeline_new(nullptr);
    if (peer.pipeline != parsed)
        gst_bin_add(GST_BIN(peer.pipeline), parsed);

    GstIterator *elements = gst_bin_iterate_recurse(GST_BIN(peer.pipeline));
    gst_iterator_foreach(
        elements,
        [](const GValue *value, gpointer data) {
            listenTo(GST_ELEMENT(g_value_get_object(value)), static_cast<Peer *>(data));
        },
        &peer);
    gst_iterator_free(elements);
    peer.tap.attach(peer.pipeline);
    if (clock) {
        gst_pipeline_use_clock(GST_PIPELINE(peer.pipeline), clock);
        gst_object_unref(clock);
    }

    GstBus *bus = gst_element_get_bus(peer.pipeline);
    const guint watch = gst_bus_add_watch(bus, onMessage, &peer);
    GIOChannel *commands = g_io_channel_unix_new(STDIN_FILENO);
    g_io_channel_set_flags(commands, G_IO_FLAG_NONBLOCK, nullptr);
    g_io_add_watch(commands, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP), onCommand, &peer);

    gst_element_set_state(peer.pipeline, target);
    g_main_loop_run(peer.loop);

    peer.tap.release();
    gst_element_set_state(peer.pipeline, GST_STATE_NULL);
    g_source_remove(watch);
    gst_object_unref(bus);
    gst_object_unref(peer.pipeline);
    peer.tap.release();
    g_io_channel_unref(commands);
    g_main_loop_unref(peer.loop);
    say("ended");
    return peer.status;
}
