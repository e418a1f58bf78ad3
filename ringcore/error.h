// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ways in which something can fail, never mixed: the system said no (errno is kept), the peer
// broke the protocol (the numbers are kept), the peer politely refused us, or the caller asked for
// what there is not.
#pragma once

#include "api.h"

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <variant>

namespace ringcore
{

// A system call failed: `operation` says which and on what ("bind /run/x"), `number` is errno.
struct SystemError {
    int number;
    std::string operation;
};

// What a peer did that the protocol forbids. Each is followed by the two numbers of PeerFault.
enum class FaultKind : uint32_t {
    MessageTooShort,      // bytes needed, bytes received
    MessageTruncated,     // bytes that fit, MSG_ flags
    MessageUnknown,       // highest type we know, type received
    MessageMalformed,     // type, bytes left unread
    MessageOutOfOrder,    // type expected, type received
    MessageEmpty,         // -, -
    TooManyMessages,      // allowed per second, received
    WrongNumberOfFds,     // expected, received
    VersionUnsupported,   // ours, theirs
    SealsMissing,         // seals required, seals found
    NotAMemfd,            // -, errno of F_GET_SEALS or the file system's magic
    SizeMismatch,         // size promised, size found
    SizeBeyondBound,      // our bound, size claimed
    CannotPopulate,       // bytes, errno
    CursorBeyondRing,     // capacity, distance claimed
    SlotBeyondTable,      // slots, slot claimed
    BlockBeyondArena,     // arena size, offset claimed (size in the log line of who found it)
    InlineBeyondRecord,   // record's room, size claimed
    GenerationUnexpected, // -, generation claimed
    EpochUnexpected,      // epoch seen, epoch claimed
    ContentInvalid,       // what the bytes should have been, size: said by the layer above
    HandshakeTimeout,     // ms allowed, ms waited
    SlowConsumer,         // buffers it may hold, buffers it holds
    HoardsMemory,         // bytes of its share, bytes it holds
    NotARing,             // the magic number, what stands there
    RoleUnexpected,       // RingRole expected, claimed
    CapacityMismatch,     // items, ours and theirs
    ItemMismatch,         // bytes of an item (alignment, if those are equal), ours and theirs
    ExposureMismatch,     // Exposure, ours and theirs
    NotReadable,          // -, the access mode that the fd was opened with
    NotASocket,           // SOCK_SEQPACKET, its type (or errno); or AF_UNIX, its family
};

struct PeerFault {
    FaultKind kind;
    uint64_t expected;
    uint64_t found;
};

// Why a producer would not have us, as it said itself (so: a claim, only good for a message).
enum class RefusalReason : uint32_t {
    Unauthorized = 1, // authorize-client said no
    TooManyClients,   // max-clients is reached
    TooManyOfUid,     // max-clients-per-uid is reached
    TooManyHandshakes,
    TooOften, // admissions a second
    Version,
    NoMemory,
    ShuttingDown,
};

struct Refusal {
    RefusalReason reason;
    uint64_t limit;     // the bound that was hit, where there is one
    bool tryAgainLater; // `busy` as opposed to `refused`
};

// What the caller may not ask for. Nothing has changed.
enum class MisuseKind : uint32_t {
    CapacityTooSmall, // items at least, asked for
    CapacityTooBig,   // items at most, asked for
    MemoryTooSmall,   // bytes needed, bytes given
    MemoryTooBig,     // bytes at most, bytes given
    MemoryUnaligned,  // alignment needed, address given
    TookTooMany,      // items there were, items the callback (or caller) says it took
    WroteTooMany,     // items (write_once: bytes) there was room for, what the callback says it wrote
    NoSocket,         // -, -: memory of the application's own has nothing to poll or to send
};

struct Misuse {
    MisuseKind kind;
    uint64_t bound;
    uint64_t given;
};

// Whatever went wrong: describe() makes a line of it.
using Error = std::variant<SystemError, PeerFault, Refusal, Misuse>;

template <typename T>
using Result = tl::expected<T, Error>;

inline auto systemError(int number, std::string operation)
{
    return tl::unexpected<Error>(SystemError{number, std::move(operation)});
}
inline auto peerFault(FaultKind kind, uint64_t expected = 0, uint64_t found = 0)
{
    return tl::unexpected<Error>(PeerFault{kind, expected, found});
}
inline auto misuse(MisuseKind kind, uint64_t bound = 0, uint64_t given = 0)
{
    return tl::unexpected<Error>(Misuse{kind, bound, given});
}

// What the kernel says about a peer's memory is the peer's fault: a SystemError becomes `kind`, with
// the errno as what was found. Other errors stay what they are.
tl::unexpected<Error> asFault(const Error &error, FaultKind kind, uint64_t expected);

RINGCORE_API const char *nameOf(FaultKind kind);
RINGCORE_API const char *nameOf(RefusalReason reason);
RINGCORE_API const char *nameOf(MisuseKind kind);

// One line for a log or an error message: the operation and errno's text, or the fault with its
// numbers. Any thread.
RINGCORE_API std::string describe(const Error &error);
RINGCORE_API std::string describe(const PeerFault &fault);
RINGCORE_API std::string describe(const Refusal &refusal);
RINGCORE_API std::string describe(const Misuse &misuse);

} // namespace ringcore
