// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ring of items: order and conservation between two threads over one mapping (so that
// ThreadSanitizer sees both sides), the ends of the ring and of its cursors, and cursors that lie.
#include "ringcore/item_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <thread>
#include <vector>

using namespace ringcore;

namespace
{

struct Ring {
    std::vector<uint64_t> places;
    std::atomic<uint32_t> sent;
    std::atomic<uint32_t> received;
    ItemWriter<uint64_t> writer;
    ItemReader<uint64_t> reader;

    explicit Ring(uint32_t capacity, uint32_t start = 0)
        : places(capacity), sent(start), received(start), writer(places, start, start), reader(places, start)
    {
    }

    // Writes `count` items from `first` on, for which there is room.
    void write(uint32_t count, uint64_t first = 0)
    {
        ASSERT_GE(writer.room(received, count).value(), count);
        const auto parts = writer.places(count);
        for (size_t i = 0; i < parts.size(); i++)
            parts[i] = first + i;
        writer.publish(sent, count);
    }
    void read(uint32_t count)
    {
        ASSERT_GE(reader.available(sent, count).value(), count);
        reader.consume(received, count);
    }
};

PeerFault faultOf(const auto &result)
{
    if (result)
        return {};
    const auto *fault = std::get_if<PeerFault>(&result.error());
    return fault ? *fault : PeerFault{};
}

void expectBeyondRing(const auto &result, uint32_t allowed, uint32_t claimed)
{
    const PeerFault fault = faultOf(result);
    EXPECT_EQ(fault.kind, FaultKind::CursorBeyondRing);
    EXPECT_EQ(fault.expected, allowed);
    EXPECT_EQ(fault.found, claimed);
}

constexpr uint32_t kStarts[] = {0, 5, (1u << 31) - 3, UINT32_MAX - 5, UINT32_MAX};

struct Passage {
    uint32_t capacity;
    uint32_t start;
};

void PrintTo(const Passage &passage, std::ostream *out)
{
    *out << passage.capacity << " from " << passage.start;
}

class ItemRing : public testing::TestWithParam<Passage>
{
};

TEST_P(ItemRing, PassesEveryItemInOrderInBatchesOfAnySize)
{
    const auto [capacity, start] = GetParam();
    const uint64_t count = capacity < 64 ? 10000 : 200000;
    Ring ring(capacity, start);
    std::thread sender([&ring, count, most = capacity] {
        std::minstd_rand random(1);
        for (uint64_t next = 0; next < count;) {
            const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(random() % most + 1, count - next));
            const auto room = ring.writer.room(ring.received, wanted);
            ASSERT_TRUE(room);
            ASSERT_LE(*room, most);
            const uint32_t batch = std::min(*room, wanted);
            if (batch == 0) {
                std::this_thread::yield();
                continue;
            }
            const auto parts = ring.writer.places(batch);
            for (size_t i = 0; i < parts.size(); i++)
                parts[i] = next++;
            ring.writer.publish(ring.sent, batch);
        }
    });
    std::minstd_rand random(2);
    uint64_t next = 0;
    while (next < count) {
        const auto wanted = static_cast<uint32_t>(random() % capacity + 1);
        const auto known = ring.reader.available(ring.sent, wanted);
        ASSERT_TRUE(known);
        ASSERT_LE(*known, capacity);
        const uint32_t batch = std::min(*known, wanted);
        if (batch == 0) {
            std::this_thread::yield();
            continue;
        }
        const auto parts = ring.reader.items(batch);
        for (size_t i = 0; i < parts.size(); i++)
            ASSERT_EQ(parts[i], next++);
        ring.reader.consume(ring.received, batch);
    }
    sender.join();

    // Nothing was lost, doubled or left behind.
    EXPECT_EQ(ring.reader.received(), static_cast<uint32_t>(start + count));
    EXPECT_EQ(ring.writer.sent(), ring.reader.received());
    EXPECT_EQ(ring.reader.available(ring.sent, 1).value(), 0u);
    EXPECT_EQ(ring.writer.room(ring.received, capacity).value(), capacity);
}

TEST_P(ItemRing, IsFullAtItsCapacityAndEmptyAgain)
{
    const auto [capacity, start] = GetParam();
    Ring ring(capacity, start);
    EXPECT_EQ(ring.reader.available(ring.sent, 1).value(), 0u);
    for (uint32_t i = 0; i < capacity; i++) {
        ASSERT_EQ(ring.writer.room(ring.received, capacity).value(), capacity - i);
        ring.write(1, i);
        ASSERT_EQ(ring.reader.available(ring.sent, capacity).value(), i + 1);
    }
    EXPECT_EQ(ring.writer.room(ring.received, 1).value(), 0u);
    const auto items = ring.reader.items(capacity);
    for (uint32_t i = 0; i < capacity; i++) {
        ASSERT_EQ(items[i], i);
        ring.read(1);
        ASSERT_EQ(ring.writer.room(ring.received, capacity).value(), i + 1);
    }
    EXPECT_EQ(ring.reader.available(ring.sent, 1).value(), 0u);
}

std::vector<Passage> passages()
{
    std::vector<Passage> all;
    for (const uint32_t capacity : {1u, 2u, 8u, 1024u}) {
        for (const uint32_t start : kStarts)
            all.push_back({capacity, start});
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(All, ItemRing, testing::ValuesIn(passages()), [](const auto &instance) {
    return std::to_string(instance.param.capacity) + "From" + std::to_string(instance.param.start);
});

TEST(Parts, GoOnAtTheBeginningOfTheRing)
{
    Ring ring(8);
    ring.write(6);
    ring.read(6);
    const auto places = ring.writer.places(5);
    EXPECT_EQ(places.first.data(), &ring.places[6]);
    EXPECT_EQ(places.first.size(), 2u);
    EXPECT_EQ(places.second.data(), &ring.places[0]);
    EXPECT_EQ(places.second.size(), 3u);
    EXPECT_EQ(&places[1], &ring.places[7]);
    EXPECT_EQ(&places[2], &ring.places[0]);
    ring.write(5, 100);
    ASSERT_EQ(ring.reader.available(ring.sent, 5).value(), 5u);
    const auto items = ring.reader.items(5);
    EXPECT_EQ(items.first.data(), &ring.places[6]);
    EXPECT_EQ(items.second.data(), &ring.places[0]);
    for (size_t i = 0; i < 5; i++)
        EXPECT_EQ(items[i], 100 + i);
}

TEST(Parts, AreOnePieceWhereTheyFit)
{
    Ring ring(8);
    EXPECT_EQ(ring.writer.places(8).first.size(), 8u);
    EXPECT_TRUE(ring.writer.places(8).second.empty());
    EXPECT_EQ(ring.writer.places(0).size(), 0u);
    ring.write(4);
    EXPECT_EQ(ring.writer.places(4).first.data(), &ring.places[4]);
    EXPECT_TRUE(ring.writer.places(4).second.empty());
}

// So that the line with the peer's cursor is touched once a batch.
TEST(KnownItems, AreNotAskedForAgain)
{
    Ring ring(8);
    ring.write(3);
    ASSERT_EQ(ring.reader.available(ring.sent, 3).value(), 3u);
    const std::atomic<uint32_t> lie{77};
    EXPECT_EQ(ring.reader.available(lie, 3).value(), 3u);
    EXPECT_EQ(ring.writer.room(lie, 5).value(), 5u);
    EXPECT_FALSE(ring.reader.available(lie, 4));
    EXPECT_FALSE(ring.writer.room(lie, 6));
}

// Who goes on in an old ring and knows nothing of its receiver believes it full, until it has looked.
TEST(WriterThatGoesOn, HasNoRoomBeforeItKnowsTheReceiver)
{
    for (const uint32_t sent : kStarts) {
        std::array<uint64_t, 8> places{};
        ItemWriter<uint64_t> writer(places, sent, sent - 8);
        EXPECT_EQ(writer.knownRoom(), 0u);
        const std::atomic<uint32_t> received{sent - 3};
        EXPECT_EQ(writer.room(received, 8).value(), 5u);
    }
}

class LyingCursor : public testing::TestWithParam<uint32_t> // where the cursors are
{
};

TEST_P(LyingCursor, OfASenderIsRefusedBeyondTheCapacity)
{
    for (const uint32_t lie : {9u, 10u, 1u << 31, (1u << 31) + 1, UINT32_MAX - 7, UINT32_MAX}) {
        Ring ring(8, GetParam());
        ring.sent = GetParam() + lie;
        expectBeyondRing(ring.reader.available(ring.sent, 1), 8, lie);
        EXPECT_EQ(ring.reader.knownItems(), 0u);
        ring.sent = GetParam() + 8;
        EXPECT_EQ(ring.reader.available(ring.sent, 1).value(), 8u);
    }
}

TEST_P(LyingCursor, OfASenderIsRefusedWhenItGoesBack)
{
    Ring ring(8, GetParam());
    ring.write(5);
    ASSERT_EQ(ring.reader.available(ring.sent, 5).value(), 5u);
    ring.reader.consume(ring.received, 2);
    for (const uint32_t left : {2u, 1u, 0u, UINT32_MAX, UINT32_MAX - 1}) {
        ring.sent = GetParam() + 2 + left;
        expectBeyondRing(ring.reader.available(ring.sent, 8), 8, left);
        EXPECT_EQ(ring.reader.knownItems(), 3u); // what was there is there
    }
}

TEST_P(LyingCursor, OfAReceiverIsRefusedBeyondWhatWasSent)
{
    for (uint32_t out = 0; out <= 8; out++) {
        for (const uint32_t lie : {out + 1, 9u, 1u << 31, (1u << 31) + 1, UINT32_MAX - 7, UINT32_MAX}) {
            Ring ring(8, GetParam());
            ring.write(out);
            ring.received = GetParam() + lie;
            expectBeyondRing(ring.writer.room(ring.received, 9), out, lie);
            EXPECT_EQ(ring.writer.knownRoom(), 8 - out);
            ring.received = GetParam() + out;
            EXPECT_EQ(ring.writer.room(ring.received, 8).value(), 8u);
        }
    }
}

TEST_P(LyingCursor, OfAReceiverIsRefusedWhenItGoesBack)
{
    Ring ring(8, GetParam());
    ring.write(8);
    ring.read(4);
    ASSERT_EQ(ring.writer.room(ring.received, 1).value(), 4u);
    ring.received = GetParam() + 3;
    expectBeyondRing(ring.writer.room(ring.received, 5), 4, UINT32_MAX);
    EXPECT_EQ(ring.writer.knownRoom(), 4u);
}

TEST_P(LyingCursor, IsBelievedExactlyWithinTheBound)
{
    std::minstd_rand generator(GetParam() + 1);
    const auto random = [&] { return static_cast<uint32_t>(generator()); };
    for (int i = 0; i < 2000; i++) {
        const uint32_t claim = i % 2 ? random() * 2654435761u : random() % 20;
        const uint32_t out = random() % 9;
        Ring ring(8, GetParam());
        ring.write(out);
        const std::atomic<uint32_t> cursor{GetParam() + claim};
        const auto known = ring.reader.available(cursor, 9);
        EXPECT_EQ(known.has_value(), claim <= 8);
        EXPECT_EQ(ring.reader.knownItems(), claim <= 8 ? claim : 0);
        const auto room = ring.writer.room(cursor, 9);
        EXPECT_EQ(room.has_value(), claim <= out);
        EXPECT_EQ(ring.writer.knownRoom(), 8 - out + (claim <= out ? claim : 0));
        // Whatever was claimed: all places are in the ring.
        const auto places = ring.writer.places(ring.writer.knownRoom());
        EXPECT_LE(places.first.data() + places.first.size(), ring.places.data() + 8);
        EXPECT_LE(places.second.data() + places.second.size(), ring.places.data() + 8);
        const auto items = ring.reader.items(ring.reader.knownItems());
        EXPECT_LE(items.first.data() + items.first.size(), ring.places.data() + 8);
        EXPECT_LE(items.second.data() + items.second.size(), ring.places.data() + 8);
    }
}

INSTANTIATE_TEST_SUITE_P(From, LyingCursor, testing::ValuesIn(kStarts),
                         [](const auto &instance) { return std::to_string(instance.param); });

} // namespace
