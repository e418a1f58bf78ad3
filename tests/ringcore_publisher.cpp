// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One stream, honest consumers: whenever one joins it hears the state first and then everything, in
// order; what it gives back comes back, in whatever order and from whatever thread.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

namespace
{

using ringcore::PublishOutcome;
using ringcore::SlowClient;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using ringtest::Texts;
using Keeping = Consumer::Keeping;

TEST(Publisher, ClientThatIsThereHearsEverythingInOrder)
{
    Producer producer;
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.sticky(1, "stream");
    producer.sticky(2, "caps");
    producer.deliver(1);
    producer.event("gap");
    producer.deliver(2);
    producer.stream().endOfStream();

    ASSERT_TRUE(consumer.awaitLast("eos"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "stream", "caps", "1!", "gap", "2", "eos"}));
}

TEST(Publisher, ClientThatJoinsWhileTheStreamIdlesHearsTheStateAtOnce)
{
    Producer producer;
    producer.sticky(2, "caps"); // the order is that of the places
    producer.sticky(1, "stream");
    producer.sticky(3, "title", "title");
    producer.sticky(3, "artist", "artist");
    producer.sticky(2, "newer caps");
    producer.event("gap"); // nobody there: gone
    EXPECT_EQ(producer.publish(1), PublishOutcome::NobodyThere);

    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.await("artist"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "stream*", "newer caps*", "title*", "artist*"}));
    producer.deliver(2);
    ASSERT_TRUE(consumer.awaitLast("2!"));
}

TEST(Publisher, ClientThatJoinsAtTheEndHearsTheStateAndTheEnd)
{
    Producer producer;
    producer.sticky(1, "stream");
    producer.stream().endOfStream();

    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.awaitLast("eos"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "stream*", "eos"}));
}

TEST(Publisher, StreamThatBeginsAnewAfterItsEndIsNotAtItsEnd)
{
    Producer producer;
    producer.sticky(1, "first");
    Consumer early(producer.socket());
    ASSERT_TRUE(early.awaitLast("first*"));
    producer.stream().endOfStream();
    ASSERT_TRUE(early.awaitLast("eos"));
    producer.sticky(1, "second");
    producer.deliver(1);

    Consumer late(producer.socket());
    ASSERT_TRUE(late.await("second"));
    producer.deliver(2);
    ASSERT_TRUE(late.awaitLast("2!"));
    ASSERT_TRUE(early.awaitLast("2"));
    EXPECT_EQ(late.texts(), (Texts{"joined", "second*", "2!"}));
    EXPECT_EQ(early.texts(), (Texts{"joined", "first*", "eos", "second", "1!", "2"}));
}

TEST(Publisher, ClientThatIsSlowToReadHearsTheEndBetweenTwoStreams)
{
    Producer producer;
    Consumer consumer(producer.socket(), Keeping::Nothing, Consumer::Reading::WhenAsked);
    producer.awaitJoined(1);
    producer.sticky(1, "first");
    producer.deliver(1);
    producer.stream().endOfStream();
    producer.sticky(1, "second"); // before it read anything
    producer.deliver(2);

    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("2"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "first", "1!", "eos", "second", "2"}));
}

TEST(Publisher, EventsTooLargeForARecordArriveWhole)
{
    Producer producer;
    const std::string caps(5000, 'c');
    const std::string gap(300, 'g');
    producer.sticky(1, caps);
    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.await(caps));
    producer.event(gap);
    producer.event(std::string(ringcore::kInlineBytes, 'i'));
    producer.event(std::string(ringcore::kInlineBytes + 1, 'b'));
    producer.stream().endOfStream();

    ASSERT_TRUE(consumer.awaitLast("eos"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", caps + "*", gap, std::string(ringcore::kInlineBytes, 'i'),
                                       std::string(ringcore::kInlineBytes + 1, 'b'), "eos"}));
    producer.expectNothingOut();
}

TEST(Publisher, EmptyBuffersAndBuffersWithMoreThanARecordHoldsArriveWhole)
{
    Producer producer;
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.deliver(1, 0);
    producer.deliver(2, 1);
    producer.deliver(3, 3'000'000, 700);
    producer.deliver(4, 0, 9000);

    ASSERT_TRUE(consumer.awaitLast("4"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "1!", "2", "3", "4"}));
    producer.expectNothingOut();
}

TEST(Publisher, PayloadIsWrittenOnceForAll)
{
    Producer producer;
    std::vector<std::unique_ptr<Consumer>> consumers;
    for (int i = 0; i < 8; i++)
        consumers.push_back(std::make_unique<Consumer>(producer.socket(), Keeping::Everything));
    producer.awaitJoined(8);
    producer.deliver(1, 1 << 20);

    for (const auto &consumer : consumers)
        ASSERT_TRUE(consumer->awaitBuffers(1));
    const auto statistics = producer.stream().statistics();
    EXPECT_EQ(statistics.arenaUsed, 1u << 20);
    EXPECT_EQ(statistics.publishedBytes, 1u << 20);
    EXPECT_EQ(statistics.sum.bytes, 8u << 20);
    EXPECT_EQ(statistics.consumers.size(), 8u);
    for (size_t i = 0; i + 1 < consumers.size(); i++)
        consumers[i]->giveBackAll();
    producer.stream().reap();
    EXPECT_EQ(producer.blocksOut(), 1u); // the last one still has it
    consumers.back()->giveBackAll();
    producer.expectNothingOut();
}

// ---- giving back

class PublisherDepth : public testing::TestWithParam<uint32_t>
{
};

TEST_P(PublisherDepth, ClientHoldsAsManyBuffersAsItMayAndGivesThemBackInAnyOrder)
{
    const uint32_t depth = GetParam();
    Producer producer{ProducerOptions(depth)};
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    std::mt19937 random(depth);
    uint32_t number = 0;
    for (int round = 0; round < 3; round++) {
        std::vector<uint32_t> out;
        for (uint32_t i = 0; i < depth; i++) {
            out.push_back(++number);
            producer.deliver(number, 100);
        }
        ASSERT_TRUE(consumer.awaitBuffers(number));
        producer.publish(1'000'000, 100); // one too many: dropped
        EXPECT_EQ(producer.sum().drops, static_cast<uint64_t>(round) + 1);
        EXPECT_EQ(producer.sum().heldBlocks, depth);
        std::shuffle(out.begin(), out.end(), random);
        for (const uint32_t one : out)
            consumer.giveBack(one);
        producer.expectNothingOut();
    }
    EXPECT_EQ(consumer.buffers().size(), size_t{3} * depth);
}

INSTANTIATE_TEST_SUITE_P(Depths, PublisherDepth, testing::Values(1, 4, 16, 256));

TEST(Publisher, BuffersAreGivenBackFromManyThreadsAtOnce)
{
    constexpr uint32_t kBuffers = 2000;
    ProducerOptions options(16, SlowClient::Block);
    Producer producer{std::move(options)};
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    std::vector<std::thread> threads;
    for (uint32_t which = 0; which < 4; which++) {
        threads.emplace_back([&, which] {
            for (uint32_t number = which + 1; number <= kBuffers; number += 4) {
                ASSERT_TRUE(consumer.awaitBuffers(number));
                consumer.giveBack(number);
            }
        });
    }
    for (uint32_t number = 1; number <= kBuffers; number++)
        producer.deliver(number, 1000 + number % 7000);
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(consumer.buffers().size(), kBuffers);
    producer.expectNothingOut();
}

TEST(Publisher, DoubledForeignAndEarlyReleasesReleaseNothingElse)
{
    Producer producer;
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    Consumer honest(producer.socket(), Keeping::Everything);
    producer.awaitJoined(2);
    producer.deliver(1);
    producer.deliver(2);
    const auto first = client.read();
    const auto second = client.read();
    ASSERT_TRUE(first && second);
    ASSERT_TRUE(honest.awaitBuffers(2));
    honest.giveBackAll();

    // Of slots that are not out, and with generations that nobody issued.
    for (uint32_t slot = 0; slot < client.welcome().slots; slot++) {
        if (slot != first->head.slot && slot != second->head.slot)
            client.release(slot, 1000);
    }
    client.release(second->head.slot, second->head.generation + 1);
    producer.stream().reap();
    EXPECT_EQ(producer.blocksOut(), 2u);
    client.giveBack(first->head);
    client.giveBack(first->head);
    producer.stream().reap();
    client.giveBack(first->head);
    producer.stream().reap();
    EXPECT_EQ(producer.blocksOut(), 1u);

    client.giveBack(second->head);
    producer.expectNothingOut();
    producer.deliver(3);
    ASSERT_TRUE(honest.awaitLast("3"));
    EXPECT_EQ(producer.sum().heldBlocks, 2u);
}

TEST(Publisher, BlocksOfAClientThatLeavesComeBackAtOnce)
{
    Producer producer;
    {
        Consumer consumer(producer.socket(), Keeping::Everything);
        producer.awaitJoined(1);
        producer.deliver(1, 1 << 20, 500);
        producer.sticky(1, std::string(1000, 's'));
        ASSERT_TRUE(consumer.awaitBuffers(1));
        EXPECT_EQ(producer.blocksOut(), 1u);
    }
    producer.awaitLeft(1);
    producer.expectNothingOut();
    EXPECT_EQ(producer.sum().buffers, 1u); // the departed count
}

// ---- flushes

TEST(Publisher, FlushThrowsAwayWhatWasOnItsWayAndTellsTheStateAgain)
{
    Producer producer{ProducerOptions(16)};
    producer.sticky(1, "stream");
    producer.sticky(2, "segment");
    Consumer consumer(producer.socket(), Keeping::Nothing, Consumer::Reading::WhenAsked);
    producer.awaitJoined(1);
    producer.deliver(1);
    producer.deliver(2);
    producer.stream().flushStart();
    EXPECT_EQ(producer.publish(3), PublishOutcome::NobodyThere);
    const uint32_t forgotten[] = {2};
    producer.stream().flushStop(true, forgotten);
    producer.sticky(2, "new segment");
    producer.deliver(4);

    consumer.readFreely();
    ASSERT_TRUE(consumer.await("4"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "flush (reset)", "stream*", "new segment", "4!"}));
    producer.expectNothingOut();
}

TEST(Publisher, FlushEndsTheEndOfTheStream)
{
    Producer producer;
    producer.sticky(1, "stream");
    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.awaitLast("stream*"));
    producer.stream().endOfStream();
    ASSERT_TRUE(consumer.awaitLast("eos"));
    producer.stream().flushStart();
    producer.stream().flushStop(false, {});
    producer.deliver(1);
    producer.stream().endOfStream();

    ASSERT_TRUE(consumer.await("1"));
    ASSERT_TRUE(consumer.awaitLast("eos"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "stream*", "eos", "flush", "stream*", "1!", "eos"}));
}

TEST(Publisher, BuffersHeldAcrossAFlushStayWhatTheyWere)
{
    Producer producer;
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    producer.deliver(1);
    ASSERT_TRUE(consumer.awaitBuffers(1));
    producer.stream().flushStart();
    producer.stream().flushStop(true, {});
    EXPECT_EQ(producer.blocksOut(), 1u);
    producer.deliver(2);
    ASSERT_TRUE(consumer.awaitLast("2!"));
    consumer.giveBackAll();
    producer.expectNothingOut();
}

TEST(Publisher, ClientThatJoinsAfterFlushesHearsOfNone)
{
    Producer producer;
    producer.sticky(1, "stream");
    producer.stream().flushStart();
    producer.stream().flushStop(true, {});
    producer.stream().flushStart();
    producer.stream().flushStop(true, {});

    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.awaitLast("stream*"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "stream*"}));
}

TEST(Publisher, ClientThatJoinsDuringAFlushHearsItsEnd)
{
    Producer producer;
    producer.sticky(1, "stream");
    producer.stream().flushStart();
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.stream().flushStop(true, {});
    producer.deliver(1);

    ASSERT_TRUE(consumer.awaitLast("1!"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "flush (reset)", "stream*", "1!"}));
}

TEST(Publisher, EventsAndAnEndInTheMiddleOfAFlushAreNoFault)
{
    Producer producer;
    producer.sticky(1, "stream");
    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.awaitLast("stream*"));
    producer.stream().flushStart();
    producer.sticky(1, "another stream");
    producer.event("gap");
    producer.stream().endOfStream();
    producer.stream().flushStop(false, {});
    producer.deliver(1);

    ASSERT_TRUE(consumer.awaitLast("1!"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "stream*", "flush", "another stream*", "1!"}));
}

// ---- the end

TEST(Publisher, StopTakesEverythingBackAndRemovesTheSocket)
{
    Producer producer;
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    producer.deliver(1);
    ASSERT_TRUE(consumer.awaitBuffers(1));

    producer.stop();
    EXPECT_FALSE(std::filesystem::exists(producer.socket()));
    producer.expectNothingOut();
    ASSERT_TRUE(consumer.await("lost"));
    EXPECT_TRUE(producer.awaitNoConnections());
}

TEST(Publisher, WhatIsInTheRingAtTheEndIsStillDelivered)
{
    Producer producer{ProducerOptions(16)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Consumer::Reading::WhenAsked);
    producer.awaitJoined(1);
    producer.deliver(1);
    producer.deliver(2);
    producer.stream().endOfStream();
    producer.stop();

    consumer.readFreely();
    ASSERT_TRUE(consumer.await("lost"));
    const Texts texts = consumer.texts();
    EXPECT_EQ(Texts(texts.begin(), texts.begin() + 4), (Texts{"joined", "1!", "2", "eos"}));
}

TEST(Publisher, WaitForAConsumerEndsWhenOneJoinsOrTheWaitIsInterrupted)
{
    Producer producer;
    std::thread interrupter([&] { producer.stream().interrupt(); });
    EXPECT_FALSE(producer.stream().waitForConsumer());
    interrupter.join();
    producer.stream().resume();

    Consumer consumer(producer.socket());
    EXPECT_TRUE(producer.stream().waitForConsumer());
    EXPECT_EQ(producer.stream().consumers(), 1u);
}

} // namespace
