// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arena.h"

#include "retire.h"

#include <algorithm>

namespace ringcore
{

namespace
{

// Streams repeat their sizes: freed blocks are kept aside for the next request of the same size.
constexpr size_t kRecentBlocks = 64;
constexpr size_t kSmallGrain = 256; // bytes

constexpr uint64_t roundUp(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}
constexpr uint64_t roundDown(uint64_t value, uint64_t to)
{
    return value / to * to;
}

} // namespace

Result<std::shared_ptr<Arena>> Arena::create(size_t size)
{
    auto memfd = SealedMemfd::createOwned("sharedring-arena", size);
    if (!memfd)
        return tl::unexpected(memfd.error());
    return std::shared_ptr<Arena>(new Arena(std::move(*memfd)));
}

Arena::Arena(SealedMemfd memfd)
    : memfd_(std::move(memfd)), populated_(memfd_.size(), Mapping::Access::ReadWrite)
{
    runs_.emplace(0, memfd_.size());
    recent_.reserve(kRecentBlocks + 1);
}

Arena::~Arena()
{
    retire(std::move(memfd_), populated_.bytes());
}

size_t Arena::chargeFor(size_t size)
{
    size = std::max<size_t>(size, 1);
    return size < kSmallBlock ? roundUp(size, kSmallGrain) : roundUpToPage(size);
}

Block Arena::extentOf(Block visible)
{
    if (visible.size == 0)
        return {};
    const uint64_t begin = roundDown(visible.offset, kSmallGrain);
    return {begin, chargeFor(visible.offset + visible.size - begin)};
}

std::optional<Block> Arena::allocate(size_t size, size_t alignment)
{
    if (size > this->size() || alignment > kMaxAlignment)
        return std::nullopt;
    size = chargeFor(size);

    std::lock_guard guard(lock_);
    const auto known = std::find_if(recent_.rbegin(), recent_.rend(), [&](const Block &block) {
        return block.size == size && block.offset % alignment == 0;
    });
    if (known != recent_.rend()) {
        const Block block = *known;
        recent_.erase(std::next(known).base());
        used_ += block.size;
        return block;
    }
    auto block = cut(size, alignment);
    if (!block) {
        forgetRecent();
        block = cut(size, alignment);
    }
    if (!block)
        return std::nullopt;
    if (!populated_.ensure(memfd_.mapping(), block->offset, block->size)) {
        addRun(*block);
        return std::nullopt;
    }
    used_ += block->size;
    return block;
}

void Arena::free(Block block)
{
    if (block.size == 0)
        return;
    std::lock_guard guard(lock_);
    used_ -= block.size;
    recent_.push_back(block);
    if (recent_.size() > kRecentBlocks) {
        addRun(recent_.front());
        recent_.erase(recent_.begin());
    }
}

// Best fit; small blocks at the low end of the lowest such run, frames at the high end of the
// highest.
std::optional<Block> Arena::cut(size_t size, size_t alignment)
{
    const bool small = size < kSmallBlock;
    auto best = runs_.end();
    uint64_t bestOffset = 0;
    for (auto run = runs_.begin(); run != runs_.end(); ++run) {
        const uint64_t end = run->first + run->second;
        if (size > run->second)
            continue;
        const uint64_t offset = small ? roundUp(run->first, alignment)
                                      : roundDown(end - size, std::max<uint64_t>(alignment, pageSize()));
        if (offset < run->first || offset + size > end)
            continue;
        const bool better =
            best == runs_.end() || (small ? run->second < best->second : run->second <= best->second);
        if (better) {
            best = run;
            bestOffset = offset;
        }
    }
    if (best == runs_.end())
        return std::nullopt;
    const Block run{best->first, best->second};
    runs_.erase(best);
    if (bestOffset > run.offset)
        runs_.emplace(run.offset, bestOffset - run.offset);
    if (bestOffset + size < run.offset + run.size)
        runs_.emplace(bestOffset + size, run.offset + run.size - bestOffset - size);
    return Block{bestOffset, size};
}

void Arena::addRun(Block run)
{
    auto next = runs_.lower_bound(run.offset);
    if (next != runs_.end() && run.offset + run.size == next->first) {
        run.size += next->second;
        next = runs_.erase(next);
    }
    if (next != runs_.begin()) {
        const auto previous = std::prev(next);
        if (previous->first + previous->second == run.offset) {
            previous->second += run.size;
            return;
        }
    }
    runs_.emplace(run.offset, run.size);
}

void Arena::forgetRecent()
{
    for (const Block &block : recent_)
        addRun(block);
    recent_.clear();
}

size_t Arena::largestRun() const
{
    uint64_t largest = 0;
    for (const auto &[offset, size] : runs_)
        largest = std::max(largest, size);
    return largest;
}

bool Arena::contains(const void *address) const
{
    const auto *byte = static_cast<const std::byte *>(address);
    return byte >= at(0) && byte < at(size());
}

uint64_t Arena::offsetOf(const void *address) const
{
    return static_cast<uint64_t>(static_cast<const std::byte *>(address) - at(0));
}

Arena::Usage Arena::usage()
{
    std::lock_guard guard(lock_);
    forgetRecent();
    return {used_, largestRun(), populated_.bytes()};
}

size_t Arena::largestFreeRunWithout(const std::vector<Block> &blocks)
{
    std::lock_guard guard(lock_);
    forgetRecent();
    const auto kept = runs_;
    for (const Block &block : blocks)
        addRun(block);
    const size_t largest = largestRun();
    runs_ = kept;
    return largest;
}

} // namespace ringcore
