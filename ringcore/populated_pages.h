// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Remembers which pages of a mapping are already real, so that each is populated once and no page
// fault (or SIGBUS) is left for the hot path.
#pragma once

#include "mapping.h"

#include <cstdint>
#include <vector>

namespace ringcore
{

// Not thread-safe.
class PopulatedPages
{
public:
    PopulatedPages(size_t mappedBytes, Mapping::Access access);

    // Makes the pages of [offset, offset + size) of `mapping` real, as needed: these and never more,
    // since a reader of one page beyond makes a page that its writer may never use. Error: populate's.
    Result<void> ensure(const Mapping &mapping, size_t offset, size_t size);

    // Bytes of the pages that are known to be real.
    size_t bytes() const { return bytes_; }

private:
    const Mapping::Access access_;
    std::vector<uint64_t> done_; // a bit for each page
    size_t bytes_ = 0;
};

} // namespace ringcore
