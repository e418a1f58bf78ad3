// SPDX-License-Identifier: LGPL-2.1-or-later
#include "raw_client.h"

#include "ring_producer.h"

#include "ringcore/bell.h"
#include "ringcore/bound_socket.h"
#include "ringcore/sealed_memfd.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <poll.h>

namespace ringtest
{

using namespace ringcore;

namespace
{

constexpr int kPatienceMs = 30000;

UniqueFd mustConnect(const std::string &path)
{
    auto fd = connectTo(path);
    return fd ? std::move(*fd) : UniqueFd();
}

} // namespace

RawClient::RawClient(const std::string &socket) : socket_(mustConnect(socket)) {}

int RawClient::send(std::span<const std::byte> bytes, std::span<const UniqueFd> fds) const
{
    const auto sent = socket_.send(bytes, fds);
    return sent ? 0 : std::get<SystemError>(sent.error()).number;
}

int RawClient::sendHello(uint32_t oldest, uint32_t newest, std::span<const std::byte> attachment) const
{
    return send(encode(Hello{oldest, newest, {attachment.begin(), attachment.end()}}));
}

std::optional<Message> RawClient::receive() const
{
    while (true) {
        auto message = socket_.receive(kMessageFds);
        if (!message)
            return std::nullopt;
        if (*message)
            return std::move(**message);
        pollfd fd{socket_.fd(), POLLIN, 0};
        if (::poll(&fd, 1, kPatienceMs) == 0)
            return std::nullopt;
    }
}

bool RawClient::hungUp(int milliseconds) const
{
    pollfd fd{socket_.fd(), 0, 0};
    return ::poll(&fd, 1, milliseconds) > 0 && (fd.revents & POLLHUP) != 0;
}

bool RawClient::awaitWelcome()
{
    auto message = receive();
    if (!message)
        return false;
    const auto welcome = decodeWelcome(*message);
    if (!welcome)
        return false;
    welcome_ = *welcome;
    fds_ = std::move(message->fds);
    return true;
}

bool RawClient::map()
{
    const auto take = [](Mapping &into, int fd, size_t size, Mapping::Access access) {
        auto mapping = Mapping::create(fd, size, access);
        if (mapping)
            into = std::move(*mapping);
        return into.valid();
    };
    return take(arena_, arenaFd(), welcome_.arenaBytes, Mapping::Access::ReadOnly) &&
           take(forward_, forwardFd(), roundUpToPage(forwardBytes(welcome_.ringCapacity)),
                Mapping::Access::ReadOnly) &&
           take(return_, returnFd(), kReturnBytes, Mapping::Access::ReadWrite);
}

bool RawClient::seal() const
{
    return sealAsOnlyWriter(returnFd()).has_value();
}

RawClient::LastWords RawClient::awaitEnd() const
{
    LastWords words;
    while (auto message = receive()) {
        const auto type = typeOf(*message);
        if (type && *type == MessageType::Goodbye) {
            if (const auto fault = decodeGoodbye(*message))
                words.fault = *fault;
        } else if (type && (*type == MessageType::Busy || *type == MessageType::Refused)) {
            if (const auto refusal = decodeRefusal(*message))
                words.refusal = *refusal;
        }
    }
    words.hungUp = hungUp(0);
    return words;
}

std::optional<Record> RawClient::read()
{
    const StopWord nobodyStops;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (forward().cursor.load(std::memory_order_acquire) == position_) {
        if (std::chrono::steady_clock::now() > until)
            return std::nullopt;
        const uint32_t seen = forward().bell.load(std::memory_order_acquire);
        returnPage().consumerSleeps.store(1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (forward().cursor.load(std::memory_order_acquire) == position_)
            waitForBell(forward().bell, seen, nobodyStops, nobodyStops.value(), until);
        returnPage().consumerSleeps.store(0, std::memory_order_relaxed);
    }
    const auto *ring = forward_.at<const SharedRecord>(kForwardRingOffset);
    const SharedRecord &shared = ring[position_ % welcome_.ringCapacity];
    uint64_t words[kRecordWords];
    for (size_t i = 0; i < kRecordWords; i++)
        words[i] = shared.words[i].load(std::memory_order_relaxed);
    Record record;
    std::memcpy(&record, words, sizeof record);
    position_++;
    returnPage().cursor.store(position_, std::memory_order_release);
    ringIfAsleep(forward().producerSleeps, returnPage().bell);
    return record;
}

bool RawClient::awaitProducerAsleep() const
{
    return awaitState([&] { return forward().producerSleeps.load() == 1; });
}

void RawClient::giveBack(const RecordHead &head)
{
    if (head.slot != kNoSlot)
        release(head.slot, head.generation);
}

void RawClient::release(uint32_t slot, uint32_t generation)
{
    returnPage().generations[slot].store(generation, std::memory_order_release);
    ringIfAsleep(forward().producerSleeps, returnPage().bell);
}

} // namespace ringtest
