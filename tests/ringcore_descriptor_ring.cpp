// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ring of records: order and conservation between two threads over one mapping (so that
// ThreadSanitizer sees both sides), the wrap-around of its cursors, and cursors that lie.
#include "ringcore/descriptor_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <thread>

using namespace ringcore;

namespace
{

constexpr uint32_t kCapacity = 64;

struct Ring {
    std::array<SharedRecord, kCapacity> records{};
    std::atomic<uint32_t> cursor;
    std::atomic<uint32_t> readCursor;
    DescriptorWriter writer;
    DescriptorReader reader;

    explicit Ring(uint32_t start = 0)
        : cursor(start), readCursor(start), writer(records, cursor, readCursor, start),
          reader(records, cursor, readCursor, start)
    {
    }
};

Record recordOf(uint64_t number)
{
    Record record{};
    record.head.payloadOffset = number;
    record.head.payloadSize = ~number;
    record.head.inlineSize = static_cast<uint32_t>(number % (kInlineBytes + 1));
    std::memset(record.inlineBytes, static_cast<int>(number & 0xff), record.head.inlineSize);
    return record;
}

bool isRecordOf(const Record &record, uint64_t number)
{
    const Record expected = recordOf(number);
    return record.head.payloadOffset == number && record.head.payloadSize == ~number &&
           record.head.inlineSize == expected.head.inlineSize &&
           std::memcmp(record.inlineBytes, expected.inlineBytes, expected.head.inlineSize) == 0;
}

PeerFault faultOf(const auto &result)
{
    if (result)
        return {};
    const auto *fault = std::get_if<PeerFault>(&result.error());
    return fault ? *fault : PeerFault{};
}

// Both sides wait for each other now and then, so that the ring is full and empty many times.
void passThrough(uint32_t start, uint64_t count)
{
    Ring ring(start);
    std::thread producer([&] {
        for (uint64_t number = 0; number < count;) {
            const auto room = ring.writer.room(1);
            ASSERT_TRUE(room);
            if (*room == 0)
                std::this_thread::yield();
            else
                ring.writer.write(recordOf(number++));
        }
    });
    uint64_t received = 0;
    while (received < count) {
        const auto available = ring.reader.available();
        ASSERT_TRUE(available);
        if (*available == 0) {
            std::this_thread::yield();
            continue;
        }
        Record record;
        ASSERT_TRUE(ring.reader.copy(record));
        ASSERT_TRUE(isRecordOf(record, received)) << received;
        ring.reader.advance();
        received++;
    }
    producer.join();

    // Nothing was lost, doubled or left behind.
    EXPECT_EQ(ring.reader.position(), static_cast<uint32_t>(start + count));
    EXPECT_EQ(ring.writer.written(), ring.reader.position());
    EXPECT_EQ(ring.reader.refresh().value(), 0u);
    EXPECT_EQ(ring.writer.room(kCapacity).value(), kCapacity);
}

} // namespace

TEST(DescriptorRing, PassesEveryRecordInOrder)
{
    passThrough(0, 300000);
}

TEST(DescriptorRing, CursorsWrapWithoutASeam)
{
    passThrough(UINT32_MAX - 1000, 20000);
    passThrough(UINT32_MAX, 1000);
    passThrough(0x7fffffff, 1000);
}

TEST(DescriptorRing, IsFullAtItsCapacity)
{
    Ring ring(UINT32_MAX - 10);
    for (uint32_t i = 0; i < kCapacity; i++) {
        ASSERT_EQ(ring.writer.room(1).value(), kCapacity - i);
        ring.writer.write(recordOf(i));
    }
    EXPECT_EQ(ring.writer.room(1).value(), 0u);
    EXPECT_EQ(ring.reader.available().value(), kCapacity);
    ring.reader.advance();
    EXPECT_EQ(ring.writer.room(1).value(), 1u);
}

TEST(DescriptorRing, WhatIsStagedIsSeenAtOnceAndAsItWasAmended)
{
    Ring ring(UINT32_MAX - 1);
    for (uint32_t i = 0; i < 4; i++) {
        ring.writer.stage(recordOf(i));
        EXPECT_EQ(ring.reader.available().value(), 0u) << i;
    }
    EXPECT_EQ(ring.writer.room(1).value(), kCapacity - 4); // its place is taken
    ring.writer.amendStaged(7, 9);
    EXPECT_EQ(ring.reader.available().value(), 0u);
    ring.writer.showStaged();
    ASSERT_EQ(ring.reader.available().value(), 4u);
    for (uint32_t i = 0; i < 4; i++) {
        Record record;
        ASSERT_TRUE(ring.reader.copy(record));
        EXPECT_TRUE(isRecordOf(record, i)) << i;
        EXPECT_EQ(record.head.kind, i < 3 ? 0u : 7u);
        EXPECT_EQ(record.head.flags, i < 3 ? 0u : 9u);
        ring.reader.advance();
    }
}

TEST(DescriptorRing, ReaderRefusesACursorBeyondItsCapacity)
{
    for (const uint32_t start : {0u, UINT32_MAX - 5}) {
        for (const uint32_t lie : {kCapacity + 1, 1u << 31, UINT32_MAX}) {
            Ring ring(start);
            ring.cursor = start + lie;
            const PeerFault fault = faultOf(ring.reader.available());
            EXPECT_EQ(fault.kind, FaultKind::CursorBeyondRing);
            EXPECT_EQ(fault.expected, kCapacity);
            EXPECT_EQ(fault.found, lie);
        }
    }
}

TEST(DescriptorRing, ReaderRefusesACursorThatGoesBack)
{
    Ring ring(7);
    ring.writer.write(recordOf(1));
    ring.writer.write(recordOf(2));
    Record record;
    ASSERT_EQ(ring.reader.available().value(), 2u);
    ASSERT_TRUE(ring.reader.copy(record));
    ring.reader.advance();
    ring.reader.advance();
    ring.cursor = 8;
    EXPECT_EQ(faultOf(ring.reader.available()).kind, FaultKind::CursorBeyondRing);
}

TEST(DescriptorRing, WriterRefusesAReadCursorBeyondWhatItWrote)
{
    for (const uint32_t start : {0u, UINT32_MAX - 5}) {
        Ring ring(start);
        for (uint32_t i = 0; i < kCapacity; i++)
            ring.writer.write(recordOf(i));
        for (const uint32_t lie : {kCapacity + 1, UINT32_MAX}) {
            ring.readCursor = start + lie;
            const PeerFault fault = faultOf(ring.writer.room(1));
            EXPECT_EQ(fault.kind, FaultKind::CursorBeyondRing);
            EXPECT_EQ(fault.found, lie);
        }
        ring.readCursor = start + kCapacity;
        EXPECT_EQ(ring.writer.room(kCapacity).value(), kCapacity);
    }
}

TEST(DescriptorRing, ReaderRefusesInlineBytesBeyondTheRecord)
{
    for (const uint32_t lie : {static_cast<uint32_t>(kInlineBytes) + 1, UINT32_MAX}) {
        Ring ring;
        ring.writer.write(recordOf(kInlineBytes));
        RecordHead head = recordOf(0).head;
        head.inlineSize = lie;
        uint64_t words[sizeof head / sizeof(uint64_t)];
        std::memcpy(words, &head, sizeof head);
        for (size_t i = 0; i < std::size(words); i++)
            ring.records[0].words[i] = words[i];
        Record record;
        ASSERT_EQ(ring.reader.available().value(), 1u);
        const PeerFault fault = faultOf(ring.reader.copy(record));
        EXPECT_EQ(fault.kind, FaultKind::InlineBeyondRecord);
        EXPECT_EQ(fault.found, lie);
    }
}

// What the writer changes after the copy does not reach who holds it.
TEST(DescriptorRing, CopyIsPrivate)
{
    Ring ring;
    ring.writer.write(recordOf(5));
    Record record;
    ASSERT_EQ(ring.reader.available().value(), 1u);
    ASSERT_TRUE(ring.reader.copy(record));
    for (auto &word : ring.records[0].words)
        word = UINT64_MAX;
    EXPECT_TRUE(isRecordOf(record, 5));
}
