// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bytes that are written once, sealed, and sent: whoever receives them knows that nobody, not even
// the sender, changes them under its eyes. So they may be parsed in place.
#pragma once

#include "api.h"
#include "error.h"
#include "mapping.h"
#include "unique_fd.h"

#include <cstddef>
#include <functional>
#include <span>
#include <utility>

namespace ringcore
{

inline constexpr const char *kWriteOnceName = "sharedring-write-once";

// Fills the memory and returns how many of its bytes, from the first on, are to be sent.
using FillMemory = std::function<size_t(std::span<std::byte>)>;

// A memfd with a copy of `bytes` (none is fine), sealed with kImmutableSeals (sealed_memfd.h), 0400,
// close-on-exec. `name` is what /proc/<pid>/maps shows, at most 249 bytes.
//
// What is returned is an open file of its own, read-only where /proc is mounted, to be sent away as
// it is. Receivers of one fd share its offset and flags, not the memory's safety; reopenForSending
// (sealed_memfd.h) gives each its own.
//
// Errors: SystemError, with the errno of the call that failed; ENOMEM if the kernel says that there
// is no memory for all of it (where it overcommits, the OOM killer may come first). Nothing is left
// behind then. Any thread.
//
// After the `mem` module of the Rust crate shmem-ipc, as is all of this file.
RINGCORE_API Result<UniqueFd> writeOnce(std::span<const std::byte> bytes, const char *name = kWriteOnceName);

// The same for `size` bytes that `fill` writes in place, for what is made piece by piece or whose
// size is known only at its end. The memory is zeroes, and real: storing cannot fail.
//
// `fill` is called once, by this thread, and writes (or has kernel and threads write) only until it
// returns; child processes that are forked meanwhile do not have the memory. What it does not count
// is cut off and not sent. An exception of its own leaves nothing behind and goes on to the caller.
//
// Errors, also: Misuse::WroteTooMany if `fill` returned more than `size`; EBUSY if the kernel still
// writes.
RINGCORE_API Result<UniqueFd> writeOnce(size_t size, const FillMemory &fill,
                                        const char *name = kWriteOnceName);

// Whether nobody can change or resize what `fd` refers to, for who maps it without SealedBytes.
// Answers at once, whatever a peer sent. It bounds nothing and does not look at the kind of pages.
// Faults: NotAMemfd, SealsMissing.
RINGCORE_API Result<void> verifySealed(int fd);

// Immutable bytes that a peer sent, mapped for reading: by any thread, without a race, a second look
// or a SIGBUS, as long as this object lives and whatever becomes of the sender.
class SealedBytes final
{
public:
    // Maps what writeOnce() made here or elsewhere, of at most `maxBytes` bytes. All of it is made
    // real now, a hostile sender's holes at our cost: the bound must be what this machine can spare,
    // as a kernel that overcommits kills processes rather than say ENOMEM.
    //
    // The fd stays the caller's, and is not needed any more: closing a hostile peer's can take as
    // long as that peer likes, if it is no memfd.
    //
    // Faults, in the order in which they are looked for: NotAMemfd, SealsMissing, NotReadable,
    // SizeBeyondBound, CannotPopulate (its errno: mostly ENOMEM). SystemError: mmap's own.
    RINGCORE_API static Result<SealedBytes> open(int fd, size_t maxBytes);

    std::span<const std::byte> bytes() const { return {mapping_.data(), mapping_.size()}; }

private:
    explicit SealedBytes(Mapping mapping) : mapping_(std::move(mapping)) {}

    Mapping mapping_;
};

} // namespace ringcore
