// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Conservation between two processes: whatever the batches and however often one waits for the other,
// every item arrives once, in order and whole, also over the wrap of the cursors.
// RING_STRESS_ITEMS says how many; 10^9 take a few minutes.
#include "ring_ends.h"

#include <array>
#include <cstdlib>
#include <random>

using namespace ringcore;
using namespace ringtest;

namespace
{

struct Numbered {
    uint64_t number;
    uint64_t checksum;

    friend bool operator==(const Numbered &, const Numbered &) = default;
};

Numbered itemOf(uint64_t number)
{
    uint64_t mixed = number + 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    return {number, mixed ^ (mixed >> 27)};
}

uint64_t itemsWanted()
{
    const char *const wanted = std::getenv("RING_STRESS_ITEMS");
    return wanted ? std::strtoull(wanted, nullptr, 10) : 2'000'000;
}

constexpr uint32_t kCapacity = 256;
constexpr uint32_t kJustBeforeTheWrap = UINT32_MAX - 1000;

// What each process says at its end, and both agree on.
struct Account {
    std::atomic<uint64_t> items;
    std::atomic<uint64_t> sum;
    std::atomic<uint64_t> sleeps;
};

// Whichever call the dice say, in batches of any size.
int send(Sender<Numbered> sender, uint64_t count, Account &account)
{
    std::mt19937_64 random(1);
    std::vector<Numbered> batch;
    uint64_t next = 0;
    uint64_t sum = 0;
    const auto following = [&] {
        const Numbered item = itemOf(next++);
        sum += item.checksum;
        return item;
    };
    while (next < count) {
        const auto wanted = static_cast<uint32_t>(std::min(random() % (2 * kCapacity) + 1, count - next));
        CHILD_REQUIRE(sender.waitForRoom(1, within(kPatience)).value() == Wake::Ready);
        switch (random() % 4) {
        case 0:
            CHILD_REQUIRE(sender.send(following()).value());
            break;
        case 1: {
            batch.clear();
            for (uint32_t i = 0; i < wanted; i++)
                batch.push_back(itemOf(next + i));
            const uint32_t sent = sender.send(std::span<const Numbered>(batch)).value();
            for (uint32_t i = 0; i < sent; i++)
                following();
            break;
        }
        case 2:
            CHILD_REQUIRE(sender.sendInPlace([&](Parts<Numbered> places) {
                const size_t most = std::min<size_t>(places.size(), wanted);
                for (size_t i = 0; i < most; i++)
                    places[i] = following();
                return most;
            }));
            break;
        case 3: {
            const uint64_t end = next + wanted;
            CHILD_REQUIRE(
                sender.sendEach([&] { return next < end ? std::optional(following()) : std::nullopt; }));
            break;
        }
        }
    }
    account.items = sender.statistics().items;
    account.sum = sum;
    account.sleeps = sender.statistics().sleeps;
    // All of it is taken before the end: who goes leaves nothing in doubt.
    CHILD_REQUIRE(sender.waitForRoom(kCapacity, within(kPatience)).value() == Wake::Ready);
    return 0;
}

int receive(Receiver<Numbered> receiver, uint64_t count, Account &account)
{
    std::mt19937_64 random(2);
    std::vector<Numbered> batch;
    uint64_t next = 0;
    uint64_t sum = 0;
    bool good = true;
    const auto check = [&](const Numbered &item) {
        good &= item == itemOf(next++);
        sum += item.checksum;
    };
    while (good && next < count) {
        const auto wanted = static_cast<uint32_t>(random() % (2 * kCapacity) + 1);
        CHILD_REQUIRE(receiver.waitForItems(1, within(kPatience)).value() == Wake::Ready);
        switch (random() % 5) {
        case 0:
            check(receiver.receive().value().value());
            break;
        case 1: {
            batch.resize(wanted);
            const uint32_t received = receiver.receive(std::span(batch)).value();
            for (uint32_t i = 0; i < received; i++)
                check(batch[i]);
            break;
        }
        case 2:
            CHILD_REQUIRE(receiver.receiveInPlace([&](Parts<const Numbered> items) {
                const size_t most = std::min<size_t>(items.size(), wanted);
                for (size_t i = 0; i < most; i++)
                    check(items[i]);
                return most;
            }));
            break;
        case 3:
            CHILD_REQUIRE(receiver.receiveEach(check));
            break;
        case 4: {
            const auto items = receiver.peek().value();
            const auto most = static_cast<uint32_t>(std::min<size_t>(items.size(), wanted));
            for (uint32_t i = 0; i < most; i++)
                check(items[i]);
            CHILD_REQUIRE(receiver.consume(most));
            break;
        }
        }
    }
    CHILD_REQUIRE(good);
    account.items = receiver.statistics().items;
    account.sum = sum;
    account.sleeps = receiver.statistics().sleeps;
    return 0;
}

class RingStress : public testing::TestWithParam<Made>
{
};

TEST_P(RingStress, EveryItemArrivesOnceInOrderAndWhole)
{
    const uint64_t count = itemsWanted() / std::size(kEveryWay);
    Meeting<Numbered> meeting(GetParam(), kCapacity);
    if (meeting.attached()) {
        // The ring has been used already, up to just before the wrap.
        meeting.sender();
        meeting.receiver();
        meeting.memory().at<RingSide>(0).cursor = kJustBeforeTheWrap;
        meeting.memory().at<RingSide>(sizeof(RingSide)).cursor = kJustBeforeTheWrap;
    }
    const SharedZeros accounts(4096);
    auto &sent = accounts.at<Account>(0);
    auto &received = accounts.at<Account>(2048);
    Forked sender([&] {
        ::alarm(0); // 10^9 items take longer than a test may
        return send(meeting.sender(), count, sent);
    });
    Forked receiver([&] {
        ::alarm(0);
        return receive(meeting.receiver(), count, received);
    });
    EXPECT_EQ(sender.wait(), 0);
    EXPECT_EQ(receiver.wait(), 0);
    EXPECT_EQ(sent.items, count);
    EXPECT_EQ(received.items, count);
    EXPECT_EQ(sent.sum, received.sum);
    RecordProperty("sleepsOfTheSender", static_cast<int>(sent.sleeps));
    RecordProperty("sleepsOfTheReceiver", static_cast<int>(received.sleeps));
    if (meeting.attached()) {
        EXPECT_EQ(meeting.memory().at<RingSide>(0).cursor, static_cast<uint32_t>(kJustBeforeTheWrap + count));
        EXPECT_EQ(meeting.memory().at<RingSide>(sizeof(RingSide)).cursor,
                  static_cast<uint32_t>(kJustBeforeTheWrap + count));
    }
}

// A sender that never waits, and sends the moment that there is room: while the receiver is about to poll.
int sendAtOnce(Sender<Numbered> sender, uint64_t count)
{
    std::minstd_rand random(3);
    for (uint64_t next = 0; next < count;) {
        if (!sender.send(itemOf(next)).value()) {
            CHILD_REQUIRE(!sender.peerIsGone());
            continue;
        }
        next++;
        for (auto pause = random() % 256; pause > 0; pause--)
            std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    CHILD_REQUIRE(sender.waitForRoom(1, within(kPatience)).value() == Wake::Ready);
    return 0;
}

TEST(PollStress, NoPollIsLeftWithAnItemThere)
{
    const uint64_t count = itemsWanted() / 20;
    Meeting<Numbered> meeting(Made::BySender, 1);
    Forked sender([&] {
        ::alarm(0);
        return sendAtOnce(meeting.sender(), count);
    });
    auto receiver = meeting.receiver();
    uint64_t polls = 0;
    for (uint64_t next = 0; next < count;) {
        if (const auto item = receiver.receive().value()) {
            ASSERT_EQ(*item, itemOf(next++));
            continue;
        }
        if (receiver.prepareToPoll().value())
            continue;
        polls++;
        // Nobody else ends this one.
        ASSERT_EQ(polled(receiver.pollFd(), kPatience), POLLIN) << receiver.available().value();
        receiver.finishPoll();
    }
    EXPECT_EQ(sender.wait(), 0);
    RecordProperty("polls", static_cast<int>(polls));
}

INSTANTIATE_TEST_SUITE_P(Made, RingStress, testing::ValuesIn(kEveryWay),
                         [](const auto &instance) { return nameOf(instance.param); });

} // namespace
