// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A client of a producer, by hand: every message and every word of shared memory as the test wants
// it. One thread.
#pragma once

#include "ringcore/control_protocol.h"
#include "ringcore/control_socket.h"
#include "ringcore/mapping.h"
#include "ringcore/wire.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringtest
{

class RawClient
{
public:
    // Connected, and nothing said.
    explicit RawClient(const std::string &socket);
    explicit RawClient(ringcore::UniqueFd connected) : socket_(std::move(connected)) {}

    // 0, or errno.
    int send(std::span<const std::byte> bytes, std::span<const ringcore::UniqueFd> fds = {}) const;
    int sendHello(uint32_t oldest = ringcore::kOldestWireVersion, uint32_t newest = ringcore::kWireVersion,
                  std::span<const std::byte> attachment = {}) const;
    int sendReady() const { return send(ringcore::encodeEmpty(ringcore::MessageType::Ready)); }

    // The next message; none: the producer hung up, or said nothing for too long.
    std::optional<ringcore::Message> receive() const;
    // Whether the producer hung up without another word, within `milliseconds`.
    bool hungUp(int milliseconds) const;

    // The steps of a handshake. False: it went otherwise.
    bool awaitWelcome();
    bool map();
    bool seal() const;
    bool join() { return sendHello() == 0 && awaitWelcome() && map() && seal() && sendReady() == 0; }

    // The producer's last words, then its hang-up; all messages before them are thrown away.
    struct LastWords {
        std::optional<ringcore::PeerFault> fault;
        std::optional<ringcore::Refusal> refusal;
        bool hungUp = false;
    };
    LastWords awaitEnd() const;

    // Reads the next record, waiting for it. None: it did not come.
    std::optional<ringcore::Record> read();
    void giveBack(const ringcore::RecordHead &head);
    void release(uint32_t slot, uint32_t generation);

    // Until the producer says that it sleeps for want of what this client holds.
    bool awaitProducerAsleep() const;

    ringcore::ReturnPage &returnPage() const { return *return_.at<ringcore::ReturnPage>(); }
    const ringcore::ForwardHeader &forward() const { return *forward_.at<const ringcore::ForwardHeader>(); }
    const ringcore::Welcome &welcome() const { return welcome_; }
    const ringcore::ControlSocket &socket() const { return socket_; }
    int arenaFd() const { return fds_[0].get(); }
    int forwardFd() const { return fds_[1].get(); }
    int returnFd() const { return fds_[2].get(); }
    const ringcore::Mapping &arena() const { return arena_; }
    void unmapReturnPage() { return_ = ringcore::Mapping(); }

private:
    ringcore::ControlSocket socket_;
    ringcore::Welcome welcome_;
    std::vector<ringcore::UniqueFd> fds_;
    ringcore::Mapping arena_, forward_, return_;
    uint32_t position_ = 0;
};

} // namespace ringtest
