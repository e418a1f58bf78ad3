// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mapping.h"

#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace ringcore
{

size_t pageSize()
{
    static const size_t size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

size_t roundUpToPage(size_t size)
{
    return (size + pageSize() - 1) / pageSize() * pageSize();
}

Mapping::~Mapping()
{
    if (data_)
        ::munmap(data_, size_);
}

Mapping::Mapping(Mapping &&other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0))
{
}

Mapping &Mapping::operator=(Mapping &&other) noexcept
{
    Mapping old(std::exchange(data_, std::exchange(other.data_, nullptr)),
                std::exchange(size_, std::exchange(other.size_, 0)));
    return *this;
}

Result<Mapping> Mapping::create(int fd, size_t size, Access access)
{
    const int protection = access == Access::ReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
    const int sharing = access == Access::Sealed ? MAP_PRIVATE : MAP_SHARED;
    void *data = ::mmap(nullptr, size, protection, sharing, fd, 0);
    if (data == MAP_FAILED)
        return systemError(errno, "mmap of " + std::to_string(size) + " bytes");
    return Mapping(static_cast<std::byte *>(data), size);
}

Result<void> Mapping::populate(size_t offset, size_t size, int advice) const
{
    const size_t begin = offset / pageSize() * pageSize();
    const size_t end = roundUpToPage(offset + size);
    while (::madvise(data_ + begin, end - begin, advice) != 0) {
        if (errno != EINTR && errno != EAGAIN)
            return systemError(errno, "populating " + std::to_string(size) + " bytes of shared memory");
    }
    return {};
}

Result<void> Mapping::populateForReading(size_t offset, size_t size) const
{
    return populate(offset, size, MADV_POPULATE_READ);
}

Result<void> Mapping::populateForWriting(size_t offset, size_t size) const
{
    return populate(offset, size, MADV_POPULATE_WRITE);
}

Result<void> Mapping::keepFromChildren() const
{
    if (::madvise(data_, size_, MADV_DONTFORK) != 0)
        return systemError(errno, "keeping shared memory from child processes");
    return {};
}

} // namespace ringcore
