// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client_connection.h"

#include "poll_timeout.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ringcore
{

namespace
{

constexpr int kRetryMs = 10;                          // for what is for later
constexpr std::chrono::milliseconds kCatchUpTime{10}; // how often a client that was behind is looked at
constexpr uint32_t kMessagesPerSecond = 100;

bool isShortage(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOSPC;
}

void drain(int eventFd)
{
    uint64_t count;
    while (::read(eventFd, &count, sizeof count) > 0) {
    }
}

// Of a pair's or an activator's socket the kernel only knows who made it.
PeerIdentity identityOf(const ControlSocket &socket, ClientConnection::Origin origin)
{
    PeerIdentity identity = socket.peer();
    if (origin == ClientConnection::Origin::HandedOver)
        identity.pid = 0;
    return identity;
}

std::vector<std::byte> lastWords(const Error &reason)
{
    if (const auto *refusal = std::get_if<Refusal>(&reason))
        return encode(*refusal);
    const auto *fault = std::get_if<PeerFault>(&reason);
    // Its numbers are for our log; it learns which version would do.
    if (fault && fault->kind == FaultKind::VersionUnsupported)
        return encode(Refusal{RefusalReason::Version, kWireVersion, false});
    return encodeGoodbye(fault);
}

} // namespace

ClientConnection::ClientConnection(std::shared_ptr<PublisherCore> core, ControlSocket socket, Origin origin,
                                   uint32_t id)
    : core_(std::move(core)), socket_(std::move(socket)), origin_(origin), id_(id),
      identity_(identityOf(socket_, origin)), wakeEvent_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
{
}

void ClientConnection::run()
{
    if (!wakeEvent_.valid()) { // no descriptor left: it may come again
        socket_.send(encode(Refusal{RefusalReason::NoMemory, 0, true}));
        socket_.close();
        return;
    }
    if (origin_ == Origin::Accepted)
        processFd_ = socket_.peerPidFd();
    auto ended = handshake();
    const bool joined = ended.has_value();
    if (joined)
        ended = serve();
    phase_.store(Phase::Leaving, std::memory_order_release);
    core_->fanOut.leave(id_);

    const Error reason = ended ? Error(SystemError{ECONNRESET, "connection"}) : ended.error();
    socket_.send(lastWords(reason));
    ::shutdown(socket_.fd(), SHUT_RDWR); // an application may hold a duplicate of it
    // The peer was told, and need not wait for who listens here.
    if (account_) {
        report(dropReports_.finish(account_->drops(), Clock::now()));
        account_.reset();
    }
    reportEnd(reason, joined);
    // Here, and not in whichever thread lets go of this object last.
    socket_.close();
}

void ClientConnection::reportEnd(const Error &reason, bool wasConnected)
{
    const std::string who =
        "client " + std::to_string(id_) + " (pid " + std::to_string(identity_.pid) + ", uid " +
        (identity_.uid == static_cast<uid_t>(-1) ? "unknown" : std::to_string(identity_.uid)) + ")";
    const bool isFault = std::holds_alternative<PeerFault>(reason);
    const bool isRefusal = std::holds_alternative<Refusal>(reason);
    const auto level =
        isFault || isRefusal ? PublisherCallbacks::Level::Warning : PublisherCallbacks::Level::Info;
    core_->log(level, who +
                          (isFault     ? " dropped: "
                           : isRefusal ? " refused: "
                                       : " left: ") +
                          describe(reason));
    if ((wasConnected || attachmentHeard_) && core_->callbacks.disconnected)
        core_->callbacks.disconnected(id_, describe(reason), wasConnected);
}

void ClientConnection::report(const DropNews &news) const
{
    if (news.began && core_->callbacks.dropsBegan)
        core_->callbacks.dropsBegan(id_);
    if (news.ended && core_->callbacks.dropsEnded)
        core_->callbacks.dropsEnded(id_, *news.ended);
}

// ---- from other threads

void ClientConnection::poke()
{
    const uint64_t one = 1;
    [[maybe_unused]] const auto written =
        ::write(wakeEvent_.get(), &one, sizeof one); // full: readable anyway
}

void ClientConnection::cancel(const Error &reason)
{
    {
        std::lock_guard guard(lock_);
        if (!cancelReason_)
            cancelReason_ = reason;
    }
    cancelled_.store(true);
    poke();
}

void ClientConnection::requestLook()
{
    {
        std::lock_guard guard(lock_);
        lookWanted_ = true;
    }
    poke();
}

void ClientConnection::requestCatchUp()
{
    {
        std::lock_guard guard(lock_);
        catchUpWanted_ = true;
    }
    poke();
}

void ClientConnection::requestDropReport()
{
    {
        std::lock_guard guard(lock_);
        dropReportWanted_ = true;
    }
    poke();
}

std::optional<Error> ClientConnection::cancelReason()
{
    std::lock_guard guard(lock_);
    return cancelReason_;
}

// ---- handshake

Result<Message> ClientConnection::awaitMessage(Clock::time_point until)
{
    const auto begun = Clock::now();
    while (true) {
        if (auto reason = cancelReason())
            return tl::unexpected(*reason);
        auto message = socket_.receive(0);
        if (!message)
            return tl::unexpected(message.error());
        if (*message)
            return std::move(**message);
        if (Clock::now() >= until) {
            using std::chrono::milliseconds;
            const auto waited = std::chrono::duration_cast<milliseconds>(Clock::now() - begun).count();
            return peerFault(FaultKind::HandshakeTimeout,
                             static_cast<uint64_t>(core_->config.handshakeTime.count()),
                             static_cast<uint64_t>(waited));
        }
        pollfd fds[] = {{socket_.fd(), POLLIN, 0}, {wakeEvent_.get(), POLLIN, 0}};
        ::poll(fds, 2, pollTimeout(until));
    }
}

Result<void> ClientConnection::sendPatiently(std::span<const std::byte> bytes, std::span<const UniqueFd> fds,
                                             Clock::time_point until)
{
    while (true) {
        if (auto reason = cancelReason())
            return tl::unexpected(*reason);
        auto sent = socket_.send(bytes, fds);
        if (sent)
            return sent;
        if (!ControlSocket::isForLater(sent.error()) || Clock::now() >= until)
            return sent;
        pollfd fd{wakeEvent_.get(), POLLIN, 0};
        ::poll(&fd, 1, kRetryMs);
    }
}

Result<void> ClientConnection::handshake()
{
    const auto until = Clock::now() + core_->config.handshakeTime;
    auto message = awaitMessage(until);
    if (!message)
        return tl::unexpected(message.error());
    auto hello = decodeHello(*message);
    if (!hello)
        return tl::unexpected(hello.error());
    const auto version = commonVersion(hello->oldestVersion, hello->newestVersion);
    if (!version)
        return tl::unexpected(version.error());
    if (auto admitted = admit(); !admitted)
        return admitted;
    if (core_->callbacks.attachment) {
        attachmentHeard_ = true;
        if (!core_->callbacks.attachment(id_, hello->attachment))
            return peerFault(FaultKind::ContentInvalid, 0, hello->attachment.size());
    }
    auto account = exchangeMemory(*version, until);
    if (!account) {
        // Ours, not the client's: it may come again.
        if (const auto *system = std::get_if<SystemError>(&account.error());
            system && isShortage(system->number))
            return tl::unexpected(Error(Refusal{RefusalReason::NoMemory, 0, true}));
        return tl::unexpected(account.error());
    }
    join(std::move(*account));
    return {};
}

// Everything that may say no without an fd having gone out.
Result<void> ClientConnection::admit()
{
    const auto busy = [](RefusalReason reason, uint64_t limit) {
        return tl::unexpected(Error(Refusal{reason, limit, true}));
    };
    {
        std::lock_guard guard(core_->lock);
        uint32_t all = 0;
        uint32_t ofUid = 0;
        for (const auto &other : core_->connections) {
            // Leaving counts: a thread that is stuck in its peer's memory still holds its place.
            if (other.get() == this || other->phase() == Phase::Handshaking)
                continue;
            all++;
            ofUid += other->identity().uid == identity_.uid;
        }
        if (all >= core_->maxClients)
            return busy(RefusalReason::TooManyClients, core_->maxClients);
        if (ofUid >= core_->maxClientsPerUid)
            return busy(RefusalReason::TooManyOfUid, core_->maxClientsPerUid);
        phase_.store(Phase::Admitted, std::memory_order_release);
    }
    if (core_->callbacks.authorize && !core_->callbacks.authorize(identity_))
        return tl::unexpected(Error(Refusal{RefusalReason::Unauthorized, 0, false}));
    return {};
}

Result<std::shared_ptr<ConsumerAccount>> ClientConnection::exchangeMemory(uint32_t version,
                                                                          Clock::time_point until)
{
    const uint32_t maxBuffers = core_->fanOut.maxBuffers();
    auto forward = SealedMemfd::createOwned("sharedring-forward", forwardBytes(ringCapacityFor(maxBuffers)));
    if (!forward)
        return tl::unexpected(forward.error());
    if (auto populated = forward->mapping().populateForWriting(0, forward->size()); !populated)
        return tl::unexpected(populated.error());
    // What the consumer finds here is where the stream begins for it: flushes of the past are not its own.
    forward->mapping().at<ForwardHeader>()->epoch.store(core_->fanOut.epochWord(), std::memory_order_release);
    auto returned = SealedMemfd::createForPeer("sharedring-return", kReturnBytes);
    if (!returned)
        return tl::unexpected(returned.error());

    {
        UniqueFd fds[kMessageFds];
        const SealedMemfd *const sources[kMessageFds] = {&core_->arena->memfd(), &*forward, &*returned};
        for (size_t i = 0; i < kMessageFds; i++) {
            auto fd = sources[i]->reopenForSending();
            if (!fd)
                return tl::unexpected(fd.error());
            fds[i] = std::move(*fd);
        }
        Welcome welcome;
        welcome.version = version;
        welcome.clientId = id_;
        welcome.maxBuffers = maxBuffers;
        welcome.slots = maxBuffers + kEventSlots;
        welcome.ringCapacity = ringCapacityFor(maxBuffers);
        welcome.arenaBytes = core_->arena->size();
        if (auto sent = sendPatiently(encode(welcome), fds, until); !sent)
            return tl::unexpected(sent.error());
    }

    auto message = awaitMessage(until);
    if (!message)
        return tl::unexpected(message.error());
    if (auto ready = decodeEmpty(*message, MessageType::Ready); !ready)
        return tl::unexpected(ready.error());
    // Without the consumer's own seal it could punch holes into the page that we read.
    if (auto seals = checkSeals(returned->fd(), kSingleWriterSeals); !seals)
        return tl::unexpected(seals.error());
    auto page = Mapping::create(returned->fd(), kReturnBytes, Mapping::Access::ReadOnly);
    if (!page)
        return tl::unexpected(page.error());
    if (auto populated = page->populateForReading(0, kReturnBytes); !populated)
        return tl::unexpected(populated.error());
    return std::make_shared<ConsumerAccount>(id_, identity_, forward->takeMapping(), std::move(*page),
                                             maxBuffers);
}

void ClientConnection::join(std::shared_ptr<ConsumerAccount> account)
{
    FanOut::Membership membership;
    account_ = account;
    membership.account = std::move(account);
    // Weak: the fan-out outlives the connection only as long as a thread runs in it.
    membership.dropped = [self = weak_from_this()](const PeerFault &fault) {
        if (const auto connection = self.lock())
            connection->cancel(Error(fault));
    };
    membership.look = [self = weak_from_this()] {
        if (const auto connection = self.lock())
            connection->requestLook();
    };
    membership.fellBehind = [self = weak_from_this()] {
        if (const auto connection = self.lock())
            connection->requestCatchUp();
    };
    membership.drops = [self = weak_from_this()] {
        if (const auto connection = self.lock())
            connection->requestDropReport();
    };
    core_->fanOut.join(std::move(membership));
    phase_.store(Phase::Joined, std::memory_order_release);
    core_->log(PublisherCallbacks::Level::Info, "client " + std::to_string(id_) + " joined");
    if (core_->callbacks.connected)
        core_->callbacks.connected(id_, identity_);
}

// ---- afterwards

Result<void> ClientConnection::serve()
{
    bool behind = false;
    while (true) {
        pollfd fds[] = {
            {socket_.fd(), POLLIN, 0}, {wakeEvent_.get(), POLLIN, 0}, {processFd_.get(), POLLIN, 0}};
        Deadline until = dropReports_.time();
        if (behind)
            until = std::min(until.value_or(Clock::time_point::max()), Clock::now() + kCatchUpTime);
        ::poll(fds, processFd_.valid() ? 3 : 2, pollTimeout(until));
        drain(wakeEvent_.get());
        bool look = false;
        {
            std::lock_guard guard(lock_);
            if (cancelReason_)
                return tl::unexpected(*cancelReason_);
            look = std::exchange(lookWanted_, false);
            behind |= std::exchange(catchUpWanted_, false);
            if (std::exchange(dropReportWanted_, false))
                dropReports_.call();
        }
        if (look)
            socket_.send(encodeEmpty(MessageType::Look)); // a hint: a full socket buffer holds older ones
        if (behind)
            behind = !core_->fanOut.catchUp(id_);
        report(dropReports_.look(account_->drops(), Clock::now()));

        if (fds[0].revents != 0) {
            auto message = socket_.receive(0);
            if (!message)
                return tl::unexpected(message.error());
            if (*message) {
                if (auto handled = handleMessage(**message); !handled)
                    return handled;
            }
        }
        if (processFd_.valid() && fds[2].revents != 0)
            return systemError(ESRCH, "its process");
    }
}

Result<void> ClientConnection::handleMessage(const Message &message)
{
    const auto now = Clock::now();
    if (now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        messagesThisSecond_ = 0;
    }
    if (++messagesThisSecond_ > kMessagesPerSecond)
        return peerFault(FaultKind::TooManyMessages, kMessagesPerSecond, messagesThisSecond_);

    const auto type = typeOf(message);
    if (!type)
        return tl::unexpected(type.error());
    switch (*type) {
    case MessageType::Attachment: {
        const auto attachment = decodeAttachment(message);
        if (!attachment)
            return tl::unexpected(attachment.error());
        if (core_->callbacks.attachment && !core_->callbacks.attachment(id_, *attachment))
            return peerFault(FaultKind::ContentInvalid, 0, attachment->size());
        return {};
    }
    case MessageType::Request: {
        const auto request = decodeRequest(message);
        if (!request)
            return tl::unexpected(request.error());
        if (core_->callbacks.request && !core_->callbacks.request(id_, request->kind, request->bytes))
            return peerFault(FaultKind::ContentInvalid, request->kind, request->bytes.size());
        return {};
    }
    case MessageType::Goodbye: {
        const auto fault = decodeGoodbye(message);
        if (!fault)
            return tl::unexpected(fault.error());
        if (*fault)
            return systemError(ECONNRESET, "it says of us \"" + describe(**fault) + "\"");
        return systemError(ECONNRESET, "good-bye");
    }
    default:
        return peerFault(FaultKind::MessageOutOfOrder, static_cast<uint64_t>(MessageType::Attachment),
                         static_cast<uint64_t>(*type));
    }
}

} // namespace ringcore
