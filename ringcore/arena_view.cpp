// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arena_view.h"

#include "retire.h"

#include <variant>

namespace ringcore
{

ArenaView::ArenaView(Mapping mapping, MemoryShare share)
    : owned_{std::move(share), std::move(mapping)},
      populated_(owned_.mapping.size(), Mapping::Access::ReadOnly)
{
}

ArenaView::~ArenaView()
{
    retire(std::move(owned_), populated_.bytes());
}

Result<std::span<const std::byte>> ArenaView::block(uint64_t offset, uint64_t size)
{
    if (offset >= owned_.mapping.size() || size > owned_.mapping.size() - offset)
        return peerFault(FaultKind::BlockBeyondArena, owned_.mapping.size(),
                         offset >= owned_.mapping.size() ? offset : size);
    if (auto real = populated_.ensure(owned_.mapping, static_cast<size_t>(offset), static_cast<size_t>(size));
        !real)
        return asFault(real.error(), FaultKind::CannotPopulate, size);
    return std::span<const std::byte>(owned_.mapping.data() + offset, static_cast<size_t>(size));
}

} // namespace ringcore
