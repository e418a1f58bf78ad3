// SPDX-License-Identifier: LGPL-2.1-or-later
//
// memfds and their seals: the kernel's word that memory keeps its size and has one writer.
#pragma once

#include "error.h"
#include "mapping.h"
#include "unique_fd.h"

#include <cstddef>

namespace ringcore
{

// Seals of memory that only its creator writes (arena, forward memory), and of the return page.
extern const unsigned kSingleWriterSeals; // SHRINK | GROW | FUTURE_WRITE | SEAL
extern const unsigned kFixedSizeSeals;    // SHRINK | GROW: what a return page has when it is sent

class SealedMemfd final
{
public:
    // A memfd of `size` bytes (whole pages, sparse), mapped read-write by us and then sealed with
    // kSingleWriterSeals and made 0400: from here on nobody can map it for writing.
    static Result<SealedMemfd> createOwned(const char *name, size_t size);

    // A memfd of `size` bytes with a fixed size, which its *receiver* is to map and seal.
    static Result<SealedMemfd> createForPeer(const char *name, size_t size);

    // A new open file description for sending away: the peer's flags, offset, owner and locks are
    // then not ours. A duplicate where /proc is missing.
    Result<UniqueFd> reopenForSending() const;

    int fd() const { return fd_.get(); }
    size_t size() const { return size_; }
    // Ours, read-write; invalid for createForPeer.
    const Mapping &mapping() const { return mapping_; }
    Mapping takeMapping() { return std::move(mapping_); }

private:
    SealedMemfd(UniqueFd fd, size_t size, Mapping mapping, int reopenFlags)
        : fd_(std::move(fd)), size_(size), mapping_(std::move(mapping)), reopenFlags_(reopenFlags)
    {
    }

    UniqueFd fd_;
    size_t size_;
    Mapping mapping_;
    int reopenFlags_;
};

// Whether `fd` is a memfd that has all of `required` (more are welcome). Asks F_GET_SEALS alone,
// which answers at once whatever the fd is.
Result<void> checkSeals(int fd, unsigned required);

// Maps memory that a peer sent: seals first, then size (exactly `size`) and file system, then the
// mapping; the caller closes the fd. Errors: SealsMissing, NotAMemfd, SizeMismatch, or mmap's own.
Result<Mapping> mapReceived(int fd, size_t size, unsigned requiredSeals, Mapping::Access access);

// Adds what makes the caller the page's only writer. For the receiver of createForPeer's memory,
// after it mapped it.
Result<void> sealAsOnlyWriter(int fd);

} // namespace ringcore
