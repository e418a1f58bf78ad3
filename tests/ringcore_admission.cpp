// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who gets in: bounds on clients, handshakes and their time, each refused with its reason, and none
// that keeps the next one out for longer than it is there.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <memory>
#include <mutex>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

using namespace std::chrono_literals;
using ringcore::FaultKind;
using ringcore::PeerIdentity;
using ringcore::PublisherCallbacks;
using ringcore::RefusalReason;
using ringcore::UniqueFd;
using ringtest::awaitState;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using Clock = std::chrono::steady_clock;

// The refusal that a client gets for a hello, with its bound.
void expectRefusal(const Producer &producer, RefusalReason reason, uint64_t limit, bool tryAgainLater)
{
    RawClient client(producer.socket());
    ASSERT_EQ(client.sendHello(), 0);
    const auto words = client.awaitEnd();
    ASSERT_TRUE(words.refusal);
    EXPECT_EQ(words.refusal->reason, reason);
    EXPECT_EQ(words.refusal->limit, limit);
    EXPECT_EQ(words.refusal->tryAgainLater, tryAgainLater);
    EXPECT_TRUE(words.hungUp);
    EXPECT_TRUE(producer.heard().await("refused: " + ringcore::describe(*words.refusal)));
}

void expectServed(const Producer &producer)
{
    RawClient client(producer.socket());
    EXPECT_TRUE(client.join());
    EXPECT_TRUE(awaitState([&] { return client.forward().boundBytes.load() > 0; }));
}

TEST(Admission, OneClientTooManyIsToldSoUntilAnotherLeaves)
{
    ProducerOptions options;
    options.config.maxClients = 3;
    Producer producer{std::move(options)};
    std::vector<std::unique_ptr<Consumer>> consumers;
    for (int i = 0; i < 3; i++)
        consumers.push_back(std::make_unique<Consumer>(producer.socket()));
    producer.awaitJoined(3);
    expectRefusal(producer, RefusalReason::TooManyClients, 3, true);

    consumers.pop_back();
    producer.awaitLeft(1);
    ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() == 2; }));
    expectServed(producer);
}

TEST(Admission, ClientWithoutReadyTakesAPlaceOnlyForItsHandshakeTime)
{
    ProducerOptions options;
    options.config.maxClients = 1;
    options.config.handshakeTime = 200ms;
    Producer producer{std::move(options)};
    RawClient half(producer.socket());
    ASSERT_EQ(half.sendHello(), 0);
    ASSERT_TRUE(half.awaitWelcome());
    expectRefusal(producer, RefusalReason::TooManyClients, 1, true);

    const auto words = half.awaitEnd();
    ASSERT_TRUE(words.fault);
    EXPECT_EQ(words.fault->kind, FaultKind::HandshakeTimeout);
    EXPECT_EQ(words.fault->expected, 200u);
    ASSERT_TRUE(producer.awaitNoConnections());
    expectServed(producer);
}

TEST(Admission, ClientsOfOneUserAreBoundedToo)
{
    ProducerOptions options;
    options.config.maxClientsPerUid = 2;
    Producer producer{std::move(options)};
    Consumer first(producer.socket());
    Consumer second(producer.socket());
    producer.awaitJoined(2);
    expectRefusal(producer, RefusalReason::TooManyOfUid, 2, true);
}

TEST(Admission, WhomTheApplicationDoesNotWantGetsNothing)
{
    ProducerOptions options;
    PeerIdentity asked;
    options.adjust = [&](PublisherCallbacks &callbacks) {
        callbacks.authorize = [&](const PeerIdentity &identity) {
            asked = identity;
            return false;
        };
    };
    Producer producer{std::move(options)};
    expectRefusal(producer, RefusalReason::Unauthorized, 0, false);
    EXPECT_EQ(asked.pid, ::getpid());
    EXPECT_EQ(asked.uid, ::getuid());
    EXPECT_EQ(asked.gid, ::getgid());
    EXPECT_EQ(producer.heard().count("connected"), 0u);
}

TEST(Admission, AttachmentIsHeardBeforeTheClientIsConnected)
{
    Producer producer;
    RawClient client(producer.socket());
    const std::string formats = "I420";
    ASSERT_EQ(client.sendHello(1, 1, std::as_bytes(std::span(formats))), 0);
    ASSERT_TRUE(client.awaitWelcome() && client.map() && client.seal());
    ASSERT_TRUE(producer.heard().await("attachment 1 (I420)"));
    EXPECT_EQ(producer.heard().count("connected"), 0u);
    ASSERT_EQ(client.sendReady(), 0);
    producer.awaitJoined(1);
    const std::string changed = "NV12";
    ASSERT_EQ(client.send(ringcore::encodeAttachment(std::as_bytes(std::span(changed)))), 0);
    ASSERT_TRUE(producer.heard().await("attachment 1 (NV12)"));
}

TEST(Admission, AttachmentThatWasHeardIsAlwaysFollowedByAnEnd)
{
    Producer producer;
    {
        RawClient client(producer.socket());
        ASSERT_EQ(client.sendHello(), 0);
        ASSERT_TRUE(client.awaitWelcome());
    }
    ASSERT_TRUE(producer.heard().await("never connected 1"));
}

TEST(Admission, AttachmentThatTheApplicationCannotReadIsAFault)
{
    ProducerOptions options;
    options.adjust = [](PublisherCallbacks &callbacks) {
        callbacks.attachment = [](uint32_t, std::span<const std::byte> bytes) { return bytes.empty(); };
    };
    Producer producer{std::move(options)};
    const std::string nonsense = "nonsense";
    RawClient first(producer.socket());
    ASSERT_EQ(first.sendHello(1, 1, std::as_bytes(std::span(nonsense))), 0);
    RawClient second(producer.socket());
    ASSERT_TRUE(second.join());
    producer.awaitJoined(1);
    ASSERT_EQ(second.send(ringcore::encodeAttachment(std::as_bytes(std::span(nonsense)))), 0);
    for (const RawClient *client : {&first, &second}) {
        const auto words = client->awaitEnd();
        ASSERT_TRUE(words.fault);
        EXPECT_EQ(words.fault->kind, FaultKind::ContentInvalid);
        EXPECT_EQ(words.fault->found, nonsense.size());
    }
}

// ---- handshakes under way

TEST(Handshakes, FifthOfOneUserEndsItsOldest)
{
    Producer producer;
    std::vector<std::unique_ptr<RawClient>> silent;
    for (int i = 0; i < 4; i++) {
        silent.push_back(std::make_unique<RawClient>(producer.socket()));
        const size_t now = silent.size();
        ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() == now; }));
    }
    EXPECT_FALSE(silent[0]->hungUp(0));
    silent.push_back(std::make_unique<RawClient>(producer.socket()));

    const auto words = silent[0]->awaitEnd();
    ASSERT_TRUE(words.refusal);
    EXPECT_EQ(words.refusal->reason, RefusalReason::TooManyHandshakes);
    EXPECT_EQ(words.refusal->limit, 4u);
    EXPECT_TRUE(words.refusal->tryAgainLater);
    for (size_t i = 1; i < silent.size(); i++)
        EXPECT_FALSE(silent[i]->hungUp(0)) << i;
    expectServed(producer); // at the cost of the next oldest
}

TEST(Handshakes, ABurstLeavesNoMoreThanTheBound)
{
    Producer producer;
    std::vector<std::unique_ptr<RawClient>> silent;
    for (int i = 0; i < 40; i++)
        silent.push_back(std::make_unique<RawClient>(producer.socket()));
    ASSERT_TRUE(producer.heard().await("refused: too many handshakes", 36)) << producer.heard().warnings();
    ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() == 4; }));
    for (size_t i = 0; i < 36; i++)
        EXPECT_TRUE(silent[i]->hungUp(0)) << i;
    for (size_t i = 36; i < 40; i++)
        EXPECT_FALSE(silent[i]->hungUp(0)) << i;
}

TEST(Handshakes, SilentConnectionEndsAfterItsTimeWithANamedFault)
{
    ProducerOptions options;
    options.config.handshakeTime = 150ms;
    Producer producer{std::move(options)};
    const auto begun = Clock::now();
    RawClient silent(producer.socket());
    const auto words = silent.awaitEnd();
    EXPECT_GE(Clock::now() - begun, 150ms);
    EXPECT_LT(Clock::now() - begun, 5s);
    ASSERT_TRUE(words.fault);
    EXPECT_EQ(words.fault->kind, FaultKind::HandshakeTimeout);
    EXPECT_EQ(words.fault->expected, 150u);
    EXPECT_GE(words.fault->found, 150u);
    EXPECT_TRUE(producer.heard().await("dropped: handshake took too long (expected 150, found "));
}

TEST(Handshakes, MoreThanSixtyFourASecondAreTooOften)
{
    Producer producer;
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 100; i++) {
        clients.push_back(std::make_unique<RawClient>(producer.socket()));
        if (!clients.back()->socket().valid())
            clients.pop_back(); // the backlog was full
    }
    ASSERT_GT(clients.size(), 65u);
    const auto words = clients.back()->awaitEnd();
    ASSERT_TRUE(words.refusal);
    EXPECT_EQ(words.refusal->reason, RefusalReason::TooOften);
    EXPECT_EQ(words.refusal->limit, 64u);
    EXPECT_TRUE(words.refusal->tryAgainLater);
    clients.clear();
    // After a second everybody is welcome again.
    EXPECT_TRUE(awaitState([&] {
        RawClient client(producer.socket());
        return client.join();
    }));
}

TEST(Handshakes, ThreadsThatAreStuckAreBoundedToo)
{
    std::mutex stuck;
    ProducerOptions options;
    options.config.maxClients = 2;
    options.adjust = [&](PublisherCallbacks &callbacks) {
        callbacks.log = [&, log = callbacks.log](PublisherCallbacks::Level level, const std::string &line) {
            log(level, line);
            if (line.find("left") != std::string::npos)
                std::lock_guard guard(stuck);
        };
    };
    Producer producer{std::move(options)};
    std::unique_lock hold(stuck);
    constexpr size_t kBound = 2 + 16 + 16;
    for (size_t i = 1; i <= kBound; i++) {
        RawClient(producer.socket());
        ASSERT_TRUE(awaitState([&] { return producer.heard().count(" left: ") == i; }));
    }
    RawClient next(producer.socket());
    const auto words = next.awaitEnd();
    ASSERT_TRUE(words.refusal);
    EXPECT_EQ(words.refusal->reason, RefusalReason::TooManyHandshakes);
    EXPECT_EQ(words.refusal->limit, kBound);
    hold.unlock();
    ASSERT_TRUE(producer.awaitNoConnections());
    expectServed(producer);
}

// A connection of user `uid` to `name` in the directory; the kernel notes who it is at connect().
RawClient connectAs(uid_t uid, int directory, const std::string &name)
{
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Not by its path: the directories above may be closed to that user.
    ("/proc/self/fd/" + std::to_string(directory) + "/" + name)
        .copy(address.sun_path, sizeof address.sun_path - 1);
    const pid_t child = ::fork();
    if (child == 0) {
        const bool became = ::setresgid(uid, uid, uid) == 0 && ::setresuid(uid, uid, uid) == 0;
        const auto *where = reinterpret_cast<const sockaddr *>(&address);
        ::_exit(became && ::connect(socket.get(), where, sizeof address) == 0 ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    return RawClient(std::move(socket));
}

TEST(Handshakes, SeventeenthEndsTheOldestOfTheUserThatHasMost)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can become somebody else";
    ProducerOptions options;
    options.config.permissions = 0666;
    Producer producer{std::move(options)};
    const std::string path = producer.socket();
    const std::string parent = path.substr(0, path.rfind('/'));
    ASSERT_EQ(::chmod(parent.c_str(), 0755), 0);
    const UniqueFd directory(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

    std::vector<RawClient> silent;
    const auto connect = [&](uid_t uid, int times) {
        for (int i = 0; i < times; i++) {
            silent.push_back(connectAs(uid, directory.get(), "s"));
            const size_t now = silent.size();
            ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() == now; }));
        }
    };
    connect(20001, 3);
    connect(20002, 4);
    connect(20003, 3);
    connect(20004, 3);
    connect(20005, 3);
    for (const RawClient &client : silent)
        EXPECT_FALSE(client.hungUp(0));

    silent.push_back(connectAs(20006, directory.get(), "s"));
    const auto words = silent[3].awaitEnd(); // the first of 20002
    ASSERT_TRUE(words.refusal);
    EXPECT_EQ(words.refusal->reason, RefusalReason::TooManyHandshakes);
    EXPECT_EQ(words.refusal->limit, 16u);
    ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() == 16; }));
    for (size_t i = 0; i < silent.size(); i++)
        EXPECT_EQ(silent[i].hungUp(0), i == 3) << i;
}

// ---- a process without descriptors

class FewDescriptors
{
public:
    FewDescriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(next);
        rlimit less = before_;
        less.rlim_cur = static_cast<rlim_t>(next); // not one more than there are
        ::setrlimit(RLIMIT_NOFILE, &less);
    }
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST(Admission, OutOfDescriptorsItPausesAndThenServes)
{
    Producer producer;
    Consumer there(producer.socket());
    producer.awaitJoined(1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    {
        const FewDescriptors few;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        producer.socket().copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
        ASSERT_TRUE(producer.heard().await("accepting a client: Too many open files"));
        producer.deliver(1); // who is there notices nothing
        ASSERT_TRUE(there.awaitBuffers(1));
        // One line for one shortage, however long it lasts.
        RawClient spare(std::move(socket));
        EXPECT_FALSE(spare.hungUp(350));
        EXPECT_EQ(producer.heard().count("Too many open files"), 1u);
        socket = UniqueFd();
    }
    expectServed(producer);
}

} // namespace
