// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bound_socket.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <random>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace ringcore
{

namespace
{

constexpr int kBacklog = 128;
constexpr std::chrono::milliseconds kLockPatience{1000};
constexpr int kLockStepMs = 10;

Result<sockaddr_un> addressOf(const std::string &path, const std::string &reported)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty())
        return systemError(EINVAL, "socket path is empty");
    if (path.size() >= sizeof address.sun_path)
        return systemError(ENAMETOOLONG, reported + " (a socket's path has at most " +
                                             std::to_string(sizeof address.sun_path - 1) + " bytes)");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Result<UniqueFd> newSocket(const std::string &reported)
{
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid())
        return systemError(errno, "socket for " + reported);
    return fd;
}

std::string temporaryName()
{
    char name[32];
    std::snprintf(name, sizeof name, ".sharedring-%08x", std::random_device{}());
    return name;
}

enum class Occupant { Nobody, Stale };

// Who is at `path`, which exists. Errors: it is in use, or is no socket.
Result<Occupant> occupantOf(int directory, const std::string &name, const std::string &path)
{
    struct stat status;
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return Occupant::Nobody;
        return systemError(errno, path);
    }
    if (!S_ISSOCK(status.st_mode))
        return systemError(EEXIST, path + " is not a socket, and is left as it is");
    const auto connected = connectTo(path);
    if (connected)
        return systemError(EADDRINUSE, path + " is served by another producer");
    const int reason = std::get<SystemError>(connected.error()).number;
    if (reason == ECONNREFUSED)
        return Occupant::Stale;
    if (reason == ENOENT)
        return Occupant::Nobody;
    if (reason == EAGAIN || reason == EPROTOTYPE) // a full backlog, or a socket of another kind
        return systemError(EADDRINUSE, path + " is served by another process");
    return tl::unexpected(connected.error());
}

// Serializes those who replace a stale socket. Nobody holds it for long who means well.
Result<UniqueFd> lockDirectory(int directory, const std::string &path)
{
    UniqueFd lock(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock.valid())
        return systemError(errno, "directory of " + path);
    const auto patience = std::chrono::steady_clock::now() + kLockPatience;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return systemError(errno, "lock on the directory of " + path);
        if (std::chrono::steady_clock::now() > patience)
            return systemError(ETIMEDOUT,
                               "lock on the directory of " + path + ", which another process holds");
        ::poll(nullptr, 0, kLockStepMs);
    }
    return lock;
}

// Where `from` may not replace `to`.
int moveIfFree(int directory, const std::string &from, const std::string &to)
{
    if (::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    // A file system without it: a link does not replace either.
    if (::linkat(directory, from.c_str(), directory, to.c_str(), 0) != 0)
        return errno;
    ::unlinkat(directory, from.c_str(), 0);
    return 0;
}

Result<void> moveIntoPlace(int directory, const std::string &temporary, const std::string &name,
                           const std::string &path)
{
    constexpr int kTries = 8; // each lost only to somebody who appeared or vanished in between
    for (int attempt = 0; attempt < kTries; attempt++) {
        const int error = moveIfFree(directory, temporary, name);
        if (error == 0)
            return {};
        if (error != EEXIST)
            return systemError(error, path);
        const auto occupant = occupantOf(directory, name, path);
        if (!occupant)
            return tl::unexpected(occupant.error());
        if (*occupant == Occupant::Nobody)
            continue;
        const auto lock = lockDirectory(directory, path);
        if (!lock)
            return tl::unexpected(lock.error());
        // Another starter may have replaced it while we waited.
        const auto again = occupantOf(directory, name, path);
        if (!again)
            return tl::unexpected(again.error());
        if (*again == Occupant::Nobody)
            continue;
        if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
            return systemError(errno, path);
        return {};
    }
    return systemError(EADDRINUSE, path + " keeps changing hands");
}

} // namespace

Result<UniqueFd> connectTo(const std::string &path)
{
    const auto address = addressOf(path, path);
    if (!address)
        return tl::unexpected(address.error());
    auto socket = newSocket(path);
    if (!socket)
        return socket;
    if (::connect(socket->get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) != 0)
        return systemError(errno, path);
    return socket;
}

Result<BoundSocket> BoundSocket::create(const std::string &path, mode_t permissions)
{
    if (const auto address = addressOf(path, path); !address)
        return tl::unexpected(address.error());
    const size_t slash = path.rfind('/');
    const std::string directoryPath = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (name.empty())
        return systemError(EISDIR, path);

    UniqueFd directory(::open(directoryPath.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid())
        return systemError(errno, path + ": directory " + directoryPath);
    auto socket = newSocket(path);
    if (!socket)
        return tl::unexpected(socket.error());

    // Through /proc the temporary name may be longer than sun_path has room for.
    const std::string temporary = temporaryName();
    const std::string through = "/proc/self/fd/" + std::to_string(directory.get()) + "/";
    const bool hasProc = ::access(through.c_str(), F_OK) == 0;
    const auto address = addressOf((hasProc ? through : directoryPath + "/") + temporary, path);
    if (!address)
        return tl::unexpected(address.error());
    if (::bind(socket->get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) != 0)
        return systemError(errno, path);

    BoundSocket bound(std::move(*socket), std::move(directory), temporary);
    const int at = bound.directory_.get();
    if (::fstatat(at, temporary.c_str(), &bound.bound_, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(at, temporary.c_str(), permissions, 0) != 0 || ::listen(bound.fd(), kBacklog) != 0)
        return systemError(errno, path);
    if (auto moved = moveIntoPlace(at, temporary, name, path); !moved)
        return tl::unexpected(moved.error());
    bound.name_ = name;
    return bound;
}

BoundSocket::~BoundSocket()
{
    if (!directory_.valid())
        return;
    struct stat status;
    if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_dev == bound_.st_dev && status.st_ino == bound_.st_ino)
        ::unlinkat(directory_.get(), name_.c_str(), 0);
}

} // namespace ringcore
