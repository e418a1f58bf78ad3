// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer written by hand, so that it can lie about everything: its socket, its welcome, its
// memory and its records. Nothing in it checks what it does.
#pragma once

#include "ringcore/bell.h"
#include "ringcore/control_protocol.h"
#include "ringcore/control_socket.h"
#include "ringcore/descriptor_ring.h"
#include "ringcore/sealed_memfd.h"
#include "ringcore/wire.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

// A listening socket on a path of its own.
class ListeningSocket
{
public:
    explicit ListeningSocket(std::string path) : path_(std::move(path))
    {
        fd_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        ::unlink(path_.c_str());
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0)
            << path_;
        EXPECT_EQ(::listen(fd_.get(), 16), 0);
    }
    ~ListeningSocket() { ::unlink(path_.c_str()); }

    ringcore::UniqueFd accept(std::chrono::milliseconds patience = 10s) const
    {
        pollfd poll{fd_.get(), POLLIN, 0};
        if (::poll(&poll, 1, static_cast<int>(patience.count())) <= 0)
            return ringcore::UniqueFd();
        return ringcore::UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

private:
    std::string path_;
    ringcore::UniqueFd fd_;
};

struct HostileProducer {
    static constexpr uint32_t kMaxBuffers = 16;
    static constexpr size_t kArenaBytes = 1 << 20;

    explicit HostileProducer(ringcore::UniqueFd socketFd) : socket(std::move(socketFd)) {}

    ringcore::ControlSocket socket;
    ringcore::SealedMemfd arena = ringcore::SealedMemfd::createOwned("arena", kArenaBytes).value();
    ringcore::SealedMemfd forward =
        ringcore::SealedMemfd::createOwned("forward",
                                           ringcore::forwardBytes(ringcore::ringCapacityFor(kMaxBuffers)))
            .value();
    ringcore::SealedMemfd returned =
        ringcore::SealedMemfd::createForPeer("return", ringcore::kReturnBytes).value();
    ringcore::Mapping returnView =
        ringcore::Mapping::create(returned.fd(), ringcore::kReturnBytes, ringcore::Mapping::Access::ReadOnly)
            .value();
    ringcore::Welcome welcome{ringcore::kWireVersion,
                              1,
                              kMaxBuffers,
                              kMaxBuffers + ringcore::kEventSlots,
                              ringcore::ringCapacityFor(kMaxBuffers),
                              kArenaBytes};
    ringcore::DescriptorWriter writer{
        std::span(forward.mapping().at<ringcore::SharedRecord>(ringcore::kForwardRingOffset),
                  ringcore::ringCapacityFor(kMaxBuffers)),
        header().cursor, returnView.at<ringcore::ReturnPage>()->cursor};

    ringcore::ForwardHeader &header() { return *forward.mapping().at<ringcore::ForwardHeader>(); }
    ringcore::ReturnPage &page() { return *returnView.at<ringcore::ReturnPage>(); }
    std::byte *at(uint64_t offset) { return arena.mapping().data() + offset; }

    std::optional<ringcore::Message> receive(std::chrono::milliseconds patience = 10s) const
    {
        pollfd poll{socket.fd(), POLLIN, 0};
        if (::poll(&poll, 1, static_cast<int>(patience.count())) <= 0)
            return std::nullopt;
        auto message = socket.receive(0);
        return message ? std::move(*message) : std::nullopt;
    }
    // The consumer's next message is of this type.
    bool hears(ringcore::MessageType type) const
    {
        const auto message = receive();
        return message && ringcore::typeOf(*message) && *ringcore::typeOf(*message) == type;
    }
    // The fault that the consumer names as it leaves, whatever it says before.
    std::optional<ringcore::PeerFault> hearsGoodbye() const
    {
        while (const auto message = receive()) {
            if (auto goodbye = ringcore::decodeGoodbye(*message))
                return *goodbye;
        }
        return std::nullopt;
    }

    std::vector<ringcore::UniqueFd> goodFds() const
    {
        std::vector<ringcore::UniqueFd> fds;
        fds.push_back(arena.reopenForSending().value());
        fds.push_back(forward.reopenForSending().value());
        fds.push_back(returned.reopenForSending().value());
        return fds;
    }
    void sendWelcome() const { sendWelcome(goodFds()); }
    void sendWelcome(const std::vector<ringcore::UniqueFd> &fds) const
    {
        EXPECT_TRUE(socket.send(ringcore::encode(welcome), fds));
    }
    void send(std::span<const std::byte> bytes) const { EXPECT_TRUE(socket.send(bytes)); }

    // An honest handshake, with bounds that leave the consumer room.
    bool admit()
    {
        header().boundBlocks = kMaxBuffers;
        header().boundBytes = kArenaBytes;
        if (!hears(ringcore::MessageType::Hello))
            return false;
        sendWelcome();
        return hears(ringcore::MessageType::Ready);
    }

    void write(const ringcore::Record &record)
    {
        writer.write(record);
        ringcore::ringIfAsleep(page().consumerSleeps, header().bell);
    }
    // A record with a payload of `size` bytes at `offset`.
    static ringcore::Record buffer(uint32_t slot, uint32_t generation, uint64_t offset, uint64_t size)
    {
        ringcore::Record record{};
        record.head.kind = 1;
        record.head.slot = slot;
        record.head.generation = generation;
        record.head.payloadOffset = offset;
        record.head.payloadSize = size;
        return record;
    }
    // One without a slot, such as a small event.
    static ringcore::Record plain(uint32_t kind)
    {
        ringcore::Record record{};
        record.head.kind = kind;
        record.head.slot = ringcore::kNoSlot;
        return record;
    }
    void setEpoch(uint32_t epoch, bool resetTime = false, uint32_t number = 0)
    {
        header().epoch.store(ringcore::packEpoch(epoch, resetTime, number));
        ringcore::ring(header().bell);
    }
    void look() const { send(ringcore::encodeEmpty(ringcore::MessageType::Look)); }
    void endStream(uint32_t epoch = 0, uint32_t number = 0)
    {
        header().endNumber.store(number);
        header().endOfStream.store(ringcore::packEndOfStream(epoch, writer.written()));
        ringcore::ring(header().bell);
    }
    bool waitUntil(const std::function<bool()> &condition, std::chrono::milliseconds patience = 10s) const
    {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!condition() && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        return condition();
    }
};
