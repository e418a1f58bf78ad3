// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long a word is under way from one process to another: half of a round trip over two rings, beside two
// bare words in shared memory.
//
//     benchmark-latency [OPTION=VALUE...]
//
// Awake: both sides poll. Asleep: each side pauses before it sends, by which time the other one sleeps; the
// pauses are taken off. There a bare word is a futex.
#include "benchmark_measure.h"
#include "benchmark_packet.h"
#include "benchmark_result.h"

#include "ringcore/ring.h"

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdio>
#include <ctime>
#include <linux/futex.h>
#include <new>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace benchmark;
using namespace ringcore;

namespace
{

constexpr const char *kUsage = R"(benchmark-latency [OPTION=VALUE...]
    awake=100000        round trips of each measurement while both sides poll
    asleep=300          and with both sides asleep
    pause=1             ms before each is sent when the other side is to sleep
    rounds=5            interleaved; medians are printed
)";

struct Options {
    uint64_t awake = 100000;
    uint64_t asleep = 300;
    double pause = 1;
    uint64_t rounds = 5;
};

// Memory of both processes, all zeros.
void *sharedMemory(size_t bytes)
{
    void *memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        systemFailed("mmap");
    return memory;
}

// ---- two ways there and back. They are made before the fork; each process then takes its end, which has
// ---- give(word) and take().

enum class Waiting { Awake, Asleep };

template <Waiting How>
class RingLink
{
public:
    struct End {
        void give(uint32_t word)
        {
            if (!orExit(out.send(word)))
                fail("a ring that should be empty is full");
        }
        uint32_t take()
        {
            for (;;) {
                if constexpr (How == Waiting::Asleep) {
                    if (orExit(in.waitForItems()) == Wake::PeerGone)
                        fail("the other process is gone");
                }
                if (const auto word = orExit(in.receive()))
                    return *word;
            }
        }
        Sender<uint32_t> out;
        Receiver<uint32_t> in;
    };

    End first()
    {
        fdsThere_.clear();
        fdsBack_.clear();
        return {std::move(there_), std::move(back_)};
    }
    End second()
    {
        return {orExit(Sender<uint32_t>::open(kCapacity, std::move(fdsBack_))),
                orExit(Receiver<uint32_t>::open(kCapacity, std::move(fdsThere_)))};
    }

private:
    static constexpr uint32_t kCapacity = 64;
    Sender<uint32_t> there_ = orExit(Sender<uint32_t>::create(kCapacity));
    Receiver<uint32_t> back_ = orExit(Receiver<uint32_t>::create(kCapacity));
    std::vector<UniqueFd> fdsThere_ = orExit(there_.takeFdsForPeer());
    std::vector<UniqueFd> fdsBack_ = orExit(back_.takeFdsForPeer());
};

// The words that are given are not 0, and each is another one than that before.
template <Waiting How>
class WordLink
{
    struct Words {
        alignas(128) std::atomic<uint32_t> there{0};
        alignas(128) std::atomic<uint32_t> back{0};
    };

public:
    struct End {
        void give(uint32_t word)
        {
            out.store(word, std::memory_order_release);
            if constexpr (How == Waiting::Asleep)
                ::syscall(SYS_futex, &out, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
        }
        uint32_t take()
        {
            uint32_t word;
            while ((word = in.load(std::memory_order_acquire)) == taken) {
                if constexpr (How == Waiting::Asleep)
                    ::syscall(SYS_futex, &in, FUTEX_WAIT, taken, nullptr, nullptr, 0);
            }
            return taken = word;
        }
        std::atomic<uint32_t> &out;
        std::atomic<uint32_t> &in;
        uint32_t taken = 0;
    };

    WordLink() : words_(new (sharedMemory(sizeof(Words))) Words) {}
    ~WordLink() { ::munmap(words_, sizeof(Words)); }
    WordLink(const WordLink &) = delete;
    WordLink &operator=(const WordLink &) = delete;

    End first() { return {words_->there, words_->back}; }
    End second() { return {words_->back, words_->there}; }

private:
    Words *words_;
};

// ---- measuring

void pauseFor(uint64_t nanoseconds)
{
    if (nanoseconds == 0)
        return;
    const timespec time{0, static_cast<long>(nanoseconds)};
    ::nanosleep(&time, nullptr);
}

struct Trips {
    uint32_t count;
    uint64_t pause; // ns, before each word
};

// Gives back what comes. `held`: how long it had each, ns.
template <typename End>
void answer(End end, const Trips &trips, std::span<uint64_t> held)
{
    for (uint32_t number = 1; number <= trips.count; number++) {
        if (end.take() != number)
            fail("another word arrived than was sent");
        if (trips.pause) {
            const uint64_t taken = now();
            pauseFor(trips.pause);
            held[number - 1] = now() - taken;
        }
        end.give(number);
    }
}

// How long each round trip took, ns.
template <typename End>
std::vector<uint64_t> ask(End end, const Trips &trips)
{
    std::vector<uint64_t> took(trips.count);
    for (uint32_t number = 1; number <= trips.count; number++) {
        pauseFor(trips.pause);
        const uint64_t begun = now();
        end.give(number);
        if (end.take() != number)
            fail("another word came back than was sent");
        took[number - 1] = now() - begun;
    }
    return took;
}

struct Latency {
    std::string name;
    std::vector<double> p50{}; // us, of each round
    std::vector<double> p99{};
};

template <typename Link>
void measure(Latency &latency, const Trips &trips)
{
    const size_t bytes = trips.count * sizeof(uint64_t);
    const std::span held(static_cast<uint64_t *>(sharedMemory(bytes)), trips.count);
    Link link;
    const pid_t child = ::fork();
    if (child < 0)
        systemFailed("fork");
    if (child == 0) {
        pin(1);
        answer(link.second(), trips, held);
        ::_exit(0);
    }
    const auto took = ask(link.first(), trips);
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0)
        fail(latency.name + ": the other process failed");
    std::vector<double> oneWay;
    for (uint32_t i = 0; i < trips.count; i++)
        oneWay.push_back(static_cast<double>(took[i] - held[i]) / 2e3);
    ::munmap(held.data(), bytes);
    latency.p50.push_back(median(oneWay));
    latency.p99.push_back(quantile(std::move(oneWay), 0.99));
}

void print(const char *how, const Latency &ring, const Latency &bare)
{
    for (const Latency *one : {&ring, &bare})
        std::printf("%-8s%-8s%10.3f%10.3f\n", how, one->name.c_str(), median(one->p50), median(one->p99));
    std::printf("%-8s%-8s%10.2f%10.2f\n", how, "ratio", median(ring.p50) / median(bare.p50),
                median(ring.p99) / median(bare.p99));
}

bool setOption(Options &options, const std::string &name, const std::string &value)
{
    if (name == "awake")
        options.awake = std::max<uint64_t>(countOf(value), 1);
    else if (name == "asleep")
        options.asleep = std::max<uint64_t>(countOf(value), 1);
    else if (name == "pause")
        options.pause = std::clamp(numberOf(value), 0.0, 999.0);
    else if (name == "rounds")
        options.rounds = roundsOf(value);
    else
        return false;
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    Options options;
    readOptions(argc, argv, kUsage, options, setOption);
    const Trips awake{static_cast<uint32_t>(options.awake), 0};
    const Trips asleep{static_cast<uint32_t>(options.asleep), static_cast<uint64_t>(options.pause * 1e6)};
    pin(0);
    Latency ringAwake{"ring"};
    Latency wordAwake{"word"};
    Latency ringAsleep{"ring"};
    Latency futexAsleep{"futex"};
    for (uint64_t round = 0; round < options.rounds; round++) {
        measure<RingLink<Waiting::Awake>>(ringAwake, awake);
        measure<WordLink<Waiting::Awake>>(wordAwake, awake);
        measure<RingLink<Waiting::Asleep>>(ringAsleep, asleep);
        measure<WordLink<Waiting::Asleep>>(futexAsleep, asleep);
    }
    std::printf("One way, us, medians of %lu rounds\n%16s%10s%10s\n", options.rounds, "", "p50", "p99");
    print("awake", ringAwake, wordAwake);
    print("asleep", ringAsleep, futexAsleep);
}
