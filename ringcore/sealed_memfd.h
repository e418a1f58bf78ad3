// SPDX-License-Identifier: LGPL-2.1-or-later
//
// memfds and their seals: the kernel's word that memory keeps its size and has one writer.
#pragma once

#include "api.h"
#include "error.h"
#include "mapping.h"
#include "unique_fd.h"

#include <cstddef>

namespace ringcore
{

// Seals of memory that only its creator writes (arena, forward memory), of the return page, and of
// memory that nobody writes any more.
extern const unsigned kSingleWriterSeals; // SHRINK | GROW | FUTURE_WRITE | SEAL
extern const unsigned kFixedSizeSeals;    // SHRINK | GROW: what a return page has when it is sent
extern const unsigned kImmutableSeals;    // SHRINK | GROW | WRITE | SEAL

// Huge: of hugetlbfs, in the machine's default size of huge page (Hugepagesize in /proc/meminfo).
// There are as many as the administrator set aside.
enum class Pages { Ordinary, Huge };

// A memfd of `size` bytes (zeroes, sparse), close-on-exec, that can be sealed and not be executed.
Result<UniqueFd> createMemfd(const char *name, size_t size);
Result<void> resizeMemfd(int fd, size_t size);

// Adds `seals` to a memfd of ours and makes it 0400.
Result<void> closeToWriters(int fd, unsigned seals);

// A new open file description of `fd` for sending away: the peer's flags, offset, owner and locks
// are then not ours. `flags`: O_RDONLY or O_RDWR. A duplicate where /proc is missing.
RINGCORE_API Result<UniqueFd> reopenForSending(int fd, int flags);

class SealedMemfd final
{
public:
    // A memfd of `size` bytes (whole pages, sparse), mapped read-write by us and then sealed with
    // kSingleWriterSeals and made 0400: from here on nobody can map it for writing.
    // Huge pages are set aside for all of it, or ENOMEM.
    static Result<SealedMemfd> createOwned(const char *name, size_t size, Pages pages = Pages::Ordinary);

    // A memfd of `size` bytes with a fixed size, which its *receiver* is to map and seal.
    static Result<SealedMemfd> createForPeer(const char *name, size_t size, Pages pages = Pages::Ordinary);

    // For sending away, as above: read-only, or for the peer that is to write it read-write.
    Result<UniqueFd> reopenForSending() const { return ringcore::reopenForSending(fd_.get(), reopenFlags_); }

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
// mapping; the caller closes the fd. With Pages::Huge it may be of huge pages, whole ones. Errors:
// SealsMissing, NotAMemfd, NotReadable, SizeMismatch, or mmap's own.
Result<Mapping> mapReceived(int fd, size_t size, unsigned requiredSeals, Mapping::Access access,
                            Pages largest = Pages::Ordinary);

// The same for immutable memory whose size is its sender's choice, of at most `maxBytes`. No bytes
// are an invalid Mapping. SizeBeyondBound takes the place of SizeMismatch.
Result<Mapping> mapReceivedImmutable(int fd, size_t maxBytes);

// Adds what makes the caller the page's only writer. For the receiver of createForPeer's memory,
// after it mapped it.
Result<void> sealAsOnlyWriter(int fd);

} // namespace ringcore
