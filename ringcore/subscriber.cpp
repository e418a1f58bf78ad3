// SPDX-License-Identifier: LGPL-2.1-or-later
#include "subscriber.h"

#include "consumer_control.h"
#include "control_protocol.h"
#include "stream_reader.h"
#include "subscriber_shared.h"

#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <thread>

namespace ringcore
{

namespace
{

using namespace std::chrono_literals;
constexpr auto kStopPatience = 50ms;

Result<void> checkConnected(int fd, const std::string &what)
{
    int type = 0;
    int domain = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        return systemError(errno, what);
    size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        return systemError(errno, what);
    if (domain != AF_UNIX)
        return systemError(EPROTOTYPE, what + " (a unix socket is needed)");
    if (type != SOCK_SEQPACKET)
        return systemError(EPROTOTYPE, what + " (a SOCK_SEQPACKET socket is needed)");
    sockaddr_un address;
    size = sizeof address;
    if (::getpeername(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        return systemError(errno, what + " (a connected socket is needed)");
    pollfd poll{fd, 0, 0};
    if (::poll(&poll, 1, 0) > 0 && (poll.revents & POLLHUP) != 0)
        return systemError(ENOTCONN, what + " (a connected socket serves one run, and this one has ended)");
    return {};
}

Result<void> checkConfig(const SubscriberConfig &config)
{
    if (config.connected.valid())
        return checkConnected(config.connected.get(), config.connectedName);
    if (config.socketPath.empty())
        return systemError(EINVAL, "no socket path");
    if (config.socketPath.size() >= sizeof(sockaddr_un::sun_path))
        return systemError(ENAMETOOLONG, "connect to " + config.socketPath);
    return {};
}

void runControl(const std::shared_ptr<detail::SubscriberShared> &shared)
{
    detail::ConsumerControl(shared).run();
    if (shared->config.connected.valid())
        ::shutdown(shared->config.connected.get(), SHUT_RDWR);
    shared->setFinished();
}

} // namespace

Subscriber::Subscriber(std::shared_ptr<detail::SubscriberShared> shared,
                       std::unique_ptr<detail::StreamReader> reader)
    : shared_(std::move(shared)), reader_(std::move(reader))
{
}

Result<std::unique_ptr<Subscriber>> Subscriber::start(SubscriberConfig config,
                                                      std::shared_ptr<SubscriberObserver> observer)
{
    if (auto checked = checkConfig(config); !checked)
        return tl::unexpected(checked.error());
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.valid())
        return systemError(errno, "eventfd");
    const auto shared =
        std::make_shared<detail::SubscriberShared>(std::move(config), std::move(observer), std::move(wake));
    auto reader = std::make_unique<detail::StreamReader>(shared);
    try {
        std::thread(runControl, shared).detach();
    } catch (const std::system_error &error) {
        return systemError(error.code().value(), "starting a thread");
    }
    return std::unique_ptr<Subscriber>(new Subscriber(shared, std::move(reader)));
}

Subscriber::~Subscriber()
{
    stop();
}

Received Subscriber::receive(Delivery &delivery)
{
    return reader_->receive(delivery);
}

void Subscriber::refuseContent(const std::string &what)
{
    reader_->refuseContent(what);
}

void Subscriber::interrupt()
{
    shared_->interrupt();
}

void Subscriber::setTerms(const SubscriberTerms &terms)
{
    shared_->setTerms(terms);
}

void Subscriber::attachmentChanged()
{
    shared_->requestAttachment();
}

bool Subscriber::request(uint32_t kind, std::vector<std::byte> bytes, bool replacesWaiting)
{
    return bytes.size() <= kRequestLimit && shared_->requests.add({kind, std::move(bytes)}, replacesWaiting);
}

void Subscriber::stop()
{
    if (shared_->stopping())
        return;
    shared_->requestStop();
    shared_->waitUntilFinished(kStopPatience);
}

SubscriberStatistics Subscriber::statistics() const
{
    return shared_->statistics();
}

} // namespace ringcore
