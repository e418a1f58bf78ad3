// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether live video is shown on time behind the boundary: frames that come too late for their instant,
// beside a queue in one process, on an idle machine and on a busy one. See kUsage.
#include "benchmark_gst.h"

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace benchmark;

namespace
{

constexpr const char *kUsage = R"(benchmark-lateness [OPTION=VALUE...]
    ways=queue,ring     one process with a queue; two processes with the ring between them
    loads=0,2           processes beside it that compute all the time
    seconds=60          of each measurement
    rounds=1            interleaved; each is printed
    width=1920 height=1080 rate=60
)";

struct Options {
    std::vector<std::string> ways{"queue", "ring"};
    std::vector<std::string> loads{"0", "2"};
    uint64_t seconds = 60;
    uint64_t rounds = 1;
    uint64_t width = 1920;
    uint64_t height = 1080;
    uint64_t rate = 60;
};

// What a sink that drops what is late showed.
struct Shown {
    uint64_t frames;
    uint64_t late;
    double spare50, spare99,
        spare100;   // ms by which a frame came before its instant: of half, of 99 %, of all
    double latency; // ms that the pipeline waits for its slowest branch
};

class Screen
{
public:
    static std::string line() { return "fakesink name=screen sync=true qos=true max-lateness=0"; }

    explicit Screen(GstElement *pipeline)
        : sink_(GST_BASE_SINK(gst_bin_get_by_name(GST_BIN(pipeline), "screen")))
    {
        spares_.reserve(1 << 20);
        gst_pad_add_probe(GST_BASE_SINK_PAD(sink_), GST_PAD_PROBE_TYPE_BUFFER, onBuffer, this, nullptr);
    }
    ~Screen() { gst_object_unref(sink_); }

    Shown shown()
    {
        GstStructure *stats = gst_base_sink_get_stats(sink_);
        guint64 rendered = 0;
        guint64 dropped = 0;
        gst_structure_get(stats, "rendered", G_TYPE_UINT64, &rendered, "dropped", G_TYPE_UINT64, &dropped,
                          nullptr);
        gst_structure_free(stats);
        if (spares_.empty())
            fail("nothing was shown");
        return {rendered + dropped,     dropped,
                quantile(spares_, 0.5), quantile(spares_, 0.01),
                quantile(spares_, 0),   static_cast<double>(gst_base_sink_get_latency(sink_)) / 1e6};
    }

private:
    static GstPadProbeReturn onBuffer(GstPad *, GstPadProbeInfo *info, gpointer screen)
    {
        static_cast<Screen *>(screen)->take(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
    }

    void take(GstBuffer *buffer)
    {
        GstClock *clock = gst_element_get_clock(GST_ELEMENT_CAST(sink_));
        if (!clock) // it prerolls
            return;
        const GstClockTime due =
            gst_segment_to_running_time(&sink_->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)) +
            gst_element_get_base_time(GST_ELEMENT_CAST(sink_)) + gst_base_sink_get_latency(sink_);
        spares_.push_back(static_cast<double>(GST_CLOCK_DIFF(gst_clock_get_time(clock), due)) / 1e6);
        gst_object_unref(clock);
    }

    GstBaseSink *const sink_;
    std::vector<double> spares_;
};

std::string source(const Options &options)
{
    return "videotestsrc is-live=true num-buffers=" + std::to_string(options.rate * options.seconds) +
           " ! video/x-raw,format=I420,width=" + std::to_string(options.width) +
           ",height=" + std::to_string(options.height) + ",framerate=" + std::to_string(options.rate) +
           "/1 ! ";
}

void runToItsEnd(GstElement *pipeline)
{
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = nullptr;
    do {
        g_clear_pointer(&message, gst_message_unref);
        message = gst_bus_timed_pop_filtered(
            bus, GST_CLOCK_TIME_NONE,
            static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_LATENCY));
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY)
            gst_bin_recalculate_latency(GST_BIN(pipeline));
    } while (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        GError *error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        fail(error->message);
    }
    gst_message_unref(message);
    gst_object_unref(bus);
}

Shown runQueue(const Options &options)
{
    GstElement *pipeline =
        launch(source(options) + "queue max-size-buffers=16 max-size-bytes=0 ! " + Screen::line());
    Screen screen(pipeline);
    runToItsEnd(pipeline);
    const Shown shown = screen.shown();
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return shown;
}

// The consumer's process.
int show(const std::string &socket)
{
    GstElement *pipeline = launch("sharedringsrc socket=" + socket + " ! " + Screen::line());
    Screen screen(pipeline);
    runToItsEnd(pipeline);
    const Shown shown = screen.shown();
    gst_element_set_state(pipeline, GST_STATE_NULL);
    return write(STDOUT_FILENO, &shown, sizeof shown) == sizeof shown ? 0 : 1;
}

Shown runRing(const Options &options)
{
    const std::string socket = freshSocket();
    int fds[2];
    if (pipe(fds) != 0)
        systemFailed("pipe");
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "benchmark-lateness", "show", socket.c_str(), nullptr);
        _exit(1);
    }
    close(fds[1]);
    GstElement *pipeline =
        launch(source(options) +
               "sharedringsink wait-for-connection=true slow-client=block sync=false socket=" + socket);
    runToItsEnd(pipeline);
    Shown shown;
    if (read(fds[0], &shown, sizeof shown) != sizeof shown)
        fail("the consumer failed");
    close(fds[0]);
    waitpid(pid, nullptr, 0);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return shown;
}

// Processes that compute, for as long as it lives.
class Load
{
public:
    explicit Load(uint64_t processes)
    {
        for (uint64_t i = 0; i < processes; i++) {
            const pid_t pid = fork();
            if (pid == 0) {
                for (volatile uint64_t sum = 0;;)
                    sum = sum + 1;
            }
            pids_.push_back(pid);
        }
    }
    ~Load()
    {
        for (const pid_t pid : pids_) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
    }
    Load(const Load &) = delete;

private:
    std::vector<pid_t> pids_;
};

bool setOption(Options &options, const std::string &name, const std::string &value)
{
    if (name == "ways")
        options.ways = split(value);
    else if (name == "loads")
        options.loads = split(value);
    else if (name == "seconds")
        options.seconds = countOf(value);
    else if (name == "rounds")
        options.rounds = roundsOf(value);
    else if (name == "width")
        options.width = countOf(value);
    else if (name == "height")
        options.height = countOf(value);
    else if (name == "rate")
        options.rate = countOf(value);
    else
        return false;
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc == 3 && std::string(argv[1]) == "show")
        return show(argv[2]);
    Options options;
    readOptions(argc, argv, kUsage, options, setOption);
    std::printf(
        "%lux%lu at %lu/s for %lu s; spare: ms by which half, 99 %% and all of the frames came before "
        "their instant\n",
        options.width, options.height, options.rate, options.seconds);
    for (uint64_t round = 0; round < options.rounds; round++) {
        for (const std::string &load : options.loads) {
            for (const std::string &way : options.ways) {
                const Load busy(countOf(load));
                const Shown shown = way == "ring" ? runRing(options) : runQueue(options);
                std::printf(
                    "%s beside, %-5s %6lu frames, %4lu late; spare %6.2f %6.2f %6.2f; latency %5.1f ms\n",
                    load.c_str(), way.c_str(), shown.frames, shown.late, shown.spare50, shown.spare99,
                    shown.spare100, shown.latency);
                std::fflush(stdout);
            }
        }
    }
    return 0;
}
