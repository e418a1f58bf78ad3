// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One client's connection on the producer's side, with a thread of its own that nobody joins: only
// this thread makes system calls on the client's socket and return page.
#pragma once

#include "control_protocol.h"
#include "control_socket.h"
#include "drop_reports.h"
#include "fan_out.h"
#include "publisher_core.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace ringcore
{

class ClientConnection : public std::enable_shared_from_this<ClientConnection>
{
public:
    enum class Origin { Accepted, HandedOver }; // HandedOver: its credentials are those of who made it
    enum class Phase { Handshaking, Admitted, Joined, Leaving }; // from Admitted on it takes a client's place

    ClientConnection(std::shared_ptr<PublisherCore> core, ControlSocket socket, Origin origin, uint32_t id);

    // The thread's body.
    void run();

    // Any thread: ends the connection, with a reason.
    void cancel(const Error &reason);
    // Any thread: has the thread send Look, or catch its account up.
    void requestLook();
    void requestCatchUp();
    void requestDropReport();

    // What is known of the peer before it said anything; fixed.
    const PeerIdentity &identity() const { return identity_; }
    Phase phase() const { return phase_.load(std::memory_order_acquire); }
    // Whether it takes one of the places for handshakes: not once it was cancelled, although its
    // thread may not have heard of that yet.
    bool isHandshaking() const { return phase() == Phase::Handshaking && !cancelled_.load(); }

private:
    using Clock = std::chrono::steady_clock;

    Result<void> handshake();
    Result<Message> awaitMessage(Clock::time_point until);
    Result<void> sendPatiently(std::span<const std::byte> bytes, std::span<const UniqueFd> fds,
                               Clock::time_point until);
    Result<void> admit();
    Result<std::shared_ptr<ConsumerAccount>> exchangeMemory(uint32_t version, Clock::time_point until);
    Result<void> serve();
    Result<void> handleMessage(const Message &message);
    void join(std::shared_ptr<ConsumerAccount> account);
    void poke();
    std::optional<Error> cancelReason();
    void report(const DropNews &news) const;
    void reportEnd(const Error &reason, bool wasConnected);

    const std::shared_ptr<PublisherCore> core_;
    ControlSocket socket_; // this thread's alone, which closes it, too
    const Origin origin_;
    const uint32_t id_;
    const PeerIdentity identity_;
    UniqueFd wakeEvent_; // ours alone
    UniqueFd processFd_; // readable when the peer's process is gone; may be invalid

    std::atomic<Phase> phase_{Phase::Handshaking};
    std::atomic<bool> cancelled_{false};
    bool attachmentHeard_ = false; // this thread's

    std::shared_ptr<ConsumerAccount> account_; // this thread's, once it has joined
    DropReports dropReports_;                  // likewise

    // Messages of the current second, this thread's.
    Clock::time_point second_{};
    uint32_t messagesThisSecond_ = 0;

    std::mutex lock_; // guards what follows
    std::optional<Error> cancelReason_;
    bool lookWanted_ = false;
    bool catchUpWanted_ = false;
    bool dropReportWanted_ = false;
};

} // namespace ringcore
