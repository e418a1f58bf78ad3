// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The memory of one connection to a producer, as its consumer holds it: checked, mapped, and kept
// until the last lease on one of its blocks is gone, whatever became of the producer by then.
#pragma once

#include "api.h"
#include "arena_view.h"
#include "bell.h"
#include "control_protocol.h"
#include "descriptor_ring.h"
#include "flush_gate.h"
#include "mapping.h"
#include "memory_budget.h"
#include "wire.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace ringcore
{

class Connection;

// Use of the blocks that one record pointed to. Move-only; its end, in any thread and without a
// lock, tells the producer that they may be reused.
class Lease final
{
public:
    Lease() = default;
    Lease(std::shared_ptr<Connection> connection, uint32_t slot, uint32_t generation, uint64_t bytes);
    ~Lease() { giveBack(); }
    Lease(Lease &&other) noexcept = default;
    RINGCORE_API Lease &operator=(Lease &&other) noexcept;
    Lease(const Lease &) = delete;
    Lease &operator=(const Lease &) = delete;

    bool holds() const noexcept { return connection_ != nullptr; }
    RINGCORE_API void giveBack() noexcept;

private:
    std::shared_ptr<Connection> connection_; // null: nothing to give back
    uint64_t bytes_ = 0;
    uint32_t slot_ = kNoSlot;
    uint32_t generation_ = 0;
};

class Connection : public std::enable_shared_from_this<Connection>
{
public:
    // Checks and maps the three descriptors of a welcome (arena, forward memory, return page), makes
    // the two small ones real and seals the return page. Asks the kernel about descriptors that a
    // peer sent, which can hang: only for a thread that nobody waits for. The caller closes them.
    // Faults: SealsMissing, NotAMemfd, SizeMismatch, CannotPopulate.
    static Result<std::shared_ptr<Connection>> create(const Welcome &welcome,
                                                      const std::vector<UniqueFd> &fds, MemoryShare memory);

    Connection(const Welcome &welcome, Mapping arena, Mapping forward, Mapping returnPage,
               MemoryShare memory);

    // Written by the producer; read each word once.
    const ForwardHeader &forward() const { return *forwardHeader_; }
    // Written by us, never read back.
    ReturnPage &returnPage() { return *returnPage_; }

    // Streaming thread.
    DescriptorReader &reader() { return reader_; }
    ArenaView &arena() { return arena_; }

    FlushGate &flushes() { return flushes_; }
    uint32_t clientId() const { return welcome_.clientId; }
    uint32_t slots() const { return welcome_.slots; }

    // Tells a producer that sleeps for want of room or memory. Any thread.
    void wakeProducer() noexcept;

    // Whether fewer than two blocks, or two of `bytes`, are left of what the producer lets us hold.
    bool nearBound(uint64_t bytes) const noexcept;

    // True once: both threads may find a fault, and one line about it is enough.
    bool isFirstFault() noexcept { return !faulty_.exchange(true, std::memory_order_relaxed); }

    uint32_t heldBlocks() const noexcept { return heldBlocks_.load(std::memory_order_relaxed); }
    uint64_t heldBytes() const noexcept { return heldBytes_.load(std::memory_order_relaxed); }
    uint64_t wakesSent() const noexcept { return wakesSent_.load(std::memory_order_relaxed); }

private:
    friend class Lease;

    const Welcome welcome_;
    ArenaView arena_;
    const Mapping forwardMapping_;
    const Mapping returnMapping_;
    const ForwardHeader *const forwardHeader_;
    ReturnPage *const returnPage_;
    DescriptorReader reader_;
    FlushGate flushes_;
    std::atomic<uint32_t> heldBlocks_{0};
    std::atomic<uint64_t> heldBytes_{0};
    std::atomic<uint64_t> wakesSent_{0};
    std::atomic<bool> faulty_{false};
};

} // namespace ringcore
