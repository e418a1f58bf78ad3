// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The layout of a ring of items in shared memory: two sides, each written by one process, and the
// items behind the sender's. Both may lie in one memory (peers that trust each other, or memory of
// the application's own) or in one of their own each, which the kernel then keeps to one writer.
#pragma once

#include "untrusted.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ringcore
{

// The version of this layout. A peer of another one is told from its head, and refused.
inline constexpr uint32_t kRingVersion = 1;
inline constexpr uint32_t kRingMagic = 0x676e6972; // "ring"

// What the words are about. Each side says it once, before the other may look, and believes only
// its own.
struct RingGeometry {
    uint32_t capacity = 0;  // items, a power of two, at most kMostItems
    uint32_t itemBytes = 0; // of one item
    uint32_t itemAlignment = 0;

    uint64_t itemsBytes() const { return uint64_t{capacity} * itemBytes; }
    friend bool operator==(const RingGeometry &, const RingGeometry &) = default;
};

inline constexpr uint32_t kMostItems = uint32_t{1} << 31; // cursors are 32 bits and distances modular

enum class RingRole : uint32_t { Sender = 1, Receiver = 2 };

// What one side writes and the other one reads.
struct RingSide {
    alignas(64) std::atomic<uint32_t> magic;
    std::atomic<uint32_t> version;
    std::atomic<uint32_t> role;
    std::atomic<uint32_t> capacity;
    std::atomic<uint32_t> itemBytes;
    std::atomic<uint32_t> itemAlignment;

    alignas(64) std::atomic<uint32_t> cursor; // items sent, or received, so far

    // On a line of its own: it is read for every batch and hardly ever written.
    alignas(64) std::atomic<uint32_t> sleeps; // a SleepState of this side

    alignas(64) std::atomic<uint32_t> bell; // changed to wake the other side
    std::atomic<uint32_t> cpu;              // where this side ran when it last waited; a hint
    std::atomic<uint64_t> rungAt;           // CLOCK_MONOTONIC, ns, when there was a reason to ring; a hint
};
static_assert(sizeof(RingSide) == 256 && offsetof(RingSide, cursor) == 64 &&
              offsetof(RingSide, sleeps) == 128 && offsetof(RingSide, bell) == 192);

// How a side wants to be woken.
enum class SleepState : uint32_t {
    Awake = 0,
    OnBell = 1,   // by its peer's bell
    OnSignal = 2, // by a datagram on the signal socket: it sits in a poll
};

inline constexpr size_t kRingItemsOffset = sizeof(RingSide); // in the sender's memory
inline constexpr size_t kMostAlignment = kRingItemsOffset;   // of an item

} // namespace ringcore
