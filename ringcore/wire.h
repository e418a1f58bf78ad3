// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The layout of everything that two processes share. One writer for each struct; nobody ever reads
// back a word that it wrote itself. Cursors, bells and generations are 32 bits, as futexes are.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ringcore
{

// The version of this layout and of the messages. A hello carries the range that its sender
// speaks; the producer takes the highest common one, or refuses and says its own range.
inline constexpr uint32_t kWireVersion = 1;
inline constexpr uint32_t kOldestWireVersion = 1;

inline constexpr size_t kCacheLine = 64;
inline constexpr uint32_t kMaxBuffersLimit = 256;
// Slots beyond the client's buffers, for events that are too large for a record: caps reach a
// client that holds all the buffers it may.
inline constexpr uint32_t kEventSlots = 64;
inline constexpr uint32_t kSlotLimit = kMaxBuffersLimit + kEventSlots;
inline constexpr uint32_t kNoSlot = 0xffffffff;

inline constexpr size_t kRecordBytes = 256;
inline constexpr size_t kRecordWords = kRecordBytes / sizeof(uint64_t);

// The head of a record as both sides hold it privately.
struct RecordHead {
    uint32_t kind;  // what the inline bytes are: the application's
    uint32_t flags; // kRecord*
    uint32_t epoch; // the flush epoch it belongs to; always even
    uint32_t slot;  // kNoSlot, or whose generation is to be given back
    uint32_t generation;
    uint32_t inlineSize;
    uint64_t payloadOffset; // into the arena
    uint64_t payloadSize;   // 0: no payload block
    uint64_t extraOffset;   // into the arena: what did not fit inline
    uint32_t extraSize;     // 0: no extra block
    uint32_t reserved;
    uint64_t publishedAt; // CLOCK_MONOTONIC, ns; a hint for how long to look before sleeping
};
static_assert(sizeof(RecordHead) == 64 && std::is_trivially_copyable_v<RecordHead>);

inline constexpr uint32_t kRecordIsReplay = 1u << 0;  // state told again to one that joined or was behind
inline constexpr uint32_t kRecordIsDiscont = 1u << 1; // buffers before it were dropped for this client
// One of a list, which is whole with the first of them that does not go on. A list of one is a list. Any
// other record, an end of the stream or a flush ends it, too.
inline constexpr uint32_t kRecordInList = 1u << 2;
inline constexpr uint32_t kRecordListGoesOn = 1u << 3; // only with kRecordInList
inline constexpr uint32_t kRecordIsMidway = 1u << 4;   // the first for one that came late

inline constexpr size_t kInlineBytes = kRecordBytes - sizeof(RecordHead);

// A whole record in private memory.
struct Record {
    RecordHead head;
    std::byte inlineBytes[kInlineBytes];
};
static_assert(sizeof(Record) == kRecordBytes && std::is_trivially_copyable_v<Record>);

// A record in shared memory: relaxed words, made visible by the cursor.
struct SharedRecord {
    std::atomic<uint64_t> words[kRecordWords];
};
static_assert(sizeof(SharedRecord) == kRecordBytes);

// Written by the producer. The ring of SharedRecords follows at kForwardRingOffset.
struct ForwardHeader {
    alignas(kCacheLine) std::atomic<uint32_t> cursor; // records written so far

    alignas(kCacheLine) std::atomic<uint32_t> bell;
    std::atomic<uint32_t> producerSleeps;

    alignas(kCacheLine) std::atomic<uint64_t> epoch; // see packEpoch
    std::atomic<uint64_t> endOfStream;               // see packEndOfStream; 0: none
    std::atomic<uint64_t> boundBytes;                // what this client may hold
    std::atomic<uint32_t> boundBlocks;
    std::atomic<uint32_t> endNumber; // the application's, of the end of the stream
};
static_assert(sizeof(ForwardHeader) == 3 * kCacheLine);
static_assert(offsetof(ForwardHeader, bell) == kCacheLine &&
              offsetof(ForwardHeader, epoch) == 2 * kCacheLine);

inline constexpr size_t kForwardRingOffset = 4 * kCacheLine;

constexpr size_t forwardBytes(uint32_t ringCapacity)
{
    return kForwardRingOffset + size_t{ringCapacity} * kRecordBytes;
}

// Records for `maxBuffers` buffers: 4 x as many, at least 64, a power of two (so that 32-bit
// cursors wrap without a seam).
constexpr uint32_t ringCapacityFor(uint32_t maxBuffers)
{
    uint32_t capacity = 64;
    while (capacity < 4 * maxBuffers)
        capacity *= 2;
    return capacity;
}

// Written by the consumer: exactly one page.
struct ReturnPage {
    alignas(kCacheLine) std::atomic<uint32_t> cursor; // records read so far
    std::atomic<uint32_t> consumerSleeps;

    alignas(kCacheLine) std::atomic<uint32_t> bell;

    alignas(kCacheLine) std::atomic<uint32_t> generations[kSlotLimit]; // given back; generations begin at 1
};
inline constexpr size_t kReturnBytes = 4096;
static_assert(sizeof(ReturnPage) <= kReturnBytes);
static_assert(offsetof(ReturnPage, bell) == kCacheLine &&
              offsetof(ReturnPage, generations) == 2 * kCacheLine);

// The epoch is odd while the stream is flushing; bit 32 says whether the flush that ended (or is
// under way) resets the running time. The others are the application's number of this beginning or end.
constexpr uint64_t packEpoch(uint32_t epoch, bool resetTime, uint32_t number)
{
    return (uint64_t{number} << 33) | (uint64_t{resetTime} << 32) | epoch;
}
constexpr uint32_t epochOf(uint64_t word)
{
    return static_cast<uint32_t>(word);
}
constexpr bool epochResetsTime(uint64_t word)
{
    return (word >> 32) & 1;
}
constexpr uint32_t epochNumber(uint64_t word)
{
    return static_cast<uint32_t>(word >> 33);
}
constexpr bool isFlushing(uint32_t epoch)
{
    return epoch & 1;
}

// The stream ends before record `cursor` of epoch `epoch`. No record of its own, so that it needs no
// room in the ring. The epoch is even, so its lowest bit is free to say that there is an end at all.
constexpr uint64_t packEndOfStream(uint32_t epoch, uint32_t cursor)
{
    return (uint64_t{epoch | 1u} << 32) | cursor;
}
constexpr bool endsStream(uint64_t word, uint32_t epoch, uint32_t cursor)
{
    return word == packEndOfStream(epoch, cursor);
}

} // namespace ringcore
