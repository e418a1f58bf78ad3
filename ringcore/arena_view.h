// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer's arena as its consumer sees it: read-only, every block checked against its size, and
// made real page by page before anybody reads it, so that no page faults later and an errno comes
// where there would be a SIGBUS.
#pragma once

#include "error.h"
#include "mapping.h"
#include "populated_pages.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringcore
{

// One thread at a time; the blocks handed out may be read by any.
class ArenaView
{
public:
    explicit ArenaView(Mapping mapping);

    // The claimed block, inside the arena and populated. Faults: BlockBeyondArena, CannotPopulate.
    Result<std::span<const std::byte>> block(uint64_t offset, uint64_t size);

    size_t size() const { return mapping_.size(); }

private:
    Mapping mapping_;
    PopulatedPages populated_;
};

} // namespace ringcore
