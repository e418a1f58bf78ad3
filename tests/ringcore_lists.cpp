// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Lists of buffers: each is told by one update of a ring and one wake, arrives whole and in order where
// there is room, is always ended where there is not, and can be gone on with after an interruption.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"
#include "subscriber_fixture.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace
{

using ringcore::kRecordInList;
using ringcore::kRecordListGoesOn;
using ringcore::ListOutcome;
using ringcore::ListPlace;
using ringcore::PublishOutcome;
using ringcore::SlowClient;
using ringtest::awaitState;
using ringtest::Consumer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using ringtest::Texts;
using ringtest::upTo;
using Keeping = Consumer::Keeping;
using Reading = Consumer::Reading;
using ListProducer = ringtest::Producer;

// Numbered buffers on their way out as one list; those that are never taken are given up at its end.
class List
{
public:
    List(ListProducer &producer, uint32_t first, uint32_t last, size_t size = 4096, size_t extra = 0)
        : producer_(producer)
    {
        for (uint32_t number = first; number <= last; number++) {
            numbers_.push_back(number);
            extras_.emplace_back(extra, std::byte(number));
        }
        for (size_t i = 0; i < numbers_.size(); i++) {
            buffers_.push_back(producer.make(numbers_[i], size).value());
            buffers_.back().extra = extras_[i];
        }
    }
    ~List()
    {
        for (const auto &buffer : rest()) {
            if (buffer.keeper.release)
                buffer.keeper.release(buffer.keeper.owner);
        }
    }
    List(const List &) = delete;

    // What is left of it.
    ListOutcome publish()
    {
        const ListOutcome outcome = producer_.stream().publishList(rest());
        taken_ += outcome.taken;
        return outcome;
    }

private:
    std::span<const ringcore::Outgoing> rest() const { return std::span(buffers_).subspan(taken_); }

    ListProducer &producer_;
    std::vector<uint32_t> numbers_;
    std::vector<ringcore::Outgoing> buffers_;
    std::vector<std::vector<std::byte>> extras_;
    size_t taken_ = 0;
};

void deliverList(ListProducer &producer, uint32_t first, uint32_t last, size_t size = 4096)
{
    const ListOutcome outcome = List(producer, first, last, size).publish();
    EXPECT_EQ(outcome.outcome, PublishOutcome::Delivered);
    EXPECT_EQ(outcome.taken, last - first + 1);
}

// On a thread of its own.
std::future<ListOutcome> publishing(List &list)
{
    return std::async(std::launch::async, [&list] { return list.publish(); });
}

uint32_t numberIn(const ringcore::Record &record)
{
    uint32_t number = 0;
    std::memcpy(&number, record.inlineBytes, sizeof number);
    return number;
}

} // namespace

// ---- whole

TEST(Lists, ArriveAsListsAmongBuffersThatAreNone)
{
    ListProducer producer{ProducerOptions(16)};
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.deliver(1);
    deliverList(producer, 2, 4);
    deliverList(producer, 5, 5); // of one
    deliverList(producer, 6, 7, 0);
    producer.deliver(8);
    ASSERT_TRUE(consumer.awaitLast("8"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "1!", "2,", "3,", "4;", "5;", "6,", "7;", "8"}));
    EXPECT_EQ(producer.sum().buffers, 8u);
    EXPECT_EQ(producer.stream().statistics().published, 8u);
    producer.expectNothingOut();
}

TEST(Lists, WithoutBuffersAreNothing)
{
    ListProducer producer;
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    const ListOutcome outcome = producer.stream().publishList({});
    EXPECT_EQ(outcome.outcome, PublishOutcome::Delivered);
    EXPECT_EQ(outcome.taken, 0u);
    producer.deliver(1);
    ASSERT_TRUE(consumer.awaitLast("1!"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "1!"}));
}

TEST(Lists, ForNobodyAreGivenUp)
{
    ListProducer producer;
    List list(producer, 1, 3);
    const ListOutcome outcome = list.publish();
    EXPECT_EQ(outcome.outcome, PublishOutcome::NobodyThere);
    EXPECT_EQ(outcome.taken, 3u);
    producer.expectNothingOut();
}

TEST(Lists, RingTheBellOfASleeperOnce)
{
    ListProducer producer{ProducerOptions(16)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    client.returnPage().consumerSleeps = 1;
    const uint32_t bell = client.forward().bell;
    const uint32_t cursor = client.forward().cursor;
    deliverList(producer, 1, 8);
    EXPECT_EQ(client.forward().bell, bell + 1);
    EXPECT_EQ(client.forward().cursor, cursor + 8);
    EXPECT_EQ(producer.sum().wakes, 1u);
    deliverList(producer, 9, 9);
    EXPECT_EQ(client.forward().bell, bell + 2);
}

// ---- no room

TEST(ListsDrop, WhatFindsNoRoomIsMissingAndTheListIsEndedBeforeIt)
{
    ListProducer producer{ProducerOptions(4)};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    producer.deliver(1);
    deliverList(producer, 2, 7);
    ASSERT_TRUE(slow.awaitBuffers(4));
    EXPECT_EQ(slow.texts(), (Texts{"joined", "1!", "2,", "3,", "4;"}));
    EXPECT_EQ(producer.sum().drops, 3u);
    deliverList(producer, 8, 9); // none of it
    EXPECT_EQ(producer.sum().drops, 5u);
    slow.giveBackAll();
    deliverList(producer, 10, 11);
    ASSERT_TRUE(slow.awaitLast("11;"));
    EXPECT_EQ(slow.texts(), (Texts{"joined", "1!", "2,", "3,", "4;", "10!,", "11;"}));
}

TEST(ListsDrop, OthersGetAllOfIt)
{
    ListProducer producer{ProducerOptions(4)};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1); // before the other, so that it is told first
    Consumer quick(producer.socket());
    producer.awaitJoined(2);
    for (uint32_t number = 1; number <= 3; number++) {
        producer.deliver(number);
        ASSERT_TRUE(quick.awaitBuffers(number));
        ASSERT_TRUE(slow.awaitBuffers(number));
    }
    ASSERT_TRUE(awaitState([&] { // all that the quick one had
        producer.stream().reap();
        return producer.sum().heldBlocks == 3;
    }));
    deliverList(producer, 4, 7);
    ASSERT_TRUE(quick.awaitLast("7;"));
    EXPECT_EQ(quick.texts(), (Texts{"joined", "1!", "2", "3", "4,", "5,", "6,", "7;"}));
    ASSERT_TRUE(slow.awaitLast("4;"));
    EXPECT_EQ(producer.sum().drops, 3u);

    slow.giveBackAll();
    deliverList(producer, 8, 8);
    ASSERT_TRUE(slow.awaitLast("8!;"));
    ASSERT_TRUE(quick.awaitLast("8;")); // it missed nothing
}

TEST(ListsDrop, WhoIsBehindHearsTheStateBeforeItsNextList)
{
    ListProducer producer{ProducerOptions(4)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    for (int event = 0; event < 65; event++)
        producer.event("gap");
    producer.sticky(1, "caps");
    deliverList(producer, 1, 2);
    EXPECT_EQ(producer.sum().drops, 2u);
    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("caps*"));
    deliverList(producer, 3, 4);
    ASSERT_TRUE(consumer.awaitLast("4;"));
    Texts texts = consumer.texts();
    std::erase(texts, "gap");
    EXPECT_EQ(texts, (Texts{"joined", "caps*", "3!,", "4;"}));
}

TEST(ListsDisconnect, WhoCannotTakeAllOfItGoesAndTheOthersGetAll)
{
    ListProducer producer{ProducerOptions(4, SlowClient::Disconnect)};
    Consumer slow(producer.socket(), Keeping::Everything);
    Consumer quick(producer.socket());
    producer.awaitJoined(2);
    producer.deliver(1);
    ASSERT_TRUE(quick.awaitBuffers(1));
    ASSERT_TRUE(slow.awaitBuffers(1));
    ASSERT_TRUE(awaitState([&] {
        producer.stream().reap();
        return producer.sum().heldBlocks == 1;
    }));
    deliverList(producer, 2, 5);
    ASSERT_TRUE(quick.awaitLast("5;"));
    EXPECT_EQ(quick.texts(), (Texts{"joined", "1!", "2,", "3,", "4,", "5;"}));
    ASSERT_TRUE(slow.await("lost"));
    EXPECT_NE(slow.texts().back().find("client too slow (expected 4, found 4)"), std::string::npos);
    EXPECT_EQ(slow.buffers(), upTo(1)); // what it was not shown yet never counts as its own
    EXPECT_EQ(producer.sum().drops, 1u);
    producer.expectNothingOut();
}

TEST(ListsBlock, LongerThanAClientMayHoldTheyArriveWholeNevertheless)
{
    ListProducer producer{ProducerOptions(4, SlowClient::Block)};
    Consumer first(producer.socket());
    Consumer second(producer.socket());
    producer.awaitJoined(2);
    deliverList(producer, 1, 100, 300);
    deliverList(producer, 101, 102, 300);
    Texts expected{"joined", "1!,"};
    for (uint32_t number = 2; number < 100; number++)
        expected.push_back(std::to_string(number) + ",");
    expected.insert(expected.end(), {"100;", "101,", "102;"});
    for (Consumer *consumer : {&first, &second}) {
        ASSERT_TRUE(consumer->awaitLast("102;"));
        EXPECT_EQ(consumer->texts(), expected);
    }
    EXPECT_EQ(producer.sum().drops, 0u);
    producer.expectNothingOut();
}

TEST(ListsBlock, AnInterruptedOneGoesOnWithTheRest)
{
    ListProducer producer{ProducerOptions(2, SlowClient::Block)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    List list(producer, 1, 5);
    auto first = publishing(list);
    ASSERT_TRUE(client.awaitProducerAsleep());
    producer.stream().interrupt();
    const ListOutcome interrupted = first.get();
    EXPECT_EQ(interrupted.outcome, PublishOutcome::Interrupted);
    EXPECT_EQ(interrupted.taken, 2u);
    EXPECT_EQ(list.publish().outcome, PublishOutcome::Interrupted); // none begins until it is resumed
    EXPECT_EQ(client.forward().cursor, 2u);
    producer.stream().resume();
    auto published = publishing(list);
    for (uint32_t number = 1; number <= 5; number++) {
        const auto record = client.read();
        ASSERT_TRUE(record);
        EXPECT_EQ(numberIn(*record), number);
        EXPECT_EQ(record->head.flags & (kRecordInList | kRecordListGoesOn),
                  kRecordInList | (number < 5 ? kRecordListGoesOn : 0u));
        client.giveBack(record->head);
    }
    const ListOutcome outcome = published.get();
    EXPECT_EQ(outcome.outcome, PublishOutcome::Delivered);
    EXPECT_EQ(outcome.taken, 3u);
    producer.expectNothingOut();
}

TEST(ListsBlock, NoneBeginsUntilTheStreamIsResumed)
{
    ListProducer producer{ProducerOptions(4, SlowClient::Block)};
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.stream().interrupt();
    List list(producer, 1, 2);
    const ListOutcome outcome = list.publish();
    EXPECT_EQ(outcome.outcome, PublishOutcome::Interrupted);
    EXPECT_EQ(outcome.taken, 0u);
    producer.stream().resume();
    EXPECT_EQ(list.publish().taken, 2u);
    ASSERT_TRUE(consumer.awaitLast("2;"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "1!,", "2;"}));
}

TEST(ListsBlock, AFlushInMidListThrowsTheRestAway)
{
    ListProducer producer{ProducerOptions(2, SlowClient::Block)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    List list(producer, 1, 5);
    auto published = publishing(list);
    ASSERT_TRUE(awaitState([&] { return producer.sum().buffers == 2; }));
    producer.stream().flushStart();
    const ListOutcome outcome = published.get();
    EXPECT_EQ(outcome.outcome, PublishOutcome::NobodyThere);
    EXPECT_EQ(outcome.taken, 5u);
    producer.stream().flushStop(true, {});
    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("flush (reset)"));
    deliverList(producer, 6, 7);
    ASSERT_TRUE(consumer.awaitLast("7;"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "flush (reset)", "6!,", "7;"}));
    producer.expectNothingOut();
}

TEST(ListsBlock, WhenTheClientLeavesInMidListTheRestIsGivenUp)
{
    ListProducer producer{ProducerOptions(2, SlowClient::Block)};
    std::optional<RawClient> client(producer.socket());
    ASSERT_TRUE(client->join());
    producer.awaitJoined(1);
    List list(producer, 1, 5);
    auto published = publishing(list);
    ASSERT_TRUE(client->awaitProducerAsleep());
    client.reset();
    const ListOutcome outcome = published.get();
    EXPECT_EQ(outcome.outcome, PublishOutcome::NobodyThere);
    EXPECT_EQ(outcome.taken, 5u);
    producer.expectNothingOut();
}

// Its beginning is ended and can be used, and given back, while the rest waits for memory.
TEST(Lists, AreEndedWhereTheArenaHasNoRoomForMore)
{
    ListProducer producer{ProducerOptions(16)};
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    const auto hole = producer.stream().arena().allocate(size_t{12} << 20);
    ASSERT_TRUE(hole);
    List list(producer, 1, 8, 0, size_t{1} << 20);
    const ListOutcome outcome = list.publish();
    EXPECT_EQ(outcome.outcome, PublishOutcome::NoMemory);
    ASSERT_EQ(outcome.taken, 4u);
    ASSERT_TRUE(consumer.await("4;"));
    producer.stream().arena().free(*hole);
    EXPECT_EQ(list.publish().outcome, PublishOutcome::Delivered);
    ASSERT_TRUE(consumer.await("8;"));
    EXPECT_EQ(consumer.buffers(), upTo(8));
    consumer.giveBackAll();
    producer.expectNothingOut();
}

// ---- what a producer may claim

TEST_F(SubscriberTest, AListGoesOnOnlyWhereThereIsOne)
{
    join();
    const std::pair<uint32_t, ListPlace> claims[] = {
        {0, ListPlace::None},
        {kRecordListGoesOn, ListPlace::None},
        {kRecordInList, ListPlace::Last},
        {kRecordInList | kRecordListGoesOn, ListPlace::GoesOn},
        {ringcore::kRecordIsDiscont, ListPlace::None},
    };
    for (const auto &[flags, place] : claims) {
        ringcore::Record record = HostileProducer::plain(1);
        record.head.flags = flags;
        producer->write(record);
        ASSERT_EQ(receive(), Received::Record);
        EXPECT_EQ(delivery.list, place) << flags;
    }
}
