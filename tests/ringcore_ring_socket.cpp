// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Rings that are handed over a unix socket: both sides get what they asked for or are told why not, and
// a peer that talks nonsense costs the listener nothing but its handshake time.
#include "ring_ends.h"
#include "ring_files.h"

#include "ringcore/ring_socket.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

using namespace ringcore;
using namespace std::chrono_literals;
using ringtest::OwnDirectory;
using ringtest::Sleeper;
using std::chrono::steady_clock;

namespace
{

constexpr uint32_t kCapacity = 64;

Deadline soon()
{
    return steady_clock::now() + 20s; // only a failure waits so long
}

template <typename T>
std::optional<FaultKind> faultOf(const Result<T> &result)
{
    const auto *fault = result ? nullptr : std::get_if<PeerFault>(&result.error());
    return fault ? std::optional(fault->kind) : std::nullopt;
}

template <typename T>
int errnoOf(const Result<T> &result)
{
    const auto *system = result ? nullptr : std::get_if<SystemError>(&result.error());
    return system ? system->number : 0;
}

class Listening : public testing::Test
{
protected:
    Listening()
    {
        RingListener::Callbacks callbacks;
        callbacks.authorize = [this](const PeerIdentity &peer) { return peer.uid == ::getuid() && admit_; };
        callbacks.refused = [this](const PeerIdentity &, const Error &error) {
            std::lock_guard guard(lock_);
            refused_.push_back(error);
        };
        auto listener = RingListener::listen(path_, 0600, std::move(callbacks));
        if (listener)
            listener_.emplace(std::move(*listener));
        else
            ADD_FAILURE() << describe(listener.error());
    }

    // Serves one peer that is served well.
    std::thread serve()
    {
        return std::thread([this] {
            auto sender = listener_->accept<Sender<uint64_t>>(kCapacity, {}, soon());
            ASSERT_TRUE(sender) << describe(sender.error());
            ASSERT_TRUE(sender->send(42));
            ASSERT_EQ(*sender->waitForRoom(kCapacity, soon()), Wake::Ready); // it was received
        });
    }
    void expectServed()
    {
        auto receiver = connectRing<Receiver<uint64_t>>(path_, kCapacity, {}, soon());
        ASSERT_TRUE(receiver) << describe(receiver.error());
        ASSERT_EQ(*receiver->waitForItems(1, soon()), Wake::Ready);
        EXPECT_EQ(receiver->receive()->value(), 42u);
    }

    OwnDirectory directory_;
    const std::string path_ = directory_ / "ring";
    std::atomic<bool> admit_{true};
    std::mutex lock_; // guards refused_
    std::vector<Error> refused_;
    std::optional<RingListener> listener_;
};

TEST_F(Listening, GivesASendingOrAReceivingEnd)
{
    {
        auto served = serve();
        expectServed();
        served.join();
    }
    std::thread served([this] {
        auto receiver = listener_->accept<Receiver<float>>(kCapacity, {Exposure::Shared}, soon());
        ASSERT_TRUE(receiver) << describe(receiver.error());
        ASSERT_EQ(*receiver->waitForItems(1, soon()), Wake::Ready);
        EXPECT_EQ(receiver->receive()->value(), 1.5f);
    });
    auto sender = connectRing<Sender<float>>(path_, kCapacity, {Exposure::Shared}, soon());
    ASSERT_TRUE(sender) << describe(sender.error());
    EXPECT_TRUE(*sender->send(1.5f));
    served.join();
    EXPECT_EQ(*sender->waitForRoom(kCapacity, soon()), Wake::Ready);
    EXPECT_TRUE(refused_.empty());
}

TEST_F(Listening, HearsThatThePeersProcessWasKilled)
{
    const pid_t child = ::fork();
    if (child == 0) {
        auto receiver = connectRing<Receiver<uint64_t>>(path_, kCapacity, {}, soon());
        if (!receiver || *receiver->waitForItems(1, soon()) != Wake::Ready)
            ::_exit(1);
        ::raise(SIGKILL);
    }
    auto sender = listener_->accept<Sender<uint64_t>>(kCapacity, {}, soon());
    ASSERT_TRUE(sender) << describe(sender.error());
    ASSERT_TRUE(sender->send(1));
    EXPECT_EQ(*sender->waitForRoom(kCapacity, soon()), Wake::PeerGone);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(Listening, TellsBothSidesHowTheyDiffer)
{
    auto served = serve();
    const auto capacity = connectRing<Receiver<uint64_t>>(path_, 2 * kCapacity, {}, soon());
    ASSERT_EQ(faultOf(capacity), FaultKind::CapacityMismatch);
    EXPECT_EQ(std::get<PeerFault>(capacity.error()).expected, 2 * kCapacity);
    EXPECT_EQ(std::get<PeerFault>(capacity.error()).found, kCapacity);
    EXPECT_EQ(faultOf(connectRing<Receiver<uint32_t>>(path_, kCapacity, {}, soon())),
              FaultKind::ItemMismatch);
    EXPECT_EQ((faultOf(connectRing<Receiver<std::array<uint32_t, 2>>>(path_, kCapacity, {}, soon()))),
              FaultKind::ItemMismatch)
        << "another alignment";
    EXPECT_EQ(faultOf(connectRing<Sender<uint64_t>>(path_, kCapacity, {}, soon())),
              FaultKind::RoleUnexpected);
    EXPECT_EQ(faultOf(connectRing<Receiver<uint64_t>>(path_, kCapacity, {Exposure::Shared}, soon())),
              FaultKind::ExposureMismatch);
    expectServed();
    served.join();
    EXPECT_EQ(refused_.size(), 5u);
    for (const Error &error : refused_)
        EXPECT_TRUE(std::holds_alternative<PeerFault>(error)) << describe(error);
}

TEST_F(Listening, GivesNothingToWhoIsNotAuthorized)
{
    auto served = serve();
    admit_ = false;
    const auto refused = connectRing<Receiver<uint64_t>>(path_, kCapacity, {}, soon());
    ASSERT_FALSE(refused);
    EXPECT_TRUE(std::holds_alternative<Refusal>(refused.error())) << describe(refused.error());
    admit_ = true;
    expectServed();
    served.join();
}

// ---- who listens

TEST_F(Listening, IsAskedForByWhoConnectsAndServesIfItMay)
{
    auto served = serve();
    std::optional<PeerIdentity> listener;
    auto receiver =
        connectRing<Receiver<uint64_t>>(path_, kCapacity, {}, soon(), [&](const PeerIdentity &found) {
            listener = found;
            return found.uid == ::getuid();
        });
    ASSERT_TRUE(receiver) << describe(receiver.error());
    ASSERT_TRUE(listener);
    EXPECT_EQ(listener->pid, ::getpid());
    EXPECT_EQ(listener->uid, ::getuid());
    EXPECT_EQ(listener->gid, ::getgid());
    ASSERT_EQ(*receiver->waitForItems(1, soon()), Wake::Ready);
    EXPECT_EQ(receiver->receive()->value(), 42u);
    served.join();
}

// Nobody accepts, and it does not wait for that.
TEST(Connecting, ToWhoMayNotListenSaysSoAndTellsThemNothing)
{
    const OwnDirectory directory;
    const std::string path = directory / "ring";
    const auto listener = BoundSocket::create(path, 0600);
    ASSERT_TRUE(listener) << describe(listener.error());
    const auto refused = connectRing<Receiver<uint64_t>>(path, kCapacity, {}, soon(),
                                                         [](const PeerIdentity &) { return false; });
    EXPECT_EQ(errnoOf(refused), EPERM);
    const std::string said = describe(refused.error());
    for (const std::string &part :
         {path, "process " + std::to_string(::getpid()), "user " + std::to_string(::getuid())})
        EXPECT_NE(said.find(part), std::string::npos) << said;

    const ControlSocket accepted(UniqueFd(::accept4(listener->fd(), nullptr, nullptr, SOCK_CLOEXEC)));
    ASSERT_TRUE(accepted.valid());
    EXPECT_EQ(errnoOf(accepted.receive(0)), ECONNRESET); // it went without a word
}

// ---- who comes

struct Nonsense {
    const char *name;
    std::vector<uint32_t> words;
    std::optional<FaultKind> fault; // none: it says nothing, and its time runs out
};

void PrintTo(const Nonsense &nonsense, std::ostream *out)
{
    *out << nonsense.name;
}

constexpr uint32_t kWord = 0x6b6f7372;

class ListeningToNonsense : public Listening, public testing::WithParamInterface<Nonsense>
{
};

TEST_P(ListeningToNonsense, TurnsThatPeerAwayAndServesTheNext)
{
    auto served = serve();
    auto socket = connectTo(path_);
    ASSERT_TRUE(socket);
    const ControlSocket peer(std::move(*socket));
    if (!GetParam().words.empty()) {
        ASSERT_TRUE(peer.send(std::as_bytes(std::span(GetParam().words))));
    }
    expectServed();
    served.join();
    ASSERT_EQ(refused_.size(), 1u);
    const auto *fault = std::get_if<PeerFault>(&refused_[0]);
    EXPECT_EQ(fault ? std::optional(fault->kind) : std::nullopt, GetParam().fault) << describe(refused_[0]);
    if (!GetParam().fault) {
        EXPECT_EQ(std::get<SystemError>(refused_[0]).number, ETIMEDOUT);
    }
}

const Nonsense kNonsense[] = {
    {"Silence", {}, std::nullopt},
    {"Short", {kWord}, FaultKind::MessageTooShort},
    {"NoVerdict", {kWord, kRingVersion, 2, kCapacity, 8, 8, 0}, FaultKind::MessageTooShort},
    {"Long", {kWord, kRingVersion, 2, kCapacity, 8, 8, 0, 0, 0}, FaultKind::MessageMalformed},
    {"AnotherProtocol", {0x12345678, kRingVersion, 2, kCapacity, 8, 8, 0, 0}, FaultKind::MessageUnknown},
    {"AnotherVersion", {kWord, 99, 2, kCapacity, 8, 8, 0, 0}, FaultKind::VersionUnsupported},
    {"NoRole", {kWord, kRingVersion, 77, kCapacity, 8, 8, 0, 0}, FaultKind::RoleUnexpected},
    {"HugeCapacity", {kWord, kRingVersion, 2, 0xffffffff, 8, 8, 0, 0}, FaultKind::CapacityMismatch},
    {"HugeItems", {kWord, kRingVersion, 2, kCapacity, 0xffffffff, 8, 0, 0}, FaultKind::ItemMismatch},
    {"NoExposure", {kWord, kRingVersion, 2, kCapacity, 8, 8, 7, 0}, FaultKind::ExposureMismatch},
};

INSTANTIATE_TEST_SUITE_P(All, ListeningToNonsense, testing::ValuesIn(kNonsense),
                         [](const auto &tested) { return std::string(tested.param.name); });

TEST_F(Listening, TakesNoFdsFromAPeer)
{
    auto served = serve();
    auto socket = connectTo(path_);
    ASSERT_TRUE(socket);
    const ControlSocket peer(std::move(*socket));
    const std::vector<uint32_t> hello{kWord, kRingVersion, 2, kCapacity, 8, 8, 0, 0};
    UniqueFd fds[] = {UniqueFd(::dup(0))};
    // Linux 6.16 and newer refuses to send; else the listener does not take it.
    const auto sent = peer.send(std::as_bytes(std::span(hello)), fds);
    if (!sent) {
        EXPECT_EQ(errnoOf(sent), EPERM);
        ASSERT_TRUE(peer.send({{std::byte{1}}}));
    }
    expectServed();
    served.join();
    EXPECT_EQ(refused_.size(), 1u);
}

TEST_F(Listening, WaitsNoLongerThanItsDeadline)
{
    const auto begun = steady_clock::now();
    EXPECT_EQ(errnoOf(listener_->accept<Sender<uint64_t>>(kCapacity, {}, begun + 50ms)), ETIMEDOUT);
    EXPECT_GE(steady_clock::now() - begun, 50ms);
    // Nobody accepts: the answer does not come.
    EXPECT_EQ(errnoOf(connectRing<Receiver<uint64_t>>(path_, kCapacity, {}, steady_clock::now() + 50ms)),
              ETIMEDOUT);
}

// ---- interrupted

TEST_F(Listening, IsInterruptedOnce)
{
    listener_->interrupt();
    listener_->interrupt();
    EXPECT_EQ(errnoOf(listener_->accept<Sender<uint64_t>>(kCapacity, {}, soon())), ECANCELED);
    auto served = serve();
    expectServed();
    served.join();
}

TEST_F(Listening, IsInterruptedInItsSleep)
{
    Sleeper sleeper([this] {
        EXPECT_EQ(errnoOf(listener_->accept<Sender<uint64_t>>(kCapacity, {}, soon())), ECANCELED);
    });
    ASSERT_TRUE(sleeper.awaitAsleep());
    const auto begun = steady_clock::now();
    listener_->interrupt();
    sleeper.join();
    EXPECT_LT(steady_clock::now() - begun, 5s);
}

TEST_F(Listening, IsInterruptedWhileAPeerTakesItsTime)
{
    const auto silent = connectTo(path_);
    ASSERT_TRUE(silent);
    const auto begun = steady_clock::now();
    Sleeper sleeper([this] {
        EXPECT_EQ(errnoOf(listener_->accept<Sender<uint64_t>>(kCapacity, {}, soon())), ECANCELED);
    });
    while (ringtest::polled(listener_->pollFd())) // until it talks to that peer
        std::this_thread::yield();
    listener_->interrupt();
    sleeper.join();
    EXPECT_LT(steady_clock::now() - begun, RingListener::kHandshakeTime);
    ASSERT_EQ(refused_.size(), 1u);
    EXPECT_EQ(std::get<SystemError>(refused_[0]).number, ECANCELED);
}

// However many come.
TEST_F(Listening, IsInterruptedThoughAPeerIsThere)
{
    const auto peer = connectTo(path_);
    ASSERT_TRUE(peer);
    listener_->interrupt();
    EXPECT_EQ(errnoOf(listener_->accept<Sender<uint64_t>>(kCapacity, {}, soon())), ECANCELED);
    EXPECT_TRUE(refused_.empty());
}

TEST_F(Listening, PollsForAPeer)
{
    EXPECT_EQ(ringtest::polled(listener_->pollFd()), 0);
    const auto peer = connectTo(path_);
    ASSERT_TRUE(peer);
    EXPECT_EQ(ringtest::polled(listener_->pollFd()), POLLIN);
}

TEST_F(Listening, LeavesNothingInTheFileSystem)
{
    struct stat status;
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_EQ(errnoOf(RingListener::listen(path_)), EADDRINUSE);
    listener_.reset();
    EXPECT_TRUE(directory_.names().empty());
    EXPECT_EQ(errnoOf(connectRing<Receiver<uint64_t>>(path_, kCapacity)), ENOENT);
}

} // namespace
