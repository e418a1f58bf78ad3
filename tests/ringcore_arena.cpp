// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The arena's promise: blocks that never overlap, aligned and real; small ones and frames out of each
// other's way; and when all are free again, the whole arena is one run.
#include "ringcore/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

namespace
{

using ringcore::Arena;
using ringcore::Block;

constexpr size_t kMiB = 1024 * 1024;

std::shared_ptr<Arena> arenaOf(size_t size)
{
    auto arena = Arena::create(size);
    EXPECT_TRUE(arena) << (arena ? "" : ringcore::describe(arena.error()));
    return arena ? *arena : nullptr;
}

Block mustAllocate(Arena &arena, size_t size, size_t alignment = 64)
{
    const auto block = arena.allocate(size, alignment);
    EXPECT_TRUE(block) << size << " bytes";
    return block.value_or(Block{});
}

void expectWhole(Arena &arena)
{
    EXPECT_EQ(arena.usage().used, 0u);
    EXPECT_EQ(arena.usage().largestFreeRun, arena.size());
}

TEST(Arena, GivesEveryAlignmentItIsAskedFor)
{
    const auto arena = arenaOf(4 * kMiB);
    std::vector<Block> blocks;
    for (size_t alignment = 1; alignment <= Arena::kMaxAlignment; alignment *= 2) {
        for (const size_t size : {size_t{1}, size_t{300}, Arena::kSmallBlock, Arena::kSmallBlock + 1}) {
            const Block block = mustAllocate(*arena, size, alignment);
            EXPECT_EQ(block.offset % alignment, 0u) << size << " bytes";
            EXPECT_GE(block.size, size);
            blocks.push_back(block);
        }
    }
    for (const Block &block : blocks)
        arena->free(block);
    expectWhole(*arena);
}

TEST(Arena, RefusesAnAlignmentBeyondItsBound)
{
    EXPECT_FALSE(arenaOf(kMiB)->allocate(100, 2 * Arena::kMaxAlignment));
}

TEST(Arena, ABlockTakesWhatItIsChargedFor)
{
    const auto arena = arenaOf(kMiB);
    for (const size_t size : {size_t{0}, size_t{1}, size_t{256}, size_t{257}, Arena::kSmallBlock - 1,
                              Arena::kSmallBlock, Arena::kSmallBlock + 1}) {
        const Block block = mustAllocate(*arena, size);
        EXPECT_EQ(block.size, Arena::chargeFor(size));
        EXPECT_EQ(arena->usage().used, block.size);
        arena->free(block);
    }
    expectWhole(*arena);
}

TEST(Arena, CutsSmallBlocksFromTheLowEndAndFramesFromTheHighEnd)
{
    const auto arena = arenaOf(8 * kMiB);

    const Block small = mustAllocate(*arena, 1000);
    const Block frame = mustAllocate(*arena, kMiB);
    const Block nextSmall = mustAllocate(*arena, 2000);
    const Block nextFrame = mustAllocate(*arena, kMiB);

    EXPECT_EQ(small.offset, 0u);
    EXPECT_EQ(nextSmall.offset, small.size);
    EXPECT_EQ(frame.offset + frame.size, arena->size());
    EXPECT_EQ(nextFrame.offset + nextFrame.size, frame.offset);
}

TEST(Arena, FreedBlockIsTheNextOneOfItsSize)
{
    const auto arena = arenaOf(8 * kMiB);
    const Block first = mustAllocate(*arena, kMiB);
    const Block other = mustAllocate(*arena, kMiB);
    arena->free(other);
    arena->free(first);

    EXPECT_EQ(mustAllocate(*arena, kMiB), first); // the most recent: its lines may still be cached
    EXPECT_EQ(mustAllocate(*arena, kMiB), other);
}

TEST(Arena, FreedBlockIsNotGivenToARequestThatItIsMisalignedFor)
{
    const auto arena = arenaOf(kMiB);
    const Block first = mustAllocate(*arena, 256);
    const Block second = mustAllocate(*arena, 256);
    ASSERT_NE(second.offset % 4096, 0u);
    arena->free(second);

    EXPECT_EQ(mustAllocate(*arena, 256, 4096).offset % 4096, 0u);
    arena->free(first);
}

TEST(Arena, NeighboursBecomeOneRunInWhateverOrderTheyAreFreed)
{
    std::vector<size_t> order{0, 1, 2, 3};
    do {
        const auto arena = arenaOf(4 * kMiB);
        std::vector<Block> blocks;
        for (size_t i = 0; i < order.size(); i++)
            blocks.push_back(mustAllocate(*arena, kMiB));
        EXPECT_FALSE(arena->allocate(1));
        for (const size_t index : order)
            arena->free(blocks[index]);
        expectWhole(*arena);
        arena->free(mustAllocate(*arena, 4 * kMiB));
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Arena, BlocksKeptAsideDoNotStandInTheWayOfABigOne)
{
    const auto arena = arenaOf(4 * kMiB);
    std::vector<Block> blocks;
    for (int i = 0; i < 4; i++)
        blocks.push_back(mustAllocate(*arena, kMiB));
    for (const Block &block : blocks)
        arena->free(block);

    EXPECT_TRUE(arena->allocate(4 * kMiB)); // without a look at usage(), which merges them
}

TEST(Arena, SaysNoWhenThereIsNoRoomAndWorksOn)
{
    const auto arena = arenaOf(kMiB);
    EXPECT_FALSE(arena->allocate(kMiB + 1));
    EXPECT_FALSE(arena->allocate(SIZE_MAX));
    EXPECT_FALSE(arena->allocate(SIZE_MAX - 4095));
    const Block all = mustAllocate(*arena, kMiB);
    EXPECT_FALSE(arena->allocate(1));
    arena->free(all);
    EXPECT_EQ(mustAllocate(*arena, kMiB), all);
}

TEST(Arena, IsOnlyAsRealAsItWasUsed)
{
    const auto arena = arenaOf(64 * kMiB);
    EXPECT_EQ(arena->usage().populated, 0u);

    const Block small = mustAllocate(*arena, 100);
    const size_t granule = arena->usage().populated;
    EXPECT_GT(granule, 0u);
    EXPECT_LE(granule, size_t{64} * 1024);
    const Block frame = mustAllocate(*arena, kMiB);
    EXPECT_EQ(arena->usage().populated, granule + kMiB);

    arena->free(frame);
    mustAllocate(*arena, kMiB); // the same pages again
    EXPECT_EQ(arena->usage().populated, granule + kMiB);
    arena->free(small);
}

TEST(Arena, KnowsItsOwnAddresses)
{
    const auto arena = arenaOf(kMiB);
    const Block block = mustAllocate(*arena, 100);
    int elsewhere = 0;

    EXPECT_TRUE(arena->contains(arena->at(0)));
    EXPECT_TRUE(arena->contains(arena->at(kMiB - 1)));
    EXPECT_FALSE(arena->contains(arena->at(0) + kMiB));
    EXPECT_FALSE(arena->contains(&elsewhere));
    EXPECT_EQ(arena->offsetOf(arena->at(block.offset)), block.offset);
}

TEST(Arena, TellsWhatWouldBeFreeWithoutSomeBlocks)
{
    const auto arena = arenaOf(kMiB);
    std::vector<Block> blocks;
    for (int i = 0; i < 4; i++)
        blocks.push_back(mustAllocate(*arena, kMiB / 4));
    arena->free(blocks[1]);
    EXPECT_EQ(arena->largestFreeRunWithout({}), kMiB / 4);
    EXPECT_EQ(arena->largestFreeRunWithout({blocks[2]}), kMiB / 2);
    EXPECT_EQ(arena->largestFreeRunWithout({blocks[0], blocks[2], blocks[3]}), kMiB);
    EXPECT_EQ(arena->largestFreeRunWithout({}), kMiB / 4); // it was only a question
}

TEST(Arena, FortyChangesOfResolutionLeaveNoHoleTooSmallForABigFrame)
{
    constexpr size_t kSizes[][2] = {{160, 120},  {3840, 2160}, {640, 360},   {1920, 1080},
                                    {1280, 720}, {320, 240},   {2560, 1440}, {720, 576}};
    constexpr size_t kBigFrame = 3840 * 2160 * 3 / 2;
    constexpr size_t kFramesOut = 6; // a consumer still holds these of the size before
    const auto arena = arenaOf(256 * kMiB);
    std::mt19937 random(7);
    std::vector<Block> out;
    std::vector<Block> events;
    for (size_t change = 0; change < 40; change++) {
        const auto &size = kSizes[change % std::size(kSizes)];
        events.push_back(mustAllocate(*arena, 500 + change * 10)); // caps, kept for a while
        if (events.size() > 8) {
            arena->free(events.front());
            events.erase(events.begin());
        }
        for (int frame = 0; frame < 20; frame++) {
            out.push_back(mustAllocate(*arena, size[0] * size[1] * 3 / 2, 64));
            while (out.size() > kFramesOut) {
                const auto index = std::uniform_int_distribution<size_t>(0, out.size() - 1)(random);
                arena->free(out[index]);
                out.erase(out.begin() + static_cast<std::ptrdiff_t>(index));
            }
        }
    }
    for (const Block &block : out)
        arena->free(block);
    // Only the small ones are left, and they lie together at the low end.
    EXPECT_GT(arena->usage().largestFreeRun, arena->size() - kMiB);
    mustAllocate(*arena, kBigFrame);
}

// Each block is filled with a mark of its own: two that overlap would show.
TEST(Arena, RandomUseNeverOverlapsAndEndsWhole)
{
    const auto arena = arenaOf(16 * kMiB);
    std::mt19937 random(1);
    struct Marked {
        Block block;
        unsigned char mark;
    };
    std::vector<Marked> out;
    const auto check = [&](const Marked &marked) {
        const auto *bytes = reinterpret_cast<const unsigned char *>(arena->at(marked.block.offset));
        return bytes[0] == marked.mark && bytes[marked.block.size - 1] == marked.mark &&
               bytes[marked.block.size / 2] == marked.mark;
    };
    size_t used = 0;
    for (unsigned step = 0; step < 20000; step++) {
        const bool wantsSmall = random() % 3 != 0;
        const size_t size = wantsSmall ? random() % 5000 : Arena::kSmallBlock + random() % kMiB;
        const size_t alignment = size_t{1} << (random() % 13);
        if (out.size() < 200 && random() % 2 == 0) {
            const auto block = arena->allocate(size, alignment);
            if (!block)
                continue;
            ASSERT_EQ(block->offset % alignment, 0u);
            ASSERT_LE(block->offset + block->size, arena->size());
            used += block->size;
            out.push_back({*block, static_cast<unsigned char>(step)});
            std::memset(arena->at(block->offset), static_cast<unsigned char>(step), block->size);
        } else if (!out.empty()) {
            const size_t index = random() % out.size();
            ASSERT_TRUE(check(out[index])) << "step " << step;
            arena->free(out[index].block);
            used -= out[index].block.size;
            out[index] = out.back();
            out.pop_back();
        }
    }
    EXPECT_EQ(arena->usage().used, used);
    for (const Marked &marked : out) {
        EXPECT_TRUE(check(marked));
        arena->free(marked.block);
    }
    expectWhole(*arena);
}

TEST(Arena, ServesSeveralThreadsAtOnceAndEndsWhole)
{
    const auto arena = arenaOf(32 * kMiB);
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < 4; id++) {
        threads.emplace_back([&, id] {
            std::mt19937 random(id);
            std::vector<Block> out;
            for (int step = 0; step < 4000; step++) {
                if (out.size() < 8 && random() % 2 == 0) {
                    const size_t size =
                        random() % 2 ? random() % 3000 : Arena::kSmallBlock * (1 + random() % 4);
                    if (const auto block = arena->allocate(size)) {
                        std::memset(arena->at(block->offset), static_cast<int>(id), block->size);
                        out.push_back(*block);
                    }
                } else if (!out.empty()) {
                    const Block block = out.back();
                    EXPECT_EQ(arena->at(block.offset)[block.size - 1], std::byte(id));
                    arena->free(block);
                    out.pop_back();
                }
                if (step % 1000 == 0)
                    arena->usage();
            }
            for (const Block &block : out)
                arena->free(block);
        });
    }
    for (auto &thread : threads)
        thread.join();
    expectWhole(*arena);
}

} // namespace
