// SPDX-License-Identifier: LGPL-2.1-or-later
#include "consumer_handshake.h"

#include "bound_socket.h"
#include "control_protocol.h"
#include "mapping.h"
#include "poll_timeout.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ringcore::detail
{

namespace
{

using Clock = std::chrono::steady_clock;

Result<Message> receiveAnswer(const SubscriberShared &shared, const ControlSocket &socket,
                              const DeadlineNow &deadline)
{
    for (;;) {
        auto message = socket.receive(kMessageFds);
        if (!message)
            return tl::unexpected(message.error());
        if (*message)
            return std::move(**message);
        switch (waitReadable(shared, socket.fd(), deadline)) {
        case Waited::Readable:
            break;
        case Waited::Stopping:
            return systemError(ECANCELED, "handshake");
        case Waited::TimedOut: {
            const auto allowed = static_cast<uint64_t>(shared.config.handshakeTimeout.count());
            return peerFault(FaultKind::HandshakeTimeout, allowed, allowed);
        }
        }
    }
}

Result<MemoryShare> reserveArena(const SubscriberShared &shared, const Welcome &welcome)
{
    const uint64_t limit = std::min<uint64_t>(shared.terms().maxMemory, SIZE_MAX / 2);
    if (welcome.arenaBytes == 0 || welcome.arenaBytes % pageSize() != 0)
        return peerFault(FaultKind::ContentInvalid, pageSize(), welcome.arenaBytes);
    auto share = MemoryBudget::take(shared.config.budget, welcome.arenaBytes, limit);
    if (!share) // expected: what is left of our bound
        return peerFault(FaultKind::SizeBeyondBound, limit - std::min(limit, shared.config.budget->taken()),
                         welcome.arenaBytes);
    return std::move(*share);
}

} // namespace

Waited waitReadable(const SubscriberShared &shared, int fd, const DeadlineNow &deadline)
{
    for (;;) {
        if (shared.stopping())
            return Waited::Stopping;
        pollfd polls[2] = {{fd, POLLIN, 0}, {shared.wake.get(), POLLIN, 0}};
        const Deadline until = deadline();
        const int ready = ::poll(polls, 2, pollTimeout(until));
        if (ready > 0 && polls[1].revents != 0)
            drainWake(shared);
        if (ready > 0 && polls[0].revents != 0)
            return shared.stopping() ? Waited::Stopping : Waited::Readable;
        if (until && Clock::now() >= *until)
            return shared.stopping() ? Waited::Stopping : Waited::TimedOut;
    }
}

void drainWake(const SubscriberShared &shared)
{
    uint64_t count;
    [[maybe_unused]] const ssize_t size = ::read(shared.wake.get(), &count, sizeof count);
}

Result<ControlSocket> connectToProducer(const std::string &path)
{
    auto socket = connectTo(path);
    if (socket)
        return ControlSocket(std::move(*socket));
    // What is no socket at all refuses the connection too, but for ever.
    struct stat status;
    const auto &error = std::get<SystemError>(socket.error());
    if (error.number == ECONNREFUSED && ::stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        return systemError(ENOTSOCK, error.operation);
    return tl::unexpected(socket.error());
}

std::optional<Loss> refuseProducer(const SubscriberShared &shared, const PeerIdentity &identity)
{
    const auto wanted = shared.terms().producerUid;
    Loss loss;
    loss.cause = Loss::Cause::Unwanted;
    if (wanted && *wanted != identity.uid) {
        loss.text = shared.where() + ": the producer runs as " +
                    (identity.uid == static_cast<uid_t>(-1) ? std::string("an unknown user")
                                                            : "uid " + std::to_string(identity.uid)) +
                    ", only uid " + std::to_string(*wanted) + " is wanted";
        return loss;
    }
    if (!shared.observer->authorizeProducer(identity)) {
        loss.text = shared.where() + ": the producer (pid " + std::to_string(identity.pid) + ", uid " +
                    std::to_string(identity.uid) + ") is not authorized";
        return loss;
    }
    return std::nullopt;
}

Result<std::shared_ptr<Connection>> shakeHands(const SubscriberShared &shared, const ControlSocket &socket,
                                               const std::vector<std::byte> &attachment,
                                               const DeadlineNow &deadline)
{
    // A failure to send is not told at once: a producer that refuses us before it read anything may
    // be gone already, and its reason is what we want to hear.
    const auto said = socket.send(encode(Hello{kOldestWireVersion, kWireVersion, attachment}));
    const auto now = [at = Clock::now()] { return Deadline(at); };
    auto answer = receiveAnswer(shared, socket, said ? deadline : DeadlineNow(now));
    if (!answer)
        return tl::unexpected(said ? answer.error() : said.error());
    const auto type = typeOf(*answer);
    if (!type)
        return tl::unexpected(type.error());
    if (*type == MessageType::Refused || *type == MessageType::Busy) {
        const auto refusal = decodeRefusal(*answer);
        if (!refusal)
            return tl::unexpected(refusal.error());
        return tl::unexpected<Error>(*refusal);
    }
    if (*type == MessageType::Goodbye) {
        const auto accusation = decodeGoodbye(*answer);
        if (!accusation)
            return tl::unexpected(accusation.error());
        return systemError(ECONNRESET, *accusation ? "the producer dropped us: " + describe(**accusation)
                                                   : "the producer said good-bye");
    }
    const auto welcome = decodeWelcome(*answer);
    if (!welcome)
        return tl::unexpected(welcome.error());
    auto memory = reserveArena(shared, *welcome);
    if (!memory)
        return tl::unexpected(memory.error());
    auto connection = Connection::create(*welcome, answer->fds, std::move(*memory));
    if (!connection)
        return tl::unexpected(connection.error());
    if (auto ready = socket.send(encodeEmpty(MessageType::Ready)); !ready)
        return tl::unexpected(ready.error());
    return connection;
}

} // namespace ringcore::detail
