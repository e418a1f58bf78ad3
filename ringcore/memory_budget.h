// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How much of a peer's memory we have mapped, summed over connections that are still going and
// those whose buffers somebody downstream still holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace ringcore
{

// Bytes taken from a budget, given back with their owner. Any thread.
class MemoryShare;

class MemoryBudget
{
public:
    uint64_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }

    // `bytes`, unless the sum would exceed `limit`.
    static std::optional<MemoryShare> take(const std::shared_ptr<MemoryBudget> &budget, uint64_t bytes,
                                           uint64_t limit);

private:
    friend class MemoryShare;
    std::atomic<uint64_t> taken_{0};
};

class MemoryShare final
{
public:
    MemoryShare(MemoryShare &&) noexcept = default;
    MemoryShare &operator=(MemoryShare &&) = delete;
    ~MemoryShare()
    {
        if (budget_)
            budget_->taken_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

private:
    friend class MemoryBudget;
    MemoryShare(std::shared_ptr<MemoryBudget> budget, uint64_t bytes)
        : budget_(std::move(budget)), bytes_(bytes)
    {
    }

    std::shared_ptr<MemoryBudget> budget_;
    uint64_t bytes_;
};

inline std::optional<MemoryShare> MemoryBudget::take(const std::shared_ptr<MemoryBudget> &budget,
                                                     uint64_t bytes, uint64_t limit)
{
    uint64_t taken = budget->taken();
    do {
        if (bytes > limit || taken > limit - bytes)
            return std::nullopt;
    } while (!budget->taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return MemoryShare(budget, bytes);
}

} // namespace ringcore
