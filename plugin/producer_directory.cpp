// SPDX-License-Identifier: LGPL-2.1-or-later
#include "producer_directory.h"

#include "ringcore/bound_socket.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <memory>
#include <poll.h>
#include <sys/stat.h>

namespace sharedring
{

namespace
{

struct CloseDirectory {
    void operator()(DIR *directory) const { ::closedir(directory); }
};

} // namespace

bool hasEnded(const LiveProducer &producer)
{
    pollfd fd{producer.process.get(), POLLIN, 0};
    return producer.process.valid() && ::poll(&fd, 1, 0) > 0;
}

std::optional<FileIdentity> directoryAt(const std::string &path)
{
    struct stat status;
    if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        return std::nullopt;
    return FileIdentity{status.st_dev, status.st_ino};
}

std::vector<SocketFile> socketsIn(const std::string &directory)
{
    std::vector<SocketFile> sockets;
    const std::unique_ptr<DIR, CloseDirectory> entries(::opendir(directory.c_str()));
    if (!entries)
        return sockets;
    while (const dirent *entry = ::readdir(entries.get())) {
        struct stat status;
        if (sockets.size() == kMostProducers)
            break;
        if (entry->d_name[0] == '.' || !g_utf8_validate(entry->d_name, -1, nullptr) ||
            ::fstatat(::dirfd(entries.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISSOCK(status.st_mode))
            continue;
        sockets.push_back({directory + "/" + entry->d_name, {status.st_dev, status.st_ino}});
    }
    return sockets;
}

std::optional<LiveProducer> producerAt(const SocketFile &socket)
{
    auto connected = ringcore::connectTo(socket.path);
    if (!connected) {
        const auto *error = std::get_if<ringcore::SystemError>(&connected.error());
        if (error && error->number == EAGAIN) // its backlog is full: it listens
            return LiveProducer{socket, {}, {}};
        return std::nullopt;
    }
    const ringcore::ControlSocket peer(std::move(*connected));
    LiveProducer producer{socket, peer.peer(), peer.peerPidFd()};
    if (hasEnded(producer))
        return std::nullopt;
    return producer;
}

} // namespace sharedring
