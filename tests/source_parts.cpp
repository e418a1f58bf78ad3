// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The small parts of the source: wrapped memory, what was told already, and what time it is.
#include "hostile_producer.h"
#include "plugin/clock_bridge.h"
#include "plugin/ring_memory.h"
#include "plugin/source_port.h"
#include "plugin/sticky_memory.h"
#include "ringcore/memory_budget.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

using namespace sharedring;
using ringcore::Connection;
using ringcore::MemoryBudget;

namespace
{

// A connection without a socket, whose producer is at hand.
struct Held {
    HostileProducer producer{ringcore::UniqueFd()};
    std::shared_ptr<MemoryBudget> budget = std::make_shared<MemoryBudget>();
    std::shared_ptr<Connection> connection =
        Connection::create(producer.welcome, producer.goodFds(),
                           std::move(*MemoryBudget::take(budget, HostileProducer::kArenaBytes, UINT64_MAX)))
            .value();

    MemoryOwner wrap(uint32_t slot, uint64_t offset, uint64_t size)
    {
        return wrapPayload(connection->arena().block(offset, size).value(),
                           ringcore::Lease(connection, slot, 1, size));
    }
    bool givenBack(uint32_t slot) { return producer.page().generations[slot].load() == 1; }
};

} // namespace

// ---- RingMemory

TEST(RingMemory, IsReadWhereItLiesAndGivenBackAtTheEnd)
{
    Held held;
    std::memset(held.producer.at(4096), 7, 1000);
    MemoryOwner memory = held.wrap(2, 4096, 1000);
    EXPECT_TRUE(isWrappedPayload(memory.get()));
    EXPECT_TRUE(GST_MEMORY_IS_READONLY(memory.get()));
    GstMapInfo map;
    ASSERT_TRUE(gst_memory_map(memory.get(), &map, GST_MAP_READ));
    EXPECT_EQ(map.size, 1000u);
    EXPECT_EQ(map.data[999], 7);
    std::memset(held.producer.at(4096), 8, 1000); // no copy
    EXPECT_EQ(map.data[999], 8);
    gst_memory_unmap(memory.get(), &map);
    EXPECT_FALSE(held.givenBack(2));
    std::thread([&] { memory.reset(); }).join();
    EXPECT_TRUE(held.givenBack(2));
}

TEST(RingMemory, CannotBeMappedForWriting)
{
    Held held;
    const MemoryOwner memory = held.wrap(0, 0, 100);
    GstMapInfo map;
    EXPECT_FALSE(gst_memory_map(memory.get(), &map, GST_MAP_WRITE));
    EXPECT_FALSE(gst_memory_map(memory.get(), &map, GST_MAP_READWRITE));
    const BufferOwner buffer(gst_buffer_new());
    gst_buffer_append_memory(buffer.get(), gst_memory_ref(memory.get()));
    // A buffer makes itself a copy to write into, and the payload stays as it is.
    ASSERT_TRUE(gst_buffer_map(buffer.get(), &map, GST_MAP_WRITE));
    std::memset(map.data, 1, map.size);
    gst_buffer_unmap(buffer.get(), &map);
    EXPECT_EQ(*held.producer.at(50), std::byte{0});
}

TEST(RingMemory, PartsHoldTheWhole)
{
    Held held;
    for (int i = 0; i < 100; i++)
        *held.producer.at(static_cast<uint64_t>(i)) = static_cast<std::byte>(i);
    MemoryOwner memory = held.wrap(5, 0, 100);
    MemoryOwner part(gst_memory_share(memory.get(), 10, 50));
    memory.reset();
    MemoryOwner partOfPart(gst_memory_share(part.get(), 20, -1));
    part.reset();
    EXPECT_FALSE(held.givenBack(5));
    GstMapInfo map;
    ASSERT_TRUE(gst_memory_map(partOfPart.get(), &map, GST_MAP_READ));
    EXPECT_EQ(map.size, 30u);
    EXPECT_EQ(map.data[0], 30);
    EXPECT_EQ(map.data[29], 59);
    gst_memory_unmap(partOfPart.get(), &map);
    EXPECT_TRUE(GST_MEMORY_IS_READONLY(partOfPart.get()));
    partOfPart.reset();
    EXPECT_TRUE(held.givenBack(5));
}

TEST(RingMemory, ACopyIsOfItsOwn)
{
    Held held;
    std::memset(held.producer.at(0), 3, 100);
    MemoryOwner memory = held.wrap(1, 0, 100);
    const MemoryOwner copy(gst_memory_copy(memory.get(), 10, 20));
    memory.reset();
    EXPECT_TRUE(held.givenBack(1));
    EXPECT_FALSE(isWrappedPayload(copy.get()));
    GstMapInfo map;
    ASSERT_TRUE(gst_memory_map(copy.get(), &map, GST_MAP_READWRITE));
    EXPECT_EQ(map.size, 20u);
    EXPECT_EQ(map.data[0], 3);
    gst_memory_unmap(copy.get(), &map);
}

TEST(RingMemory, OutlivesTheConnection)
{
    Held held;
    std::memset(held.producer.at(0), 4, 100);
    MemoryOwner memory = held.wrap(0, 0, 100);
    held.connection.reset();
    EXPECT_EQ(held.budget->taken(), HostileProducer::kArenaBytes);
    GstMapInfo map;
    ASSERT_TRUE(gst_memory_map(memory.get(), &map, GST_MAP_READ));
    EXPECT_EQ(map.data[99], 4);
    gst_memory_unmap(memory.get(), &map);
    memory.reset();
    EXPECT_EQ(held.budget->taken(), 0u);
}

// ---- StickyMemory

TEST(StickyMemory, SkipsOnlyAReplayOfWhatWasPushedLast)
{
    using Verdict = StickyMemory::Verdict;
    StickyMemory sticky;
    const std::vector<std::byte> one{std::byte{1}};
    const std::vector<std::byte> two{std::byte{2}};
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", one, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", one, true), Verdict::Skip);
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", one, false), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Segment, "", one, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", two, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", one, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Tag, "stream", one, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Tag, "global", one, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Tag, "stream", one, true), Verdict::Skip);
    sticky.forget(WireEvent::Tag);
    EXPECT_EQ(sticky.consider(WireEvent::Tag, "stream", one, true), Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", one, true), Verdict::Skip);
    sticky.forgetAll();
    EXPECT_EQ(sticky.consider(WireEvent::Caps, "", one, true), Verdict::Push);
}

TEST(StickyMemory, BoundsTheNamesThatPadsKeep)
{
    using Verdict = StickyMemory::Verdict;
    StickyMemory sticky;
    for (size_t i = 0; i < StickyMemory::kMaxNames; i++)
        EXPECT_EQ(sticky.consider(WireEvent::CustomDownstreamSticky, std::to_string(i), {}, false),
                  Verdict::Push);
    EXPECT_EQ(sticky.consider(WireEvent::CustomDownstreamSticky, "one more", {}, false), Verdict::TooMany);
    EXPECT_EQ(sticky.consider(WireEvent::CustomDownstreamSticky, "0", {}, false), Verdict::Push);
}

// ---- ClockBridge

TEST(SourceCounters, TakeNoStampOfAProducerForMoreThanAClaim)
{
    SourceCounters counters;
    constexpr uint64_t kNow = 3'000'000'000'000;
    counters.countLatency(kNow, kNow);
    counters.countLatency(kNow - 5000, kNow);
    counters.countLatency(0, kNow); // long ago, or no time at all
    counters.countLatency(0, UINT64_MAX);
    EXPECT_EQ(counters.latencies[0], 1u);
    EXPECT_EQ(counters.latencies[3], 1u);
    EXPECT_EQ(counters.latencies[ringcore::kLatencyClasses - 1], 2u);
    EXPECT_EQ(counters.stampsRefused, 0u);
    counters.countLatency(kNow + 1, kNow); // to come
    counters.countLatency(UINT64_MAX, 0);
    EXPECT_EQ(counters.stampsRefused, 2u);
    EXPECT_EQ(counters.latencies[0], 1u);
}

TEST(ClockBridge, TheSystemClockIsTheMonotonicOne)
{
    ClockBridge bridge;
    const ObjectOwner<GstClock> clock(gst_system_clock_obtain());
    EXPECT_EQ(bridge.toMonotonic(clock.get()), 0);
    EXPECT_LT(std::llabs(static_cast<int64_t>(gst_clock_get_time(clock.get())) - monotonicNow()),
              INT64_C(1000000000));
}

TEST(ClockBridge, OtherClocksAreSampled)
{
    const ObjectOwner<GstClock> clock(
        GST_CLOCK(g_object_new(GST_TYPE_SYSTEM_CLOCK, "clock-type", GST_CLOCK_TYPE_REALTIME, nullptr)));
    ClockBridge bridge;
    const int64_t offset = bridge.toMonotonic(clock.get());
    const int64_t error = static_cast<int64_t>(gst_clock_get_time(clock.get())) + offset - monotonicNow();
    EXPECT_LT(std::llabs(error), INT64_C(100000000));
    EXPECT_NE(offset, 0);
}
