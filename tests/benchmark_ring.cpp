// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How fast packets go from one process to another: the ring beside what else there is.
//
//     benchmark-ring [OPTION=VALUE...]
//
// Two processes on two processors. One fills every byte of a packet, the other one sums them up.
// All ways take turns, and medians are printed.
#include "benchmark_measure.h"
#include "benchmark_packet.h"
#include "benchmark_way.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace benchmark;
using ringcore::Exposure;

namespace
{

#ifdef BENCHMARK_DBUS
#define DBUS_WAY ",dbus"
#define DBUS_NOTE "dbus: signals of sd-bus over a socket, without a bus daemon\n"
#else
#define DBUS_WAY
#define DBUS_NOTE "dbus: not built in, for libsystemd was missing (Debian: libsystemd-dev)\n"
#endif

constexpr const char *kWays = "ring,shared,minimal,unix,seqpacket,pipe" DBUS_WAY ",memcpy";
constexpr const char *kSizes = "16,64,256,1024,4096,16384,65536,262144,1048576,4194304,16777216";
const std::string kUsage = std::string("benchmark-ring [OPTION=VALUE...]\n    ways=") + kWays +
                           "   what to compare\n    sizes=" + kSizes +
                           R"(
                        bytes of a packet: powers of two
    depth=0             packets that the ring holds; 0: 1 MiB, and four packets at least
    seconds=0.2         of each measurement
    rounds=5            interleaved; medians are printed
    format=table        or csv: packet bytes, way, GB/s, CPU seconds per GB
ring: each side writes only its own memory; shared: Exposure::Shared; minimal: indices and nothing else
)" DBUS_NOTE;

struct Options {
    std::vector<std::string> ways = split(kWays);
    std::vector<size_t> sizes;
    size_t depth = 0;
    double seconds = 0.2;
    uint64_t rounds = 5;
    bool csv = false;
};

struct Measured {
    double gigabytesPerSecond;
    double cpuSecondsPerGigabyte;
};

// ---- what bounds all ways

// Calls step(), which moves `bytes`, for so long; in this process alone.
template <typename Step>
Measured measureAlone(size_t bytes, double seconds, Step &&step)
{
    const uint64_t cpuBefore = now(CLOCK_PROCESS_CPUTIME_ID);
    const uint64_t begun = now();
    const int atOnce = bytes < 4096 ? 4096 : 64;
    size_t moved = 0;
    while (secondsSince(begun) < seconds) {
        for (int i = 0; i < atOnce; i++, moved += bytes) {
            step(moved);
            __asm__ volatile("" ::: "memory");
        }
    }
    const double gigabytes = static_cast<double>(moved) / 1e9;
    return {gigabytes / secondsSince(begun), secondsSince(cpuBefore, CLOCK_PROCESS_CPUTIME_ID) / gigabytes};
}

// One process copies from one place to another: the limit for who moves bytes.
Measured measureMemcpy(size_t bytes, double seconds)
{
    const size_t size = std::max<size_t>(bytes * 4, 1 << 20);
    const Words from(size / sizeof(Word), 1);
    Words to(from.size());
    return measureAlone(bytes, seconds, [&](size_t moved) {
        const size_t at = moved % size / sizeof(Word);
        std::memcpy(&to[at], &from[at], bytes);
    });
}

constexpr size_t kMebibyte = size_t{1} << 20;

double measureFill(double seconds)
{
    Words memory(kMebibyte / sizeof(Word));
    return measureAlone(kMebibyte, seconds, [&](size_t moved) { fill(memory, moved); }).gigabytesPerSecond;
}

double measureSum(double seconds)
{
    const Words memory(kMebibyte / sizeof(Word), 1);
    return measureAlone(kMebibyte, seconds,
                        [&](size_t) {
                            if (sum(memory) != memory.size())
                                fail("sum: a wrong one");
                        })
        .gigabytesPerSecond;
}

struct Crossing {
    double fill; // GB/s
    double sum;
};

// A MiB that one processor fills and then another one sums up, in turns: what it costs to have the memory
// that the other one had, and nothing else.
Crossing measureCrossing(double seconds)
{
    Words memory(kMebibyte / sizeof(Word));
    std::atomic<Word> turn{0}; // odd: it is filled with this number
    std::atomic<bool> ended{false};
    double summing = 0;
    std::thread other([&] {
        pin(1);
        for (Word number = 1;; number += 2) {
            while (turn.load(std::memory_order_acquire) != number) {
                if (ended.load(std::memory_order_acquire))
                    return;
            }
            const uint64_t begun = now();
            if (sum(memory) != number * memory.size())
                fail("crossing: not all bytes arrived");
            summing += secondsSince(begun);
            turn.store(number + 1, std::memory_order_release);
        }
    });
    double filling = 0;
    Word number = 1;
    for (const uint64_t begun = now(); secondsSince(begun) < seconds; number += 2) {
        const uint64_t filledFrom = now();
        fill(memory, number);
        filling += secondsSince(filledFrom);
        turn.store(number, std::memory_order_release);
        while (turn.load(std::memory_order_acquire) == number) {
        }
    }
    ended.store(true, std::memory_order_release);
    other.join();
    const double gigabytes = static_cast<double>(number / 2) * kMebibyte / 1e9;
    return {gigabytes / filling, gigabytes / summing};
}

void printLimits(const Options &options)
{
    std::vector<double> fills;
    std::vector<double> sums;
    std::vector<double> crossingFills;
    std::vector<double> crossingSums;
    for (uint64_t round = 0; round < options.rounds; round++) {
        fills.push_back(measureFill(options.seconds));
        sums.push_back(measureSum(options.seconds));
        const Crossing crossing = measureCrossing(options.seconds);
        crossingFills.push_back(crossing.fill);
        crossingSums.push_back(crossing.sum);
    }
    std::printf("# 1 MiB of one processor alone: filled at %.2f GB/s, summed up at %.2f\n", median(fills),
                median(sums));
    std::printf("# 1 MiB that another processor had last: filled at %.2f GB/s, summed up at %.2f\n",
                median(crossingFills), median(crossingSums));
}

// ---- the ways

std::unique_ptr<Way> make(const std::string &name, size_t bytes, size_t depth)
{
    const auto words = static_cast<uint32_t>(bytes / sizeof(Word));
    const size_t inRing = depth ? depth * words : std::max(kMebibyte / sizeof(Word), size_t{4} * words);
    const auto capacity = static_cast<uint32_t>(std::bit_ceil(inRing));
    if (name == "ring")
        return ringWay(words, capacity, Exposure::SingleWriter);
    if (name == "shared")
        return ringWay(words, capacity, Exposure::Shared);
    if (name == "minimal")
        return minimalWay(words, capacity);
    if (name == "unix")
        return fdWay(words, FdKind::Stream);
    if (name == "seqpacket")
        return fdWay(words, FdKind::Packets);
    if (name == "pipe")
        return fdWay(words, FdKind::Pipe);
#ifdef BENCHMARK_DBUS
    if (name == "dbus")
        return dbusWay(words);
#endif
    std::fprintf(stderr, "no such way: %s\n", name.c_str());
    explain(kUsage, false);
}

// What the receiving process tells when it has the last packet.
struct Received {
    Word sum;
    double cpuSeconds;
};

// Sums up all packets in a process of its own. Its CPU counts from the first one on: by then all is set up.
Received receiveAll(Way &way)
{
    pin(1);
    const auto receiving = way.receiving();
    bool last = false;
    Received received{receiving->receive(last), 0};
    const uint64_t cpuBefore = now(CLOCK_PROCESS_CPUTIME_ID);
    while (!last)
        received.sum += receiving->receive(last);
    received.cpuSeconds = secondsSince(cpuBefore, CLOCK_PROCESS_CPUTIME_ID);
    return received;
}

Measured measureWay(const std::string &name, size_t bytes, const Options &options)
{
    const auto way = make(name, bytes, options.depth);
    int told[2];
    if (::pipe(told) != 0)
        systemFailed("pipe");
    const pid_t child = ::fork();
    if (child < 0)
        systemFailed("fork");
    if (child == 0) {
        const Received received = receiveAll(*way);
        ::_exit(::write(told[1], &received, sizeof received) == sizeof received ? 0 : 1);
    }
    ::close(told[1]);
    const auto sending = way->sending();
    sending->send(1); // the other side is there, and everything is warm, when the clock starts
    const uint64_t cpuBefore = now(CLOCK_PROCESS_CPUTIME_ID);
    const uint64_t begun = now();
    Word packets = 0;
    do {
        for (int i = 0; i < 16; i++)
            sending->send(++packets);
    } while (secondsSince(begun) < options.seconds);
    sending->send(kLast);
    Received received;
    if (::read(told[0], &received, sizeof received) != sizeof received)
        fail(name + ": the receiving process failed");
    const double seconds = secondsSince(begun);
    const double cpu = secondsSince(cpuBefore, CLOCK_PROCESS_CPUTIME_ID) + received.cpuSeconds;
    ::close(told[0]);
    ::waitpid(child, nullptr, 0);
    if (received.sum != bytes / sizeof(Word) * (1 + packets * (packets + 1) / 2 + kLast))
        fail(name + ": not all bytes arrived");
    const double gigabytes = static_cast<double>(packets) * static_cast<double>(bytes) / 1e9;
    return {gigabytes / seconds, cpu / gigabytes};
}

Measured measure(const std::string &name, size_t bytes, const Options &options)
{
    return name == "memcpy" ? measureMemcpy(bytes, options.seconds) : measureWay(name, bytes, options);
}

void printSize(size_t bytes, const Options &options)
{
    std::map<std::string, std::vector<double>> rates;
    std::map<std::string, std::vector<double>> cpus;
    for (uint64_t round = 0; round < options.rounds; round++) {
        for (const std::string &way : options.ways) {
            const Measured measured = measure(way, bytes, options);
            rates[way].push_back(measured.gigabytesPerSecond);
            cpus[way].push_back(measured.cpuSecondsPerGigabyte);
        }
    }
    if (!options.csv)
        std::printf("%10zu", bytes);
    for (const std::string &way : options.ways) {
        const double rate = median(rates[way]);
        const double cpu = median(cpus[way]);
        if (options.csv)
            std::printf("%zu,%s,%.4f,%.4f\n", bytes, way.c_str(), rate, cpu);
        else
            std::printf("  %7.3f (%6.2f)", rate, cpu);
    }
    if (!options.csv)
        std::printf("\n");
    std::fflush(stdout);
}

std::vector<size_t> sizesOf(const std::string &list)
{
    std::vector<size_t> sizes;
    for (const std::string &size : split(list))
        sizes.push_back(std::bit_floor(std::max<size_t>(countOf(size), sizeof(Word))));
    return sizes;
}

bool setOption(Options &options, const std::string &name, const std::string &value)
{
    if (name == "ways")
        options.ways = split(value);
    else if (name == "sizes")
        options.sizes = sizesOf(value);
    else if (name == "depth")
        options.depth = countOf(value);
    else if (name == "seconds")
        options.seconds = numberOf(value);
    else if (name == "rounds")
        options.rounds = roundsOf(value);
    else if (name == "format")
        options.csv = value == "csv";
    else
        return false;
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    Options options;
    options.sizes = sizesOf(kSizes);
    readOptions(argc, argv, kUsage, options, setOption);
    pin(0);
    printLimits(options);
    std::printf("# GB/s (CPU seconds of both sides for a GB), medians of %lu rounds\n", options.rounds);
    if (!options.csv) {
        std::printf("%10s", "packet");
        for (const std::string &way : options.ways)
            std::printf("%18s", way.c_str());
        std::printf("\n");
    }
    std::fflush(stdout);
    for (const size_t bytes : options.sizes)
        printSize(bytes, options);
}
