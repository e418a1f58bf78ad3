// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flush_gate.h"

namespace ringcore
{

Result<FlushGate::Seen> FlushGate::look(const std::function<void(uint32_t)> &began)
{
    std::lock_guard guard(lock_);
    const uint64_t word = word_.load(std::memory_order_acquire); // pairs with the producer's store
    const auto claim = Untrusted<uint32_t>::copied(epochOf(word));
    const auto ahead = claim.aheadOf(newest_, UINT32_MAX / 2);
    if (!ahead)
        return peerFault(FaultKind::EpochUnexpected, newest_, claim.claimed());
    newest_ += *ahead;
    // Flushes that follow one that is under way count as one with it.
    if (newest_ != passedOn_ && !flushing_) {
        flushing_ = true;
        began(epochNumber(word));
    }
    return Seen{newest_, epochResetsTime(word), epochNumber(word), flushing_};
}

void FlushGate::passedOn(uint32_t epoch)
{
    std::lock_guard guard(lock_);
    passedOn_ = epoch;
    flushing_ = false;
}

bool FlushGate::underWay()
{
    std::lock_guard guard(lock_);
    return flushing_;
}

} // namespace ringcore
