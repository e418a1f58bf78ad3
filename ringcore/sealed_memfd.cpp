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

Result<UniqueFd> createUnsized(const char *name, Pages pages)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (pages == Pages::Huge ? MFD_HUGETLB : 0);
    UniqueFd fd(::memfd_create(name, flags | MFD_NOEXEC_SEAL));
    if (!fd.valid() && errno == EINVAL) // before Linux 6.3
        fd.reset(::memfd_create(name, flags));
    if (!fd.valid())
        return systemError(errno, std::string("memfd_create ") + name);
    return fd;
}

// What a memfd's pages are.
struct FileSystem {
    uint64_t magic;
    size_t page; // bytes

    size_t wholePages(size_t size) const { return (size + page - 1) / page * page; }
};

Result<FileSystem> fileSystemOf(int fd)
{
    struct statfs fileSystem;
    if (::fstatfs(fd, &fileSystem) != 0)
        return systemError(errno, "fstatfs of shared memory");
    return FileSystem{static_cast<uint64_t>(fileSystem.f_type), static_cast<size_t>(fileSystem.f_bsize)};
}

struct SizedMemfd {
    UniqueFd fd;
    size_t size;
};

Result<SizedMemfd> createWhole(const char *name, size_t size, Pages pages)
{
    auto fd = createUnsized(name, pages);
    if (!fd)
        return tl::unexpected(fd.error());
    size_t whole = roundUpToPage(size);
    if (pages == Pages::Huge) {
        const auto fileSystem = fileSystemOf(fd->get());
        if (!fileSystem)
            return tl::unexpected(fileSystem.error());
        whole = fileSystem->wholePages(size);
    }
    if (auto sized = resizeMemfd(fd->get(), whole); !sized)
        return tl::unexpected(sized.error());
    return SizedMemfd{std::move(*fd), whole};
}

} // namespace

Result<UniqueFd> createMemfd(const char *name, size_t size)
{
    auto fd = createUnsized(name, Pages::Ordinary);
    if (!fd)
        return fd;
    if (auto sized = resizeMemfd(fd->get(), size); !sized)
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

Result<SealedMemfd> SealedMemfd::createOwned(const char *name, size_t size, Pages pages)
{
    auto memfd = createWhole(name, size, pages);
    if (!memfd)
        return tl::unexpected(memfd.error());
    auto mapping = Mapping::create(memfd->fd.get(), memfd->size, Mapping::Access::ReadWrite);
    if (!mapping)
        return tl::unexpected(mapping.error());
    if (auto closed = closeToWriters(memfd->fd.get(), kSingleWriterSeals); !closed)
        return tl::unexpected(closed.error());
    return SealedMemfd(std::move(memfd->fd), memfd->size, std::move(*mapping), O_RDONLY);
}

Result<SealedMemfd> SealedMemfd::createForPeer(const char *name, size_t size, Pages pages)
{
    auto memfd = createWhole(name, size, pages);
    if (!memfd)
        return tl::unexpected(memfd.error());
    if (pages == Pages::Huge) { // mapping sets them aside for whoever maps them next
        const auto aside = Mapping::create(memfd->fd.get(), memfd->size, Mapping::Access::ReadWrite);
        if (!aside)
            return tl::unexpected(aside.error());
    }
    if (auto sealed = addSeals(memfd->fd.get(), kFixedSizeSeals); !sealed)
        return tl::unexpected(sealed.error());
    return SealedMemfd(std::move(memfd->fd), memfd->size, Mapping(), O_RDWR);
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

// hugetlbfs has seals too, but what it does where there are no pages left is a matter of its own.
Result<void> checkOrdinaryPages(const FileSystem &fileSystem)
{
    if (fileSystem.magic != TMPFS_MAGIC)
        return peerFault(FaultKind::NotAMemfd, TMPFS_MAGIC, fileSystem.magic);
    return {};
}

} // namespace

Result<Mapping> mapReceived(int fd, size_t size, unsigned requiredSeals, Mapping::Access access,
                            Pages largest)
{
    const auto found = sizeOfReceived(fd, requiredSeals);
    if (!found)
        return tl::unexpected(found.error());
    const auto fileSystem = fileSystemOf(fd);
    if (!fileSystem)
        return tl::unexpected(fileSystem.error());
    const bool huge = largest == Pages::Huge && fileSystem->magic == HUGETLBFS_MAGIC;
    if (huge)
        size = fileSystem->wholePages(size);
    if (*found != size)
        return peerFault(FaultKind::SizeMismatch, size, *found);
    if (auto ordinary = checkOrdinaryPages(*fileSystem); !ordinary && !huge)
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
    const auto fileSystem = fileSystemOf(fd);
    if (!fileSystem)
        return tl::unexpected(fileSystem.error());
    if (auto ordinary = checkOrdinaryPages(*fileSystem); !ordinary)
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
