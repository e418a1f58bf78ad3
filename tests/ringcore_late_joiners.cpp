// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who joins a stream that has begun does not begin with a delta; who was there gets every buffer.
#include "ring_consumer.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace
{

using namespace ringtest;
using ringcore::PublishOutcome;
using ringcore::SlowClient;
using Numbers = std::vector<uint32_t>;
using Keeping = Consumer::Keeping;

void publish(Producer &producer, uint32_t number, bool isDelta)
{
    auto buffer = producer.make(number, 4096).value();
    buffer.isDelta = isDelta;
    const PublishOutcome outcome = producer.stream().publish(buffer);
    EXPECT_TRUE(outcome == PublishOutcome::Delivered || outcome == PublishOutcome::NobodyThere);
}

void key(Producer &producer, uint32_t number)
{
    publish(producer, number, false);
}

void delta(Producer &producer, uint32_t number)
{
    publish(producer, number, true);
}

} // namespace

TEST(LateJoiner, BeginsWithNoDelta)
{
    Producer producer;
    Consumer first(producer.socket());
    producer.awaitJoined(1);
    key(producer, 1);
    Consumer late(producer.socket());
    producer.awaitJoined(2);
    delta(producer, 2);
    EXPECT_TRUE(producer.stream().somebodyWaitsToBegin());
    delta(producer, 3);
    ASSERT_TRUE(first.awaitBuffers(3));
    key(producer, 4);
    EXPECT_FALSE(producer.stream().somebodyWaitsToBegin());
    delta(producer, 5);
    ASSERT_TRUE(first.awaitBuffers(5));
    ASSERT_TRUE(late.awaitBuffers(2));
    EXPECT_EQ(first.buffers(), upTo(5));
    EXPECT_EQ(late.buffers(), Numbers({4, 5}));
    EXPECT_EQ(producer.sum().drops, 0u); // nothing was lost
}

TEST(LateJoiner, IsOneAlsoWhereNobodyWasThereBefore)
{
    Producer producer;
    producer.stream().passBy(false);
    Consumer late(producer.socket());
    producer.awaitJoined(1);
    delta(producer, 1);
    key(producer, 2);
    ASSERT_TRUE(late.awaitBuffers(1));
    EXPECT_EQ(late.buffers(), Numbers{2});
}

// As of an MPEG transport stream of audio alone.
TEST(LateJoiner, BeginsWithADeltaWhereThereIsNothingElse)
{
    Producer producer;
    Consumer first(producer.socket());
    producer.awaitJoined(1);
    producer.stream().passBy(true);
    delta(producer, 1);
    ASSERT_TRUE(first.awaitBuffers(1));
    Consumer late(producer.socket());
    producer.awaitJoined(2);
    delta(producer, 2);
    ASSERT_TRUE(late.awaitBuffers(1));
    EXPECT_FALSE(producer.stream().somebodyWaitsToBegin());
}

TEST(LateJoiner, IsNotWhoIsThereFromTheBeginning)
{
    Producer producer;
    Consumer first(producer.socket());
    producer.awaitJoined(1);
    delta(producer, 1); // a stream may begin so
    ASSERT_TRUE(first.awaitBuffers(1));
    EXPECT_FALSE(producer.stream().somebodyWaitsToBegin());
}

TEST(LateJoiner, IsNotWhoJoinsBetweenTwoStreams)
{
    for (const bool byFlush : {true, false}) {
        Producer producer;
        key(producer, 1);
        producer.stream().passBy(false);
        if (byFlush) {
            producer.stream().flushStart();
            producer.stream().flushStop(true, {});
        } else {
            producer.stream().endOfStream();
        }
        Consumer next(producer.socket());
        producer.awaitJoined(1);
        delta(producer, 2);
        ASSERT_TRUE(next.awaitBuffers(1)) << byFlush;
    }
}

TEST(LateJoiner, BeginsWithinAList)
{
    Producer producer;
    producer.stream().passBy(false);
    Consumer late(producer.socket());
    producer.awaitJoined(1);
    const Numbers numbers = {1, 2, 3, 4};
    std::vector<ringcore::Outgoing> list;
    for (const uint32_t &number : numbers) {
        list.push_back(producer.make(number, 4096).value());
        list.back().isDelta = number != 3;
    }
    EXPECT_EQ(producer.stream().publishList(list).taken, list.size());
    ASSERT_TRUE(late.awaitBuffers(2));
    EXPECT_EQ(late.buffers(), Numbers({3, 4}));
    EXPECT_EQ(late.texts().back(), "4;");
}

// With SlowClient::Block nobody waits for one that would not get the buffer anyway.
TEST(LateJoiner, DoesNotHoldUpTheStreamBeforeItBegins)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    Consumer first(producer.socket());
    producer.awaitJoined(1);
    key(producer, 1);
    ASSERT_TRUE(first.awaitBuffers(1));
    Consumer late(producer.socket(), Keeping::Everything);
    producer.awaitJoined(2);
    for (uint32_t number = 2; number <= 9; number++)
        delta(producer, number);
    ASSERT_TRUE(first.awaitBuffers(9));
    EXPECT_EQ(late.buffers(), Numbers{});
    key(producer, 10);
    ASSERT_TRUE(late.awaitBuffers(1));
}

TEST(LateJoiner, ThatHasNoRoomForTheKeyUnitWaitsForTheNext)
{
    Producer producer{ProducerOptions(1)};
    Consumer first(producer.socket());
    producer.awaitJoined(1);
    key(producer, 1);
    ASSERT_TRUE(first.awaitBuffers(1));
    first.stop();
    producer.awaitLeft(1);

    // It is behind, and its ring is full of events that it does not read.
    Consumer late(producer.socket(), Keeping::Nothing, Consumer::Reading::WhenAsked);
    producer.awaitJoined(2);
    for (int i = 0; i < 70; i++)
        producer.event("event");
    key(producer, 2);
    delta(producer, 3);
    EXPECT_TRUE(producer.stream().somebodyWaitsToBegin());
    late.readFreely();
    ASSERT_TRUE(awaitState([&] {
        key(producer, 4);
        return late.buffers().size() > 0;
    }));
    EXPECT_EQ(late.buffers().front(), 4u);
}
