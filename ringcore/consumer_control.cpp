// SPDX-License-Identifier: LGPL-2.1-or-later
#include "consumer_control.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>

namespace ringcore::detail
{

namespace
{

using namespace std::chrono_literals;

constexpr auto kFirstPause = 10ms; // between attempts; doubles up to
constexpr auto kLongestPause = 250ms;
constexpr auto kPauseAfterFault = 1000ms;
constexpr uint64_t kMessagesPerSecond = 256; // a flush is two
constexpr size_t kReasonsTold = 16;
// A downstream that reconfigures itself all the time must not make us a nuisance to the producer.
constexpr auto kAttachmentSpacing = 100ms;
constexpr auto kRequestSpacing = 25ms;

bool worthAnotherTry(int number)
{
    switch (number) {
    case ENOENT: // not there yet
    case ECONNREFUSED:
    case EAGAIN: // its backlog is full
    case ECONNRESET:
    case EPIPE:
    case EINTR:
    case ETIMEDOUT:
    case EMFILE: // ours; may pass
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return true;
    default:
        return false;
    }
}

bool beyondAnyBudget(const PeerFault &fault, uint64_t maxMemory)
{
    return fault.kind == FaultKind::SizeBeyondBound && fault.found > maxMemory;
}

} // namespace

void ConsumerControl::run()
{
    searchBegan_ = Clock::now();
    auto nextPause = kFirstPause;
    while (!shared_->stopping()) {
        auto joined = join();
        if (!joined) {
            Loss loss = joined.error();
            if (shared_->stopping())
                return;
            if (const auto end = giveUpAt(); end && Clock::now() >= *end) {
                loss.text = "no producer at " + shared_->where() + " in time; " + loss.text;
                loss.cause = Loss::Cause::TimedOut;
                loss.retrying = false;
            }
            if (!loss.retrying) {
                shared_->post(loss);
                return;
            }
            tellWaiting(loss.text);
            pause(loss.cause == Loss::Cause::Faulty ? kPauseAfterFault : nextPause);
            nextPause = std::min<std::chrono::milliseconds>(2 * nextPause, kLongestPause);
            continue;
        }
        told_.clear();
        const auto joinedAt = Clock::now();
        shared_->requests.setOpen(true);
        shared_->post(Joining{joined->connection, joined->producer});
        shared_->observer->connected(joined->producer);
        Loss loss = watch(*joined);
        shared_->requests.setOpen(false);
        request_.reset();
        joined->connection.reset();
        if (shared_->stopping())
            return;
        loss.retrying = mayReconnect();
        const bool again = loss.retrying;
        const bool faulty = loss.cause == Loss::Cause::Faulty;
        joined = tl::unexpected(loss); // closes the socket
        shared_->post(loss);
        shared_->observer->disconnected(loss.text);
        if (!waitForAcknowledgement() || !again)
            return;
        searchBegan_ = Clock::now();
        if (faulty) {
            pause(kPauseAfterFault);
        } else if (searchBegan_ - joinedAt < kLongestPause) {
            // One that comes and goes at once is not told of a thousand times a second.
            pause(nextPause);
            nextPause = std::min<std::chrono::milliseconds>(2 * nextPause, kLongestPause);
        } else {
            nextPause = kFirstPause;
        }
    }
}

bool ConsumerControl::mayReconnect() const
{
    return shared_->terms().reconnect && !shared_->config.connected.valid();
}

Deadline ConsumerControl::giveUpAt() const
{
    const auto timeout = shared_->terms().connectionTimeout;
    // A time too far away to be added is none.
    if (!timeout || *timeout > Clock::time_point::max() - searchBegan_ - 1h)
        return std::nullopt;
    return searchBegan_ + *timeout;
}

tl::expected<ConsumerControl::Joined, Loss> ConsumerControl::join()
{
    const bool given = shared_->config.connected.valid();
    UniqueFd duplicate;
    if (given) {
        duplicate.reset(::dup(shared_->config.connected.get()));
        if (!duplicate.valid())
            return tl::unexpected(explain(SystemError{errno, "dup"}));
    }
    auto socket = given ? Result<ControlSocket>(ControlSocket(std::move(duplicate)))
                        : connectToProducer(shared_->config.socketPath);
    if (!socket)
        return tl::unexpected(explain(socket.error()));

    PeerIdentity identity = socket->peer();
    if (given)
        identity.pid = 0; // that of whoever made the pair, maybe ourselves
    if (auto loss = refuseProducer(*shared_, identity))
        return tl::unexpected(*loss);

    shared_->takeAttachmentRequest();
    attachment_ = shared_->observer->attachment();
    attachmentDue_ = false;
    const auto deadline = [this, patience = Clock::now() + shared_->config.handshakeTimeout] {
        return Deadline(std::min(patience, giveUpAt().value_or(patience)));
    };
    auto connection = shakeHands(*shared_, *socket, attachment_, deadline);
    if (!connection) {
        if (const auto *fault = std::get_if<PeerFault>(&connection.error())) {
            shared_->noteFault(*fault, nullptr);
            (void)socket->send(encodeGoodbye(fault));
        }
        return tl::unexpected(explain(connection.error()));
    }
    return Joined{std::move(*socket), std::move(*connection), identity};
}

Loss ConsumerControl::explain(const Error &error) const
{
    const bool reconnect = mayReconnect();
    Loss loss;
    loss.text = shared_->where() + ": " + describe(error);
    if (const auto *system = std::get_if<SystemError>(&error)) {
        // connect's own error names the path already.
        if (system->operation.find(shared_->where()) != std::string::npos)
            loss.text = describe(error);
        const bool again = worthAnotherTry(system->number);
        loss.cause = again ? Loss::Cause::Absent : Loss::Cause::System;
        loss.retrying = reconnect && again;
    } else if (const auto *refusal = std::get_if<Refusal>(&error)) {
        loss.text = shared_->where() + ": the producer " +
                    (refusal->tryAgainLater ? "is busy: " : "refuses us: ") + describe(*refusal);
        loss.cause = Loss::Cause::Refused;
        // Busy passes, whatever is to be done about a producer that is not there.
        loss.retrying = refusal->tryAgainLater && !shared_->config.connected.valid();
    } else {
        const auto &fault = std::get<PeerFault>(error);
        loss.cause = Loss::Cause::Faulty;
        loss.retrying = reconnect && fault.kind != FaultKind::VersionUnsupported &&
                        !beyondAnyBudget(fault, shared_->terms().maxMemory);
    }
    return loss;
}

Loss ConsumerControl::watch(const Joined &joined)
{
    // Over a connected socket it would be the process that made the pair.
    const UniqueFd process = shared_->config.connected.valid() ? UniqueFd() : joined.socket.peerPidFd();
    messageWindow_ = Clock::now();
    messagesInWindow_ = 0;
    for (;;) {
        if (shared_->stopping()) {
            (void)joined.socket.send(encodeGoodbye(nullptr));
            return {};
        }
        if (const auto fault = shared_->takeFault())
            return dropFor(joined, *fault);
        attachmentDue_ = shared_->takeAttachmentRequest() || attachmentDue_;
        if (attachmentDue_ && Clock::now() - attachmentSent_ >= kAttachmentSpacing)
            sendAttachment(joined.socket);
        if (Clock::now() - requestSent_ >= kRequestSpacing)
            sendRequest(joined.socket);

        pollfd polls[3] = {
            {shared_->wake.get(), POLLIN, 0}, {joined.socket.fd(), POLLIN, 0}, {process.get(), POLLIN, 0}};
        if (::poll(polls, 3, patience()) <= 0)
            continue;
        if (polls[0].revents != 0)
            drainWake(*shared_);
        if (polls[1].revents != 0) {
            if (auto loss = hearAll(joined))
                return *loss;
        } else if (polls[2].revents != 0) { // after the last words of the process
            return Loss{Loss::Cause::Gone, shared_->where() + ": the producer's process ended"};
        }
    }
}

std::optional<Loss> ConsumerControl::hearAll(const Joined &joined)
{
    for (;;) {
        auto message = joined.socket.receive(0);
        if (!message) {
            if (const auto *fault = std::get_if<PeerFault>(&message.error())) {
                return dropFor(joined, *fault);
            }
            return Loss{Loss::Cause::Gone,
                        shared_->where() + ": the producer hung up (" + describe(message.error()) + ")"};
        }
        if (!*message)
            return std::nullopt;
        if (auto loss = hear(joined, **message))
            return loss;
    }
}

std::optional<Loss> ConsumerControl::hear(const Joined &joined, const Message &message)
{
    Result<void> outcome;
    const auto type = typeOf(message);
    if (tooManyMessages()) {
        outcome = peerFault(FaultKind::TooManyMessages, kMessagesPerSecond, messagesInWindow_);
    } else if (!type) {
        outcome = tl::unexpected(type.error());
    } else if (*type == MessageType::Goodbye) {
        const auto accusation = decodeGoodbye(message);
        if (accusation && *accusation)
            return Loss{Loss::Cause::Disconnected,
                        shared_->where() + ": the producer disconnected us: " + describe(**accusation)};
        if (accusation)
            return Loss{Loss::Cause::Gone, shared_->where() + ": the producer said good-bye"};
        outcome = tl::unexpected(accusation.error());
    } else {
        outcome = decodeEmpty(message, MessageType::Look);
        if (outcome) {
            const auto seen = joined.connection->flushes().look(
                [this](uint32_t number) { shared_->observer->flushStarted(number); });
            if (!seen)
                outcome = tl::unexpected(seen.error());
            shared_->streamWord.poke();
        }
    }
    if (outcome)
        return std::nullopt;
    const auto &fault = std::get<PeerFault>(outcome.error());
    return dropFor(joined, fault);
}

bool ConsumerControl::tooManyMessages()
{
    const auto now = Clock::now();
    if (now - messageWindow_ >= 1s) {
        messageWindow_ = now;
        messagesInWindow_ = 0;
    }
    return ++messagesInWindow_ > kMessagesPerSecond;
}

Loss ConsumerControl::dropFor(const Joined &joined, const PeerFault &fault)
{
    shared_->noteFault(fault, joined.connection.get());
    (void)joined.socket.send(encodeGoodbye(&fault));
    return Loss{Loss::Cause::Faulty,
                shared_->where() + ": the producer broke the protocol: " + describe(fault)};
}

void ConsumerControl::sendAttachment(const ControlSocket &socket)
{
    attachmentSent_ = Clock::now();
    auto attachment = shared_->observer->attachment();
    attachmentDue_ = false;
    if (attachment == attachment_)
        return;
    if (socket.send(encodeAttachment(attachment)))
        attachment_ = std::move(attachment);
    else
        attachmentDue_ = true; // its queue is full: later; if it hung up, poll tells
}

void ConsumerControl::sendRequest(const ControlSocket &socket)
{
    if (!request_)
        request_ = shared_->requests.take();
    if (!request_)
        return;
    requestSent_ = Clock::now();
    const auto sent = socket.send(encode(*request_));
    if (sent || !ControlSocket::isForLater(sent.error())) // if it hung up, poll tells
        request_.reset();
}

// Until something that is due can be sent, in ms; -1: nothing is.
int ConsumerControl::patience() const
{
    if (request_ || !shared_->requests.empty())
        return static_cast<int>(kRequestSpacing / 1ms);
    return attachmentDue_ ? static_cast<int>(kAttachmentSpacing / 1ms) : -1;
}

bool ConsumerControl::waitForAcknowledgement()
{
    for (;;) {
        if (shared_->stopping())
            return false;
        if (const auto acknowledged = shared_->takeAcknowledgement()) {
            shared_->takeFault(); // of the connection that is gone
            return !acknowledged->afterEndOfStream;
        }
        pollfd poll{shared_->wake.get(), POLLIN, 0};
        if (::poll(&poll, 1, -1) > 0)
            drainWake(*shared_);
    }
}

void ConsumerControl::pause(std::chrono::milliseconds time)
{
    const auto until = [this, end = Clock::now() + time] {
        return Deadline(std::min(end, giveUpAt().value_or(end)));
    };
    // A descriptor of -1 is never readable: this waits for the time or for stop().
    (void)waitReadable(*shared_, -1, until);
}

void ConsumerControl::tellWaiting(const std::string &why)
{
    if (std::find(told_.begin(), told_.end(), why) != told_.end() || told_.size() >= kReasonsTold)
        return;
    told_.push_back(why);
    shared_->observer->waiting(why);
}

} // namespace ringcore::detail
