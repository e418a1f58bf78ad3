// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One message at a time over a unix SOCK_SEQPACKET socket, with file descriptors where the protocol
// has some. Everything that arrives is a claim: sizes, fd counts and truncation are checked here.
#pragma once

#include "api.h"
#include "error.h"
#include "unique_fd.h"

#include <cerrno>
#include <cstddef>
#include <optional>
#include <span>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace ringcore
{

// Who is at the other end of a socket. What the kernel cannot say is -1: so are pid 0 and the
// overflow uid (a peer in another namespace).
struct PeerIdentity {
    pid_t pid = 0; // 0: unknown
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
};

inline constexpr size_t kMessageLimit = 8192;
inline constexpr size_t kMessageFds = 3;

struct Message {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
};

// An end of a connection, which it owns.
class ControlSocket final
{
public:
    explicit ControlSocket(UniqueFd fd) : fd_(std::move(fd)) {}

    // Sends without waiting and without SIGPIPE; see isForLater().
    RINGCORE_API Result<void> send(std::span<const std::byte> bytes,
                                   std::span<const UniqueFd> fds = {}) const;

    // Whether what send() failed with passes by itself: the peer's queue is full, or too many fds are
    // under way.
    static bool isForLater(const Error &error)
    {
        const auto *system = std::get_if<SystemError>(&error);
        return system &&
               (system->number == EAGAIN || system->number == ETOOMANYREFS || system->number == ENOBUFS);
    }

    // Receives one message if there is one (none: an empty optional). At most `mostFds` descriptors
    // may come with it (all are closed otherwise); which message has how many is checked where its
    // type is known. End of the connection is SystemError ECONNRESET, after what the peer said
    // before it went. Faults: MessageTruncated, MessageEmpty, WrongNumberOfFds.
    RINGCORE_API Result<std::optional<Message>> receive(size_t mostFds) const;

    // SO_PEERCRED.
    RINGCORE_API PeerIdentity peer() const;

    // SO_PEERPIDFD: becomes readable when the peer's process ends, though a child of it keeps the
    // socket open. Invalid before Linux 6.5; there hang-up alone tells.
    RINGCORE_API UniqueFd peerPidFd() const;

    // What a peer sent and nobody received is closed with it, which can take as long as the peer likes.
    void close() { fd_.reset(); }

    int fd() const { return fd_.get(); }
    bool valid() const { return fd_.valid(); }

private:
    UniqueFd fd_;
};

// Asks the kernel to take no file descriptors from this socket's peers (SO_PASSRIGHTS, Linux
// 6.16); accepted sockets inherit it. False where the kernel does not know it.
bool refuseDescriptors(int socket);

} // namespace ringcore
