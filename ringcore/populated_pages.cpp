// SPDX-License-Identifier: LGPL-2.1-or-later
#include "populated_pages.h"

#include <algorithm>
#include <bit>

namespace ringcore
{

namespace
{

constexpr size_t kPagesPerWord = 64;

// The bits of pages [first, last] that lie in the word of pages beginning at `base`.
uint64_t bitsWithin(size_t base, size_t first, size_t last)
{
    const size_t low = std::max(first, base) - base;
    const size_t high = std::min(last, base + kPagesPerWord - 1) - base;
    const uint64_t upToHigh = high == kPagesPerWord - 1 ? ~uint64_t{0} : (uint64_t{1} << (high + 1)) - 1;
    return upToHigh & ~((uint64_t{1} << low) - 1);
}

} // namespace

PopulatedPages::PopulatedPages(size_t mappedBytes, Mapping::Access access)
    : access_(access), done_(mappedBytes / pageSize() / kPagesPerWord + 1)
{
}

Result<void> PopulatedPages::ensure(const Mapping &mapping, size_t offset, size_t size)
{
    if (size == 0)
        return {};
    const size_t first = offset / pageSize();
    const size_t last = (offset + size - 1) / pageSize();
    bool allThere = true;
    for (size_t word = first / kPagesPerWord; allThere && word <= last / kPagesPerWord; word++) {
        const uint64_t needed = bitsWithin(word * kPagesPerWord, first, last);
        allThere = (done_[word] & needed) == needed;
    }
    if (allThere)
        return {};
    auto real = access_ == Mapping::Access::ReadWrite ? mapping.populateForWriting(offset, size)
                                                      : mapping.populateForReading(offset, size);
    if (!real)
        return real;
    for (size_t word = first / kPagesPerWord; word <= last / kPagesPerWord; word++) {
        const uint64_t fresh = bitsWithin(word * kPagesPerWord, first, last) & ~done_[word];
        done_[word] |= fresh;
        bytes_ += static_cast<size_t>(std::popcount(fresh)) * pageSize();
    }
    return {};
}

} // namespace ringcore
