// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A piece of a memfd in our address space, unmapped with its owner.
#pragma once

#include "api.h"
#include "error.h"

#include <cstddef>
#include <span>

namespace ringcore
{

class Mapping final
{
public:
    // Sealed: reading memory that nobody can write any more (F_SEAL_WRITE). It is mapped privately,
    // which of such memory is the same pages: before Linux 6.7, sealed memory cannot be mapped
    // shared through an fd that was opened for writing.
    enum class Access { ReadOnly, ReadWrite, Sealed };

    Mapping() = default;
    RINGCORE_API ~Mapping();
    RINGCORE_API Mapping(Mapping &&other) noexcept;
    RINGCORE_API Mapping &operator=(Mapping &&other) noexcept;
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;

    // Maps the first `size` bytes of `fd`, shared with everyone who maps them. The fd may be closed
    // afterwards.
    static Result<Mapping> create(int fd, size_t size, Access access);

    // Makes [offset, offset + size) real now, with an errno (as the error) instead of a SIGBUS
    // later. `offset` and `size` are widened to whole pages. Write needs Access::ReadWrite.
    Result<void> populateForReading(size_t offset, size_t size) const;
    Result<void> populateForWriting(size_t offset, size_t size) const;

    // Children that are forked from now on do not have it: they would keep a writable mapping alive.
    Result<void> keepFromChildren() const;

    bool valid() const { return data_ != nullptr; }
    std::byte *data() const { return data_; }
    size_t size() const { return size_; }

    // The shared struct at `offset`, which the caller keeps inside the mapping. The only place
    // where shared memory gets a type.
    template <typename T>
    T *at(size_t offset = 0) const
    {
        return reinterpret_cast<T *>(data_ + offset);
    }

private:
    Mapping(std::byte *data, size_t size) : data_(data), size_(size) {}
    Result<void> populate(size_t offset, size_t size, int advice) const;

    std::byte *data_ = nullptr;
    size_t size_ = 0;
};

// Bytes of a page; memfds and populated ranges come in multiples of it.
size_t pageSize();
size_t roundUpToPage(size_t size);

} // namespace ringcore
