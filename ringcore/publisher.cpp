// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publisher.h"

#include "admission.h"
#include "bound_socket.h"
#include "publisher_core.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace ringcore
{

namespace
{

int socketOption(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// A socket that somebody else made: listening or connected, SEQPACKET, ours to close.
Result<UniqueFd> adopt(int fd)
{
    const std::string what = "fd " + std::to_string(fd);
    UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own.valid())
        return systemError(errno, what);
    const int domain = socketOption(own.get(), SO_DOMAIN);
    if (domain < 0)
        return systemError(errno, what);
    if (domain != AF_UNIX)
        return systemError(EPROTOTYPE, what + " (a unix socket is needed)");
    if (socketOption(own.get(), SO_TYPE) != SOCK_SEQPACKET)
        return systemError(EPROTOTYPE, what + " (a SOCK_SEQPACKET socket is needed)");
    if (socketOption(own.get(), SO_ACCEPTCONN) == 1)
        return own;
    sockaddr_un address;
    socklen_t size = sizeof address;
    if (::getpeername(own.get(), reinterpret_cast<sockaddr *>(&address), &size) != 0)
        return systemError(errno, what + " (a listening or connected socket is needed)");
    pollfd state{own.get(), 0, 0};
    if (::poll(&state, 1, 0) > 0)
        return systemError(ENOTCONN, what + " (a connected socket serves one run, and this one has ended)");
    return own;
}

Result<void> serveAdopted(const std::shared_ptr<PublisherCore> &core, UniqueFd fd)
{
    if (socketOption(fd.get(), SO_ACCEPTCONN) == 1) {
        // Again: clients see the credentials of who called listen().
        if (::listen(fd.get(), SOMAXCONN) != 0)
            return systemError(errno, "listen on the given fd");
        if (const int flags = ::fcntl(fd.get(), F_GETFL);
            flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
            return systemError(errno, "given fd");
        return startAdmission(core, std::move(fd));
    }
    return startConnection(core, ControlSocket(std::move(fd)), ClientConnection::Origin::HandedOver);
}

} // namespace

Result<std::unique_ptr<Publisher>> Publisher::create(PublisherConfig config, PublisherCallbacks callbacks)
{
    auto arena = Arena::create(config.maxMemory);
    if (!arena)
        return tl::unexpected(arena.error());
    const auto where = config.socket;
    auto core = std::make_shared<PublisherCore>(std::move(config), std::move(callbacks), std::move(*arena));
    core->stopEvent.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!core->stopEvent.valid())
        return systemError(errno, "eventfd");

    if (const int *fd = std::get_if<int>(&where)) {
        auto adopted = adopt(*fd);
        if (!adopted)
            return tl::unexpected(adopted.error());
        if (auto served = serveAdopted(core, std::move(*adopted)); !served)
            return tl::unexpected(served.error());
        return std::unique_ptr<Publisher>(new Publisher(core));
    }
    auto bound = BoundSocket::create(std::get<std::string>(where), core->config.permissions);
    if (!bound)
        return tl::unexpected(bound.error());
    UniqueFd listener(::fcntl(bound->fd(), F_DUPFD_CLOEXEC, 0));
    if (!listener.valid())
        return systemError(errno, std::get<std::string>(where));
    if (auto started = startAdmission(core, std::move(listener)); !started)
        return tl::unexpected(started.error());
    std::unique_ptr<Publisher> publisher(new Publisher(core));
    publisher->bound_.emplace(std::move(*bound));
    return publisher;
}

Publisher::~Publisher()
{
    stop();
}

std::shared_ptr<FanOut> Publisher::stream() const
{
    return {core_, &core_->fanOut};
}

void Publisher::stop()
{
    bound_.reset();
    std::vector<std::shared_ptr<ClientConnection>> connections;
    {
        std::lock_guard guard(core_->lock);
        core_->stopping = true;
        connections = core_->connections;
    }
    core_->fanOut.interrupt();
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(core_->stopEvent.get(), &one, sizeof one);
    // The stream's end first: whoever sees the connection close finds everything in memory.
    core_->fanOut.close();
    for (const auto &connection : connections)
        connection->cancel(SystemError{ESHUTDOWN, "producer"});
    connections.clear();

    std::unique_lock lock(core_->lock);
    core_->threadEnded.wait_for(lock, kStopPatience, [&] { return core_->threads == 0; });
}

void Publisher::setMaxClients(uint32_t all, uint32_t perUid)
{
    std::lock_guard guard(core_->lock);
    core_->maxClients = all;
    core_->maxClientsPerUid = perUid;
}

uint32_t Publisher::connections() const
{
    std::lock_guard guard(core_->lock);
    return static_cast<uint32_t>(core_->connections.size());
}

} // namespace ringcore
