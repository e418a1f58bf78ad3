// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The control thread of a subscriber: looks for a producer, joins it, watches the socket until it
// goes, and looks again. Everything that could hang on a peer's socket or descriptors happens here.
#pragma once

#include "consumer_handshake.h"
#include "control_protocol.h"
#include "subscriber_shared.h"

#include <memory>
#include <string>
#include <vector>

namespace ringcore::detail
{

class ConsumerControl
{
public:
    explicit ConsumerControl(std::shared_ptr<SubscriberShared> shared) : shared_(std::move(shared)) {}

    // Until the subscriber is to stop, or there is nothing more to look for.
    void run();

private:
    using Clock = std::chrono::steady_clock;

    struct Joined {
        ControlSocket socket;
        std::shared_ptr<Connection> connection;
        PeerIdentity producer;
    };

    // One attempt. An error as Loss: `retrying` if another attempt makes sense.
    tl::expected<Joined, Loss> join();
    Loss explain(const Error &error) const;

    // Until the producer goes, or does what it must not.
    Loss watch(const Joined &joined);
    std::optional<Loss> hear(const Joined &joined, const Message &message);
    std::optional<Loss> hearAll(const Joined &joined);
    bool tooManyMessages();
    Loss dropFor(const Joined &joined, const PeerFault &fault);
    void sendAttachment(const ControlSocket &socket);
    void sendRequest(const ControlSocket &socket);
    int patience() const;

    // Until the streaming thread has delivered the loss. False: nothing more is to be done.
    bool waitForAcknowledgement();
    void pause(std::chrono::milliseconds time);
    void tellWaiting(const std::string &why);
    bool mayReconnect() const;
    Deadline giveUpAt() const;

    const std::shared_ptr<SubscriberShared> shared_;
    Clock::time_point searchBegan_;
    std::vector<std::string> told_;     // reasons for waiting, each told once
    std::vector<std::byte> attachment_; // as the producer knows it
    bool attachmentDue_ = false;
    Clock::time_point attachmentSent_;
    std::optional<Request> request_; // did not go out yet
    Clock::time_point requestSent_;
    Clock::time_point messageWindow_;
    uint64_t messagesInWindow_ = 0;
};

} // namespace ringcore::detail
