// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ring_socket.h"

#include "byte_codec.h"
#include "poll_timeout.h"

#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace ringcore
{

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace
{

constexpr uint32_t kSocketMagic = 0x6b6f7372; // "rsok"
constexpr milliseconds kTryAgain{20};

enum class Verdict : uint32_t { Good = 0, Unauthorized = 1 };

std::vector<std::byte> encode(const RingTerms &terms, Verdict verdict)
{
    ByteWriter writer(kMessageLimit);
    for (const uint32_t number :
         {kSocketMagic, kRingVersion, static_cast<uint32_t>(terms.role), terms.geometry.capacity,
          terms.geometry.itemBytes, terms.geometry.itemAlignment, static_cast<uint32_t>(terms.exposure),
          static_cast<uint32_t>(verdict)})
        writer.number(number);
    return writer.take();
}

// What the other side says fits what we say.
Result<void> compare(const Message &message, const RingTerms &ours)
{
    ByteReader reader(message.bytes);
    const RingRole other = ours.role == RingRole::Sender ? RingRole::Receiver : RingRole::Sender;
    const struct {
        uint32_t expected;
        FaultKind fault;
    } words[] = {
        {kSocketMagic, FaultKind::MessageUnknown},
        {kRingVersion, FaultKind::VersionUnsupported},
        {static_cast<uint32_t>(other), FaultKind::RoleUnexpected},
        {ours.geometry.capacity, FaultKind::CapacityMismatch},
        {ours.geometry.itemBytes, FaultKind::ItemMismatch},
        {ours.geometry.itemAlignment, FaultKind::ItemMismatch},
        {static_cast<uint32_t>(ours.exposure), FaultKind::ExposureMismatch},
    };
    for (const auto &[expected, fault] : words) {
        const auto claimed = reader.number<uint32_t>();
        if (!reader.failed() && claimed != expected)
            return peerFault(fault, expected, claimed);
    }
    const auto verdict = reader.number<uint32_t>();
    if (reader.failed())
        return peerFault(FaultKind::MessageTooShort, (std::size(words) + 1) * sizeof(uint32_t),
                         message.bytes.size());
    if (!reader.atEnd())
        return peerFault(FaultKind::MessageMalformed, 0, reader.remaining());
    if (verdict != static_cast<uint32_t>(Verdict::Good))
        return tl::unexpected(Error(Refusal{RefusalReason::Unauthorized, 0, false}));
    return {};
}

bool isOver(Deadline deadline)
{
    return deadline && steady_clock::now() >= *deadline;
}

// How long a wait may take: until the deadline, and while `interruption` cannot be read (-1: never).
struct Patience {
    Deadline deadline;
    int interruption = -1;

    // Until `fd` can be read, or the end of it; a hint.
    void poll(int fd, Deadline until) const
    {
        pollfd fds[] = {{fd, POLLIN, 0}, {interruption, POLLIN, 0}};
        ::poll(fds, std::size(fds), pollTimeout(until));
    }
    // What a wait for `what` ends with.
    Result<void> check(const std::string &what) const
    {
        pollfd fd{interruption, POLLIN, 0};
        if (::poll(&fd, 1, 0) > 0)
            return systemError(ECANCELED, what);
        if (isOver(deadline))
            return systemError(ETIMEDOUT, what);
        return {};
    }
};

Result<Message> await(const ControlSocket &socket, size_t mostFds, const Patience &patience,
                      const std::string &what)
{
    while (true) {
        auto message = socket.receive(mostFds);
        if (!message)
            return tl::unexpected(message.error());
        if (*message)
            return std::move(**message);
        if (auto more = patience.check(what); !more)
            return tl::unexpected(more.error());
        patience.poll(socket.fd(), patience.deadline);
    }
}

Result<void> sendUntil(const ControlSocket &socket, std::span<const std::byte> bytes,
                       std::span<const UniqueFd> fds, const Patience &patience)
{
    while (true) {
        auto sent = socket.send(bytes, fds);
        if (sent || !ControlSocket::isForLater(sent.error()) || !patience.check("sending to the peer"))
            return sent;
        patience.poll(-1, steady_clock::now() + kTryAgain);
    }
}

} // namespace

Result<RingListener> RingListener::listen(const std::string &path, unsigned permissions, Callbacks callbacks)
{
    auto socket = BoundSocket::create(path, permissions);
    if (!socket)
        return tl::unexpected(socket.error());
    refuseDescriptors(socket->fd());
    UniqueFd interruption(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!interruption.valid())
        return systemError(errno, "eventfd");
    return RingListener(std::move(*socket), std::move(interruption), path, std::move(callbacks));
}

void RingListener::interrupt() noexcept
{
    // Nobody else has this eventfd, so it cannot be full but for 2^64 interrupts.
    [[maybe_unused]] const int written = ::eventfd_write(interruption_.get(), 1);
}

Result<void> RingListener::give(const RingTerms &terms, std::vector<UniqueFd> fds, Deadline deadline)
{
    const Patience forPeers{deadline, interruption_.get()};
    while (true) {
        if (eventfd_t interrupts; ::eventfd_read(interruption_.get(), &interrupts) == 0)
            return systemError(ECANCELED, "waiting for a peer at " + path_);
        UniqueFd accepted(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!accepted.valid()) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                return systemError(errno, "accept " + path_);
            if (isOver(deadline))
                return systemError(ETIMEDOUT, "waiting for a peer at " + path_);
            forPeers.poll(socket_.fd(), deadline);
            continue;
        }
        const ControlSocket socket(std::move(accepted));
        const Patience patience{steady_clock::now() + kHandshakeTime, interruption_.get()};
        auto told = [&]() -> Result<void> {
            const auto asked = await(socket, 0, patience, "hello of a peer at " + path_);
            if (!asked)
                return tl::unexpected(asked.error());
            // Also where they differ: it compares, too, and can say what it wanted and what there is.
            if (auto same = compare(*asked, terms); !same) {
                (void)socket.send(encode(terms, Verdict::Good));
                return same;
            }
            if (callbacks_.authorize && !callbacks_.authorize(socket.peer())) {
                (void)socket.send(encode(terms, Verdict::Unauthorized));
                return tl::unexpected(Error(Refusal{RefusalReason::Unauthorized, 0, false}));
            }
            return sendUntil(socket, encode(terms, Verdict::Good), fds, patience);
        }();
        if (told)
            return {};
        if (callbacks_.refused)
            callbacks_.refused(socket.peer(), told.error());
    }
}

Result<std::vector<UniqueFd>> takeRing(const std::string &path, const RingTerms &terms, Deadline deadline,
                                       const AuthorizePeer &authorize)
{
    auto connected = connectTo(path);
    while (!connected) {
        const auto *system = std::get_if<SystemError>(&connected.error());
        if (!system || system->number != EAGAIN || isOver(deadline)) // its backlog is full: later
            return tl::unexpected(connected.error());
        ::poll(nullptr, 0, static_cast<int>(kTryAgain.count()));
        connected = connectTo(path);
    }
    const ControlSocket socket(std::move(*connected));
    if (const PeerIdentity listener = socket.peer(); authorize && !authorize(listener))
        return systemError(EPERM, "the listener at " + path + ", process " + std::to_string(listener.pid) +
                                      " of user " + std::to_string(listener.uid));
    if (auto said = sendUntil(socket, encode(terms, Verdict::Good), {}, {deadline}); !said)
        return tl::unexpected(said.error());
    auto answer = await(socket, fdsForPeer(terms.exposure), {deadline}, "answer of " + path);
    if (!answer)
        return tl::unexpected(answer.error());
    if (auto same = compare(*answer, terms); !same)
        return tl::unexpected(same.error());
    return std::move(answer->fds);
}

} // namespace ringcore
