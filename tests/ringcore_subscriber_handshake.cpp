// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How a consumer finds a producer and agrees with it: lies in the welcome and in the memory that
// comes with it, producers that say nothing or no, and what becomes of a consumer without one.
#include "ringcore/publisher.h"
#include "subscriber_fixture.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace ringcore;

namespace
{

using Clock = std::chrono::steady_clock;

std::vector<UniqueFd> replaced(std::vector<UniqueFd> fds, size_t index, UniqueFd by)
{
    fds[index] = std::move(by);
    return fds;
}

UniqueFd memfd(size_t size, unsigned seals)
{
    UniqueFd fd(::memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
    EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    return fd;
}

struct Lie {
    const char *name;
    FaultKind kind;
    std::function<void(HostileProducer &)> welcome; // instead of sendWelcome()
};

constexpr size_t kForwardSize = 20480; // of the test's ring, in whole pages

const Lie kLies[] = {
    {"ArenaOfNothing", FaultKind::ContentInvalid,
     [](HostileProducer &p) {
         p.welcome.arenaBytes = 0;
         p.sendWelcome();
     }},
    {"ArenaOfHalfAPage", FaultKind::ContentInvalid,
     [](HostileProducer &p) {
         p.welcome.arenaBytes -= 1;
         p.sendWelcome();
     }},
    {"ArenaBeyondOurBound", FaultKind::SizeBeyondBound,
     [](HostileProducer &p) {
         p.welcome.arenaBytes = uint64_t{1} << 40;
         p.sendWelcome();
     }},
    {"ArenaBeyondAnyBound", FaultKind::SizeBeyondBound,
     [](HostileProducer &p) {
         p.welcome.arenaBytes = UINT64_MAX - 4095;
         p.sendWelcome();
     }},
    {"ArenaLargerThanItIs", FaultKind::SizeMismatch,
     [](HostileProducer &p) {
         p.welcome.arenaBytes *= 2;
         p.sendWelcome();
     }},
    {"ArenaSmallerThanItIs", FaultKind::SizeMismatch,
     [](HostileProducer &p) {
         p.welcome.arenaBytes /= 2;
         p.sendWelcome();
     }},
    {"RingOfAnotherSize", FaultKind::SizeMismatch,
     [](HostileProducer &p) {
         p.welcome.maxBuffers = 256;
         p.welcome.slots = 256 + kEventSlots;
         p.welcome.ringCapacity = ringCapacityFor(256);
         p.sendWelcome();
     }},
    {"TwoDescriptors", FaultKind::WrongNumberOfFds,
     [](HostileProducer &p) {
         auto fds = p.goodFds();
         fds.pop_back();
         p.sendWelcome(fds);
     }},
    {"NoDescriptors", FaultKind::WrongNumberOfFds, [](HostileProducer &p) { p.sendWelcome({}); }},
    {"DescriptorsInAnotherOrder", FaultKind::SizeMismatch,
     [](HostileProducer &p) {
         auto fds = p.goodFds();
         std::swap(fds[0], fds[1]);
         p.sendWelcome(fds);
     }},
    {"ArenaThatCanShrink", FaultKind::SealsMissing,
     [](HostileProducer &p) {
         p.sendWelcome(replaced(p.goodFds(), 0, memfd(HostileProducer::kArenaBytes, F_SEAL_GROW)));
     }},
    {"ArenaWithTwoWriters", FaultKind::SealsMissing,
     [](HostileProducer &p) {
         p.sendWelcome(replaced(p.goodFds(), 0, memfd(HostileProducer::kArenaBytes, kFixedSizeSeals)));
     }},
    {"RingThatCanShrink", FaultKind::SealsMissing,
     [](HostileProducer &p) { p.sendWelcome(replaced(p.goodFds(), 1, memfd(kForwardSize, 0))); }},
    {"ReturnPageThatCanShrink", FaultKind::SealsMissing,
     [](HostileProducer &p) { p.sendWelcome(replaced(p.goodFds(), 2, memfd(kReturnBytes, 0))); }},
    {"ReturnPageThatIsClosedToUs", FaultKind::SealsMissing,
     [](HostileProducer &p) {
         p.sendWelcome(replaced(p.goodFds(), 2, memfd(kReturnBytes, kSingleWriterSeals)));
     }},
    {"ReturnPageThatWeCannotSeal", FaultKind::SealsMissing,
     [](HostileProducer &p) {
         p.sendWelcome(replaced(p.goodFds(), 2, memfd(kReturnBytes, kFixedSizeSeals | F_SEAL_SEAL)));
     }},
    {"ReturnPageOfTwoPages", FaultKind::SizeMismatch,
     [](HostileProducer &p) {
         p.sendWelcome(replaced(p.goodFds(), 2, memfd(2 * kReturnBytes, kFixedSizeSeals)));
     }},
    {"ArenaIsAPipe", FaultKind::NotAMemfd,
     [](HostileProducer &p) {
         int pipes[2];
         ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
         UniqueFd writeEnd(pipes[1]);
         p.sendWelcome(replaced(p.goodFds(), 0, UniqueFd(pipes[0])));
     }},
    {"RingIsADirectory", FaultKind::NotAMemfd,
     [](HostileProducer &p) {
         p.sendWelcome(replaced(p.goodFds(), 1, UniqueFd(::open("/", O_RDONLY | O_CLOEXEC))));
     }},
    {"VersionOfTheFuture", FaultKind::VersionUnsupported,
     [](HostileProducer &p) {
         p.welcome.version = kWireVersion + 1;
         p.sendWelcome();
     }},
    {"TooManyBuffers", FaultKind::ContentInvalid,
     [](HostileProducer &p) {
         p.welcome.maxBuffers = kMaxBuffersLimit + 1;
         p.sendWelcome();
     }},
    {"AnotherMessage", FaultKind::MessageOutOfOrder,
     [](HostileProducer &p) { p.send(encodeEmpty(MessageType::Look)); }},
    {"AShortMessage", FaultKind::MessageTooShort,
     [](HostileProducer &p) { p.send(std::vector<std::byte>(3)); }},
    {"AnEmptyMessage", FaultKind::MessageEmpty, [](HostileProducer &p) { p.send({}); }},
    {"Nonsense", FaultKind::MessageUnknown,
     [](HostileProducer &p) { p.send(std::vector<std::byte>(100, std::byte{0xa5})); }},
    {"TooLongAMessage", FaultKind::MessageTruncated,
     [](HostileProducer &p) { p.send(std::vector<std::byte>(kMessageLimit + 1)); }},
    {"HalfAWelcome", FaultKind::MessageMalformed,
     [](HostileProducer &p) {
         auto bytes = encode(p.welcome);
         bytes.resize(bytes.size() - 4);
         EXPECT_TRUE(p.socket.send(bytes, p.goodFds()));
     }},
    {"ARefusalWithDescriptors", FaultKind::WrongNumberOfFds,
     [](HostileProducer &p) {
         EXPECT_TRUE(p.socket.send(encode(Refusal{RefusalReason::NoMemory, 0, false}), p.goodFds()));
     }},
};

class LyingWelcome : public SubscriberTest, public testing::WithParamInterface<Lie>
{
};

size_t openFds()
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += ::fcntl(fd, F_GETFD) >= 0;
    return count;
}

// A subscriber that looks for its producer on a path.
class Searching : public SubscriberTest
{
protected:
    const std::string path = testing::TempDir() + "ring-" + std::to_string(::getpid()) + ".socket";

    void SetUp() override
    {
        SubscriberTest::SetUp();
        config.socketPath = path;
    }
    void TearDown() override
    {
        subscriber.reset();
        ::unlink(path.c_str());
    }
    void accept(const ListeningSocket &listening)
    {
        auto fd = listening.accept();
        ASSERT_TRUE(fd.valid());
        producer = std::make_unique<HostileProducer>(std::move(fd));
    }
    void expectLoss(Loss::Cause cause, const std::string &part)
    {
        ASSERT_EQ(receive(), Received::Lost);
        EXPECT_EQ(delivery.loss.cause, cause) << delivery.loss.text;
        EXPECT_FALSE(delivery.loss.retrying);
        EXPECT_NE(delivery.loss.text.find(part), std::string::npos) << delivery.loss.text;
        EXPECT_NE(delivery.loss.text.find(path), std::string::npos) << delivery.loss.text;
    }
};

} // namespace

TEST_P(LyingWelcome, IsRefusedAndNothingOfItIsKept)
{
    const HostileProducer clock{UniqueFd()};
    const size_t before = openFds();
    {
        connect();
        ASSERT_TRUE(producer->hears(MessageType::Hello));
        GetParam().welcome(*producer);
        expectFault(GetParam().kind);
        subscriber.reset();
        producer.reset();
    }
    // The control thread may still be on its way out; so may have been that of the case before.
    EXPECT_TRUE(clock.waitUntil([&] { return openFds() <= before; }));
}

INSTANTIATE_TEST_SUITE_P(Lies, LyingWelcome, testing::ValuesIn(kLies),
                         [](const auto &param) { return param.param.name; });

// ---- producers that say nothing, or no

TEST_F(SubscriberTest, GivesUpOnAProducerThatSaysNothing)
{
    config.handshakeTimeout = 200ms;
    const auto begin = Clock::now();
    connect();
    expectFault(FaultKind::HandshakeTimeout, 200);
    EXPECT_GE(Clock::now() - begin, 200ms);
    EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(SubscriberTest, HearsARefusal)
{
    connect();
    ASSERT_TRUE(producer->hears(MessageType::Hello));
    producer->send(encode(Refusal{RefusalReason::TooManyClients, 16, false}));
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Refused);
    EXPECT_NE(delivery.loss.text.find("too many clients (max-clients), limit 16"), std::string::npos);
}

TEST_F(SubscriberTest, HearsARefusalOfAProducerThatReadNothing)
{
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    producer = std::make_unique<HostileProducer>(UniqueFd(fds[0]));
    config.connected = UniqueFd(fds[1]);
    // It is gone before we say hello.
    std::atomic<bool> asked{false};
    std::atomic<bool> goOn{false};
    observer->authorize = [&](const PeerIdentity &) {
        asked = true;
        while (!goOn)
            std::this_thread::yield();
        return true;
    };
    start();
    ASSERT_TRUE(producer->waitUntil([&] { return asked.load(); }));
    producer->send(encode(Refusal{RefusalReason::ShuttingDown, 0, false}));
    producer->socket = ControlSocket(UniqueFd());
    goOn = true;
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Refused);
}

TEST_F(SubscriberTest, RefusesMessagesThatDoNotBelongHere)
{
    for (const auto &bytes : {encodeEmpty(MessageType::Ready), encodeAttachment({}), encode(Hello{})}) {
        observer = std::make_shared<Observer>();
        config = {};
        join();
        producer->send(bytes);
        expectFault(FaultKind::MessageOutOfOrder);
    }
}

TEST_F(SubscriberTest, RefusesDescriptorsLater)
{
    join();
    EXPECT_TRUE(producer->socket.send(encodeEmpty(MessageType::Look), producer->goodFds()));
    expectFault(FaultKind::WrongNumberOfFds);
}

TEST_F(SubscriberTest, RefusesAFloodOfMessages)
{
    join();
    for (int i = 0; i < 100000; i++) {
        if (!producer->socket.send(encodeEmpty(MessageType::Look)))
            std::this_thread::yield();
        if (!observer->lines().empty())
            break;
    }
    expectFault(FaultKind::TooManyMessages);
}

TEST_F(SubscriberTest, StopsAtOnceWhateverTheProducerDoes)
{
    connect(); // and nothing comes
    const auto begin = Clock::now();
    subscriber->stop();
    EXPECT_LT(Clock::now() - begin, 100ms);
}

TEST_F(SubscriberTest, StopsSoonThoughItsControlThreadHangs)
{
    std::atomic<bool> release{false};
    std::atomic<bool> inside{false};
    observer->authorize = [&](const PeerIdentity &) {
        inside = true;
        while (!release)
            std::this_thread::sleep_for(1ms); // as a descriptor that cannot be closed would
        return false;
    };
    connect();
    ASSERT_TRUE(producer->waitUntil([&] { return inside.load(); }));
    const auto begin = Clock::now();
    subscriber.reset();
    EXPECT_LT(Clock::now() - begin, 100ms);
    release = true;
    ASSERT_TRUE(producer->waitUntil([this] { return observer.use_count() == 1; })); // nothing is left of it
}

// ---- a connected socket that is none

TEST(Connected, MustBeAConnectedSeqpacketSocket)
{
    const auto errnoOf = [](int fd) {
        SubscriberConfig config;
        config.connected = UniqueFd(fd);
        const auto started = Subscriber::start(std::move(config), std::make_shared<Observer>());
        const auto *system = started ? nullptr : std::get_if<SystemError>(&started.error());
        return system ? system->number : 0;
    };
    int fds[2];
    EXPECT_EQ(errnoOf(::open("/dev/null", O_RDONLY | O_CLOEXEC)), ENOTSOCK);
    EXPECT_EQ(errnoOf(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)), ENOTCONN);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    EXPECT_EQ(errnoOf(fds[0]), EPROTOTYPE);
    ::close(fds[1]);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    ::close(fds[1]);
    EXPECT_EQ(errnoOf(fds[0]), ENOTCONN);
    EXPECT_EQ(errnoOf(1000), EBADF);
}

TEST_F(SubscriberTest, NamesNoProcessOverAConnectedSocket)
{
    std::atomic<pid_t> pid{-1};
    observer->authorize = [&](const PeerIdentity &identity) {
        pid = identity.pid;
        return true;
    };
    join();
    EXPECT_EQ(pid, 0); // it would be ourselves
}

// ---- looking for a producer

TEST_F(Searching, WaitsForAProducerToCome)
{
    start();
    ASSERT_TRUE(HostileProducer(UniqueFd()).waitUntil([this] { return !observer->waits().empty(); }));
    const ListeningSocket listening(path);
    accept(listening);
    ASSERT_TRUE(producer->admit());
    EXPECT_EQ(receive(), Received::Joined);
    EXPECT_EQ(delivery.producer.pid, ::getpid());
    EXPECT_EQ(delivery.producer.uid, ::getuid());
    ASSERT_EQ(observer->waits().size(), 1u); // told once
    EXPECT_NE(observer->waits()[0].find(path + ": No such file or directory"), std::string::npos);
}

TEST_F(Searching, FindsTheNextProducerAfterTheLast)
{
    const ListeningSocket listening(path);
    start();
    for (int i = 0; i < 3; i++) {
        accept(listening);
        ASSERT_TRUE(producer->admit());
        ASSERT_EQ(receive(), Received::Joined);
        producer->write(HostileProducer::plain(7));
        producer.reset();
        ASSERT_EQ(receive(), Received::Record);
        ASSERT_EQ(receive(), Received::Lost);
        EXPECT_EQ(delivery.loss.cause, Loss::Cause::Gone);
        EXPECT_TRUE(delivery.loss.retrying);
    }
    EXPECT_EQ(subscriber->statistics().connections, 3u);
}

TEST_F(Searching, ComesBackToAProducerThatBrokeTheProtocol)
{
    const ListeningSocket listening(path);
    start();
    accept(listening);
    ASSERT_TRUE(producer->admit());
    ASSERT_EQ(receive(), Received::Joined);
    producer->header().cursor = UINT32_MAX;
    ring(producer->header().bell);
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_TRUE(delivery.loss.retrying);
    accept(listening);
    ASSERT_TRUE(producer->admit());
    EXPECT_EQ(receive(), Received::Joined);
}

// Its application is told each time.
TEST_F(Searching, TakesItsTimeOverAProducerThatComesAndGoesAtOnce)
{
    const ListeningSocket listening(path);
    start();
    const auto begin = Clock::now();
    constexpr size_t kTurns = 5;
    for (size_t turn = 0; turn < kTurns; turn++) {
        accept(listening);
        ASSERT_TRUE(producer->admit());
        ASSERT_EQ(receive(), Received::Joined);
        producer.reset();
        ASSERT_EQ(receive(), Received::Lost);
    }
    EXPECT_GE(Clock::now() - begin, (10 + 20 + 40 + 80) * 1ms);
    ASSERT_TRUE(
        HostileProducer(UniqueFd()).waitUntil([this] { return observer->turns().size() == 2 * kTurns; }));
    for (size_t turn = 0; turn < 2 * kTurns; turn += 2) {
        EXPECT_EQ(observer->turns()[turn], "connected");
        EXPECT_TRUE(observer->turns()[turn + 1].starts_with("disconnected: " + path));
    }
}

TEST_F(Searching, TriesAgainWhereAProducerIsBusy)
{
    config.reconnect = false; // it passes, whatever is to be done about a producer that is not there
    const ListeningSocket listening(path);
    start();
    accept(listening);
    ASSERT_TRUE(producer->hears(MessageType::Hello));
    producer->send(encode(Refusal{RefusalReason::TooManyClients, 16, true}));
    producer.reset();
    accept(listening);
    ASSERT_TRUE(producer->admit());
    EXPECT_EQ(receive(), Received::Joined);
    ASSERT_EQ(observer->waits().size(), 1u);
    EXPECT_NE(observer->waits()[0].find("limit 16"), std::string::npos);
}

TEST_F(Searching, EndsWithARefusal)
{
    const ListeningSocket listening(path);
    start();
    accept(listening);
    ASSERT_TRUE(producer->hears(MessageType::Hello));
    producer->send(encode(Refusal{RefusalReason::Unauthorized, 0, false}));
    expectLoss(Loss::Cause::Refused, "not authorized");
}

TEST_F(Searching, DoesNotSearchIfItIsNotToReconnect)
{
    config.reconnect = false;
    start();
    expectLoss(Loss::Cause::Absent, "No such file or directory");
}

TEST_F(Searching, GivesUpInTime)
{
    config.connectionTimeout = 200ms;
    const auto begin = Clock::now();
    start();
    expectLoss(Loss::Cause::TimedOut, "No such file or directory");
    EXPECT_GE(Clock::now() - begin, 200ms);
    EXPECT_LT(Clock::now() - begin, 2s);
}

TEST_F(Searching, GivesUpInTimeOnAProducerThatSaysNothing)
{
    config.connectionTimeout = 200ms;
    const ListeningSocket listening(path);
    const auto begin = Clock::now();
    start();
    expectLoss(Loss::Cause::TimedOut, "handshake took too long");
    EXPECT_LT(Clock::now() - begin, 2s);
}

TEST_F(Searching, SaysThatAPathIsNoSocket)
{
    UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    start();
    expectLoss(Loss::Cause::System, "Socket operation on non-socket");
    struct stat status;
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
}

TEST_F(Searching, SaysThatASocketIsOfAnotherKind)
{
    UniqueFd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stream.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(stream.get(), 1), 0);
    start();
    expectLoss(Loss::Cause::System, "Protocol wrong type for socket");
}

TEST_F(Searching, WaitsAtAStaleSocket)
{
    {
        UniqueFd left(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    }
    start();
    ASSERT_TRUE(HostileProducer(UniqueFd()).waitUntil([this] { return !observer->waits().empty(); }));
    EXPECT_NE(observer->waits()[0].find("Connection refused"), std::string::npos);
    const ListeningSocket listening(path);
    accept(listening);
    ASSERT_TRUE(producer->admit());
    EXPECT_EQ(receive(), Received::Joined);
}

TEST_F(Searching, RefusesAProducerOfAnotherUserBeforeItSaysAnything)
{
    config.producerUid = ::getuid() + 1;
    const ListeningSocket listening(path);
    start();
    accept(listening);
    expectLoss(Loss::Cause::Unwanted, "runs as uid " + std::to_string(::getuid()));
    EXPECT_FALSE(producer->hears(MessageType::Hello));
}

TEST_F(Searching, AsksWhetherAProducerIsAuthorized)
{
    observer->authorize = [](const PeerIdentity &identity) {
        EXPECT_EQ(identity.pid, ::getpid());
        EXPECT_EQ(identity.uid, ::getuid());
        EXPECT_EQ(identity.gid, ::getgid());
        return false;
    };
    const ListeningSocket listening(path);
    start();
    accept(listening);
    expectLoss(Loss::Cause::Unwanted, "not authorized");
    EXPECT_FALSE(producer->hears(MessageType::Hello));
}

TEST(Path, MustFitIntoASocketsAddress)
{
    SubscriberConfig config;
    config.socketPath = std::string(sizeof(sockaddr_un::sun_path), 'x');
    const auto started = Subscriber::start(std::move(config), std::make_shared<Observer>());
    ASSERT_FALSE(started);
    EXPECT_EQ(std::get<SystemError>(started.error()).number, ENAMETOOLONG);
}

// The socket is still open, in a child of the producer; only its process tells.
TEST_F(Searching, NoticesTheEndOfTheProducersProcess)
{
    int ready[2];
    int hold[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(hold, O_CLOEXEC), 0);
    const UniqueFd isReady(ready[0]);
    const UniqueFd waitsForUs(hold[0]);
    UniqueFd letGo(hold[1]);
    char byte = 0;
    const pid_t process = ::fork();
    if (process == 0) {
        letGo.reset();
        const ListeningSocket listening(path);
        if (::write(ready[1], "x", 1) != 1)
            ::_exit(2);
        HostileProducer its(listening.accept());
        const bool joined = its.admit();
        if (::fork() == 0) // has the socket, and keeps it until the test is over
            ::_exit(::read(hold[0], &byte, 1) == 0 ? 0 : 1);
        ::_exit(joined ? 0 : 1);
    }
    ::close(ready[1]);
    ASSERT_EQ(::read(isReady.get(), &byte, 1), 1);
    start();
    ASSERT_EQ(receive(), Received::Joined);
    int status = -1;
    ASSERT_EQ(::waitpid(process, &status, 0), process);
    EXPECT_EQ(status, 0);
    int unknown;
    socklen_t size = sizeof unknown;
    UniqueFd any(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (::getsockopt(any.get(), SOL_SOCKET, 77 /* SO_PEERPIDFD */, &unknown, &size) != 0 &&
        errno == ENOPROTOOPT)
        GTEST_SKIP() << "before Linux 6.5 hang-up alone tells";
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Gone);
    EXPECT_NE(delivery.loss.text.find("process ended"), std::string::npos) << delivery.loss.text;
}
