// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a boundary costs: frames from a producer's pool through a queue in one process, through shmsink,
// unixfdsink and sharedringsink, whichever are asked for, interleaved in one run. See kUsage.
#include "benchmark_gst.h"

#include <gst/base/base.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace benchmark;

namespace
{

constexpr const char *kUsage = R"(benchmark-pair [OPTION=VALUE...]
    ways=queue,shm,ring   what to compare (shm-copy: a memory of the producer's own; unixfd: GStreamer 1.24)
    size=3110400          bytes of a frame (1080p I420)
    depth=16              buffers under way at most
    clients=1             consumers (queue: branches of a tee)
    touch=header          header: 16 bytes are written; full: every byte is written and read
    rate=0                frames a second; 0: as fast as it goes. With a rate the latency is measured
    seconds=2             of each measurement, after half a second of warm-up
    rounds=5              interleaved; medians are printed
)";

struct Options {
    std::vector<std::string> ways{"queue", "shm", "ring"};
    size_t size = 3110400;
    unsigned depth = 16;
    unsigned clients = 1;
    bool full = false;
    double rate = 0;
    double seconds = 2;
    unsigned rounds = 5;
};

// What a consumer counts, told to the producer through a pipe when it ends.
struct Counts {
    uint64_t buffers = 0;
    uint64_t cpu = 0;
    uint64_t latency50 = 0;
    uint64_t latency95 = 0;
};

struct Stamp {
    uint64_t at;
    uint64_t measured; // 1: counts
};

// Counts buffers at the end of a consumer's pipeline.
struct Counter {
    explicit Counter(bool everyByte) : full(everyByte) {}

    const bool full;
    std::atomic<uint64_t> buffers{0};
    std::vector<uint64_t> latencies;
    uint64_t sum = 0;

    void take(GstBuffer *buffer)
    {
        GstMapInfo map;
        if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
            return;
        Stamp stamp;
        std::memcpy(&stamp, map.data, sizeof stamp);
        if (stamp.measured == 1) {
            buffers++;
            if (latencies.size() < latencies.capacity())
                latencies.push_back(now() - stamp.at);
        }
        if (full) {
            const auto *words = reinterpret_cast<const uint64_t *>(map.data);
            sum = std::accumulate(words, words + map.size / sizeof(uint64_t), sum);
        }
        gst_buffer_unmap(buffer, &map);
    }

    Counts counts()
    {
        Counts result;
        result.buffers = buffers;
        std::sort(latencies.begin(), latencies.end());
        if (!latencies.empty()) {
            result.latency50 = latencies[latencies.size() / 2];
            result.latency95 = latencies[latencies.size() * 95 / 100];
        }
        return result;
    }
};

GstPadProbeReturn onBuffer(GstPad *, GstPadProbeInfo *info, gpointer counter)
{
    static_cast<Counter *>(counter)->take(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
}

// Puts a counter at every element named "end*" of the bin.
void countAt(GstElement *bin, Counter *counter, const std::string &name)
{
    GstElement *end = gst_bin_get_by_name(GST_BIN(bin), name.c_str());
    GstPad *pad = gst_element_get_static_pad(end, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, onBuffer, counter, nullptr);
    gst_object_unref(pad);
    gst_object_unref(end);
}

std::string endOf(unsigned client)
{
    return "fakesink sync=false async=false enable-last-sample=false name=end" + std::to_string(client);
}

// Pushes frames into a pad as a source with its peer's pool would.
class Producer
{
public:
    Producer(GstElement *pipeline, GstElement *first, const Options &options, bool ownMemory)
        : options_(options), pad_(gst_pad_new("src", GST_PAD_SRC))
    {
        GstPad *sink = gst_element_get_static_pad(first, "sink");
        gst_pad_set_active(pad_, TRUE);
        gst_pad_link_full(pad_, sink, GST_PAD_LINK_CHECK_NOTHING);
        gst_object_unref(sink);
        gst_element_set_state(pipeline, GST_STATE_PLAYING);
        gst_pad_push_event(pad_, gst_event_new_stream_start("benchmark"));
        GstCaps *caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "GRAY8", "width",
                                            G_TYPE_INT, static_cast<gint>(options.size / 64), "height",
                                            G_TYPE_INT, 64, "framerate", GST_TYPE_FRACTION, 30, 1, nullptr);
        gst_pad_push_event(pad_, gst_event_new_caps(caps));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(pad_, gst_event_new_segment(&segment));
        choosePool(caps, ownMemory);
        gst_caps_unref(caps);
    }
    ~Producer()
    {
        gst_buffer_pool_set_active(pool_, FALSE);
        gst_object_unref(pool_);
        gst_pad_set_active(pad_, FALSE);
        gst_object_unref(pad_);
    }

    // Returns the frames that were measured.
    uint64_t run()
    {
        push(0.5, false);
        return push(options_.seconds, true);
    }

private:
    void choosePool(GstCaps *caps, bool ownMemory)
    {
        GstQuery *query = gst_query_new_allocation(caps, TRUE);
        GstAllocator *allocator = nullptr;
        GstAllocationParams params;
        gst_allocation_params_init(&params);
        pool_ = nullptr;
        if (!ownMemory && gst_pad_peer_query(pad_, query)) {
            if (gst_query_get_n_allocation_pools(query) > 0)
                gst_query_parse_nth_allocation_pool(query, 0, &pool_, nullptr, nullptr, nullptr);
            if (gst_query_get_n_allocation_params(query) > 0)
                gst_query_parse_nth_allocation_param(query, 0, &allocator, &params);
        }
        const bool proposed = pool_ != nullptr;
        if (!proposed)
            pool_ = gst_buffer_pool_new();
        GstStructure *config = gst_buffer_pool_get_config(pool_);
        // shmsink bounds what is under way by its memory alone, and fails where that is used up.
        const guint most = allocator && !proposed ? options_.depth : 0;
        gst_buffer_pool_config_set_params(config, caps, static_cast<guint>(options_.size), 0, most);
        gst_buffer_pool_config_set_allocator(config, allocator, &params);
        gst_buffer_pool_set_config(pool_, config);
        gst_buffer_pool_set_active(pool_, TRUE);
        if (allocator)
            gst_object_unref(allocator);
        gst_query_unref(query);
    }

    uint64_t push(double seconds, bool measured)
    {
        const uint64_t begin = now();
        const uint64_t end = begin + static_cast<uint64_t>(seconds * 1e9);
        uint64_t frames = 0;
        for (uint64_t time = begin; time < end; time = now()) {
            GstBuffer *buffer = nullptr;
            if (gst_buffer_pool_acquire_buffer(pool_, &buffer, nullptr) != GST_FLOW_OK)
                break;
            GstMapInfo map;
            if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE))
                break;
            if (options_.full)
                std::memset(map.data, static_cast<int>(frames & 0xff), map.size);
            if (options_.rate > 0) {
                const uint64_t due =
                    begin + static_cast<uint64_t>(static_cast<double>(frames) * 1e9 / options_.rate);
                std::this_thread::sleep_until(
                    std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due)));
            }
            const Stamp stamp{now(), measured};
            std::memcpy(map.data, &stamp, sizeof stamp);
            gst_buffer_unmap(buffer, &map);
            if (gst_pad_push(pad_, buffer) != GST_FLOW_OK)
                break;
            frames++;
        }
        return frames;
    }

    const Options options_;
    GstPad *pad_;
    GstBufferPool *pool_;
};

struct Measured {
    double perSecond;
    double cpu; // us for a buffer, everything on both sides
    double latency50;
    double latency95;
};

Measured summarize(const Options &options, uint64_t frames, uint64_t cpu, const std::vector<Counts> &counts)
{
    Measured measured{};
    for (const Counts &one : counts) {
        cpu += one.cpu;
        measured.latency50 = std::max(measured.latency50, static_cast<double>(one.latency50) / 1e3);
        measured.latency95 = std::max(measured.latency95, static_cast<double>(one.latency95) / 1e3);
        if (one.buffers + 64 < frames && options.rate == 0)
            std::fprintf(stderr, "only %lu of %lu arrived\n", one.buffers, frames);
    }
    measured.perSecond = static_cast<double>(frames) / options.seconds;
    measured.cpu = static_cast<double>(cpu) / 1e3 / static_cast<double>(std::max<uint64_t>(frames, 1));
    return measured;
}

Measured measureQueue(const Options &options)
{
    const std::string queue =
        "queue max-size-bytes=0 max-size-time=0 max-size-buffers=" + std::to_string(options.depth);
    std::string line = options.clients == 1 ? queue + " name=first ! " + endOf(0) : "tee name=first";
    for (unsigned client = 0; options.clients > 1 && client < options.clients; client++)
        line += " first. ! " + queue + " ! " + endOf(client);
    GstElement *pipeline = gst_pipeline_new(nullptr);
    GstElement *bin = launch(line);
    gst_bin_add(GST_BIN(pipeline), bin);
    std::vector<std::unique_ptr<Counter>> counters;
    for (unsigned client = 0; client < options.clients; client++) {
        counters.push_back(std::make_unique<Counter>(options.full));
        counters.back()->latencies.reserve(1 << 20);
        countAt(pipeline, counters.back().get(), "end" + std::to_string(client));
    }
    GstElement *first = gst_bin_get_by_name(GST_BIN(pipeline), "first");
    uint64_t frames;
    uint64_t cpu;
    {
        Producer producer(pipeline, first, options, false);
        cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        frames = producer.run();
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        gst_element_set_state(pipeline, GST_STATE_NULL);
    }
    gst_object_unref(first);
    gst_object_unref(pipeline);
    std::vector<Counts> counts;
    for (const auto &counter : counters)
        counts.push_back(counter->counts());
    cpu = static_cast<uint64_t>(static_cast<double>(cpu) * options.seconds / (options.seconds + 0.5));
    return summarize(options, frames, cpu, counts);
}

// A consumer's process: its pipeline until a signal, then its counts.
int consume(const std::string &source, bool full)
{
    GstElement *pipeline = launch(source + " ! " + endOf(0));
    Counter counter(full);
    counter.latencies.reserve(1 << 20);
    countAt(pipeline, &counter, "end0");
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &end, nullptr);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    const uint64_t before = now(CLOCK_PROCESS_CPUTIME_ID);
    int signal;
    sigwait(&end, &signal);
    Counts counts = counter.counts();
    counts.cpu = now(CLOCK_PROCESS_CPUTIME_ID) - before;
    const bool written = write(STDOUT_FILENO, &counts, sizeof counts) == sizeof counts;
    _exit(written ? 0 : 1);
}

Measured measureBoundary(const Options &options, const std::string &way)
{
    const std::string socket = freshSocket();
    std::string sink;
    std::string source;
    const bool ownMemory = way.ends_with("-copy");
    if (way.starts_with("shm")) {
        sink = "shmsink name=first sync=false async=false wait-for-connection=true shm-size=" +
               std::to_string((options.size + 65536) * (options.depth + 4)) + " socket-path=" + socket;
        source = "shmsrc is-live=false socket-path=" + socket;
    } else if (way.starts_with("unixfd")) {
        sink = "unixfdsink name=first sync=false async=false socket-path=" + socket;
        source = "unixfdsrc socket-path=" + socket;
    } else {
        sink = "sharedringsink name=first sync=false async=false slow-client=block max-buffers=" +
               std::to_string(options.depth) + " max-memory=" +
               std::to_string(std::max<size_t>(options.size * (options.depth * 4), 1 << 24)) +
               " socket=" + socket;
        source = "sharedringsrc is-live=false socket=" + socket;
    }
    GstElement *pipeline = gst_pipeline_new(nullptr);
    GstElement *first = launch(sink);
    gst_bin_add(GST_BIN(pipeline), first);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);

    struct Child {
        pid_t pid;
        int counts;
    };
    std::vector<Child> children;
    for (unsigned client = 0; client < options.clients; client++) {
        int fds[2];
        if (pipe(fds) != 0)
            std::exit(1);
        const pid_t pid = fork();
        if (pid == 0) {
            dup2(fds[1], STDOUT_FILENO);
            execl("/proc/self/exe", "benchmark-pair", "consume", source.c_str(),
                  options.full ? "full" : "header", nullptr);
            _exit(1);
        }
        close(fds[1]);
        children.push_back({pid, fds[0]});
    }
    const char *countProperty = way == "ring" ? "num-clients" : nullptr;
    for (guint here = 0; countProperty && here < options.clients;) {
        g_object_get(first, countProperty, &here, nullptr);
        usleep(1000);
    }
    uint64_t frames;
    uint64_t cpu;
    {
        Producer producer(pipeline, first, options, ownMemory);
        if (!countProperty)
            usleep(500000); // the others do not say how many are there
        cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        frames = producer.run();
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        std::vector<Counts> counts;
        usleep(50000);
        for (const Child &child : children) {
            kill(child.pid, SIGUSR1);
            Counts one;
            if (read(child.counts, &one, sizeof one) == sizeof one)
                counts.push_back(one);
            close(child.counts);
            waitpid(child.pid, nullptr, 0);
        }
        for (const Counts &one : counts)
            cpu += one.cpu;
        cpu = static_cast<uint64_t>(static_cast<double>(cpu) * options.seconds / (options.seconds + 0.5));
        for (Counts &one : counts)
            one.cpu = 0;
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(pipeline);
        unlink(socket.c_str());
        return summarize(options, frames, cpu, counts);
    }
}

bool setOption(Options &options, const std::string &name, const std::string &value)
{
    if (name == "ways")
        options.ways = split(value);
    else if (name == "size")
        options.size = countOf(value);
    else if (name == "depth")
        options.depth = static_cast<unsigned>(countOf(value));
    else if (name == "clients")
        options.clients = static_cast<unsigned>(countOf(value));
    else if (name == "touch")
        options.full = value == "full";
    else if (name == "rate")
        options.rate = numberOf(value);
    else if (name == "seconds")
        options.seconds = numberOf(value);
    else if (name == "rounds")
        options.rounds = static_cast<unsigned>(roundsOf(value));
    else
        return false;
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc == 4 && std::string(argv[1]) == "consume")
        return consume(argv[2], std::string(argv[3]) == "full");
    Options options;
    readOptions(argc, argv, kUsage, options, setOption);
    std::map<std::string, std::vector<Measured>> all;
    for (unsigned round = 0; round < options.rounds; round++) {
        for (const std::string &way : options.ways)
            all[way].push_back(way == "queue" ? measureQueue(options) : measureBoundary(options, way));
    }
    const auto medianOf = [&](const std::string &way, double Measured::*field) {
        std::vector<double> values;
        for (const Measured &one : all[way])
            values.push_back(one.*field);
        return median(values);
    };
    const std::string base = options.ways.front();
    std::printf("%zu bytes, depth %u, %u client(s), %s, medians of %u rounds; ratios to %s\n", options.size,
                options.depth, options.clients, options.full ? "full" : "header", options.rounds,
                base.c_str());
    for (const std::string &way : options.ways) {
        const double rate = medianOf(way, &Measured::perSecond);
        const double cpu = medianOf(way, &Measured::cpu);
        std::printf(
            "%-9s %9.0f buffers/s (%5.2f)  CPU %7.2f us (%5.2f)  latency p50 %7.1f us, p95 %7.1f us\n",
            way.c_str(), rate, rate / medianOf(base, &Measured::perSecond), cpu,
            cpu / medianOf(base, &Measured::cpu), medianOf(way, &Measured::latency50),
            medianOf(way, &Measured::latency95));
    }
    return 0;
}
