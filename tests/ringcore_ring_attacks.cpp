// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring whose other end is opened by an attacker, by hand: it lies with every word that it has, keeps
// its memory open, rings and signals without end, or goes. Each time: the fault that it is, with its
// numbers; and another ring of this process does not notice.
#include "ring_attacks.h"

#include "ringcore/sealed_memfd.h"

#include <linux/futex.h>

using namespace ringcore;
using namespace ringtest;
using namespace std::chrono_literals;

namespace
{

// The end that opens, by hand.
class HostileEnd
{
public:
    HostileEnd(RingRole role, std::vector<UniqueFd> fds)
        : role_(role), fds_(std::move(fds)),
          own_(Mapping::create(ownFd(), bytesOf(role), Mapping::Access::ReadWrite).value()),
          victims_(Mapping::create(victimsFd(), bytesOf(otherThan(role)), Mapping::Access::ReadOnly).value())
    {
    }

    int ownFd() const { return fds_[role_ == RingRole::Sender ? 0 : 1].get(); }
    int victimsFd() const { return fds_[role_ == RingRole::Sender ? 1 : 0].get(); }
    int socket() const { return fds_[2].get(); }
    void closeSocket() { fds_[2].reset(); }

    RingSide &own() const { return *own_.at<RingSide>(); }
    const RingSide &victims() const { return *victims_.at<const RingSide>(); }
    Item &item(uint32_t i) const { return own_.at<Item>(sizeof(RingSide))[i % kCapacity]; }

    bool seal(int seals) const { return ::fcntl(ownFd(), F_ADD_SEALS, seals) == 0; }
    // What open() does.
    void open(const Head &head = {}) const
    {
        write(own(), head, role_);
        EXPECT_TRUE(seal(F_SEAL_FUTURE_WRITE | F_SEAL_SEAL));
    }

private:
    RingRole role_;
    std::vector<UniqueFd> fds_;
    Mapping own_;
    Mapping victims_;
};

// A sender or a receiver that created its ring and gave it to an attacker.
struct Victim {
    explicit Victim(RingRole role)
        : sender(role == RingRole::Sender ? std::optional(Sender<Item>::create(kCapacity).value())
                                          : std::nullopt),
          receiver(role == RingRole::Receiver ? std::optional(Receiver<Item>::create(kCapacity).value())
                                              : std::nullopt),
          peer(otherThan(role), takeFds())
    {
    }

    std::vector<UniqueFd> takeFds()
    {
        return sender ? sender->takeFdsForPeer().value() : receiver->takeFdsForPeer().value();
    }

    // Sends all that there is room for, or receives.
    Result<uint32_t> pass()
    {
        std::array<Item, kCapacity> items{};
        return sender ? sender->send(std::span<const Item>(items)) : receiver->receive(std::span(items));
    }
    Result<bool> peerIsThere() { return sender ? sender->peerIsThere() : receiver->peerIsThere(); }
    bool peerIsGone() { return sender ? sender->peerIsGone() : receiver->peerIsGone(); }
    // Full, or empty: what a wait is for.
    Result<Wake> wait(Deadline deadline)
    {
        return sender ? sender->waitForRoom(1, deadline) : receiver->waitForItems(1, deadline);
    }
    void interrupt() { sender ? sender->interrupt() : receiver->interrupt(); }
    Result<bool> prepareToPoll() { return sender ? sender->prepareToPoll() : receiver->prepareToPoll(); }
    void finishPoll() { sender ? sender->finishPoll() : receiver->finishPoll(); }
    RingStatistics statistics() { return sender ? sender->statistics() : receiver->statistics(); }
    int pollFd() { return sender ? sender->pollFd() : receiver->pollFd(); }

    // Nothing can be passed on, so that a wait waits.
    void block()
    {
        ASSERT_TRUE(pass());
        ASSERT_EQ(pass().value(), 0u);
    }
    // The peer keeps to the rules once: there is one more to pass.
    void letOneMorePass() { peer.own().cursor++; }

    void expectTimesOut()
    {
        const auto begin = Clock::now();
        EXPECT_EQ(wait(begin + 20ms).value(), Wake::TimedOut);
        EXPECT_GE(Clock::now(), begin + 20ms);
        EXPECT_LT(Clock::now(), begin + 5s);
    }

    std::optional<Sender<Item>> sender;
    std::optional<Receiver<Item>> receiver;
    HostileEnd peer;
};

class EitherVictim : public BesideAnHonestRing, public testing::WithParamInterface<RingRole>
{
protected:
    Victim victim_{GetParam()};
    HostileEnd &peer_ = victim_.peer;
};
INSTANTIATE_TEST_SUITE_P(Of, EitherVictim, testing::ValuesIn(kRoles), nameOfRole);

// ---- cursors that lie

template <typename End>
struct Call {
    const char *name;
    std::optional<Error> (*make)(End &);
};
template <typename End>
void PrintTo(const Call<End> &call, std::ostream *out)
{
    *out << call.name;
}

template <typename T>
std::optional<Error> errorOf(const Result<T> &result)
{
    return result ? std::nullopt : std::optional(result.error());
}

const Call<Sender<Item>> kSenderCalls[] = {
    {"Send", [](auto &sender) { return errorOf(sender.send(1)); }},
    {"SendMany",
     [](auto &sender) {
         const std::array<Item, 3> items{};
         return errorOf(sender.send(std::span<const Item>(items)));
     }},
    {"SendInPlace",
     [](auto &sender) {
         return errorOf(sender.sendInPlace([](Parts<Item>) {
             ADD_FAILURE();
             return 0;
         }));
     }},
    {"SendEach",
     [](auto &sender) {
         return errorOf(sender.sendEach([]() -> std::optional<Item> {
             ADD_FAILURE();
             return 1;
         }));
     }},
    {"Room", [](auto &sender) { return errorOf(sender.room()); }},
    {"WaitForRoom", [](auto &sender) { return errorOf(sender.waitForRoom()); }},
    {"PrepareToPoll", [](auto &sender) { return errorOf(sender.prepareToPoll()); }},
};
const Call<Receiver<Item>> kReceiverCalls[] = {
    {"Receive", [](auto &receiver) { return errorOf(receiver.receive()); }},
    {"ReceiveMany",
     [](auto &receiver) {
         std::array<Item, 3> items{};
         return errorOf(receiver.receive(std::span(items)));
     }},
    {"ReceiveInPlace",
     [](auto &receiver) {
         return errorOf(receiver.receiveInPlace([](Parts<const Item>) {
             ADD_FAILURE();
             return 0;
         }));
     }},
    {"ReceiveEach",
     [](auto &receiver) { return errorOf(receiver.receiveEach([](Item) { ADD_FAILURE(); })); }},
    {"Peek", [](auto &receiver) { return errorOf(receiver.peek()); }},
    {"Available", [](auto &receiver) { return errorOf(receiver.available()); }},
    {"WaitForItems", [](auto &receiver) { return errorOf(receiver.waitForItems()); }},
    {"PrepareToPoll", [](auto &receiver) { return errorOf(receiver.prepareToPoll()); }},
};

void expectBeyondRing(const std::optional<Error> &error, uint64_t allowed, uint64_t claimed)
{
    ASSERT_TRUE(error);
    const auto *fault = std::get_if<PeerFault>(&*error);
    ASSERT_NE(fault, nullptr) << describe(*error);
    EXPECT_EQ(fault->kind, FaultKind::CursorBeyondRing);
    EXPECT_EQ(fault->expected, allowed);
    EXPECT_EQ(fault->found, claimed);
}

class LyingReceiver : public BesideAnHonestRing, public testing::WithParamInterface<Call<Sender<Item>>>
{
};

TEST_P(LyingReceiver, IsToldFromItsCursor)
{
    for (const uint32_t lie : lies()) {
        Victim victim(RingRole::Sender);
        victim.peer.open();
        victim.block();
        victim.peer.own().cursor = lie;
        expectBeyondRing(GetParam().make(*victim.sender), kCapacity, lie);
        EXPECT_EQ(victim.peer.victims().cursor, kCapacity); // nothing was sent
        EXPECT_EQ(victim.sender->statistics().items, kCapacity);
    }
}

TEST_P(LyingReceiver, MayNotClaimMoreThanWasSent)
{
    Victim victim(RingRole::Sender);
    victim.peer.open();
    victim.block();
    victim.peer.own().cursor = 3;
    ASSERT_EQ(victim.pass().value(), 3u);
    for (const uint32_t lie : {2u, 12u, 11u + (1u << 31)}) { // back by one; and ahead of us by one
        victim.peer.own().cursor = lie;
        expectBeyondRing(GetParam().make(*victim.sender), kCapacity, lie - 3);
    }
}

INSTANTIATE_TEST_SUITE_P(Call, LyingReceiver, testing::ValuesIn(kSenderCalls),
                         [](const auto &instance) { return instance.param.name; });

class LyingSender : public BesideAnHonestRing, public testing::WithParamInterface<Call<Receiver<Item>>>
{
};

TEST_P(LyingSender, IsToldFromItsCursor)
{
    for (const uint32_t lie : lies()) {
        Victim victim(RingRole::Receiver);
        victim.peer.open();
        victim.peer.own().cursor = lie;
        expectBeyondRing(GetParam().make(*victim.receiver), kCapacity, lie);
        EXPECT_EQ(victim.peer.victims().cursor, 0u); // nothing was taken
        EXPECT_EQ(victim.receiver->statistics().items, 0u);
    }
}

TEST_P(LyingSender, MayNotGoBack)
{
    Victim victim(RingRole::Receiver);
    victim.peer.open();
    victim.peer.own().cursor = 5;
    ASSERT_EQ(victim.pass().value(), 5u);
    for (const uint32_t lie : {4u, 0u, 14u}) {
        victim.peer.own().cursor = lie;
        expectBeyondRing(GetParam().make(*victim.receiver), kCapacity, lie - 5);
    }
}

INSTANTIATE_TEST_SUITE_P(Call, LyingSender, testing::ValuesIn(kReceiverCalls),
                         [](const auto &instance) { return instance.param.name; });

TEST_F(BesideAnHonestRing, ASenderMayNotTakeBackWhatWasSeen)
{
    Victim victim(RingRole::Receiver);
    victim.peer.open();
    victim.peer.own().cursor = 5;
    ASSERT_EQ(victim.receiver->peek().value().size(), 5u);
    victim.peer.own().cursor = 4;
    expectFault(victim.receiver->peek(), FaultKind::CursorBeyondRing, kCapacity, 4);
    // What it showed it showed: the peer's own items, and a bound of ours.
    EXPECT_TRUE(victim.receiver->consume(5));
    EXPECT_EQ(victim.peer.victims().cursor, 5u);
}

// ---- in the middle of a callback

TEST_F(BesideAnHonestRing, AReceiverThatLiesWhileWeWriteIsHeardTheNextTime)
{
    for (const uint32_t lie : lies()) {
        Victim victim(RingRole::Sender);
        victim.peer.open();
        ASSERT_EQ(victim.sender->room().value(), 8u);
        const auto sent = victim.sender->sendInPlace([&](Parts<Item> places) {
            EXPECT_EQ(places.size(), 8u);
            victim.peer.own().cursor = lie;
            return 3;
        });
        EXPECT_EQ(sent.value(), 3u);
        EXPECT_EQ(victim.peer.victims().cursor, 3u);
        expectFault(victim.sender->room(), FaultKind::CursorBeyondRing, 3, lie);
        EXPECT_EQ(victim.sender->send(std::array<Item, 5>{}).value(), 5u); // for which there was room
        expectFault(victim.sender->send(1), FaultKind::CursorBeyondRing, 8, lie);
    }
}

TEST_F(BesideAnHonestRing, AReceiverThatMovesWhileWeWriteGivesNoMoreRoom)
{
    Victim victim(RingRole::Sender);
    victim.peer.open();
    ASSERT_EQ(victim.sender->send(std::array<Item, 6>{}).value(), 6u);
    const auto sent = victim.sender->sendInPlace([&](Parts<Item> places) {
        EXPECT_EQ(places.size(), 2u);
        victim.peer.own().cursor = 6;
        return 3;
    });
    expectMisuse(sent, MisuseKind::WroteTooMany, 2, 3);
    EXPECT_EQ(victim.sender->room().value(), 8u);
}

TEST_F(BesideAnHonestRing, ASenderThatLiesWhileWeReadIsHeardTheNextTime)
{
    for (const uint32_t lie : lies()) {
        Victim victim(RingRole::Receiver);
        victim.peer.open();
        victim.peer.own().cursor = 5;
        const auto taken = victim.receiver->receiveInPlace([&](Parts<const Item> items) {
            victim.peer.own().cursor = lie;
            return items.size();
        });
        EXPECT_EQ(taken.value(), 5u);
        EXPECT_EQ(victim.peer.victims().cursor, 5u);
        const uint32_t distance = lie - 5;
        if (distance > kCapacity)
            expectFault(victim.receiver->receive(), FaultKind::CursorBeyondRing, kCapacity, distance);
        else
            EXPECT_EQ(victim.receiver->available().value(), distance);
    }
}

TEST_F(BesideAnHonestRing, ASenderThatSendsWhileWeReadGivesNoMoreToTake)
{
    Victim victim(RingRole::Receiver);
    victim.peer.open();
    victim.peer.own().cursor = 3;
    expectMisuse(victim.receiver->receiveInPlace([&](Parts<const Item> items) {
        victim.peer.own().cursor = 5;
        return items.size() + 2;
    }),
                 MisuseKind::TookTooMany, 3, 5);
    ASSERT_EQ(victim.receiver->peek().value().size(), 5u);
    victim.peer.own().cursor = 8;
    expectMisuse(victim.receiver->consume(6), MisuseKind::TookTooMany, 5, 6);
    EXPECT_EQ(victim.pass().value(), 8u);
}

TEST_F(BesideAnHonestRing, AnItemThatWasHandedOutIsTheReceiversOwn)
{
    Victim victim(RingRole::Receiver);
    victim.peer.open();
    for (uint32_t i = 0; i < kCapacity; i++)
        victim.peer.item(i) = 100 + i;
    victim.peer.own().cursor = kCapacity;
    uint64_t next = 100;
    EXPECT_TRUE(victim.receiver->receiveEach([&](const Item &item) {
        victim.peer.item(static_cast<uint32_t>(next - 100)) = 666;
        EXPECT_EQ(item, next++);
    }));
    EXPECT_EQ(next, 108u);
}

// ---- memory that the peer keeps open

struct Unsealed {
    const char *name;
    int seals;
};
void PrintTo(const Unsealed &unsealed, std::ostream *out)
{
    *out << unsealed.name;
}

class NeverSealed : public BesideAnHonestRing,
                    public testing::WithParamInterface<std::tuple<RingRole, Unsealed>>
{
};

TEST_P(NeverSealed, IsNotBelieved)
{
    const auto &[role, unsealed] = GetParam();
    Victim victim(role);
    write(victim.peer.own(), Head(), otherThan(role));
    if (unsealed.seals != 0) {
        ASSERT_TRUE(victim.peer.seal(unsealed.seals));
    }
    EXPECT_FALSE(victim.peerIsThere().value());
    EXPECT_EQ(victim.pass().value(), role == RingRole::Sender ? kCapacity : 0);
    for (const uint32_t cursor : {1u, 5u, kCapacity, 77u, UINT32_MAX}) {
        victim.peer.own().cursor = cursor; // nobody looks
        EXPECT_EQ(victim.pass().value(), 0u);
    }
    victim.expectTimesOut();
    EXPECT_FALSE(victim.prepareToPoll().value());
    EXPECT_FALSE(victim.peerIsThere().value());
    EXPECT_FALSE(victim.peerIsGone());
    victim.peer.closeSocket();
    EXPECT_EQ(victim.wait(within(kPatience)).value(), Wake::PeerGone);
}

// (The size is sealed before it gets the memory.)
INSTANTIATE_TEST_SUITE_P(All, NeverSealed,
                         testing::Combine(testing::ValuesIn(kRoles),
                                          testing::Values(Unsealed{"Nothing", 0},
                                                          Unsealed{"FutureWriteAlone", F_SEAL_FUTURE_WRITE},
                                                          Unsealed{"SealAlone", F_SEAL_SEAL})),
                         [](const auto &instance) {
                             return std::string(std::get<0>(instance.param) == RingRole::Sender
                                                    ? "Sender"
                                                    : "Receiver") +
                                    std::get<1>(instance.param).name;
                         });

TEST_P(EitherVictim, BelievesAPeerThatSealsLate)
{
    victim_.block();
    Sleeper sleeper([&] { EXPECT_EQ(victim_.wait(within(kPatience)).value(), Wake::Ready); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    peer_.open();
    peer_.own().cursor = 1;
    sleeper.join();
    EXPECT_TRUE(victim_.peerIsThere().value());
    EXPECT_EQ(victim_.pass().value(), 1u);
}

// ---- heads

TEST_P(EitherVictim, TellsAPeerFromItsHead)
{
    for (const auto &[name, head, fault, expected, found] : wrongHeadsOf(otherThan(GetParam()))) {
        SCOPED_TRACE(name);
        Victim victim(GetParam());
        victim.peer.open(head);
        victim.peer.own().cursor = 1;
        expectFault(victim.peerIsThere(), fault, expected, found);
        expectFault(victim.pass(), fault, expected, found);
        expectFault(victim.wait(within(kPatience)), fault, expected, found);
        expectFault(victim.prepareToPoll(), fault, expected, found);
    }
}

TEST_P(EitherVictim, DoesNotLookAtAHeadAgain)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    write(peer_.own(), {1, 2, RingRole{3}, 4, 5, 6}, RingRole{7});
    victim_.block();
    victim_.letOneMorePass();
    EXPECT_EQ(victim_.pass().value(), 1u);
}

// ---- what the kernel refuses

TEST_P(EitherVictim, KeepsItsMemoryToItself)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    for (const MemoryAttack &attack : kMemoryAttacks) {
        SCOPED_TRACE(attack.name);
        EXPECT_EQ(attack.run(peer_.victimsFd()), attack.onVictims) << std::strerror(attack.onVictims);
        // Nor can it make our loads from its own memory wait, or fail.
        EXPECT_EQ(attack.run(peer_.ownFd()), attack.onOwn) << std::strerror(attack.onOwn);
    }
    EXPECT_EQ(peer_.victims().magic, kRingMagic);
    EXPECT_EQ(peer_.own().magic, kRingMagic);
    victim_.block();
    victim_.letOneMorePass();
    EXPECT_EQ(victim_.pass().value(), 1u);
}

// Before the peer sealed its memory nothing of it is mapped here: it may punch as it likes.
TEST_P(EitherVictim, DoesNotTouchWhatThePeerHasNotSealed)
{
    EXPECT_EQ(errnoOf(::fallocate(peer_.ownFd(), kPunch, 0, 4096)), 0);
    EXPECT_EQ(errnoOf(::ftruncate(peer_.ownFd(), 0)), EPERM);
    EXPECT_EQ(errnoOf(::ftruncate(peer_.ownFd(), off_t{1} << 40)), EPERM);
    EXPECT_EQ(errnoOf(::fallocate(peer_.ownFd(), 0, 0, off_t{1} << 40)), EPERM);
    EXPECT_TRUE(victim_.pass());
    peer_.open();
    EXPECT_TRUE(victim_.peerIsThere().value());
}

TEST_P(EitherVictim, GivesOpenFileDescriptionsOfTheirOwnAway)
{
    struct stat status;
    ASSERT_EQ(::fstat(peer_.victimsFd(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0400u);
    EXPECT_EQ(::fcntl(peer_.victimsFd(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(::fcntl(peer_.ownFd(), F_GETFL) & O_ACCMODE, O_RDWR);
    EXPECT_TRUE(checkSeals(peer_.victimsFd(), kSingleWriterSeals));
    EXPECT_FALSE(checkSeals(peer_.ownFd(), kSingleWriterSeals)); // until it adds them
}

// ---- nonsense in the other words

TEST_P(EitherVictim, IsNotHeldUpByASleepFlagOfAnyValue)
{
    peer_.open();
    for (const uint32_t flag : {0u, 1u, 2u, 3u, 77u, 1u << 31, UINT32_MAX}) {
        peer_.own().sleeps = flag;
        victim_.block();
        // Its socket is full soon after it asked for signals: it does not read it.
        for (int i = 0; i < 1000; i++) {
            victim_.letOneMorePass();
            ASSERT_EQ(victim_.pass().value(), 1u);
        }
    }
    EXPECT_GE(peer_.victims().bell, 5000u);
}

TEST_P(EitherVictim, IsNotMisledByTheHints)
{
    peer_.open();
    victim_.block();
    for (const uint64_t when : {uint64_t{0}, uint64_t{1}, UINT64_MAX, uint64_t{1} << 63, monotonicNow()}) {
        for (const uint32_t cpu : {0u, 1u, 2u, UINT32_MAX}) {
            peer_.own().rungAt = when;
            peer_.own().cpu = cpu;
            EXPECT_EQ(victim_.wait(within(1ms)).value(), Wake::TimedOut);
            victim_.letOneMorePass();
            EXPECT_EQ(victim_.wait(within(1ms)).value(), Wake::Ready);
            ASSERT_EQ(victim_.pass().value(), 1u);
        }
    }
    victim_.expectTimesOut();
}

// Something that the attacker does all the time, in a thread of its own.
class Meanwhile
{
public:
    explicit Meanwhile(std::function<void()> act)
        : thread_([this, act = std::move(act)] {
              while (!stop_) {
                  act();
                  rounds_++;
              }
          })
    {
        while (rounds_ == 0)
            std::this_thread::yield();
    }
    ~Meanwhile()
    {
        stop_ = true;
        thread_.join();
    }

private:
    std::atomic<bool> stop_{false};
    std::atomic<uint64_t> rounds_{0};
    std::thread thread_;
};

long futex(std::atomic<uint32_t> &word, int operation, uint32_t value, uintptr_t fourth = 0,
           std::atomic<uint32_t> *other = nullptr, uint32_t last = 0)
{
    return ::syscall(SYS_futex, &word, operation, value, fourth, other, last);
}

TEST_P(EitherVictim, WaitsNoLongerAndNoLessForABellThatRingsAllTheTime)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    victim_.block();
    {
        const Meanwhile ringing([&] {
            peer_.own().bell++;
            futex(peer_.own().bell, FUTEX_WAKE, INT32_MAX);
        });
        victim_.expectTimesOut();
        victim_.interrupt();
        EXPECT_EQ(victim_.wait({}).value(), Wake::Interrupted);
    }
    victim_.letOneMorePass();
    EXPECT_EQ(victim_.wait({}).value(), Wake::Ready);
}

// Every word, at every moment.
TEST_P(EitherVictim, StaysWithinItsRingWhateverTheWordsTurnInto)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    std::mt19937 random(4);
    const Meanwhile lying([&] {
        const auto any = static_cast<uint32_t>(random());
        peer_.own().cursor = any % 8 ? peer_.victims().cursor + any % 16 : any; // often to be believed
        peer_.own().sleeps = any % 5;
        peer_.own().bell = any;
        peer_.own().cpu = any % 3;
        peer_.own().rungAt = any;
        write(peer_.own(), {any, any, RingRole{any}, any, any, any}, RingRole::Sender);
    });
    const auto beyondRing = [](const auto &result) {
        return faultOf(result).kind == FaultKind::CursorBeyondRing;
    };
    uint64_t passed = 0;
    for (int i = 0; i < 2000; i++) {
        const auto batch = victim_.pass();
        ASSERT_TRUE(batch ? *batch <= kCapacity : beyondRing(batch));
        passed += batch.value_or(0);
        const auto room = victim_.sender ? victim_.sender->room() : victim_.receiver->available();
        ASSERT_TRUE(room ? *room <= kCapacity : beyondRing(room));
        if (i % 100 == 0) {
            const auto woken = victim_.wait(within(1ms));
            ASSERT_TRUE(woken || beyondRing(woken));
        }
    }
    EXPECT_EQ(victim_.statistics().items, passed);
}

// A waiter that was moved away from its bell no longer hears it.
TEST_P(EitherVictim, SleepsNoLongerWhenItIsMovedAwayFromTheBell)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    victim_.block();
    auto &elsewhere = peer_.own().itemAlignment;
    const Meanwhile moving([&] {
        futex(peer_.own().bell, FUTEX_CMP_REQUEUE, 0, INT32_MAX, &elsewhere, peer_.own().bell.load());
    });
    victim_.expectTimesOut();
    {
        Sleeper sleeper([&] { EXPECT_EQ(victim_.wait({}).value(), Wake::Interrupted); });
        ASSERT_TRUE(sleeper.awaitAsleep());
        victim_.interrupt();
    }
    Sleeper sleeper([&] { EXPECT_EQ(victim_.wait({}).value(), Wake::Ready); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    victim_.letOneMorePass();
}

// ---- the socket

// Until the victim's side is full.
int flood(int socket, size_t bytes)
{
    const std::vector<std::byte> datagram(bytes);
    int sent = 0;
    while (::send(socket, datagram.data(), bytes, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        sent++;
    return sent;
}

TEST_P(EitherVictim, WaitsNoLongerForAPeerThatFloodsTheSocketBeforeItOpens)
{
    for (const size_t bytes : {1u, 0u, 60000u}) {
        Victim victim(GetParam());
        victim.block();
        EXPECT_GT(flood(victim.peer.socket(), bytes), 0);
        victim.expectTimesOut();
        const Meanwhile flooding([&] { flood(victim.peer.socket(), bytes); });
        victim.expectTimesOut();
        // Nor does it get the processor.
        const uint64_t sleeps = victim.statistics().sleeps;
        EXPECT_EQ(victim.wait(within(100ms)).value(), Wake::TimedOut);
        EXPECT_LT(victim.statistics().sleeps, sleeps + 200);
        Sleeper sleeper([&] { EXPECT_EQ(victim.wait({}).value(), Wake::Interrupted); });
        ASSERT_TRUE(sleeper.awaitAsleep());
        victim.interrupt();
    }
}

TEST_P(EitherVictim, IsNotHeldUpByAFloodOfTheSocket)
{
    peer_.open();
    victim_.block();
    EXPECT_FALSE(victim_.prepareToPoll().value());
    const int datagrams = flood(peer_.socket(), 1);
    EXPECT_GT(datagrams, 16);
    EXPECT_EQ(polled(victim_.pollFd()), POLLIN);
    victim_.finishPoll(); // takes some of them, and not for ever
    EXPECT_EQ(polled(victim_.pollFd()), POLLIN);
    {
        const Meanwhile flooding([&] { flood(peer_.socket(), 1); });
        victim_.expectTimesOut();
        for (int i = 0; i < 100; i++) {
            EXPECT_FALSE(victim_.prepareToPoll().value());
            victim_.finishPoll();
        }
    }
    victim_.letOneMorePass();
    EXPECT_TRUE(victim_.prepareToPoll().value());
    EXPECT_EQ(victim_.pass().value(), 1u);
    EXPECT_FALSE(victim_.peerIsGone());
}

TEST_P(EitherVictim, GoesOnWhateverIsShutDown)
{
    for (const int how : {SHUT_RD, SHUT_WR, SHUT_RDWR}) {
        Victim victim(GetParam());
        victim.peer.open();
        victim.block();
        victim.peer.own().sleeps = static_cast<uint32_t>(SleepState::OnSignal); // no SIGPIPE for the signal
        ASSERT_EQ(::shutdown(victim.peer.socket(), how), 0);
        victim.letOneMorePass();
        EXPECT_EQ(victim.wait({}).value(), Wake::Ready);
        EXPECT_EQ(victim.pass().value(), 1u);
        if (how == SHUT_RD) {
            victim.expectTimesOut();
            EXPECT_FALSE(victim.peerIsGone());
        } else {
            EXPECT_EQ(victim.wait({}).value(), Wake::PeerGone);
            EXPECT_TRUE(victim.peerIsGone());
        }
        victim.letOneMorePass();
        EXPECT_EQ(victim.pass().value(), 1u);
    }
}

TEST_P(EitherVictim, TakesNoFdsFromTheSocket)
{
    peer_.open();
    victim_.block();
    const ControlSocket socket{UniqueFd(::fcntl(peer_.socket(), F_DUPFD_CLOEXEC, 0))};
    std::vector<UniqueFd> fds;
    fds.push_back(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    int probe[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, probe), 0);
    const UniqueFd probes[] = {UniqueFd(probe[0]), UniqueFd(probe[1])};
    const bool kernelRefuses = refuseDescriptors(probe[0]);
    const int before = openFds();
    const std::byte byte[1]{};
    for (int i = 0; i < 5; i++) {
        const auto sent = socket.send(byte, fds);
        EXPECT_EQ(sent.has_value(), !kernelRefuses);
        if (!sent) {
            EXPECT_EQ(std::get<SystemError>(sent.error()).number, EPERM);
        }
    }
    EXPECT_FALSE(victim_.prepareToPoll().value());
    victim_.finishPoll();
    EXPECT_EQ(openFds(), before);
    victim_.letOneMorePass();
    EXPECT_EQ(victim_.pass().value(), 1u);
}

// It goes, and has moved its cursor just before, without a ring.
TEST_P(EitherVictim, LooksOnceMoreWhenThePeerIsGone)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    victim_.block();
    Sleeper sleeper([&] { EXPECT_EQ(victim_.wait({}).value(), Wake::Ready); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    victim_.letOneMorePass();
    peer_.closeSocket();
    sleeper.join();
    EXPECT_EQ(victim_.pass().value(), 1u);
    EXPECT_EQ(victim_.wait({}).value(), Wake::PeerGone);
}

TEST_P(EitherVictim, OutlivesAPeerThatClosesInTheMiddle)
{
    peer_.open();
    victim_.block();
    Sleeper sleeper([&] { EXPECT_EQ(victim_.wait({}).value(), Wake::PeerGone); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    peer_.closeSocket();
    sleeper.join();
    EXPECT_NE(polled(victim_.pollFd()) & POLLHUP, 0);
    // Its words are still there, and can still lie.
    victim_.letOneMorePass();
    EXPECT_EQ(victim_.wait({}).value(), Wake::Ready);
    EXPECT_EQ(victim_.pass().value(), 1u);
    peer_.own().cursor = 1u << 31;
    EXPECT_EQ(faultOf(victim_.wait({})).kind, FaultKind::CursorBeyondRing);
    EXPECT_EQ(faultOf(victim_.pass()).kind, FaultKind::CursorBeyondRing);
}

// It may be in the middle of a step of 100 ms.
TEST_P(EitherVictim, RingsWhenItGoes)
{
    peer_.open();
    ASSERT_TRUE(victim_.peerIsThere().value());
    const uint32_t bell = peer_.victims().bell;
    victim_.sender.reset();
    victim_.receiver.reset();
    EXPECT_EQ(peer_.victims().bell, bell + 1);
    EXPECT_EQ(peer_.victims().sleeps, 0u);
}

TEST_F(BesideAnHonestRing, APeerThatGoesWhileWeWriteInPlaceLeavesThePlaces)
{
    Victim victim(RingRole::Sender);
    victim.peer.open();
    const auto sent = victim.sender->sendInPlace([&](Parts<Item> places) {
        victim.peer.closeSocket();
        for (size_t i = 0; i < places.size(); i++)
            places[i] = i;
        return places.size();
    });
    EXPECT_EQ(sent.value(), kCapacity);
    EXPECT_EQ(victim.wait({}).value(), Wake::PeerGone);
}

} // namespace
