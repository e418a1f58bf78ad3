// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sealed_memfd.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ringcore
{

const unsigned kSingleWriterSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
const unsigned kFixedSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;
const unsigned kImmutableSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

namespace
{

Result<void> addSeals(int fd, unsigned seals)
{
    if (::fcntl(fd, F_ADD_SEALS, seals) != 0)
        return systemError(errno, "sealing shared memory");
    return {};
}

} // namespace

Result<UniqueFd> createMemfd(const char *name, size_t size)
{
    constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    UniqueFd fd(::memfd_create(name, kFlags | MFD_NOEXEC_SEAL));
    if (!fd.valid() && errno == EINVAL) // before Linux 6.3
        fd.reset(::memfd_create(name, kFlags));
    if (!fd.valid())
        return systemError(errno, std::string("memfd_create ") + name);
    if (auto sized = resizeMemfd(fd.get(), size); !sized)
        return tl::unexpected(sized.error());
    return fd;
}

Result<void> resizeMemfd(int fd, size_t size)
{
    if (::ftruncate(fd, static_cast<off_t>(size)) != 0)
        return systemError(errno, "memfd of " + std::to_string(size) + " bytes");
    return {};
}

Result<void> closeToWriters(int fd, unsigned seals)
{
    if (auto sealed = addSeals(fd, seals); !sealed)
        return sealed;
    if (::fchmod(fd, 0400) != 0)
        return systemError(errno, "fchmod of shared memory");
    return {};
}

Result<UniqueFd> reopenForSending(int fd, int flags)
{
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    UniqueFd reopened(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY));
    if (reopened.valid())
        return reopened;
    if (errno == EMFILE || errno == ENFILE)
        return systemError(errno, "open " + path);
    UniqueFd duplicate(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!duplicate.valid())
        return systemError(errno, "duplicating shared memory's fd");
    return duplicate;
}

Result<SealedMemfd> SealedMemfd::createOwned(const char *name, size_t size)
{
    size = roundUpToPage(size);
    auto fd = createMemfd(name, size);
    if (!fd)
        return tl::unexpected(fd.error());
    auto mapping = Mapping::create(fd->get(), size, Mapping::Access::ReadWrite);
    if (!mapping)
        return tl::unexpected(mapping.error());
    if (auto closed = closeToWriters(fd->get(), kSingleWriterSeals); !closed)
        return tl::unexpected(closed.error());
    return SealedMemfd(std::move(*fd), size, std::move(*mapping), O_RDONLY);
}

Result<SealedMemfd> SealedMemfd::createForPeer(const char *name, size_t size)
{
    size = roundUpToPage(size);
    auto fd = createMemfd(name, size);
    if (!fd)
        return tl::unexpected(fd.error());
    if (auto sealed = addSeals(fd->get(), kFixedSizeSeals); !sealed)
        return tl::unexpected(sealed.error());
    return SealedMemfd(std::move(*fd), size, Mapping(), O_RDWR);
}

Result<void> checkSeals(int fd, unsigned required)
{
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0)
        return peerFault(FaultKind::NotAMemfd, 0, static_cast<uint64_t>(errno));
    if ((static_cast<unsigned>(seals) & required) != required)
        return peerFault(FaultKind::SealsMissing, required, static_cast<uint64_t>(seals));
    return {};
}

namespace
{

// The size of a received memfd that has the seals.
Result<uint64_t> sizeOfReceived(int fd, unsigned requiredSeals)
{
    // The seals first: only a memfd has any, so that what follows cannot hang on a FUSE file.
    if (auto seals = checkSeals(fd, requiredSeals); !seals)
        return tl::unexpected(seals.error());
    if ((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
        return peerFault(FaultKind::NotReadable, 0, O_WRONLY);
    struct stat status;
    if (::fstat(fd, &status) != 0)
        return systemError(errno, "fstat of received memory");
    return static_cast<uint64_t>(status.st_size);
}

// hugetlbfs has seals too, but other rules.
Result<void> checkOrdinaryPages(int fd)
{
    struct statfs fileSystem;
    if (::fstatfs(fd, &fileSystem) != 0)
        return systemError(errno, "fstatfs of received memory");
    if (static_cast<uint64_t>(fileSystem.f_type) != TMPFS_MAGIC)
        return peerFault(FaultKind::NotAMemfd, TMPFS_MAGIC, static_cast<uint64_t>(fileSystem.f_type));
    return {};
}

} // namespace

Result<Mapping> mapReceived(int fd, size_t size, unsigned requiredSeals, Mapping::Access access)
{
    const auto found = sizeOfReceived(fd, requiredSeals);
    if (!found)
        return tl::unexpected(found.error());
    if (*found != size)
        return peerFault(FaultKind::SizeMismatch, size, *found);
    if (auto ordinary = checkOrdinaryPages(fd); !ordinary)
        return tl::unexpected(ordinary.error());
    return Mapping::create(fd, size, access);
}

Result<Mapping> mapReceivedImmutable(int fd, size_t maxBytes)
{
    const auto found = sizeOfReceived(fd, kImmutableSeals);
    if (!found)
        return tl::unexpected(found.error());
    if (*found > maxBytes)
        return peerFault(FaultKind::SizeBeyondBound, maxBytes, *found);
    if (auto ordinary = checkOrdinaryPages(fd); !ordinary)
        return tl::unexpected(ordinary.error());
    if (*found == 0)
        return Mapping();
    return Mapping::create(fd, static_cast<size_t>(*found), Mapping::Access::Sealed);
}

Result<void> sealAsOnlyWriter(int fd)
{
    return addSeals(fd, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
}

} // namespace ringcore
