// SPDX-License-Identifier: LGPL-2.1-or-later
#include "error.h"

#include <system_error>

namespace ringcore
{

tl::unexpected<Error> asFault(const Error &error, FaultKind kind, uint64_t expected)
{
    if (const auto *system = std::get_if<SystemError>(&error))
        return peerFault(kind, expected, static_cast<uint64_t>(system->number));
    return tl::unexpected(error);
}

const char *nameOf(FaultKind kind)
{
    switch (kind) {
    case FaultKind::MessageTooShort:
        return "message too short";
    case FaultKind::MessageTruncated:
        return "message too long";
    case FaultKind::MessageUnknown:
        return "message of unknown type";
    case FaultKind::MessageMalformed:
        return "malformed message";
    case FaultKind::MessageOutOfOrder:
        return "message out of order";
    case FaultKind::MessageEmpty:
        return "empty message";
    case FaultKind::TooManyMessages:
        return "too many messages";
    case FaultKind::WrongNumberOfFds:
        return "wrong number of file descriptors";
    case FaultKind::VersionUnsupported:
        return "protocol version not supported";
    case FaultKind::SealsMissing:
        return "seals missing";
    case FaultKind::NotAMemfd:
        return "not a memfd of ordinary pages";
    case FaultKind::SizeMismatch:
        return "size is not what was promised";
    case FaultKind::SizeBeyondBound:
        return "size beyond our bound";
    case FaultKind::CannotPopulate:
        return "memory cannot be populated";
    case FaultKind::CursorBeyondRing:
        return "cursor beyond the ring";
    case FaultKind::SlotBeyondTable:
        return "slot beyond the table";
    case FaultKind::BlockBeyondArena:
        return "block beyond the arena";
    case FaultKind::InlineBeyondRecord:
        return "inline bytes beyond the record";
    case FaultKind::GenerationUnexpected:
        return "unexpected generation";
    case FaultKind::EpochUnexpected:
        return "unexpected flush epoch";
    case FaultKind::ContentInvalid:
        return "invalid content";
    case FaultKind::HandshakeTimeout:
        return "handshake took too long";
    case FaultKind::SlowConsumer:
        return "client too slow";
    case FaultKind::HoardsMemory:
        return "client hoards memory";
    case FaultKind::NotARing:
        return "no ring of items is there";
    case FaultKind::RoleUnexpected:
        return "not the other side of this ring";
    case FaultKind::CapacityMismatch:
        return "ring of another capacity";
    case FaultKind::ItemMismatch:
        return "ring of another type of item";
    case FaultKind::ExposureMismatch:
        return "ring of another exposure";
    case FaultKind::NotReadable:
        return "memory cannot be read";
    case FaultKind::NotASocket:
        return "signal is no unix seqpacket socket";
    }
    return "unknown fault";
}

const char *nameOf(RefusalReason reason)
{
    switch (reason) {
    case RefusalReason::Unauthorized:
        return "not authorized";
    case RefusalReason::TooManyClients:
        return "too many clients (max-clients)";
    case RefusalReason::TooManyOfUid:
        return "too many clients of this user (max-clients-per-uid)";
    case RefusalReason::TooManyHandshakes:
        return "too many handshakes under way";
    case RefusalReason::TooOften:
        return "too many connections a second";
    case RefusalReason::Version:
        return "protocol version not supported";
    case RefusalReason::NoMemory:
        return "no memory for another client";
    case RefusalReason::ShuttingDown:
        return "shutting down";
    }
    return "unknown reason";
}

const char *nameOf(MisuseKind kind)
{
    switch (kind) {
    case MisuseKind::CapacityTooSmall:
        return "capacity is too small";
    case MisuseKind::CapacityTooBig:
        return "capacity is too big";
    case MisuseKind::MemoryTooSmall:
        return "memory is too small";
    case MisuseKind::MemoryTooBig:
        return "memory is too big";
    case MisuseKind::MemoryUnaligned:
        return "memory is not aligned";
    case MisuseKind::TookTooMany:
        return "more items taken than there were";
    case MisuseKind::WroteTooMany:
        return "more items written than there was room for";
    case MisuseKind::NoSocket:
        return "memory of the application's own has no socket";
    }
    return "unknown misuse";
}

std::string describe(const PeerFault &fault)
{
    return std::string(nameOf(fault.kind)) + " (expected " + std::to_string(fault.expected) + ", found " +
           std::to_string(fault.found) + ")";
}

std::string describe(const Refusal &refusal)
{
    std::string text = nameOf(refusal.reason);
    if (refusal.limit > 0)
        text += ", limit " + std::to_string(refusal.limit);
    return text;
}

std::string describe(const Misuse &misuse)
{
    return std::string(nameOf(misuse.kind)) + " (bound " + std::to_string(misuse.bound) + ", given " +
           std::to_string(misuse.given) + ")";
}

std::string describe(const Error &error)
{
    if (const auto *system = std::get_if<SystemError>(&error))
        return system->operation + ": " + std::generic_category().message(system->number);
    if (const auto *fault = std::get_if<PeerFault>(&error))
        return describe(*fault);
    if (const auto *refusal = std::get_if<Refusal>(&error))
        return describe(*refusal);
    return describe(std::get<Misuse>(error));
}

} // namespace ringcore
