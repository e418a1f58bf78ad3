// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arena_view.h"

#include <algorithm>
#include <variant>

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

ArenaView::ArenaView(Mapping mapping)
    : mapping_(std::move(mapping)), populated_(mapping_.size() / pageSize() / kPagesPerWord + 1)
{
}

Result<std::span<const std::byte>> ArenaView::block(uint64_t offset, uint64_t size)
{
    if (offset >= mapping_.size() || size > mapping_.size() - offset)
        return peerFault(FaultKind::BlockBeyondArena, mapping_.size(),
                         offset >= mapping_.size() ? offset : size);
    if (auto real = populate(static_cast<size_t>(offset), static_cast<size_t>(size)); !real)
        return tl::unexpected(real.error());
    return std::span<const std::byte>(mapping_.data() + offset, static_cast<size_t>(size));
}

Result<void> ArenaView::populate(size_t offset, size_t size)
{
    if (size == 0)
        return {};
    const size_t first = offset / pageSize();
    const size_t last = (offset + size - 1) / pageSize();
    bool allThere = true;
    for (size_t word = first / kPagesPerWord; allThere && word <= last / kPagesPerWord; word++) {
        const uint64_t needed = bitsWithin(word * kPagesPerWord, first, last);
        allThere = (populated_[word] & needed) == needed;
    }
    if (allThere)
        return {};
    if (auto real = mapping_.populateForReading(offset, size); !real) {
        const auto *system = std::get_if<SystemError>(&real.error());
        return peerFault(FaultKind::CannotPopulate, size, system ? static_cast<uint64_t>(system->number) : 0);
    }
    for (size_t word = first / kPagesPerWord; word <= last / kPagesPerWord; word++)
        populated_[word] |= bitsWithin(word * kPagesPerWord, first, last);
    return {};
}

} // namespace ringcore
