// SPDX-License-Identifier: LGPL-2.1-or-later
#include "arena_view.h"

#include <variant>

namespace ringcore
{

ArenaView::ArenaView(Mapping mapping)
    : mapping_(std::move(mapping)), populated_(mapping_.size(), Mapping::Access::ReadOnly)
{
}

Result<std::span<const std::byte>> ArenaView::block(uint64_t offset, uint64_t size)
{
    if (offset >= mapping_.size() || size > mapping_.size() - offset)
        return peerFault(FaultKind::BlockBeyondArena, mapping_.size(),
                         offset >= mapping_.size() ? offset : size);
    if (auto real = populated_.ensure(mapping_, static_cast<size_t>(offset), static_cast<size_t>(size));
        !real) {
        const auto *system = std::get_if<SystemError>(&real.error());
        return peerFault(FaultKind::CannotPopulate, size, system ? static_cast<uint64_t>(system->number) : 0);
    }
    return std::span<const std::byte>(mapping_.data() + offset, static_cast<size_t>(size));
}

} // namespace ringcore
