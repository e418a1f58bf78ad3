// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Remembers which parts of a mapping are already real, so that each is populated once and no page
// fault (or SIGBUS) is left for the hot path.
#pragma once

#include "mapping.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ringcore
{

// Not thread-safe.
class PopulatedGranules
{
public:
    static constexpr size_t kGranule = 64 * 1024; // bytes

    PopulatedGranules(size_t size, Mapping::Access access)
        : size_(size), access_(access), done_((size / kGranule + 64) / 64)
    {
    }

    // Makes [offset, offset + size) of `mapping` real, as needed. Error: populate's errno.
    Result<void> ensure(const Mapping &mapping, size_t offset, size_t size)
    {
        const size_t last = (offset + std::max<size_t>(size, 1) - 1) / kGranule;
        for (size_t granule = offset / kGranule; granule <= last; granule++) {
            const uint64_t bit = uint64_t{1} << (granule % 64);
            if (done_[granule / 64] & bit)
                continue;
            const size_t begin = granule * kGranule;
            const size_t length = std::min(kGranule, size_ - begin);
            auto populated = access_ == Mapping::Access::ReadWrite
                                 ? mapping.populateForWriting(begin, length)
                                 : mapping.populateForReading(begin, length);
            if (!populated)
                return populated;
            done_[granule / 64] |= bit;
            bytes_ += length;
        }
        return {};
    }

    size_t populatedBytes() const { return bytes_; }

private:
    size_t size_;
    Mapping::Access access_;
    std::vector<uint64_t> done_;
    size_t bytes_ = 0;
};

} // namespace ringcore
