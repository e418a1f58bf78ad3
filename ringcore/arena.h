// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Payload memory: blocks cut from one sealed memfd, its bookkeeping in private memory where no peer
// reaches it. Small blocks come from the low end, frames from the high end, so that small ones do
// not split the room that big ones need.
#pragma once

#include "api.h"
#include "populated_pages.h"
#include "sealed_memfd.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace ringcore
{

struct Block {
    uint64_t offset = 0; // bytes into the arena
    uint64_t size = 0;   // bytes; 0: no block
    friend bool operator==(const Block &, const Block &) = default;
};

// Any thread, but for what says otherwise.
class Arena
{
public:
    static constexpr size_t kSmallBlock = 64 * 1024; // bytes; from here on a block is a frame
    static constexpr size_t kMaxAlignment = 4096;

    // An arena of `size` bytes, rounded up to a page. Nothing of it is real until it is used.
    static Result<std::shared_ptr<Arena>> create(size_t size);
    ~Arena();

    // A block of at least `size` bytes whose offset is a multiple of `alignment` (a power of two,
    // at most kMaxAlignment), populated. Nothing: no free run is large enough, or the system has no
    // memory.
    RINGCORE_API std::optional<Block> allocate(size_t size, size_t alignment = 64);
    RINGCORE_API void free(Block block);

    // What a request for `size` bytes really takes.
    RINGCORE_API static size_t chargeFor(size_t size);
    // The block that `visible` is in, for all that can be told from it alone: whole if it begins
    // where the block does.
    RINGCORE_API static Block extentOf(Block visible);

    std::byte *at(uint64_t offset) const { return memfd_.mapping().data() + offset; }
    RINGCORE_API bool contains(const void *address) const;
    RINGCORE_API uint64_t offsetOf(const void *address) const;
    const SealedMemfd &memfd() const { return memfd_; }
    size_t size() const { return memfd_.size(); }

    struct Usage {
        size_t used;           // bytes in blocks
        size_t largestFreeRun; // bytes
        size_t populated;      // bytes ever used
    };
    RINGCORE_API Usage usage();
    // The largest run there would be if `blocks` were free as well.
    RINGCORE_API size_t largestFreeRunWithout(const std::vector<Block> &blocks);

private:
    explicit Arena(SealedMemfd memfd);
    std::optional<Block> cut(size_t size, size_t alignment);
    void addRun(Block run);
    void forgetRecent();
    size_t largestRun() const;

    SealedMemfd memfd_;

    std::mutex lock_;                   // guards everything below
    std::map<uint64_t, uint64_t> runs_; // free: offset -> size, never adjacent
    std::vector<Block> recent_;         // free, most recent last; not yet merged into runs_
    PopulatedPages populated_;
    size_t used_ = 0;
};

} // namespace ringcore
