// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Sockets that an application hands over: a connected pair, whose run is its life, and a listening
// one; the application's own descriptor is never touched.
#include "peer_process.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace
{

class Fd
{
public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Fd() { reset(); }
    int get() const { return fd_; }
    std::string name() const { return std::to_string(fd_); }
    void reset()
    {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

private:
    int fd_;
};

std::pair<Fd, Fd> socketPair(int type = SOCK_SEQPACKET)
{
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

// While it lives, children inherit the descriptor.
class Inheritable
{
public:
    explicit Inheritable(const Fd &fd) : fd_(fd.get()) { ::fcntl(fd_, F_SETFD, 0); }
    ~Inheritable() { ::fcntl(fd_, F_SETFD, FD_CLOEXEC); }
    Inheritable(const Inheritable &) = delete;
    Inheritable &operator=(const Inheritable &) = delete;

private:
    const int fd_;
};

std::unique_ptr<PeerProcess> spawnWith(const Fd &fd, const std::string &launchLine)
{
    const Inheritable inheritable(fd);
    return std::make_unique<PeerProcess>(launchLine);
}

// The child's end is its own then.
std::unique_ptr<PeerProcess> handOver(Fd fd, const std::string &launchLine)
{
    return spawnWith(fd, launchLine);
}

constexpr size_t kFrames = 20;

std::string producerOn(const std::string &fd, const std::string &count = "num-buffers=20 ",
                       const std::string &sync = "sync=false")
{
    return "videotestsrc " + count +
           "! video/x-raw,format=I420,width=160,height=120 ! identity name=tap ! "
           "sharedringsink name=ring slow-client=block wait-for-connection=true fd=" +
           fd + " " + sync;
}

std::string consumerOn(const std::string &source)
{
    return "sharedringsrc name=ring " + source + " ! fakesink name=tap sync=false";
}

std::vector<std::string> md5sOf(const TapLog &log)
{
    std::vector<std::string> sums;
    for (const LoggedBuffer &buffer : log.buffers)
        sums.push_back(buffer.md5);
    return sums;
}

std::string targetOf(const PeerProcess &peer, const std::string &fd)
{
    char target[256] = {};
    const std::string path = "/proc/" + std::to_string(peer.pid()) + "/fd/" + fd;
    return ::readlink(path.c_str(), target, sizeof target - 1) > 0 ? target : "";
}

bool contains(const std::optional<std::string> &text, const std::string &part)
{
    return text && text->find(part) != std::string::npos;
}

} // namespace

// ---- a connected pair

TEST(ConnectedPair, JoinsTwoProcessesThatInheritOneEndEach)
{
    auto [a, b] = socketPair();
    const std::string sinkFd = a.name();
    const std::string sourceFd = b.name();
    const auto producer = handOver(std::move(a), producerOn(sinkFd));
    const auto consumer = handOver(std::move(b), consumerOn("fd=" + sourceFd));
    ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript() << producer->transcript();

    EXPECT_EQ(consumer->log().buffers.size(), kFrames);
    EXPECT_EQ(md5sOf(consumer->log()), md5sOf(producer->log()));
    // Of a pair the kernel knows only who made it: the pid would be ours.
    const std::string unknown = "0 " + std::to_string(::geteuid());
    EXPECT_EQ(producer->waitFor("asked "), unknown + " " + std::to_string(::getegid()));
    EXPECT_EQ(producer->waitFor("connected "), "1 " + unknown);
    EXPECT_EQ(consumer->waitFor("asked "), unknown + " " + std::to_string(::getegid()));
    EXPECT_EQ(consumer->quit(), 0);
    EXPECT_EQ(producer->quit(), 0);
}

TEST(ConnectedPair, WorksWithinOneProcess)
{
    auto [a, b] = socketPair();
    const Inheritable first(a);
    const Inheritable second(b);
    PeerProcess both("videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=160,height=120 ! "
                     "sharedringsink slow-client=block wait-for-connection=true sync=false fd=" +
                     a.name() + " sharedringsrc fd=" + b.name() +
                     " ! fakesink name=tap sync=false async=false"); // one sink prerolls for the other
    ASSERT_TRUE(both.waitFor("eos")) << both.transcript();
    EXPECT_EQ(both.log().buffers.size(), kFrames);
    EXPECT_EQ(both.quit(), 0);
}

TEST(ConnectedPair, ServesOneRunAndASecondStartOfEitherSaysSo)
{
    auto [a, b] = socketPair();
    const std::string sinkFd = a.name();
    const std::string sourceFd = b.name();
    const auto producer = handOver(std::move(a), producerOn(sinkFd, "", "sync=true"));
    const auto consumer = handOver(std::move(b), consumerOn("fd=" + sourceFd));
    ASSERT_TRUE(consumer->waitForCount(2)) << consumer->transcript();
    const std::string sinkSocket = targetOf(*producer, sinkFd);
    const std::string sourceSocket = targetOf(*consumer, sourceFd);
    ASSERT_EQ(sinkSocket.rfind("socket:", 0), 0u);

    consumer->command("null");
    producer->command("null");
    EXPECT_FALSE(producer->seen("error ")) << producer->transcript();
    // What the application gave is still its own, open, and the same.
    EXPECT_EQ(targetOf(*producer, sinkFd), sinkSocket);
    EXPECT_EQ(targetOf(*consumer, sourceFd), sourceSocket);

    producer->send("play");
    auto error = producer->waitFor("error ");
    EXPECT_TRUE(contains(error, "fd " + sinkFd) && contains(error, "one run")) << producer->transcript();
    consumer->send("play");
    error = consumer->waitFor("error ");
    EXPECT_TRUE(contains(error, "fd " + sourceFd) && contains(error, "one run")) << consumer->transcript();
    producer->command("null");
    consumer->send("null");
    EXPECT_EQ(targetOf(*producer, sinkFd), sinkSocket);
    EXPECT_EQ(targetOf(*consumer, sourceFd), sourceSocket);
}

TEST(ConnectedPair, AProducerThatVanishesIsAnErrorForThereIsNoOther)
{
    auto [a, b] = socketPair();
    const std::string sinkFd = a.name();
    const std::string sourceFd = b.name();
    const auto producer = handOver(std::move(a), producerOn(sinkFd, "", "sync=true"));
    const auto consumer = handOver(std::move(b), consumerOn("fd=" + sourceFd)); // on-disconnect=reconnect
    ASSERT_TRUE(consumer->waitForCount(2)) << consumer->transcript();

    producer->signal(SIGKILL);
    const auto error = consumer->waitFor("error ");
    EXPECT_TRUE(contains(error, "fd " + sourceFd)) << consumer->transcript();
}

// ---- a listening socket

TEST(ListeningSocket, OfAnActivatorIsServedAgainAndAgainAndStaysTheActivators)
{
    const std::string path = freshPath(".socket");
    Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 8), 0);
    // It connects before anybody serves.
    PeerProcess early(consumerOn("socket=" + path));
    const std::string sinkFd = listener.name();
    const auto producer = spawnWith(listener, producerOn(sinkFd, "", "sync=true"));

    ASSERT_TRUE(early.waitForCount(2)) << early.transcript();
    EXPECT_TRUE(producer->waitFor("connected 1 " + std::to_string(early.pid()) + " "))
        << producer->transcript();
    // Who comes now sees the producer, not us who called listen() first.
    PeerProcess late(consumerOn("socket=" + path));
    EXPECT_TRUE(late.waitFor("asked " + std::to_string(producer->pid()) + " ")) << late.transcript();
    EXPECT_TRUE(late.waitForCount(2)) << late.transcript();
    EXPECT_EQ(late.quit(), 0);

    producer->command("null");
    ASSERT_TRUE(early.waitFor("warning ")) << early.transcript();
    const auto before = std::strtoull(early.command("count").c_str(), nullptr, 10);
    producer->command("play");
    EXPECT_TRUE(early.waitForCount(before + 2)) << early.transcript() << producer->transcript();

    EXPECT_EQ(producer->quit(), 0);
    EXPECT_EQ(::access(path.c_str(), F_OK), 0) << "the path is not the producer's to remove";
    int listening = 0;
    socklen_t size = sizeof listening;
    ::getsockopt(listener.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
    EXPECT_EQ(listening, 1);
}

// ---- what is none of these

struct UselessFd {
    const char *name;
    Fd (*make)();
    const char *said; // by both elements
};

Fd regularFile()
{
    return Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}
Fd streamSocket()
{
    return std::move(socketPair(SOCK_STREAM).first);
}
Fd datagramSocket()
{
    return std::move(socketPair(SOCK_DGRAM).first);
}
Fd internetSocket()
{
    return Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
Fd lonelySocket()
{
    return Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

class UselessSocket : public testing::TestWithParam<UselessFd>
{
};

TEST_P(UselessSocket, IsAClearErrorOfEitherElement)
{
    const Fd fd = GetParam().make();
    ASSERT_GE(fd.get(), 0);
    for (const std::string &line : {producerOn(fd.name()), consumerOn("fd=" + fd.name())}) {
        const auto peer = spawnWith(fd, line);
        const auto error = peer->waitFor("error ");
        EXPECT_TRUE(contains(error, "fd " + fd.name())) << peer->transcript();
        EXPECT_TRUE(contains(error, GetParam().said)) << peer->transcript();
        EXPECT_NE(peer->quit(), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UselessSocket,
                         testing::Values(UselessFd{"File", regularFile, "socket"},
                                         UselessFd{"Stream", streamSocket, "SOCK_SEQPACKET"},
                                         UselessFd{"Datagram", datagramSocket, "SOCK_SEQPACKET"},
                                         UselessFd{"Internet", internetSocket, "unix"},
                                         UselessFd{"Lonely", lonelySocket, "connected socket is needed"}),
                         [](const auto &one) { return std::string(one.param.name); });

TEST(UselessSockets, ANumberThatIsNoDescriptorIsAClearError)
{
    for (const std::string &line : {producerOn("999"), consumerOn("fd=999")}) {
        PeerProcess peer(line);
        const auto error = peer.waitFor("error ");
        EXPECT_TRUE(contains(error, "fd 999")) << peer.transcript();
        EXPECT_TRUE(contains(error, "Bad file descriptor")) << peer.transcript();
    }
}

TEST(UselessSockets, AListeningOneIsNoConnectionToAProducer)
{
    Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX; // of length 2: the kernel chooses an abstract name
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr *>(&address), sizeof address.sun_family), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    const auto peer = spawnWith(listener, consumerOn("fd=" + listener.name()));
    const auto error = peer->waitFor("error ");
    EXPECT_TRUE(contains(error, "fd " + listener.name()) && contains(error, "a connected socket is needed"))
        << peer->transcript();
}
