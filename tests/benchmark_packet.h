// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is in a packet: one number, in every word of it.
//
// Compiled once for all ways, so that what differs between them is the transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

namespace benchmark
{

using Word = uint64_t;

// Numbers count up from 1. A packet of this one is the last.
inline constexpr Word kLast = ~Word{0};

// Memory that begins at a page, as that of a ring does: the copies of the kernel and of the C library are
// several times as slow at some other addresses.
template <typename T>
struct PageAllocator {
    using value_type = T;
    static constexpr std::align_val_t kPage{4096};

    T *allocate(size_t count) { return static_cast<T *>(::operator new(count * sizeof(T), kPage)); }
    void deallocate(T *memory, size_t) { ::operator delete(memory, kPage); }
    bool operator==(const PageAllocator &) const = default;
};
using Words = std::vector<Word, PageAllocator<Word>>;

void fill(std::span<Word> packet, Word number);
Word sum(std::span<const Word> packet);

} // namespace benchmark
