// SPDX-License-Identifier: LGPL-2.1-or-later
#include "write_once.h"

#include "sealed_memfd.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace ringcore
{

namespace
{

// Has `fill` write into the memfd; on return nothing is mapped any more, as F_SEAL_WRITE demands.
Result<size_t> fillMapped(int fd, size_t size, const FillMemory &fill)
{
    if (size == 0) // mmap of nothing is an error
        return fill({});
    const auto mapping = Mapping::create(fd, size, Mapping::Access::ReadWrite);
    if (!mapping)
        return tl::unexpected(mapping.error());
    if (auto kept = mapping->keepFromChildren(); !kept)
        return tl::unexpected(kept.error());
    if (auto real = mapping->populateForWriting(0, size); !real)
        return tl::unexpected(real.error());
    return fill({mapping->data(), size});
}

} // namespace

Result<UniqueFd> writeOnce(std::span<const std::byte> bytes, const char *name)
{
    const auto copyAll = [bytes](std::span<std::byte> memory) {
        std::ranges::copy(bytes, memory.begin());
        return bytes.size();
    };
    return writeOnce(bytes.size(), copyAll, name);
}

Result<UniqueFd> writeOnce(size_t size, const FillMemory &fill, const char *name)
{
    const auto memfd = createMemfd(name, size);
    if (!memfd)
        return tl::unexpected(memfd.error());
    const auto used = fillMapped(memfd->get(), size, fill);
    if (!used)
        return tl::unexpected(used.error());
    if (*used > size)
        return misuse(MisuseKind::WroteTooMany, size, *used);
    // The kernel clears the rest of the last page: nothing that was written there is sent.
    if (auto cut = resizeMemfd(memfd->get(), *used); !cut)
        return tl::unexpected(cut.error());
    if (auto closed = closeToWriters(memfd->get(), kImmutableSeals); !closed)
        return tl::unexpected(closed.error());
    return reopenForSending(memfd->get(), O_RDONLY);
}

Result<void> verifySealed(int fd)
{
    return checkSeals(fd, kImmutableSeals);
}

Result<SealedBytes> SealedBytes::open(int fd, size_t maxBytes)
{
    auto mapping = mapReceivedImmutable(fd, maxBytes);
    if (!mapping)
        return tl::unexpected(mapping.error());
    if (auto real = mapping->populateForReading(0, mapping->size()); !real)
        return asFault(real.error(), FaultKind::CannotPopulate, mapping->size());
    return SealedBytes(std::move(*mapping));
}

} // namespace ringcore
