// SPDX-License-Identifier: LGPL-2.1-or-later
#include "control_socket.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

namespace ringcore
{

namespace
{

constexpr uid_t kOverflowUid = 65534;

// A zero-length packet and the end of the stream both read as 0 bytes; only the end has POLLHUP.
bool hungUp(int fd)
{
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

// Takes ownership of every descriptor in the message, wanted or not.
std::vector<UniqueFd> takeFds(msghdr &header)
{
    std::vector<UniqueFd> fds;
    for (cmsghdr *control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        // From cmsg_len: CMSG_SPACE has room for one more than was asked.
        const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
    return fds;
}

} // namespace

Result<void> ControlSocket::send(std::span<const std::byte> bytes, std::span<const UniqueFd> fds) const
{
    iovec part{const_cast<std::byte *>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(kMessageFds * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        for (size_t i = 0; i < fds.size(); i++) {
            const int fd = fds[i].get();
            std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof fd);
        }
    }
    ssize_t sent;
    do
        sent = ::sendmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return systemError(errno, "sending to the peer");
    return {};
}

Result<std::optional<Message>> ControlSocket::receive(size_t mostFds) const
{
    Message message;
    message.bytes.resize(kMessageLimit);
    iovec part{message.bytes.data(), message.bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE((kMessageFds + 1) * sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t size;
    bool reset = false;
    for (;;) {
        size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size >= 0 || (errno != EINTR && (errno != ECONNRESET || reset)))
            break;
        // A peer that closed without having read everything of ours resets the connection; that is
        // told once, ahead of the peer's last words (why it refuses us, say), which come next.
        reset = reset || errno == ECONNRESET;
    }
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return std::optional<Message>();
    if (size < 0)
        return systemError(errno, "receiving from the peer");

    message.fds = takeFds(header); // owned from here on, whatever is wrong with the message
    if (size == 0 && message.fds.empty() && hungUp(fd_.get()))
        return systemError(ECONNRESET, "connection");
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return peerFault(FaultKind::MessageTruncated, kMessageLimit, static_cast<uint64_t>(header.msg_flags));
    if (size == 0)
        return peerFault(FaultKind::MessageEmpty);
    if (message.fds.size() > mostFds)
        return peerFault(FaultKind::WrongNumberOfFds, mostFds, message.fds.size());
    message.bytes.resize(static_cast<size_t>(size));
    return std::optional<Message>(std::move(message));
}

PeerIdentity ControlSocket::peer() const
{
    ucred credentials{};
    socklen_t size = sizeof credentials;
    PeerIdentity identity;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return identity;
    identity.pid = credentials.pid;
    if (credentials.uid != kOverflowUid) {
        identity.uid = credentials.uid;
        identity.gid = credentials.gid;
    }
    return identity;
}

UniqueFd ControlSocket::peerPidFd() const
{
    int fd = -1;
    socklen_t size = sizeof fd;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERPIDFD, &fd, &size) != 0)
        return UniqueFd();
    return UniqueFd(fd);
}

bool refuseDescriptors(int socket)
{
    const int off = 0;
    return ::setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

} // namespace ringcore
