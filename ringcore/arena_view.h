// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer's arena as its consumer sees it: read-only, every block checked against its size, and
// made real page by page before anybody reads it, so that no page faults later and an errno comes
// where there would be a SIGBUS.
#pragma once

#include "error.h"
#include "mapping.h"
#include "memory_budget.h"
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
    // `share`: of the memory budget, for as long as there is a mapping.
    ArenaView(Mapping mapping, MemoryShare share);
    ~ArenaView();
    ArenaView(const ArenaView &) = delete;
    ArenaView &operator=(const ArenaView &) = delete;

    // The claimed block, inside the arena and populated. Faults: BlockBeyondArena, CannotPopulate.
    Result<std::span<const std::byte>> block(uint64_t offset, uint64_t size);

    size_t size() const { return owned_.mapping.size(); }

private:
    struct Owned {
        MemoryShare share; // given back when the mapping is gone
        Mapping mapping;
    };
    Owned owned_;
    PopulatedPages populated_;
};

} // namespace ringcore
