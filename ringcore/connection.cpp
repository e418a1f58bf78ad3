// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection.h"

#include "sealed_memfd.h"

#include <utility>

namespace ringcore
{

Lease::Lease(std::shared_ptr<Connection> connection, uint32_t slot, uint32_t generation, uint64_t bytes)
    : connection_(std::move(connection)), bytes_(bytes), slot_(slot), generation_(generation)
{
    connection_->heldBlocks_.fetch_add(1, std::memory_order_relaxed);
    connection_->heldBytes_.fetch_add(bytes_, std::memory_order_relaxed);
}

Lease &Lease::operator=(Lease &&other) noexcept
{
    if (this != &other) {
        giveBack();
        connection_ = std::move(other.connection_);
        bytes_ = other.bytes_;
        slot_ = other.slot_;
        generation_ = other.generation_;
    }
    return *this;
}

void Lease::giveBack() noexcept
{
    if (!connection_)
        return;
    const auto connection = std::move(connection_);
    connection->heldBlocks_.fetch_sub(1, std::memory_order_relaxed);
    connection->heldBytes_.fetch_sub(bytes_, std::memory_order_relaxed);
    // Release: what was read from the block was read before the producer may write there again.
    connection->returnPage().generations[slot_].store(generation_, std::memory_order_release);
    connection->wakeProducer();
}

Result<std::shared_ptr<Connection>> Connection::create(const Welcome &welcome,
                                                       const std::vector<UniqueFd> &fds, MemoryShare memory)
{
    const size_t arenaSize = static_cast<size_t>(welcome.arenaBytes);
    const size_t forwardSize = roundUpToPage(forwardBytes(welcome.ringCapacity));
    auto arena = mapReceived(fds[0].get(), arenaSize, kSingleWriterSeals, Mapping::Access::ReadOnly);
    if (!arena)
        return tl::unexpected(arena.error());
    auto forward = mapReceived(fds[1].get(), forwardSize, kSingleWriterSeals, Mapping::Access::ReadOnly);
    if (!forward)
        return tl::unexpected(forward.error());
    auto returnPage = mapReceived(fds[2].get(), kReturnBytes, kFixedSizeSeals, Mapping::Access::ReadWrite);
    if (!returnPage) // already closed to writers, say
        return asFault(returnPage.error(), FaultKind::SealsMissing, kReturnBytes);
    if (auto sealed = sealAsOnlyWriter(fds[2].get()); !sealed)
        return asFault(sealed.error(), FaultKind::SealsMissing, kReturnBytes);
    // After sealing: from here on nobody can punch a hole under our stores.
    if (auto real = returnPage->populateForWriting(0, kReturnBytes); !real)
        return asFault(real.error(), FaultKind::CannotPopulate, kReturnBytes);
    if (auto real = forward->populateForReading(0, forwardSize); !real)
        return asFault(real.error(), FaultKind::CannotPopulate, forwardSize);
    return std::make_shared<Connection>(welcome, std::move(*arena), std::move(*forward),
                                        std::move(*returnPage), std::move(memory));
}

Connection::Connection(const Welcome &welcome, Mapping arena, Mapping forward, Mapping returnPage,
                       MemoryShare memory)
    : welcome_(welcome), arena_(std::move(arena), std::move(memory)),
      forwardMapping_(std::move(forward)), returnMapping_(std::move(returnPage)),
      forwardHeader_(forwardMapping_.at<ForwardHeader>()), returnPage_(returnMapping_.at<ReturnPage>()),
      reader_(std::span(forwardMapping_.at<const SharedRecord>(kForwardRingOffset), welcome.ringCapacity),
              forwardHeader_->cursor, returnPage_->cursor),
      flushes_(forwardHeader_->epoch)
{
}

void Connection::wakeProducer() noexcept
{
    if (ringIfAsleep(forwardHeader_->producerSleeps, returnPage_->bell))
        wakesSent_.fetch_add(1, std::memory_order_relaxed);
}

bool Connection::nearBound(uint64_t bytes) const noexcept
{
    // Two words that only the producer writes, each read once; a lie costs copies or starves only
    // the liar's own stream.
    const uint64_t boundBytes = forwardHeader_->boundBytes.load(std::memory_order_relaxed);
    const uint32_t boundBlocks = forwardHeader_->boundBlocks.load(std::memory_order_relaxed);
    const uint64_t blocks = heldBlocks();
    const uint64_t held = heldBytes();
    if (boundBlocks < 2 || blocks > boundBlocks - 2)
        return true;
    return held > boundBytes || (boundBytes - held) / 2 < bytes;
}

} // namespace ringcore
