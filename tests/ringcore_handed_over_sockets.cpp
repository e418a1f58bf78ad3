// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer on a socket that somebody else made: it serves there, believes nothing that the kernel
// says of the wrong process, and leaves the socket to its owner.
#include "raw_client.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace
{

using ringcore::PeerIdentity;
using ringcore::PublisherCallbacks;
using ringcore::SystemError;
using ringcore::UniqueFd;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;

TEST(HandedOver, ConnectedSocketServesItsOneClientWithoutAPid)
{
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    const UniqueFd ours(pair[0]);
    pid_t pid = -1;
    ProducerOptions options;
    options.config.socket = ours.get();
    options.adjust = [&](PublisherCallbacks &callbacks) {
        callbacks.authorize = [&](const PeerIdentity &identity) {
            pid = identity.pid;
            return true;
        };
    };
    Producer producer{std::move(options)};
    RawClient client{UniqueFd(pair[1])};
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    EXPECT_EQ(pid, 0); // whoever made the pair is not who is at its other end
    producer.deliver(1);
    EXPECT_TRUE(client.read());
    producer.stop();
    EXPECT_TRUE(client.awaitEnd().hungUp);
    EXPECT_GE(::fcntl(ours.get(), F_GETFD), 0); // the application's is not closed

    ringcore::PublisherConfig again;
    again.socket = ours.get();
    const auto second = ringcore::Publisher::create(std::move(again), {});
    ASSERT_FALSE(second);
    EXPECT_EQ(std::get<SystemError>(second.error()).number, ENOTCONN);
}

// Sent before the producer could ask the kernel to take none.
TEST(HandedOver, DescriptorsThatAreOnTheirWayAlreadyAreAFault)
{
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    const UniqueFd ours(pair[0]);
    RawClient client{UniqueFd(pair[1])};
    const UniqueFd sent[1] = {UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))};
    ASSERT_EQ(client.send(ringcore::encode(ringcore::Hello{1, 1, {}}), sent), 0);
    ProducerOptions options;
    options.config.socket = ours.get();
    Producer producer{std::move(options)};
    const auto words = client.awaitEnd();
    ASSERT_TRUE(words.fault);
    EXPECT_EQ(words.fault->kind, ringcore::FaultKind::WrongNumberOfFds);
    EXPECT_EQ(words.fault->expected, 0u);
    EXPECT_EQ(words.fault->found, 1u);
    EXPECT_TRUE(producer.heard().await("dropped: wrong number of file descriptors (expected 0, found 1)"));
}

TEST(HandedOver, ListeningSocketServesManyAndStaysWhereItIs)
{
    const ringtest::OwnDirectory directory;
    const UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory / "s").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 5), 0);
    for (int run = 0; run < 2; run++) {
        ProducerOptions options;
        options.config.socket = listener.get();
        Producer producer{std::move(options)};
        RawClient first(directory / "s");
        RawClient second(directory / "s");
        EXPECT_TRUE(first.join() && second.join());
        producer.awaitJoined(2);
    }
    EXPECT_EQ(directory.names(), (std::vector<std::string>{"s"}));
}

TEST(HandedOver, WhatIsNoUnixSeqpacketSocketIsAnError)
{
    const auto errorFor = [](int fd) {
        ringcore::PublisherConfig config;
        config.socket = fd;
        const auto publisher = ringcore::Publisher::create(std::move(config), {});
        return publisher ? 0 : std::get<SystemError>(publisher.error()).number;
    };
    const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const UniqueFd inet(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd unconnected(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    EXPECT_EQ(errorFor(-1), EBADF);
    EXPECT_EQ(errorFor(file.get()), ENOTSOCK);
    EXPECT_EQ(errorFor(inet.get()), EPROTOTYPE);
    EXPECT_EQ(errorFor(stream.get()), EPROTOTYPE);
    EXPECT_EQ(errorFor(unconnected.get()), ENOTCONN);
}

} // namespace
