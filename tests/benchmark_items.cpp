// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How many items a second go from one thread to another of the same process: the ring beside one that does
// not check, and boost's.
//
//     benchmark-items [OPTION=VALUE...]
//
// Each thread has a processor of its own. Nobody sleeps: who finds the queue full or empty tries again.
#include "benchmark_measure.h"
#include "benchmark_minimal_ring.h"
#include "benchmark_packet.h"
#include "benchmark_result.h"

#include "ringcore/ring.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#ifdef BENCHMARK_BOOST
#include <boost/lockfree/spsc_queue.hpp>
#endif

using namespace benchmark;
using ringcore::Receiver;
using ringcore::Sender;

namespace
{

constexpr uint32_t kCapacity = 4096;
constexpr uint32_t kBatch = 64;

constexpr const char *kUsage = R"(benchmark-items [OPTION=VALUE...]
    items=16777216      of 8 bytes, in each measurement
    rounds=9            interleaved; medians are printed
ring: Sender and Receiver, each side writes only its own memory; minimal: indices and nothing else;
)"
#ifdef BENCHMARK_BOOST
                               "boost: boost::lockfree::spsc_queue\n";
#else
                               "boost: not built in, for it was missing (Debian: libboost-dev)\n";
#endif

struct Options {
    uint64_t items = 16777216;
    uint64_t rounds = 9;
};

// ---- the queues. A side is on cache lines of its own; push() and pop() return how many were moved.

constexpr size_t kApart = 128;

struct RingQueue {
    RingQueue()
        : out{orExit(Sender<Word>::create(kCapacity))}, in{orExit(Receiver<Word>::open(
                                                            kCapacity, orExit(out.ring.takeFdsForPeer())))}
    {
    }

    struct alignas(kApart) Out {
        bool push(Word item) { return orExit(ring.send(item)); }
        size_t push(std::span<const Word> items) { return orExit(ring.send(items)); }
        Sender<Word> ring;
    };
    struct alignas(kApart) In {
        bool pop(Word &item)
        {
            const auto received = orExit(ring.receive());
            if (received)
                item = *received;
            return received.has_value();
        }
        size_t pop(std::span<Word> items) { return orExit(ring.receive(items)); }
        Receiver<Word> ring;
    };

    Out out;
    In in;
};

struct MinimalQueue {
    struct alignas(kApart) Out {
        bool push(Word item) { return push(std::span<const Word>(&item, 1)); }
        size_t push(std::span<const Word> items)
        {
            const auto places = ring.places(static_cast<uint32_t>(items.size()));
            if (places.empty())
                return 0;
            std::copy_n(items.begin(), places.size(), places.begin());
            ring.publish(static_cast<uint32_t>(places.size()));
            return places.size();
        }
        MinimalSender ring;
    };
    struct alignas(kApart) In {
        bool pop(Word &item) { return pop(std::span(&item, 1)); }
        size_t pop(std::span<Word> into)
        {
            const auto items = ring.items(static_cast<uint32_t>(into.size()));
            if (items.empty())
                return 0;
            std::copy(items.begin(), items.end(), into.begin());
            ring.consume(static_cast<uint32_t>(items.size()));
            return items.size();
        }
        MinimalReceiver ring;
    };

    Words memory = Words(kCapacity);
    MinimalCursors cursors;
    Out out{MinimalSender(cursors, memory)};
    In in{MinimalReceiver(cursors, memory)};
};

#ifdef BENCHMARK_BOOST
struct BoostQueue {
    using Queue = boost::lockfree::spsc_queue<Word, boost::lockfree::capacity<kCapacity>>;
    struct alignas(kApart) Out {
        bool push(Word item) { return queue.push(item); }
        size_t push(std::span<const Word> items) { return queue.push(items.data(), items.size()); }
        Queue &queue;
    };
    struct alignas(kApart) In {
        bool pop(Word &item) { return queue.pop(item); }
        size_t pop(std::span<Word> items) { return queue.pop(items.data(), items.size()); }
        Queue &queue;
    };

    alignas(kApart) Queue queue;
    Out out{queue};
    In in{queue};
};
#endif

// ---- the loops, the same for all. They begin at a cache line, so that none is faster for where it lies.

template <typename Out>
[[gnu::noinline, gnu::aligned(64)]] void sendSingly(Out &out, uint64_t items)
{
    for (Word item = 0; item < items; item++) {
        while (!out.push(item)) {
        }
    }
}

template <typename In>
[[gnu::noinline, gnu::aligned(64)]] Word receiveSingly(In &in, uint64_t items)
{
    Word total = 0;
    Word item = 0;
    for (uint64_t received = 0; received < items; received++) {
        while (!in.pop(item)) {
        }
        total += item;
    }
    return total;
}

template <typename Out>
[[gnu::noinline, gnu::aligned(64)]] void sendBatches(Out &out, uint64_t items)
{
    std::array<Word, kBatch> batch;
    for (Word first = 0; first < items; first += kBatch) {
        std::iota(batch.begin(), batch.end(), first);
        for (std::span<const Word> left = batch; !left.empty();)
            left = left.subspan(out.push(left));
    }
}

template <typename In>
[[gnu::noinline, gnu::aligned(64)]] Word receiveBatches(In &in, uint64_t items)
{
    std::array<Word, kBatch> batch;
    Word total = 0;
    for (uint64_t received = 0; received < items;) {
        const size_t count = in.pop(std::span(batch));
        total = std::accumulate(batch.begin(), batch.begin() + static_cast<ptrdiff_t>(count), total);
        received += count;
    }
    return total;
}

// ---- measuring

// Millions of items a second.
template <typename Queue, typename Send, typename Receive>
double measure(uint64_t items, Send &&send, Receive &&receive)
{
    Queue queue;
    std::atomic<bool> there{false};
    Word total = 0;
    std::thread receiver([&] {
        pin(1);
        there.store(true, std::memory_order_release);
        total = receive(queue.in, items);
    });
    while (!there.load(std::memory_order_acquire)) {
    }
    const uint64_t begun = now();
    send(queue.out, items);
    receiver.join();
    const double seconds = secondsSince(begun);
    if (total != items * (items - 1) / 2)
        fail("not all items arrived");
    return static_cast<double>(items) / seconds / 1e6;
}

struct Rates {
    std::string name;
    std::vector<double> single{};
    std::vector<double> batches{};
};

template <typename Queue>
void measureBoth(Rates &rates, uint64_t items)
{
    rates.single.push_back(
        measure<Queue>(items, sendSingly<decltype(Queue::out)>, receiveSingly<decltype(Queue::in)>));
    rates.batches.push_back(
        measure<Queue>(items, sendBatches<decltype(Queue::out)>, receiveBatches<decltype(Queue::in)>));
}

bool setOption(Options &options, const std::string &name, const std::string &value)
{
    if (name == "items")
        options.items = std::max<uint64_t>(countOf(value) / kBatch, 1) * kBatch;
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
    pin(0);
    Rates ring{"ring"};
    Rates minimal{"minimal"};
    std::vector<const Rates *> all{&ring, &minimal};
#ifdef BENCHMARK_BOOST
    Rates boost{"boost"};
    all.push_back(&boost);
#endif
    for (uint64_t round = 0; round < options.rounds; round++) {
        measureBoth<RingQueue>(ring, options.items);
        measureBoth<MinimalQueue>(minimal, options.items);
#ifdef BENCHMARK_BOOST
        measureBoth<BoostQueue>(boost, options.items);
#endif
    }

    const Rates &base = *all.back();
    std::printf("Millions of items of 8 bytes a second, medians of %lu rounds (ratio to %s)\n%-8s%18s%18s\n",
                options.rounds, base.name.c_str(), "", "one at a time",
                ("batches of " + std::to_string(kBatch)).c_str());
    for (const Rates *rates : all) {
        const double single = median(rates->single);
        const double batches = median(rates->batches);
        std::printf("%-8s%10.1f (%5.2f)%10.1f (%5.2f)\n", rates->name.c_str(), single,
                    single / median(base.single), batches, batches / median(base.batches));
    }
#ifndef BENCHMARK_BOOST
    std::printf("boost: not built in, for it was missing (Debian: libboost-dev)\n");
#endif
}
