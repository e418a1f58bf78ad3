// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The memory is shared out among the clients: each may hold its share and one block beyond it, so
// that every stream flows; and who keeps others from memory for too long is disconnected.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <thread>

namespace
{

using namespace std::chrono_literals;
using ringcore::PublishOutcome;
using ringcore::SlowClient;
using ringtest::awaitState;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using ringtest::upTo;
using Clock = std::chrono::steady_clock;
using Keeping = Consumer::Keeping;

// 16 MiB: a quarter is the producer's own, 12 MiB are the clients'.
constexpr size_t kMiB = size_t{1} << 20;

TEST(Share, ClientMayHoldItsShareAndOneBlockBeyondIt)
{
    Producer producer{ProducerOptions(16)};
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    for (uint32_t number = 1; number <= 3; number++)
        producer.deliver(number, 4 * kMiB); // its whole share
    producer.deliver(4, 4 * kMiB - 4096);   // the further one
    producer.publish(5, 100);               // and no other, however small
    EXPECT_EQ(producer.sum().drops, 1u);
    ASSERT_TRUE(consumer.awaitBuffers(4));

    consumer.giveBack(4);
    producer.deliver(6, 100); // the further one again
    producer.publish(7, 100);
    EXPECT_EQ(producer.sum().drops, 2u);
    consumer.giveBackAll();
}

TEST(Share, ShrinksForAllWhenAnotherJoinsAndOneBlockStillFlows)
{
    Producer producer{ProducerOptions(16)};
    RawClient first(producer.socket());
    ASSERT_TRUE(first.join());
    producer.awaitJoined(1);
    EXPECT_EQ(first.forward().boundBytes.load(), 12 * kMiB);
    EXPECT_EQ(first.forward().boundBlocks.load(), 16u);
    for (uint32_t number = 1; number <= 3; number++)
        producer.deliver(number, 4 * kMiB);

    std::optional<RawClient> second(producer.socket());
    ASSERT_TRUE(second->join());
    producer.awaitJoined(2);
    EXPECT_EQ(first.forward().boundBytes.load(), 6 * kMiB);
    EXPECT_EQ(second->forward().boundBytes.load(), 6 * kMiB);
    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(first.read());
    for (uint32_t number = 4; number <= 8; number++) {
        producer.deliver(number, kMiB);
        const auto record = first.read();
        ASSERT_TRUE(record);
        first.giveBack(record->head);
        second->giveBack(second->read()->head);
    }
    EXPECT_EQ(producer.sum().drops, 0u);

    second.reset();
    producer.awaitLeft(1);
    EXPECT_EQ(first.forward().boundBytes.load(), 12 * kMiB);
}

TEST(Share, FrameLargerThanTheShareFlowsToEveryClient)
{
    Producer producer{ProducerOptions(16, SlowClient::Block)};
    std::vector<std::unique_ptr<Consumer>> consumers;
    for (int i = 0; i < 8; i++)
        consumers.push_back(std::make_unique<Consumer>(producer.socket(), Keeping::WhatItMay));
    producer.awaitJoined(8);
    for (uint32_t number = 1; number <= 20; number++)
        producer.deliver(number, 6 * kMiB); // the share is 1.5 MiB
    for (const auto &consumer : consumers) {
        ASSERT_TRUE(consumer->awaitBuffers(20));
        EXPECT_EQ(consumer->buffers(), upTo(20));
        EXPECT_GT(consumer->nearBounds(), 0u);
    }
}

TEST(Share, ClientThatCopiesNearItsBoundIsNeverStarvedWhateverItsDownstreamHolds)
{
    for (const uint32_t depth : {4u, 16u}) {
        Producer producer{ProducerOptions(depth, SlowClient::Block)};
        Consumer hoarder(producer.socket(), Keeping::WhatItMay);
        producer.awaitJoined(1);
        for (uint32_t number = 1; number <= 100; number++)
            producer.deliver(number, kMiB);
        std::optional<Consumer> second(std::in_place, producer.socket(), Keeping::WhatItMay);
        producer.awaitJoined(2);
        for (uint32_t number = 101; number <= 200; number++)
            producer.deliver(number, kMiB);
        ASSERT_TRUE(hoarder.awaitBuffers(200));
        ASSERT_TRUE(second->awaitBuffers(100));
        EXPECT_EQ(hoarder.buffers(), upTo(200));
    }
}

TEST(Shortage, ClientAboveItsShareForTooLongIsDisconnected)
{
    ProducerOptions options(16);
    options.config.fanOut.hoardingAllowed = 50ms;
    Producer producer{std::move(options)};
    Consumer hoarder(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    for (uint32_t number = 1; number <= 3; number++)
        producer.deliver(number, 4 * kMiB);
    ASSERT_TRUE(hoarder.awaitBuffers(3));
    producer.stream().relieveShortage(5 * kMiB); // it holds what was its share
    EXPECT_EQ(producer.stream().consumers(), 1u);

    Consumer honest(producer.socket());
    producer.awaitJoined(2);
    EXPECT_EQ(producer.publish(4, 5 * kMiB), PublishOutcome::NoMemory);
    ASSERT_TRUE(awaitState([&] {
        producer.stream().relieveShortage(5 * kMiB);
        return producer.stream().consumers() == 1;
    }));
    EXPECT_EQ(producer.publish(5, 5 * kMiB), PublishOutcome::Delivered);
    ASSERT_TRUE(honest.awaitBuffers(1));
    ASSERT_TRUE(producer.heard().await("dropped: client hoards memory (expected 6291456, found 12582912)"))
        << producer.heard().warnings();
}

TEST(Shortage, ClientHasItsTimeFromWhenItsShareWasLastLowered)
{
    ProducerOptions options(16);
    options.config.fanOut.hoardingAllowed = 10s;
    Producer producer{std::move(options)};
    Consumer hoarder(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    for (uint32_t number = 1; number <= 3; number++)
        producer.deliver(number, 4 * kMiB);
    Consumer honest(producer.socket());
    producer.awaitJoined(2);
    producer.stream().relieveShortage(5 * kMiB);
    EXPECT_EQ(producer.stream().consumers(), 2u);
}

// Small blocks come from the low end, but one that was cut when the low end was full stands high.
class SplitArena : public testing::Test
{
protected:
    // Fills the arena with small blocks up to the middle, and lets `client` keep but the last.
    void splitWith(RawClient &client)
    {
        std::vector<ringcore::Block> below;
        while (below.empty() || below.back().offset < 8 * kMiB)
            below.push_back(*producer_.stream().arena().allocate(60'000));
        producer_.deliver(1, 100, 100);
        ASSERT_TRUE(client.read());
        for (const auto &block : below)
            producer_.stream().arena().free(block);
        ASSERT_LT(producer_.stream().statistics().largestFreeRun, 9 * kMiB);
    }

    static ProducerOptions options()
    {
        ProducerOptions options(16);
        options.config.fanOut.hoardingAllowed = 50ms;
        return options;
    }

    Producer producer_{options()};
};

TEST_F(SplitArena, ClientWhoseSmallBlocksAloneSplitTheRoomIsDisconnected)
{
    Consumer honest(producer_.socket());
    producer_.awaitJoined(1);
    RawClient splitter(producer_.socket());
    ASSERT_TRUE(splitter.join());
    producer_.awaitJoined(2);
    splitWith(splitter);
    ASSERT_TRUE(honest.awaitBuffers(1));

    producer_.stream().relieveShortage(12 * kMiB); // it may be on its way back
    EXPECT_EQ(producer_.stream().consumers(), 2u);
    ASSERT_TRUE(awaitState([&] {
        producer_.stream().relieveShortage(12 * kMiB);
        return producer_.stream().consumers() == 1;
    }));
    ASSERT_TRUE(producer_.heard().await("dropped: client hoards memory")) << producer_.heard().warnings();
    producer_.deliver(2, 12 * kMiB);
    ASSERT_TRUE(honest.awaitBuffers(2));
}

TEST_F(SplitArena, NobodyGoesWhereItWouldNotHelp)
{
    RawClient splitter(producer_.socket());
    ASSERT_TRUE(splitter.join());
    producer_.awaitJoined(1);
    splitWith(splitter);
    const auto other = producer_.stream().arena().allocate(6 * kMiB); // the producer's own
    ASSERT_TRUE(other);
    const auto until = Clock::now() + 100ms;
    while (Clock::now() < until)
        producer_.stream().relieveShortage(12 * kMiB);
    EXPECT_EQ(producer_.stream().consumers(), 1u);
    producer_.stream().arena().free(*other);
}

TEST(Shortage, WaitForAReleaseEndsWithOneOrWithItsTime)
{
    Producer producer;
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    const auto record = client.read();
    std::thread releaser([&] {
        EXPECT_TRUE(client.awaitProducerAsleep());
        client.giveBack(record->head);
    });
    const auto begun = Clock::now();
    producer.stream().waitForRelease(20s);
    EXPECT_LT(Clock::now() - begun, 10s);
    releaser.join();
    producer.expectNothingOut();
    producer.stream().waitForRelease(10ms);
    EXPECT_GE(Clock::now() - begun, 10ms);
}

} // namespace
