// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a kernel or a sandbox does not offer has a stand-in: with each of the newer system calls
// refused by a seccomp filter, a producer and a consumer still find each other and pass a stream.
#include "refused_call.h"

#include "ringcore/publisher.h"
#include "ringcore/subscriber.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

using namespace ringcore;
using ringtest::refuse;
using ringtest::Refused;

constexpr long kFutexWaitv = 449;
constexpr uint32_t kPeerPidFd = 77;
constexpr uint32_t kPassRights = 83;
constexpr uint32_t kNoExecSeal = 8;

const Refused kRefused[] = {
    {"Nothing", -1, 0},
    {"FutexWaitvByOldKernel", kFutexWaitv, ENOSYS},
    {"FutexWaitvBySandbox", kFutexWaitv, EPERM},
    {"NoExecSeal", SYS_memfd_create, EINVAL, 1, kNoExecSeal, kNoExecSeal},
    {"PeerPidFd", SYS_getsockopt, ENOPROTOOPT, 2, UINT32_MAX, kPeerPidFd},
    {"PassRights", SYS_setsockopt, ENOPROTOOPT, 2, UINT32_MAX, kPassRights},
    {"RenameNoReplace", SYS_renameat2, EINVAL},
    {"OpeningThroughProc", SYS_openat, EACCES, 2, O_PATH, 0}, // but not the directory of the socket
};

class Quiet : public SubscriberObserver
{
public:
    bool authorizeProducer(const PeerIdentity &) override { return true; }
    std::vector<std::byte> attachment() override { return {}; }
    void flushStarted(uint32_t) override {}
    void waiting(const std::string &) override {}
    void log(const std::string &line) override { std::fprintf(stderr, "%s\n", line.c_str()); }
};

constexpr uint32_t kKind = 7;
constexpr uint32_t kRecords = 300; // several times the ring, so that both sides sleep

// Publishes kRecords and the end of the stream to one consumer that blocks the stream when it is
// slow. 0: all of it arrived in order.
int passAStream(const std::string &path)
{
    PublisherConfig config;
    config.socket = path;
    config.maxMemory = 1 << 20;
    config.fanOut.maxBuffers = 4;
    config.fanOut.slowClient = SlowClient::Block;
    auto publisher = Publisher::create(config, {});
    if (!publisher) {
        std::fprintf(stderr, "%s\n", describe(publisher.error()).c_str());
        return 2;
    }
    SubscriberConfig subscription;
    subscription.socketPath = path;
    auto subscriber = Subscriber::start(std::move(subscription), std::make_shared<Quiet>());
    if (!subscriber)
        return 3;
    const auto stream = (*publisher)->stream();
    std::thread producer([&] {
        if (!stream->waitForConsumer())
            return;
        for (uint32_t i = 0; i < kRecords; i++) {
            Outgoing buffer;
            buffer.kind = kKind;
            buffer.inlineBytes = std::as_bytes(std::span(&i, 1));
            stream->publish(buffer);
        }
        stream->endOfStream();
    });
    uint32_t next = 0;
    Delivery delivery;
    Received received;
    while ((received = (*subscriber)->receive(delivery)) != Received::EndOfStream) {
        if (received != Received::Record)
            continue;
        uint32_t value = 0;
        std::memcpy(&value, delivery.inlineBytes.data(), sizeof value);
        if (delivery.record.head.kind != kKind || value != next++)
            break;
    }
    stream->interrupt();
    producer.join();
    return received == Received::EndOfStream && next == kRecords ? 0 : 1;
}

class WithoutTheNewerCall : public testing::TestWithParam<Refused>
{
};

TEST_P(WithoutTheNewerCall, AStreamStillPasses)
{
    const char *directory = std::getenv("TMPDIR");
    const std::string path = std::string(directory ? directory : "/tmp") + "/" + std::to_string(::getpid()) +
                             "-" + GetParam().name;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        // _exit: the filter may forbid what a sanitizer does at an ordinary end.
        if (GetParam().call >= 0 && !refuse(GetParam()))
            ::_exit(77);
        ::_exit(passAStream(path));
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    if (WEXITSTATUS(status) == 77)
        GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_NE(::access(path.c_str(), F_OK), 0) << "the socket was left behind";
}

std::string nameOfCase(const testing::TestParamInfo<Refused> &info)
{
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Kernel, WithoutTheNewerCall, testing::ValuesIn(kRefused), nameOfCase);

} // namespace
