// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Sender and Receiver, made in every way that there is: what each call does, what the waits end
// with, and what is left when one side goes, is killed, or comes again.
#include "ring_ends.h"

#include <fcntl.h>
#include <grp.h>
#include <stdexcept>
#include <sys/resource.h>

using namespace ringcore;
using namespace ringtest;
using namespace std::chrono_literals;

namespace
{

using Numbers = std::vector<uint64_t>;

Numbers numbers(uint64_t first, size_t count)
{
    Numbers all(count);
    for (size_t i = 0; i < count; i++)
        all[i] = first + i;
    return all;
}

// All that is there.
Numbers drain(Receiver<uint64_t> &receiver)
{
    Numbers got;
    EXPECT_TRUE(receiver.receiveEach([&](uint64_t number) { got.push_back(number); }));
    return got;
}

class Ring : public testing::TestWithParam<Made>
{
protected:
    Ends<uint64_t> ends_{GetParam(), 8};
    Sender<uint64_t> &sender_ = *ends_.sender;
    Receiver<uint64_t> &receiver_ = *ends_.receiver;
};

const auto nameOfWay = [](const auto &instance) { return nameOf(instance.param); };
INSTANTIATE_TEST_SUITE_P(Made, Ring, testing::ValuesIn(kEveryWay), nameOfWay);

// ---- sending and receiving

TEST_P(Ring, PassesOneItem)
{
    EXPECT_EQ(receiver_.receive().value(), std::nullopt);
    EXPECT_TRUE(sender_.send(42).value());
    EXPECT_EQ(receiver_.available().value(), 1u);
    EXPECT_EQ(receiver_.receive().value(), 42u);
    EXPECT_EQ(receiver_.receive().value(), std::nullopt);
    EXPECT_TRUE(sender_.peerIsThere().value());
    EXPECT_TRUE(receiver_.peerIsThere().value());
    EXPECT_EQ(sender_.fallback(), "");
}

TEST_P(Ring, TakesAsManyAsItsCapacity)
{
    EXPECT_EQ(sender_.capacity(), 8u);
    EXPECT_EQ(receiver_.capacity(), 8u);
    for (uint64_t i = 0; i < 8; i++) {
        EXPECT_EQ(sender_.room().value(), 8 - i);
        EXPECT_TRUE(sender_.send(i).value());
    }
    EXPECT_EQ(sender_.room().value(), 0u);
    EXPECT_FALSE(sender_.send(8).value());
    EXPECT_EQ(drain(receiver_), numbers(0, 8));
    EXPECT_EQ(sender_.room().value(), 8u);
}

TEST_P(Ring, SendsOfASpanWhatThereIsRoomForInOnePiece)
{
    EXPECT_EQ(sender_.send(std::span<const uint64_t>()).value(), 0u);
    EXPECT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
    EXPECT_EQ(sender_.send(numbers(5, 20)).value(), 3u);
    EXPECT_EQ(sender_.send(numbers(8, 1)).value(), 0u);
    Numbers into(3);
    EXPECT_EQ(receiver_.receive(std::span(into)).value(), 3u);
    EXPECT_EQ(into, numbers(0, 3));
    EXPECT_EQ(sender_.send(numbers(8, 20)).value(), 3u); // over the ring's end
    into.assign(20, 0);
    EXPECT_EQ(receiver_.receive(std::span(into)).value(), 8u);
    into.resize(8);
    EXPECT_EQ(into, numbers(3, 8));
    EXPECT_EQ(receiver_.receive(std::span(into)).value(), 0u);
    EXPECT_EQ(receiver_.receive(std::span<uint64_t>()).value(), 0u);
}

TEST_P(Ring, LetsWriteAndReadInPlace)
{
    ASSERT_EQ(sender_.send(numbers(0, 6)).value(), 6u);
    ASSERT_EQ(drain(receiver_).size(), 6u);
    const auto sent = sender_.sendInPlace([](Parts<uint64_t> places) {
        EXPECT_EQ(places.first.size(), 2u);
        EXPECT_EQ(places.second.size(), 6u);
        for (size_t i = 0; i < 5; i++)
            places[i] = 100 + i;
        return 5;
    });
    EXPECT_EQ(sent.value(), 5u);
    const auto taken = receiver_.receiveInPlace([](Parts<const uint64_t> items) {
        EXPECT_EQ(items.first.size(), 2u);
        EXPECT_EQ(items.second.size(), 3u);
        EXPECT_EQ(items[0], 100u);
        return 1;
    });
    EXPECT_EQ(taken.value(), 1u);
    EXPECT_EQ(drain(receiver_), numbers(101, 4)); // those not taken
    EXPECT_EQ(sender_.sendInPlace([](Parts<uint64_t>) { return 0; }).value(), 0u);
    EXPECT_EQ(receiver_.available().value(), 0u);
    bool asked = false;
    EXPECT_EQ(receiver_.receiveInPlace([&](Parts<const uint64_t>) { return asked = true; }).value(), 0u);
    EXPECT_FALSE(asked);
}

TEST_P(Ring, SendsAndReceivesEach)
{
    uint64_t next = 0;
    const auto three = [&]() -> std::optional<uint64_t> {
        return next < 3 ? std::optional(next++) : std::nullopt;
    };
    EXPECT_EQ(sender_.sendEach(three).value(), 3u);
    EXPECT_EQ(sender_.sendEach(three).value(), 0u);
    EXPECT_EQ(sender_.sendEach([&] { return next++; }).value(), 5u);
    EXPECT_EQ(next, 8u); // not asked for more than fits
    Numbers got;
    EXPECT_EQ(receiver_.receiveEach([&](const uint64_t &number) { got.push_back(number); }).value(), 8u);
    EXPECT_EQ(got, numbers(0, 8));
    EXPECT_EQ(receiver_.receiveEach([&](uint64_t) { FAIL(); }).value(), 0u);
}

TEST_P(Ring, ShowsWhatIsThereUntilItIsConsumed)
{
    EXPECT_EQ(receiver_.peek().value().size(), 0u);
    ASSERT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
    expectMisuse(receiver_.consume(1), MisuseKind::TookTooMany, 0, 1); // nobody has looked yet
    EXPECT_EQ(receiver_.peek().value().size(), 5u);
    EXPECT_EQ(receiver_.peek().value()[4], 4u);
    EXPECT_EQ(sender_.room().value(), 3u);
    EXPECT_TRUE(receiver_.consume(2));
    EXPECT_EQ(sender_.room().value(), 5u);
    expectMisuse(receiver_.consume(4), MisuseKind::TookTooMany, 3, 4);
    EXPECT_EQ(receiver_.peek().value()[0], 2u);
    EXPECT_TRUE(receiver_.consume(0));
    EXPECT_TRUE(receiver_.consume(3));
    EXPECT_EQ(receiver_.available().value(), 0u);
}

TEST_P(Ring, IsAsItWasAfterACallbackThatThrows)
{
    const std::runtime_error error("of the callback");
    ASSERT_EQ(sender_.send(numbers(0, 3)).value(), 3u);
    EXPECT_THROW((void)sender_.sendInPlace([&](Parts<uint64_t> places) -> int {
        places[0] = 99;
        throw error;
    }),
                 std::runtime_error);
    int calls = 0;
    EXPECT_THROW((void)sender_.sendEach([&]() -> std::optional<uint64_t> {
        if (++calls == 3)
            throw error;
        return 99;
    }),
                 std::runtime_error);
    EXPECT_EQ(sender_.room().value(), 5u);
    EXPECT_THROW((void)receiver_.receiveInPlace([&](Parts<const uint64_t>) -> int { throw error; }),
                 std::runtime_error);
    EXPECT_THROW((void)receiver_.receiveEach([&](uint64_t number) {
        if (number == 2)
            throw error;
    }),
                 std::runtime_error);
    EXPECT_EQ(drain(receiver_), numbers(0, 3));
    EXPECT_EQ(sender_.statistics().items, 3u);
}

// It may not, but no cursor goes where it must not be.
TEST_P(Ring, StaysInOrderWhenACallbackSendsOrReceivesItself)
{
    const auto sendsToo = [&](Parts<uint64_t>) {
        EXPECT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
        return 4;
    };
    expectMisuse(sender_.sendInPlace(sendsToo), MisuseKind::WroteTooMany, 3, 4);
    EXPECT_EQ(sender_.room().value(), 3u);
    EXPECT_EQ(sender_.send(numbers(5, 4)).value(), 3u);

    const auto receivesToo = [&](Parts<const uint64_t>) {
        Numbers some(5);
        EXPECT_EQ(receiver_.receive(std::span(some)).value(), 5u);
        EXPECT_EQ(some, numbers(0, 5));
        return 4;
    };
    expectMisuse(receiver_.receiveInPlace(receivesToo), MisuseKind::TookTooMany, 3, 4);
    EXPECT_EQ(receiver_.available().value(), 3u);
    EXPECT_EQ(drain(receiver_), numbers(5, 3));
    EXPECT_EQ(sender_.room().value(), 8u);
}

TEST_P(Ring, IsAsItWasAfterACallbackThatClaimsTooMuch)
{
    ASSERT_EQ(sender_.send(numbers(0, 3)).value(), 3u);
    expectMisuse(sender_.sendInPlace([](Parts<uint64_t>) { return 6; }), MisuseKind::WroteTooMany, 5, 6);
    expectMisuse(sender_.sendInPlace([](Parts<uint64_t>) { return -1; }), MisuseKind::WroteTooMany, 5,
                 UINT64_MAX);
    expectMisuse(sender_.sendInPlace([](Parts<uint64_t>) { return (size_t{1} << 32) + 1; }),
                 MisuseKind::WroteTooMany, 5, (uint64_t{1} << 32) + 1);
    EXPECT_EQ(sender_.room().value(), 5u);
    expectMisuse(receiver_.receiveInPlace([](Parts<const uint64_t>) { return 4; }), MisuseKind::TookTooMany,
                 3, 4);
    expectMisuse(receiver_.receiveInPlace([](Parts<const uint64_t>) { return -1; }), MisuseKind::TookTooMany,
                 3, UINT64_MAX);
    EXPECT_EQ(drain(receiver_), numbers(0, 3));
}

TEST_P(Ring, CountsItemsAndBatches)
{
    ASSERT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
    ASSERT_TRUE(sender_.send(5).value());
    ASSERT_EQ(sender_.send(numbers(6, 20)).value(), 2u);
    ASSERT_FALSE(sender_.send(8).value());
    EXPECT_EQ(sender_.statistics().items, 8u);
    EXPECT_EQ(sender_.statistics().batches, 3u);
    ASSERT_TRUE(receiver_.receive().value());
    ASSERT_EQ(drain(receiver_).size(), 7u);
    EXPECT_EQ(receiver_.statistics().items, 8u);
    EXPECT_EQ(receiver_.statistics().batches, 2u);
    // Nobody slept, nobody was woken.
    EXPECT_EQ(sender_.statistics().wakesSent, 0u);
    EXPECT_EQ(receiver_.statistics().sleeps, 0u);
}

// Many times around the ring and through full and empty, in two threads.
TEST_P(Ring, PassesEveryItemInOrderBetweenThreads)
{
    constexpr uint64_t kCount = 20000;
    std::thread thread([&] {
        for (uint64_t next = 0; next < kCount;) {
            ASSERT_EQ(sender_.waitForRoom(1, within(kPatience)).value(), Wake::Ready);
            next += sender_.send(numbers(next, std::min<uint64_t>(next % 7 + 1, kCount - next))).value();
        }
    });
    Numbers into(5);
    for (uint64_t next = 0; next < kCount;) {
        ASSERT_EQ(receiver_.waitForItems(1, within(kPatience)).value(), Wake::Ready);
        const uint32_t count = receiver_.receive(std::span(into)).value();
        for (uint32_t i = 0; i < count; i++)
            ASSERT_EQ(into[i], next++);
    }
    thread.join();
    EXPECT_EQ(sender_.statistics().items, kCount);
    EXPECT_EQ(receiver_.statistics().items, kCount);
    EXPECT_EQ(sender_.room().value(), 8u);
}

// ---- waiting

TEST_P(Ring, WaitsUntilTheDeadlineAndNotLonger)
{
    ASSERT_EQ(sender_.send(numbers(0, 8)).value(), 8u);
    const auto begin = Clock::now();
    EXPECT_EQ(sender_.waitForRoom(1, begin + 30ms).value(), Wake::TimedOut);
    EXPECT_GE(Clock::now(), begin + 30ms);
    ASSERT_EQ(drain(receiver_).size(), 8u);
    const auto second = Clock::now();
    EXPECT_EQ(receiver_.waitForItems(1, second + 30ms).value(), Wake::TimedOut);
    EXPECT_GE(Clock::now(), second + 30ms);
    EXPECT_LT(Clock::now(), second + 5s);
    // A deadline that has passed is a look.
    EXPECT_EQ(receiver_.waitForItems(1, begin).value(), Wake::TimedOut);
    EXPECT_EQ(sender_.waitForRoom(8, begin).value(), Wake::Ready);
    EXPECT_GE(receiver_.statistics().sleeps, 1u);
}

// Though by then it sleeps in long steps.
TEST_P(Ring, ALongWaitKeepsToItsDeadline)
{
    auto shortest = 1h + 0ns;
    for (int i = 0; i < 3; i++) {
        const auto begin = Clock::now();
        EXPECT_EQ(receiver_.waitForItems(1, begin + 45ms).value(), Wake::TimedOut);
        shortest = std::min(shortest, Clock::now() - begin + 0ns);
    }
    EXPECT_LT(shortest, 90ms); // the best of three: others need the processor too
}

TEST_P(Ring, WaitsForAsManyAsAreAskedForButNoMoreThanItHolds)
{
    ASSERT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
    EXPECT_EQ(receiver_.waitForItems(5, within(0ms)).value(), Wake::Ready);
    EXPECT_EQ(receiver_.waitForItems(6, within(1ms)).value(), Wake::TimedOut);
    EXPECT_EQ(sender_.waitForRoom(3, within(0ms)).value(), Wake::Ready);
    EXPECT_EQ(sender_.waitForRoom(4, within(1ms)).value(), Wake::TimedOut);
    ASSERT_EQ(sender_.send(numbers(5, 3)).value(), 3u);
    EXPECT_EQ(receiver_.waitForItems(1000, within(0ms)).value(), Wake::Ready);
    ASSERT_EQ(drain(receiver_).size(), 8u);
    EXPECT_EQ(sender_.waitForRoom(1000, within(0ms)).value(), Wake::Ready);
}

TEST_P(Ring, WakesAReceiverThatSleeps)
{
    Sleeper sleeper([&] { EXPECT_EQ(receiver_.waitForItems(1, within(kPatience)).value(), Wake::Ready); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    ASSERT_TRUE(sender_.send(7).value());
    sleeper.join();
    EXPECT_EQ(receiver_.receive().value(), 7u);
    EXPECT_GE(receiver_.statistics().sleeps, 1u);
}

TEST_P(Ring, WakesASenderThatSleeps)
{
    ASSERT_EQ(sender_.send(numbers(0, 8)).value(), 8u);
    Sleeper sleeper([&] { EXPECT_EQ(sender_.waitForRoom(8, within(kPatience)).value(), Wake::Ready); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    EXPECT_EQ(drain(receiver_), numbers(0, 8));
    sleeper.join();
    EXPECT_EQ(sender_.room().value(), 8u);
}

TEST_P(Ring, InterruptEndsTheWaitUnderWay)
{
    Sleeper sleeper([&] { EXPECT_EQ(receiver_.waitForItems().value(), Wake::Interrupted); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    receiver_.interrupt();
    sleeper.join();
    ASSERT_EQ(sender_.send(numbers(0, 8)).value(), 8u);
    Sleeper other([&] { EXPECT_EQ(sender_.waitForRoom().value(), Wake::Interrupted); });
    ASSERT_TRUE(other.awaitAsleep());
    sender_.interrupt();
}

TEST_P(Ring, InterruptEndsTheNextWaitAndNoOther)
{
    receiver_.interrupt();
    receiver_.interrupt();
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::Interrupted);
    EXPECT_EQ(receiver_.waitForItems(1, within(1ms)).value(), Wake::TimedOut);
    ASSERT_TRUE(sender_.send(1).value());
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::Ready);
}

TEST_P(Ring, IsNoLongerAsleepAfterAWait)
{
    EXPECT_EQ(receiver_.waitForItems(1, within(1ms)).value(), Wake::TimedOut);
    receiver_.interrupt();
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::Interrupted);
    ASSERT_TRUE(sender_.send(1).value());
    EXPECT_EQ(sender_.statistics().wakesSent, 0u);
}

// A wait is slept in steps; a sender that comes between two of them must see that it is waited for.
TEST(AttachedRing, IsAsleepFromTheFirstStepOfAWaitToItsEnd)
{
    Ends<uint64_t> ends(Made::Attached);
    const auto &sleeps = ends.meeting.memory().at<RingSide>(0).sleeps;
    for (int i = 0; i < 10; i++) {
        const auto deadline = Clock::now() + 50ms;
        Sleeper sleeper([&] { EXPECT_EQ(ends.receiver->waitForItems(1, deadline).value(), Wake::TimedOut); });
        while (sleeps == 0 && Clock::now() < deadline)
            std::this_thread::yield();
        while (sleeps != 0 && Clock::now() < deadline) {
        }
        EXPECT_GE(Clock::now(), deadline);
    }
    EXPECT_EQ(sleeps, 0u);
}

// ---- with a socket: the peer's end is noticed, and there is something to poll

class RingWithSocket : public Ring
{
};
INSTANTIATE_TEST_SUITE_P(Made, RingWithSocket, testing::ValuesIn(kWaysWithASocket), nameOfWay);

TEST_P(RingWithSocket, SaysThatThePeerIsGoneOnlyWhenAllWasReceived)
{
    ASSERT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
    EXPECT_FALSE(receiver_.peerIsGone());
    ends_.sender.reset();
    EXPECT_TRUE(receiver_.peerIsGone());
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::Ready);
    EXPECT_EQ(drain(receiver_), numbers(0, 5));
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::PeerGone);
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::PeerGone);
    EXPECT_EQ(receiver_.receive().value(), std::nullopt);
}

TEST_P(RingWithSocket, SaysThatThePeerIsGoneWhenItLeftFewerThanAskedFor)
{
    ASSERT_EQ(sender_.send(numbers(0, 3)).value(), 3u);
    ends_.sender.reset();
    EXPECT_EQ(receiver_.waitForItems(4).value(), Wake::PeerGone);
    EXPECT_EQ(receiver_.waitForItems(3).value(), Wake::Ready);
    EXPECT_EQ(drain(receiver_), numbers(0, 3));
}

TEST_P(RingWithSocket, ASenderCanFillWhatItsGoneReceiverLeft)
{
    ASSERT_EQ(sender_.send(numbers(0, 5)).value(), 5u);
    ends_.receiver.reset();
    EXPECT_TRUE(sender_.peerIsGone());
    EXPECT_EQ(sender_.waitForRoom(3).value(), Wake::Ready);
    EXPECT_EQ(sender_.send(numbers(5, 5)).value(), 3u);
    EXPECT_EQ(sender_.waitForRoom().value(), Wake::PeerGone);
}

TEST_P(RingWithSocket, WakesWhoSleepsWhenThePeerGoes)
{
    Sleeper sleeper([&] { EXPECT_EQ(receiver_.waitForItems().value(), Wake::PeerGone); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    ends_.sender.reset();
}

// So much control data is to be received.
TEST(FdsForPeer, AreAsManyAsItsReceiverIsTold)
{
    static_assert(fdsForPeer(Exposure::SingleWriter) == 3 && fdsForPeer(Exposure::Shared) == 2);
    for (const Exposure exposure : {Exposure::SingleWriter, Exposure::Shared}) {
        EXPECT_EQ(Sender<uint64_t>::create(8, {exposure}).value().takeFdsForPeer().value().size(),
                  fdsForPeer(exposure));
        EXPECT_EQ(Receiver<uint64_t>::create(8, {exposure}).value().takeFdsForPeer().value().size(),
                  fdsForPeer(exposure));
    }
}

// A child process, say, has inherited it.
TEST_P(RingWithSocket, IsGoneAlsoWhenACopyOfItsSocketIsLeft)
{
    const UniqueFd copy(::fcntl(sender_.pollFd(), F_DUPFD_CLOEXEC, 0));
    ends_.sender.reset();
    EXPECT_TRUE(receiver_.peerIsGone());
    EXPECT_EQ(receiver_.waitForItems().value(), Wake::PeerGone);
}

TEST_P(RingWithSocket, PollWakesWhenItemsArrive)
{
    EXPECT_FALSE(receiver_.prepareToPoll().value());
    ASSERT_TRUE(sender_.send(1).value());
    EXPECT_EQ(polled(receiver_.pollFd(), kPatience), POLLIN);
    receiver_.finishPoll();
    EXPECT_EQ(polled(receiver_.pollFd()), 0);
    // Who does not poll is not called.
    ASSERT_TRUE(sender_.send(2).value());
    EXPECT_EQ(polled(receiver_.pollFd()), 0);
    EXPECT_EQ(sender_.statistics().wakesSent, 1u);
    // What is there already need not be polled for.
    EXPECT_TRUE(receiver_.prepareToPoll(2).value());
    ASSERT_TRUE(sender_.send(3).value());
    EXPECT_EQ(sender_.statistics().wakesSent, 1u);
    EXPECT_EQ(drain(receiver_), numbers(1, 3));
}

TEST_P(RingWithSocket, PollWakesWhenThereIsRoom)
{
    ASSERT_EQ(sender_.send(numbers(0, 8)).value(), 8u);
    EXPECT_FALSE(sender_.prepareToPoll().value());
    EXPECT_EQ(polled(sender_.pollFd()) & POLLHUP, 0);
    sender_.finishPoll(); // what the peer said when it opened
    EXPECT_FALSE(sender_.prepareToPoll(5).value());
    ASSERT_TRUE(receiver_.receive().value());
    EXPECT_EQ(polled(sender_.pollFd(), kPatience), POLLIN);
    sender_.finishPoll();
    EXPECT_FALSE(sender_.prepareToPoll(5).value());
    ASSERT_EQ(drain(receiver_).size(), 7u);
    EXPECT_TRUE(sender_.prepareToPoll(5).value());
}

TEST_P(RingWithSocket, PollSeesThePeerGo)
{
    EXPECT_FALSE(receiver_.prepareToPoll().value());
    ends_.sender.reset();
    EXPECT_NE(polled(receiver_.pollFd(), kPatience) & POLLHUP, 0);
    receiver_.finishPoll();
    EXPECT_NE(polled(receiver_.pollFd()) & POLLHUP, 0);
}

TEST_P(RingWithSocket, GivesItsFdsAwayOnce)
{
    expectMisuse(sender_.takeFdsForPeer(), MisuseKind::NoSocket, 0, 0);
    expectMisuse(receiver_.takeFdsForPeer(), MisuseKind::NoSocket, 0, 0);
}

TEST(AttachedRing, HasNothingToPollAndItsPeerNeverGoes)
{
    Ends<uint64_t> ends(Made::Attached);
    EXPECT_EQ(ends.receiver->pollFd(), -1);
    expectMisuse(ends.receiver->prepareToPoll(), MisuseKind::NoSocket, 0, 0);
    expectMisuse(ends.receiver->takeFdsForPeer(), MisuseKind::NoSocket, 0, 0);
    ends.receiver->finishPoll();
    ends.sender.reset();
    EXPECT_FALSE(ends.receiver->peerIsGone());
    EXPECT_EQ(ends.receiver->waitForItems(1, within(1ms)).value(), Wake::TimedOut);
}

// ---- before the peer is there

template <typename Created, typename Opened>
void opensLater(Exposure exposure)
{
    const RingOptions options{exposure};
    auto created = Created::create(8, options).value();
    EXPECT_FALSE(created.peerIsThere().value());
    EXPECT_FALSE(created.peerIsGone());
    if constexpr (std::is_same_v<Created, Sender<uint64_t>>) {
        ASSERT_EQ(created.send(numbers(0, 8)).value(), 8u);
    }
    EXPECT_FALSE(created.prepareToPoll().value());
    auto fds = created.takeFdsForPeer().value();
    EXPECT_EQ(fds.size(), exposure == Exposure::Shared ? 2u : 3u);
    {
        auto opened = Opened::open(8, std::move(fds), options).value();
        EXPECT_EQ(polled(created.pollFd(), kPatience), POLLIN); // it says so
        created.finishPoll();
        EXPECT_TRUE(opened.peerIsThere().value());
        EXPECT_TRUE(created.peerIsThere().value());
    }
    EXPECT_TRUE(created.peerIsGone());
}

TEST(BeforeThePeer, PollWakesWhenItOpens)
{
    opensLater<Sender<uint64_t>, Receiver<uint64_t>>(Exposure::SingleWriter);
    opensLater<Sender<uint64_t>, Receiver<uint64_t>>(Exposure::Shared);
    opensLater<Receiver<uint64_t>, Sender<uint64_t>>(Exposure::SingleWriter);
    opensLater<Receiver<uint64_t>, Sender<uint64_t>>(Exposure::Shared);
}

class SenderFirst : public testing::TestWithParam<Made>
{
};
INSTANTIATE_TEST_SUITE_P(Made, SenderFirst,
                         testing::Values(Made::BySender, Made::BySenderShared, Made::Attached), nameOfWay);

TEST_P(SenderFirst, WhatWasSentBeforeThePeerCameIsThere)
{
    Meeting<uint64_t> meeting(GetParam(), 8);
    auto sender = meeting.sender();
    EXPECT_FALSE(sender.peerIsThere().value());
    EXPECT_EQ(sender.send(numbers(0, 20)).value(), 8u);
    EXPECT_EQ(sender.room().value(), 0u);
    EXPECT_EQ(sender.waitForRoom(1, within(5ms)).value(), Wake::TimedOut);
    auto receiver = meeting.receiver();
    EXPECT_EQ(drain(receiver), numbers(0, 8));
    EXPECT_EQ(sender.waitForRoom(8, within(kPatience)).value(), Wake::Ready);
    EXPECT_TRUE(sender.peerIsThere().value());
}

TEST_P(SenderFirst, AWaitForAPeerThatIsNotThereIsInterruptible)
{
    Meeting<uint64_t> meeting(GetParam(), 8);
    auto sender = meeting.sender();
    ASSERT_EQ(sender.send(numbers(0, 8)).value(), 8u);
    Sleeper sleeper([&] { EXPECT_EQ(sender.waitForRoom().value(), Wake::Interrupted); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    sender.interrupt();
}

TEST(BeforeThePeer, AWaitKeepsToItsDeadline)
{
    auto receiver = Receiver<uint64_t>::create(8).value();
    auto shortest = 1h + 0ns;
    for (int i = 0; i < 10; i++) {
        const auto begin = Clock::now();
        EXPECT_EQ(receiver.waitForItems(1, begin + 2ms).value(), Wake::TimedOut);
        const auto took = Clock::now() - begin;
        EXPECT_GE(took, 2ms);
        shortest = std::min(shortest, took + 0ns);
    }
    EXPECT_LT(shortest, 10ms); // the best of ten: others need the processor too
}

TEST(BeforeThePeer, AWaitEndsWhenTheFdsWereThrownAway)
{
    auto receiver = Receiver<uint64_t>::create(8).value();
    receiver.takeFdsForPeer().value().clear();
    EXPECT_EQ(receiver.waitForItems().value(), Wake::PeerGone);
}

// ---- what may be asked for

template <typename End>
class Asked : public testing::Test
{
};
using BothEnds = testing::Types<Sender<uint64_t>, Receiver<uint64_t>>;
TYPED_TEST_SUITE(Asked, BothEnds);

TYPED_TEST(Asked, CapacityIsRoundedUpToAPowerOfTwo)
{
    EXPECT_EQ(TypeParam::create(1).value().capacity(), 1u);
    EXPECT_EQ(TypeParam::create(5).value().capacity(), 8u);
    EXPECT_EQ(TypeParam::create(1024).value().capacity(), 1024u);
    EXPECT_EQ(TypeParam::create(1025).value().capacity(), 2048u);
    EXPECT_EQ(TypeParam::attachedBytes(5), TypeParam::attachedBytes(8));
}

TYPED_TEST(Asked, CapacityHasBounds)
{
    SharedZeros memory(4096);
    expectMisuse(TypeParam::create(0), MisuseKind::CapacityTooSmall, 1, 0);
    expectMisuse(TypeParam::open(0, {}), MisuseKind::CapacityTooSmall, 1, 0);
    expectMisuse(TypeParam::attach(0, memory.span()), MisuseKind::CapacityTooSmall, 1, 0);
    for (const uint32_t capacity : {kMostItems + 1, UINT32_MAX}) {
        expectMisuse(TypeParam::create(capacity), MisuseKind::CapacityTooBig, kMostItems, capacity);
        expectMisuse(TypeParam::open(capacity, {}), MisuseKind::CapacityTooBig, kMostItems, capacity);
        expectMisuse(TypeParam::attach(capacity, memory.span()), MisuseKind::CapacityTooBig, kMostItems,
                     capacity);
        EXPECT_GT(TypeParam::attachedBytes(capacity), size_t{kMostItems});
    }
}

TEST(BytesAsked, HaveABound)
{
    using Big = std::array<uint64_t, 8192>; // 64 KiB
    expectMisuse(Sender<Big>::create(kMostItems), MisuseKind::CapacityTooBig, uint64_t{1} << 30, kMostItems);
    expectMisuse(Receiver<Big>::create(kMostItems), MisuseKind::CapacityTooBig, uint64_t{1} << 30,
                 kMostItems);
}

TYPED_TEST(Asked, AttachedMemoryMustBeLargeEnoughAndAligned)
{
    const size_t needed = TypeParam::attachedBytes(8);
    EXPECT_EQ(needed, 2 * sizeof(RingSide) + 8 * sizeof(uint64_t));
    SharedZeros memory(8192);
    expectMisuse(TypeParam::attach(8, memory.span().first(needed - 1)), MisuseKind::MemoryTooSmall, needed,
                 needed - 1);
    expectMisuse(TypeParam::attach(8, {}), MisuseKind::MemoryTooSmall, needed, 0);
    const auto shifted = memory.span().subspan(8, needed);
    expectMisuse(TypeParam::attach(8, shifted), MisuseKind::MemoryUnaligned, 64,
                 reinterpret_cast<uintptr_t>(shifted.data()));
    EXPECT_TRUE(TypeParam::attach(8, memory.span().subspan(64, needed)));
}

TEST(Items, OfAnyAlignmentLieAligned)
{
    struct alignas(128) Wide {
        std::array<uint64_t, 16> words;
    };
    static_assert(sizeof(Wide) == 128);
    Ends<Wide> ends(Made::BySender, 4);
    ASSERT_EQ(ends.sender
                  ->sendInPlace([](Parts<Wide> places) {
                      EXPECT_EQ(reinterpret_cast<uintptr_t>(places.first.data()) % alignof(Wide), 0u);
                      places[0].words[15] = 9;
                      return 1;
                  })
                  .value(),
              1u);
    EXPECT_EQ(ends.receiver->receive().value()->words[15], 9u);
}

// ---- memory that is real

// Whether each page of it is in our page table, so that no access is a fault.
template <typename T>
bool isMapped(std::span<T> memory)
{
    const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<uintptr_t>(memory.data()) / page;
    const auto end = (reinterpret_cast<uintptr_t>(memory.data()) + memory.size_bytes() + page - 1) / page;
    std::vector<uint64_t> entries(end - begin);
    const UniqueFd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    const size_t bytes = entries.size() * sizeof(uint64_t);
    EXPECT_EQ(::pread(pagemap.get(), entries.data(), bytes, static_cast<off_t>(begin * sizeof(uint64_t))),
              static_cast<ssize_t>(bytes));
    return std::all_of(entries.begin(), entries.end(), [](uint64_t entry) { return entry >> 63; });
}

class RealMemory : public testing::TestWithParam<Made>
{
};
INSTANTIATE_TEST_SUITE_P(Made, RealMemory, testing::ValuesIn(kWaysWithASocket), nameOfWay);

TEST_P(RealMemory, OfTheItemsIsThereBeforeTheFirstOne)
{
    constexpr uint32_t kLarge = 65536;
    Ends<uint64_t> ends(GetParam(), kLarge);
    EXPECT_EQ(ends.sender
                  ->sendInPlace([](Parts<uint64_t> places) {
                      EXPECT_TRUE(places.second.empty());
                      EXPECT_TRUE(isMapped(places.first));
                      return places.size();
                  })
                  .value(),
              kLarge);
    const auto items = ends.receiver->peek().value();
    EXPECT_EQ(items.first.size(), kLarge);
    EXPECT_TRUE(isMapped(items.first));
}

// ---- locked memory

uint64_t lockedKilobytes()
{
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        uint64_t kilobytes = 0;
        if (word == "VmLck:" && status >> kilobytes)
            return kilobytes;
    }
    return 0;
}

constexpr int kCannotBeMade = 77;

// In a process that may not lock anything.
int withoutLocking(int (*run)())
{
    Forked child([run] {
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0)
            return kCannotBeMade;
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 &&
            (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0))
            return kCannotBeMade;
        SharedZeros memory(4096);
        if (::mlock(memory.span().data(), 4096) == 0)
            return kCannotBeMade;
        return run();
    });
    return child.wait();
}

TEST(LockedMemory, RequiredIsAnErrorWhereItIsForbidden)
{
    const int status = withoutLocking([] {
        const auto sender = Sender<uint64_t>::create(8, {.locked = Wanted::Required});
        CHILD_REQUIRE(!sender);
        const auto *error = std::get_if<SystemError>(&sender.error());
        CHILD_REQUIRE(error && (error->number == ENOMEM || error->number == EPERM));
        CHILD_REQUIRE(error->operation == "mlock of 4096 bytes");
        auto other = Receiver<uint64_t>::create(8);
        CHILD_REQUIRE(other);
        CHILD_REQUIRE(
            !Sender<uint64_t>::open(8, other->takeFdsForPeer().value(), {.locked = Wanted::Required}));
        return 0;
    });
    if (status == kCannotBeMade)
        GTEST_SKIP() << "locking memory cannot be forbidden here";
    EXPECT_EQ(status, 0);
}

TEST(LockedMemory, IfPossibleGoesOnAndSaysSo)
{
    const int status = withoutLocking([] {
        auto sender = Sender<uint64_t>::create(8, {.locked = Wanted::IfPossible});
        CHILD_REQUIRE(sender);
        CHILD_REQUIRE(sender->fallback().find("mlock of 4096 bytes") == 0);
        CHILD_REQUIRE(sender->fallback().find("not locked") != std::string::npos);
        auto receiver =
            Receiver<uint64_t>::open(8, sender->takeFdsForPeer().value(), {.locked = Wanted::IfPossible});
        CHILD_REQUIRE(receiver && !receiver->fallback().empty());
        CHILD_REQUIRE(sender->send(5).value());
        CHILD_REQUIRE(receiver->receive().value() == 5);
        CHILD_REQUIRE(lockedKilobytes() == 0);
        return 0;
    });
    if (status == kCannotBeMade)
        GTEST_SKIP() << "locking memory cannot be forbidden here";
    EXPECT_EQ(status, 0);
}

class Locked : public testing::TestWithParam<Made>
{
};
INSTANTIATE_TEST_SUITE_P(Made, Locked, testing::Values(Made::BySender, Made::ByReceiver), nameOfWay);

// Each end locks all that it maps: also what it maps only once the peer is there.
TEST_P(Locked, MemoryIsLockedAtBothEnds)
{
    constexpr uint32_t kCapacity = 2048; // 5 pages with the sender's words, and the receiver's page
    const uint64_t before = lockedKilobytes();
    const RingOptions options{.locked = Wanted::Required};
    const auto locked = [before] { return lockedKilobytes() - before; };
    {
        const SharedZeros page(4096);
        if (::mlock(page.span().data(), 4096) != 0 || locked() != 4)
            GTEST_SKIP() << "mlock is refused, or does nothing (a sanitizer's)";
    }
    if (GetParam() == Made::BySender) {
        auto sender = Sender<uint64_t>::create(kCapacity, options).value();
        EXPECT_EQ(locked(), 20u);
        auto receiver = Receiver<uint64_t>::open(kCapacity, sender.takeFdsForPeer().value(), options).value();
        EXPECT_EQ(locked(), 44u);
        EXPECT_TRUE(sender.peerIsThere().value());
        EXPECT_EQ(locked(), 48u);
    } else {
        auto receiver = Receiver<uint64_t>::create(kCapacity, options).value();
        EXPECT_EQ(locked(), 4u);
        auto sender = Sender<uint64_t>::open(kCapacity, receiver.takeFdsForPeer().value(), options).value();
        EXPECT_EQ(locked(), 28u);
        EXPECT_TRUE(receiver.peerIsThere().value());
        EXPECT_EQ(locked(), 48u);
    }
}

// ---- two processes

class TwoProcesses : public testing::TestWithParam<Made>
{
protected:
    Meeting<uint64_t> meeting_{GetParam(), 8};
};
INSTANTIATE_TEST_SUITE_P(Made, TwoProcesses, testing::ValuesIn(kEveryWay), nameOfWay);

TEST_P(TwoProcesses, PassEveryItemInOrder)
{
    constexpr uint64_t kCount = 20000;
    Forked child([&] {
        auto receiver = meeting_.receiver();
        for (uint64_t next = 0; next < kCount;) {
            CHILD_REQUIRE(receiver.waitForItems(1, within(kPatience)).value() == Wake::Ready);
            bool inOrder = true;
            CHILD_REQUIRE(receiver.receiveEach([&](uint64_t number) { inOrder &= number == next++; }));
            CHILD_REQUIRE(inOrder);
        }
        CHILD_REQUIRE(receiver.statistics().items == kCount);
        return 0;
    });
    auto sender = meeting_.sender();
    for (uint64_t next = 0; next < kCount;) {
        ASSERT_EQ(sender.waitForRoom(1, within(kPatience)).value(), Wake::Ready);
        next += sender.send(numbers(next, std::min<uint64_t>(next % 9 + 1, kCount - next))).value();
    }
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(sender.room().value(), 8u);
}

class KilledPeer : public TwoProcesses
{
};
INSTANTIATE_TEST_SUITE_P(Made, KilledPeer, testing::ValuesIn(kWaysWithASocket), nameOfWay);

TEST_P(KilledPeer, IsNoticedWhenAllThatItSentWasReceived)
{
    Forked child([&] {
        auto sender = meeting_.sender();
        CHILD_REQUIRE(sender.send(numbers(0, 5)).value() == 5);
        ::pause();
        return 1;
    });
    auto receiver = meeting_.receiver();
    ASSERT_EQ(receiver.waitForItems(5, within(kPatience)).value(), Wake::Ready);
    EXPECT_EQ(receiver.receive().value(), 0u);
    child.kill();
    EXPECT_EQ(receiver.waitForItems().value(), Wake::Ready);
    EXPECT_EQ(drain(receiver), numbers(1, 4));
    EXPECT_EQ(receiver.waitForItems().value(), Wake::PeerGone);
    EXPECT_TRUE(receiver.peerIsGone());
}

TEST_P(KilledPeer, EndsAWaitUnderWay)
{
    Forked child([&] {
        auto receiver = meeting_.receiver();
        ::pause();
        return 1;
    });
    auto sender = meeting_.sender();
    while (!sender.peerIsThere().value())
        ASSERT_EQ(sender.waitForRoom(1, within(kPatience)).value(), Wake::Ready);
    ASSERT_EQ(sender.send(numbers(0, 8)).value(), 8u);
    Sleeper sleeper([&] { EXPECT_EQ(sender.waitForRoom().value(), Wake::PeerGone); });
    ASSERT_TRUE(sleeper.awaitAsleep());
    child.kill();
}

// Attached memory outlives who used it: whoever comes again goes on where it was.
TEST(ComesAgain, AReceiverThatWasKilledGetsWhatItHadNotReceived)
{
    Meeting<uint64_t> meeting(Made::Attached, 8);
    auto sender = meeting.sender();
    SharedZeros evidence(4096);
    auto &done = evidence.at<std::atomic<uint32_t>>(0);
    for (uint64_t round = 0; round < 4; round++) {
        ASSERT_EQ(sender.send(numbers(round * 5, 5)).value(), 5u);
        Forked child([&] {
            auto receiver = meeting.receiver();
            Numbers into(5);
            CHILD_REQUIRE(receiver.receive(std::span(into)).value() == 5);
            CHILD_REQUIRE(into == numbers(round * 5, 5));
            CHILD_REQUIRE(receiver.receive().value() == std::nullopt);
            done = static_cast<uint32_t>(round) + 1;
            ::pause();
            return 1;
        });
        const auto end = Clock::now() + kPatience;
        while (done != round + 1 && Clock::now() < end)
            std::this_thread::yield();
        ASSERT_EQ(done, round + 1);
        child.kill();
        EXPECT_EQ(sender.room().value(), 8u);
    }
}

TEST(ComesAgain, ASenderThatWasKilledOverwritesNothing)
{
    Meeting<uint64_t> meeting(Made::Attached, 8);
    auto receiver = meeting.receiver();
    uint64_t sent = 0;
    uint64_t received = 0;
    for (const uint32_t batch : {3u, 5u, 8u, 1u, 7u}) {
        Forked child([&] {
            auto sender = meeting.sender();
            CHILD_REQUIRE(sender.room().value() == 8 - (sent - received));
            CHILD_REQUIRE(sender.send(numbers(sent, batch)).value() ==
                          std::min<uint64_t>(batch, 8 - (sent - received)));
            ::kill(::getpid(), SIGKILL);
            return 1;
        });
        EXPECT_EQ(child.wait(), -1);
        sent += std::min<uint64_t>(batch, 8 - (sent - received));
        EXPECT_EQ(receiver.available().value(), sent - received);
        for (int i = 0; i < 2 && received < sent; i++)
            EXPECT_EQ(receiver.receive().value(), received++);
    }
}

// The cursors of both sides of an attached ring that is used already.
void setCursors(const SharedZeros &memory, uint32_t received, uint32_t sent)
{
    memory.at<RingSide>(0).cursor = received;
    memory.at<RingSide>(sizeof(RingSide)).cursor = sent;
}

// A cursor of 0 is also one that has gone all the way round.
TEST(ComesAgain, ASenderWhoseCursorStandsAtZeroOverwritesNothing)
{
    Meeting<uint64_t> meeting(Made::Attached, 8);
    meeting.receiver();
    meeting.sender();
    setCursors(meeting.memory(), UINT32_MAX - 5, UINT32_MAX - 5);
    {
        auto sender = meeting.sender();
        ASSERT_EQ(sender.send(numbers(0, 6)).value(), 6u);
    }
    auto sender = meeting.sender();
    EXPECT_EQ(sender.room().value(), 2u);
    EXPECT_EQ(sender.send(numbers(6, 8)).value(), 2u);
    auto receiver = meeting.receiver();
    EXPECT_EQ(drain(receiver), numbers(0, 8));
    EXPECT_EQ(sender.room().value(), 8u);
}

TEST(ComesAgain, BothSidesOverTheWrapOfTheCursors)
{
    for (uint32_t sent = UINT32_MAX - 10; sent != 10; sent++) {
        Meeting<uint64_t> meeting(Made::Attached, 8);
        meeting.receiver();
        meeting.sender();
        setCursors(meeting.memory(), sent - 5, sent);
        auto sender = meeting.sender();
        EXPECT_EQ(sender.room().value(), 3u) << sent;
        auto receiver = meeting.receiver();
        EXPECT_EQ(receiver.available().value(), 5u) << sent;
    }
}

// Who was killed in its sleep is not called any more.
TEST(ComesAgain, IsAwake)
{
    Meeting<uint64_t> meeting(Made::Attached, 8);
    auto &receivers = meeting.memory().at<RingSide>(0).sleeps;
    auto &senders = meeting.memory().at<RingSide>(sizeof(RingSide)).sleeps;
    meeting.sender();
    meeting.receiver();
    receivers = senders = static_cast<uint32_t>(SleepState::OnBell);
    const auto sender = meeting.sender();
    EXPECT_EQ(senders, 0u);
    const auto receiver = meeting.receiver();
    EXPECT_EQ(receivers, 0u);
}

TEST(ComesAgain, WithoutAPeerYet)
{
    Meeting<uint64_t> meeting(Made::Attached, 8);
    ASSERT_EQ(meeting.sender().send(numbers(0, 3)).value(), 3u);
    auto sender = meeting.sender();
    EXPECT_EQ(sender.room().value(), 5u);
    auto receiver = meeting.receiver();
    EXPECT_EQ(sender.room().value(), 5u);
    EXPECT_EQ(drain(receiver), numbers(0, 3));
}

} // namespace
