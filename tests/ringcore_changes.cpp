// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What may be changed while a stream runs: who waits for what it was sees the change, who is here stays,
// and any thread may do it.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"
#include "subscriber_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
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
using Keeping = Consumer::Keeping;

// A call of the streaming thread that waits until something is changed.
class Waiting
{
public:
    Waiting(Producer &producer, std::function<void()> call)
        : stream_(producer.stream()), thread_([this, call = std::move(call)] {
              call();
              done_ = true;
          })
    {
    }
    ~Waiting()
    {
        if (!done_)
            stream_.interrupt();
        thread_.join();
    }
    bool done() const { return done_; }
    bool awaitDone() const
    {
        return awaitState([this] { return done(); });
    }

private:
    ringcore::FanOut &stream_;
    std::atomic<bool> done_{false};
    std::thread thread_;
};

bool isAsleep(pid_t thread)
{
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    return line.find(") S ") != std::string::npos;
}

// A stream that waits for a client which holds the one buffer it may.
class BlockedStream : public testing::Test
{
protected:
    void SetUp() override
    {
        ASSERT_TRUE(client.join());
        producer.awaitJoined(1);
        producer.deliver(1);
    }

    Producer producer{ProducerOptions(1, SlowClient::Block)};
    RawClient client{producer.socket()};
    PublishOutcome outcome{};
};

TEST_F(BlockedStream, GoesOnWithoutTheBufferOnceSlowClientsLoseThem)
{
    {
        Waiting second(producer, [&] { outcome = producer.publish(2); });
        ASSERT_TRUE(client.awaitProducerAsleep());
        EXPECT_FALSE(second.done());
        producer.stream().setSlowClient(SlowClient::Drop, std::nullopt);
        EXPECT_TRUE(second.awaitDone());
    }
    EXPECT_EQ(outcome, PublishOutcome::Delivered);
    EXPECT_EQ(producer.sum().drops, 1u);
    EXPECT_EQ(producer.stream().consumers(), 1u);
}

TEST_F(BlockedStream, GoesOnWithoutTheClientOnceSlowOnesAreDisconnected)
{
    {
        Waiting second(producer, [&] { outcome = producer.publish(2); });
        ASSERT_TRUE(client.awaitProducerAsleep());
        producer.stream().setSlowClient(SlowClient::Disconnect, std::nullopt);
        EXPECT_TRUE(second.awaitDone());
    }
    EXPECT_TRUE(producer.heard().await("dropped: client too slow (expected 1, found 1)"));
}

TEST_F(BlockedStream, TellsAnEventOnlyToWhoHasRoomOnceNobodyIsWaitedFor)
{
    for (int event = 0; event < 63; event++)
        producer.event("gap");
    Waiting room(producer, [&] { producer.stream().waitForEventRoom(1); });
    ASSERT_TRUE(client.awaitProducerAsleep());
    EXPECT_FALSE(room.done());
    producer.stream().setSlowClient(SlowClient::Drop, std::nullopt);
    EXPECT_TRUE(room.awaitDone());
}

TEST_F(BlockedStream, CountsATimeoutThatIsSetNowFromWhenItsWaitBegan)
{
    {
        Waiting second(producer, [&] { outcome = producer.publish(2); });
        ASSERT_TRUE(client.awaitProducerAsleep());
        producer.stream().setSlowClient(SlowClient::Block, 1ns);
        EXPECT_TRUE(second.awaitDone());
    }
    EXPECT_EQ(outcome, PublishOutcome::NobodyThere);
    EXPECT_TRUE(producer.heard().await("dropped: client too slow (expected 1, found 1)"));
}

TEST(Changes, StreamThatDroppedWaitsFromThenOn)
{
    Producer producer{ProducerOptions(1)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    producer.deliver(2);
    EXPECT_EQ(producer.sum().drops, 1u);
    producer.stream().setSlowClient(SlowClient::Block, std::nullopt);
    EXPECT_EQ(producer.stream().slowClient(), SlowClient::Block);
    Waiting third(producer, [&] { producer.deliver(3); });
    ASSERT_TRUE(client.awaitProducerAsleep());
    EXPECT_FALSE(third.done());
    client.giveBack(client.read()->head);
    EXPECT_TRUE(third.awaitDone());
    EXPECT_EQ(producer.sum().drops, 1u);
}

TEST(Changes, StreamThatWaitsForAClientGoesOnOnceNoneIsWaitedFor)
{
    Producer producer;
    bool there = false;
    std::atomic<pid_t> thread{0};
    Waiting first(producer, [&] {
        thread = ::gettid();
        there = producer.stream().waitForConsumer();
    });
    ASSERT_TRUE(awaitState([&] { return isAsleep(thread); }));
    producer.stream().setWaitsForConsumer(false);
    EXPECT_TRUE(first.awaitDone());
}

TEST(Changes, MaximumOfBuffersIsForWhoComesFromThenOn)
{
    Producer producer{ProducerOptions(4)};
    RawClient first(producer.socket());
    ASSERT_TRUE(first.join());
    producer.awaitJoined(1);
    producer.stream().setMaxBuffers(1);
    RawClient second(producer.socket());
    ASSERT_TRUE(second.join());
    producer.awaitJoined(2);
    EXPECT_EQ(first.forward().boundBlocks, 4u);
    EXPECT_EQ(second.forward().boundBlocks, 1u);
    for (uint32_t number = 1; number <= 4; number++)
        producer.deliver(number);
    const auto consumers = producer.stream().statistics().consumers;
    ASSERT_EQ(consumers.size(), 2u);
    EXPECT_EQ(consumers[0].statistics.buffers, 4u);
    EXPECT_EQ(consumers[1].statistics.buffers, 1u);
}

TEST(Changes, MaximumOfClientsThrowsNobodyOut)
{
    Producer producer;
    Consumer first(producer.socket());
    Consumer second(producer.socket());
    producer.awaitJoined(2);
    for (const bool ofUid : {false, true}) {
        producer.publisher().setMaxClients(ofUid ? 16 : 1, ofUid ? 1 : 16);
        RawClient third(producer.socket());
        ASSERT_EQ(third.sendHello(), 0);
        const auto words = third.awaitEnd();
        ASSERT_TRUE(words.refusal);
        EXPECT_EQ(words.refusal->reason,
                  ofUid ? ringcore::RefusalReason::TooManyOfUid : ringcore::RefusalReason::TooManyClients);
        EXPECT_EQ(words.refusal->limit, 1u);
    }
    EXPECT_EQ(producer.stream().consumers(), 2u);
    producer.deliver(1);
    EXPECT_TRUE(first.awaitBuffers(1));
    EXPECT_TRUE(second.awaitBuffers(1));

    producer.publisher().setMaxClients(3, 3);
    RawClient third(producer.socket());
    EXPECT_TRUE(third.join());
}

// For ThreadSanitizer, most of all.
TEST(Changes, MayBeMadeByAnyThreadWhileBuffersFlow)
{
    Producer producer{ProducerOptions(2, SlowClient::Block)};
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    std::atomic<bool> over{false};
    std::thread changes([&] {
        for (uint32_t turn = 0; !over; turn++) {
            producer.stream().setSlowClient(SlowClient::Block,
                                            turn % 2 == 0 ? std::optional(1h) : std::nullopt);
            producer.stream().setMaxBuffers(1 + turn % 8);
            producer.stream().setWaitsForConsumer(turn % 2 == 0);
            producer.publisher().setMaxClients(1 + turn % 4, 1 + turn % 3);
            (void)producer.stream().slowClient();
        }
    });
    constexpr uint32_t kBuffers = 2000;
    for (uint32_t number = 1; number <= kBuffers; number++)
        producer.deliver(number, 300);
    EXPECT_TRUE(consumer.awaitBuffers(kBuffers));
    over = true;
    changes.join();
    EXPECT_EQ(consumer.buffers(), upTo(kBuffers));
}

// ---- the consumer's search

class Search : public SubscriberTest
{
protected:
    Search() { config.socketPath = directory_ / "s"; }

    void awaitSearch()
    {
        ASSERT_TRUE(awaitState([this] { return !observer->waits().empty(); }));
    }
    void expectLoss(Loss::Cause cause)
    {
        ASSERT_EQ(receive(), Received::Lost);
        EXPECT_EQ(delivery.loss.cause, cause) << delivery.loss.text;
        EXPECT_FALSE(delivery.loss.retrying);
    }

    ringtest::OwnDirectory directory_;
    ringcore::SubscriberTerms terms;
};

TEST_F(Search, EndsOnceItIsNotToReconnect)
{
    start();
    awaitSearch();
    terms.reconnect = false;
    subscriber->setTerms(terms);
    expectLoss(Loss::Cause::Absent);
}

TEST_F(Search, EndsAtATimeoutThatIsSetWhileItGoesOn)
{
    start();
    awaitSearch();
    terms.connectionTimeout = 1ns;
    subscriber->setTerms(terms);
    expectLoss(Loss::Cause::TimedOut);
}

TEST_F(Search, EndsAtATimeoutThatIsSetWhileAProducerSaysNothing)
{
    config.handshakeTimeout = 1h;
    std::atomic<bool> asked{false};
    observer->authorize = [&](const PeerIdentity &) { return asked = true; };
    const ListeningSocket silent(config.socketPath);
    start();
    ASSERT_TRUE(awaitState([&] { return asked.load(); }));
    terms.connectionTimeout = 1ns;
    subscriber->setTerms(terms);
    expectLoss(Loss::Cause::TimedOut);
}

TEST_F(Search, OfAnotherUserIsForTheNextProducer)
{
    const auto serve = [where = config.socketPath] {
        ProducerOptions options;
        options.config.socket = where;
        return std::make_unique<Producer>(std::move(options));
    };
    auto first = serve();
    start();
    ASSERT_EQ(receive(), Received::Joined);
    terms.producerUid = ::getuid() + 1;
    subscriber->setTerms(terms);
    first->awaitJoined(1);
    first->event("who has one keeps it");
    ASSERT_EQ(receive(), Received::Record);
    first.reset();
    ASSERT_EQ(receive(), Received::Lost);
    const auto second = serve();
    expectLoss(Loss::Cause::Unwanted);
}

} // namespace
