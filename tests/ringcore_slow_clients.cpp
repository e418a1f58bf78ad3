// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Consumers that are slow, hold what they get, or ask for more than their share: each is dealt with
// as the user chose, the state reaches it once there is room, and the others notice nothing.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace
{

using namespace std::chrono_literals;
using ringcore::PublishOutcome;
using ringcore::SlowClient;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using ringtest::Texts;
using ringtest::upTo;
using Clock = std::chrono::steady_clock;
using Keeping = Consumer::Keeping;
using Reading = Consumer::Reading;

// A publish() on a thread of its own, so that a test can see whether it waits.
class Publishing
{
public:
    Publishing(Producer &producer, uint32_t number, size_t size = 4096)
        : thread_([this, &producer, number, size] {
              outcome_ = producer.publish(number, size);
              done_ = true;
          })
    {
    }
    ~Publishing()
    {
        if (thread_.joinable())
            thread_.join();
    }
    bool done() const { return done_; }
    PublishOutcome outcome()
    {
        thread_.join();
        return outcome_;
    }

private:
    std::atomic<bool> done_{false};
    PublishOutcome outcome_{};
    std::thread thread_;
};

// ---- drop

TEST(SlowClientDrop, ClientAtItsBoundMissesBuffersAndTheOthersNone)
{
    Producer producer{ProducerOptions(4)};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    Consumer quick(producer.socket());
    producer.awaitJoined(2);
    for (uint32_t number = 1; number <= 50; number++) {
        producer.deliver(number);
        ASSERT_TRUE(quick.awaitBuffers(number));
    }
    EXPECT_EQ(quick.buffers(), upTo(50));
    ASSERT_TRUE(slow.awaitBuffers(4));
    EXPECT_EQ(slow.buffers(), upTo(4));
    EXPECT_EQ(producer.sum().drops, 46u);

    slow.giveBackAll();
    producer.deliver(51);
    ASSERT_TRUE(slow.awaitLast("51!"));
    EXPECT_EQ(slow.texts(), (Texts{"joined", "1!", "2", "3", "4", "51!"}));
}

TEST(SlowClientDrop, StateAndEndReachAClientThatHoldsAllItsBuffers)
{
    Producer producer{ProducerOptions(2)};
    Consumer consumer(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    producer.deliver(1);
    producer.deliver(2);
    producer.sticky(1, std::string(1000, 'c'));
    producer.sticky(2, "tags");
    producer.publish(3);
    producer.stream().endOfStream();

    ASSERT_TRUE(consumer.awaitLast("eos"));
    EXPECT_EQ(consumer.withoutBuffers(), (Texts{"joined", std::string(1000, 'c'), "tags", "eos"}));
}

// Events fill the ring of who does not read; then nothing but the state of the day is owed to it.
TEST(SlowClientDrop, ClientThatWasBehindHearsTheStateOnceThenTheNextBuffer)
{
    Producer producer{ProducerOptions(4)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    producer.sticky(1, "stream");
    for (int event = 0; event < 100; event++)
        producer.event("gap");
    producer.sticky(2, "caps");
    producer.sticky(3, "tags");
    producer.publish(1);
    EXPECT_EQ(producer.sum().eventsLost, 100u - 63u);

    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("tags*"));
    producer.deliver(2);
    ASSERT_TRUE(consumer.awaitLast("2!"));
    Texts texts = consumer.texts();
    std::erase(texts, "gap");
    EXPECT_EQ(texts, (Texts{"joined", "stream", "stream*", "caps*", "tags*", "2!"}));
}

TEST(SlowClientDrop, EndReachesAClientThatWasBehind)
{
    Producer producer{ProducerOptions(4)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    for (int event = 0; event < 65; event++)
        producer.event("gap");
    producer.sticky(1, "tags");
    producer.stream().endOfStream();

    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("eos"));
    Texts texts = consumer.texts();
    std::erase(texts, "gap");
    EXPECT_EQ(texts, (Texts{"joined", "tags*", "eos"}));
}

TEST(SlowClientDrop, NewStreamThatReachesAClientLateDoesNotBeginAtItsEnd)
{
    Producer producer{ProducerOptions(4)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    for (int event = 0; event < 65; event++)
        producer.event("gap");
    producer.stream().endOfStream(); // it is behind, and cannot be told
    // The new stream's first event is what finds room, not the connection's thread that tries too.
    producer.sticky(1, "stream");
    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("stream*"));
    producer.deliver(1);
    ASSERT_TRUE(consumer.awaitLast("1!"));
}

TEST(SlowClientDrop, FlushReachesAClientWhoseRingIsFull)
{
    Producer producer{ProducerOptions(4)};
    producer.sticky(1, "stream");
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    for (int event = 0; event < 100; event++)
        producer.event("gap");
    producer.stream().flushStart();
    producer.stream().flushStop(true, {});

    consumer.readFreely();
    ASSERT_TRUE(consumer.awaitLast("stream*"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "flush (reset)", "stream*"}));
    producer.deliver(1);
    ASSERT_TRUE(consumer.awaitLast("1!"));
}

TEST(SlowClientDrop, ABufferWithoutMemoryCountsAsDroppedForAll)
{
    Producer producer;
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.deliver(1);
    ASSERT_TRUE(consumer.awaitBuffers(1));
    producer.stream().countDropForAll();
    producer.deliver(2);
    ASSERT_TRUE(consumer.awaitLast("2!"));
    EXPECT_EQ(producer.sum().drops, 1u);
}

// ---- disconnect

TEST(SlowClientDisconnect, ClientGoesAtTheFirstBufferThatItCannotTake)
{
    Producer producer{ProducerOptions(4, SlowClient::Disconnect)};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    Consumer quick(producer.socket());
    producer.awaitJoined(2);
    for (uint32_t number = 1; number <= 5; number++) {
        producer.deliver(number);
        ASSERT_TRUE(quick.awaitBuffers(number));
    }
    ASSERT_TRUE(slow.await("lost"));
    EXPECT_NE(slow.texts().back().find("client too slow (expected 4, found 4)"), std::string::npos)
        << slow.texts().back();
    producer.awaitLeft(1);
    EXPECT_EQ(producer.stream().consumers(), 1u);
    ASSERT_TRUE(producer.heard().await("dropped: client too slow (expected 4, found 4)"));
    producer.expectNothingOut();
    slow.giveBackAll(); // too late, and harmless
    producer.deliver(6);
    ASSERT_TRUE(quick.awaitBuffers(6));
    EXPECT_EQ(quick.buffers(), upTo(6));
}

// ---- block

TEST(SlowClientBlock, StreamWaitsForEveryClientAndNoneMissesABuffer)
{
    constexpr uint32_t kBuffers = 3000;
    Producer producer{ProducerOptions(4, SlowClient::Block)};
    Consumer first(producer.socket());
    Consumer second(producer.socket());
    producer.awaitJoined(2);
    for (uint32_t number = 1; number <= kBuffers; number++)
        producer.deliver(number, 300);
    producer.stream().endOfStream();
    for (Consumer *consumer : {&first, &second}) {
        ASSERT_TRUE(consumer->awaitLast("eos"));
        EXPECT_EQ(consumer->buffers(), upTo(kBuffers));
    }
    EXPECT_EQ(producer.sum().drops, 0u);
    producer.expectNothingOut();
}

TEST(SlowClientBlock, AReleaseLetsTheStreamGoOn)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    const auto record = client.read();
    ASSERT_TRUE(record);
    Publishing second(producer, 2);
    ASSERT_TRUE(client.awaitProducerAsleep());
    EXPECT_FALSE(second.done());

    client.giveBack(record->head);
    EXPECT_EQ(second.outcome(), PublishOutcome::Delivered);
}

TEST(SlowClientBlock, WaitEndsAtOnceWhenItIsInterrupted)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    Publishing second(producer, 2);
    ASSERT_TRUE(client.awaitProducerAsleep());

    const auto begun = Clock::now();
    producer.stream().interrupt();
    EXPECT_EQ(second.outcome(), PublishOutcome::Interrupted);
    EXPECT_LT(Clock::now() - begun, 500ms);
    EXPECT_EQ(producer.publish(2), PublishOutcome::Interrupted); // none begins until it is resumed
    producer.stream().resume();
    client.giveBack(client.read()->head);
    producer.deliver(2);
}

TEST(SlowClientBlock, WaitEndsWhenTheClientLeaves)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    std::optional<RawClient> client(producer.socket());
    ASSERT_TRUE(client->join());
    producer.awaitJoined(1);
    producer.deliver(1);
    Publishing second(producer, 2);
    ASSERT_TRUE(client->awaitProducerAsleep());
    client.reset();
    EXPECT_EQ(second.outcome(), PublishOutcome::NobodyThere);
    producer.expectNothingOut();
}

TEST(SlowClientBlock, WaitEndsWhenTheStreamIsStopped)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    Publishing second(producer, 2);
    ASSERT_TRUE(client.awaitProducerAsleep());
    producer.stop();
    EXPECT_EQ(second.outcome(), PublishOutcome::Interrupted);
    producer.expectNothingOut();
}

TEST(SlowClientBlock, WaitEndsWhenAFlushBegins)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    Publishing second(producer, 2);
    ASSERT_TRUE(client.awaitProducerAsleep());
    producer.stream().flushStart();
    EXPECT_EQ(second.outcome(), PublishOutcome::NobodyThere);
    EXPECT_EQ(producer.publish(3), PublishOutcome::NobodyThere);
    producer.stream().flushStop(true, {});
}

TEST(SlowClientBlock, ReadingAloneIsWhatAFullRingWaitsFor)
{
    Producer producer{ProducerOptions(4, SlowClient::Block)};
    Consumer consumer(producer.socket(), Keeping::Nothing, Reading::WhenAsked);
    producer.awaitJoined(1);
    for (int event = 0; event < 64; event++)
        producer.event("gap");
    Publishing buffer(producer, 1, 0); // an empty one: it needs no slot's release
    consumer.readFreely();
    EXPECT_EQ(buffer.outcome(), PublishOutcome::Delivered);
    ASSERT_TRUE(consumer.awaitLast("1!"));
}

TEST(SlowClientBlock, ClientThatTakesLongerThanItsTimeIsDisconnected)
{
    ProducerOptions options(2, SlowClient::Block);
    options.config.fanOut.slowClientTimeout = 100ms;
    Producer producer{std::move(options)};
    Consumer stuck(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    Consumer quick(producer.socket());
    producer.awaitJoined(2);
    producer.deliver(1);
    producer.deliver(2);
    const auto begun = Clock::now();
    producer.deliver(3); // waits, and goes on without the first
    EXPECT_GE(Clock::now() - begun, 100ms);
    ASSERT_TRUE(producer.heard().await("dropped: client too slow (expected 2, found 2)"));
    producer.deliver(4);
    ASSERT_TRUE(quick.awaitBuffers(4));
    EXPECT_EQ(quick.buffers(), upTo(4));
    ASSERT_TRUE(stuck.await("lost"));
    producer.expectNothingOut();
}

TEST(SlowClientBlock, LongestTimeThereIsIsNotOver)
{
    ProducerOptions options(1, SlowClient::Block);
    options.config.fanOut.slowClientTimeout = std::chrono::nanoseconds::max();
    Producer producer{std::move(options)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.deliver(1);
    Publishing second(producer, 2);
    ASSERT_TRUE(client.awaitProducerAsleep());
    client.giveBack(client.read()->head);
    EXPECT_EQ(second.outcome(), PublishOutcome::Delivered);
    EXPECT_EQ(producer.stream().consumers(), 1u);
}

TEST(SlowClientBlock, ClientsThatAreStuckTogetherDoNotAddUpTheirTimes)
{
    ProducerOptions options(1, SlowClient::Block);
    options.config.fanOut.slowClientTimeout = 300ms;
    Producer producer{std::move(options)};
    std::vector<std::unique_ptr<Consumer>> stuck;
    for (int i = 0; i < 8; i++)
        stuck.push_back(std::make_unique<Consumer>(producer.socket(), Keeping::Everything));
    producer.awaitJoined(8);
    producer.deliver(1);
    const auto begun = Clock::now();
    EXPECT_EQ(producer.publish(2), PublishOutcome::NobodyThere);
    EXPECT_LT(Clock::now() - begun, 8 * 300ms / 2);
    producer.expectNothingOut();
}

} // namespace
