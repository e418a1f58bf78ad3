// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a producer counts of its clients, and tells of their drops.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include "ringcore/drop_reports.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <numeric>
#include <optional>
#include <thread>

namespace
{

using namespace std::chrono_literals;
using ringcore::DropReports;
using ringcore::DropWatch;
using ringcore::kLatencyClasses;
using ringcore::latencyClassOf;
using ringcore::SlowClient;
using ringtest::awaitState;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using Keeping = Consumer::Keeping;
using Texts = std::vector<std::string>;

uint64_t all(const ringcore::LatencyCounts &counts)
{
    return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

// ---- latencies

TEST(LatencyClasses, DoubleFromAMicrosecondOn)
{
    EXPECT_EQ(latencyClassOf(0), 0u);
    EXPECT_EQ(latencyClassOf(1023), 0u);
    for (size_t i = 1; i + 1 < kLatencyClasses; i++) {
        EXPECT_EQ(latencyClassOf(uint64_t{512} << i), i);
        EXPECT_EQ(latencyClassOf((uint64_t{1024} << i) - 1), i);
    }
    EXPECT_EQ(latencyClassOf(uint64_t{512} << (kLatencyClasses - 1)), kLatencyClasses - 1);
    EXPECT_EQ(latencyClassOf(UINT64_MAX), kLatencyClasses - 1);
}

TEST(Latencies, AreThoseOfTheBuffersThatWereGivenBack)
{
    Producer producer{ProducerOptions(4)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    producer.sticky(1, std::string(1000, 'c')); // has a block, and is no buffer
    client.giveBack(client.read()->head);
    producer.deliver(1);
    producer.deliver(2, 0); // empty
    const auto first = client.read();
    client.giveBack(client.read()->head);
    producer.stream().reap();
    auto sum = producer.sum();
    EXPECT_EQ(all(sum.returned), 1u);

    // What is given back later took longer.
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(awaitState([&] { return std::chrono::steady_clock::now() - begun > 20ms; }));
    client.giveBack(first->head);
    producer.stream().reap();
    sum = producer.sum();
    EXPECT_EQ(all(sum.returned), 2u);
    EXPECT_EQ(std::accumulate(sum.returned.begin() + 15, sum.returned.end(), uint64_t{0}),
              1u); // 17 ms and more
}

// One look at the clock serves for all that a publish() does, but not beyond a wait.
TEST(Latencies, CountFromWhenABufferThatWaitedWentOut)
{
    Producer producer{ProducerOptions(1, SlowClient::Block)};
    RawClient quick(producer.socket());
    RawClient slow(producer.socket());
    ASSERT_TRUE(quick.join());
    ASSERT_TRUE(slow.join());
    producer.awaitJoined(2);
    producer.deliver(1);
    quick.giveBack(quick.read()->head);
    const auto first = slow.read();
    std::thread second([&] { producer.deliver(2); });
    EXPECT_TRUE(slow.awaitProducerAsleep());
    const uint64_t asleep = ringcore::monotonicNow();
    slow.giveBack(first->head);
    second.join();
    EXPECT_GE(slow.read()->head.publishedAt, asleep);
}

TEST(Sums, StayWhenAClientGoes)
{
    Producer producer{ProducerOptions(4)};
    std::optional<RawClient> client(producer.socket());
    ASSERT_TRUE(client->join());
    producer.awaitJoined(1);
    for (uint32_t number = 1; number <= 6; number++)
        producer.deliver(number);
    client->giveBack(client->read()->head);
    producer.stream().reap();
    const auto before = producer.sum();
    EXPECT_EQ(before.buffers, 4u);
    EXPECT_EQ(before.drops, 2u);
    EXPECT_EQ(before.heldBlocks, 3u);
    client.reset();
    producer.awaitLeft(1);
    const auto after = producer.sum();
    EXPECT_EQ(after.buffers, before.buffers);
    EXPECT_EQ(after.bytes, before.bytes);
    EXPECT_EQ(after.drops, before.drops);
    EXPECT_EQ(after.wakes, before.wakes);
    EXPECT_EQ(after.returned, before.returned); // what it held came back by itself
    EXPECT_EQ(after.heldBlocks, 0u);
}

// ---- drops

Texts dropsHeard(const Producer &producer)
{
    Texts lines = producer.heard().lines();
    std::erase_if(lines, [](const std::string &line) { return !line.starts_with("drop"); });
    return lines;
}

TEST(Drops, AreToldWhenTheyBeginAndWhenTheyEnd)
{
    Producer producer{ProducerOptions(2)};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    Consumer quick(producer.socket());
    producer.awaitJoined(2);
    producer.deliver(1);
    producer.deliver(2);
    ASSERT_TRUE(quick.awaitBuffers(2));
    EXPECT_EQ(dropsHeard(producer), Texts{});
    producer.deliver(3);
    ASSERT_TRUE(producer.heard().await("drops of 1"));
    ASSERT_TRUE(quick.awaitBuffers(3));
    producer.deliver(4);
    ASSERT_TRUE(slow.awaitBuffers(2));
    slow.giveBackAll();
    producer.deliver(5);
    ASSERT_TRUE(producer.heard().await("dropped 2 of 1"));
    EXPECT_EQ(dropsHeard(producer), (Texts{"drops of 1", "dropped 2 of 1"}));
}

TEST(Drops, ForWantOfMemoryAreToldToo)
{
    Producer producer;
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    producer.stream().countDropForAll();
    ASSERT_TRUE(producer.heard().await("drops of 1"));
    producer.deliver(1);
    ASSERT_TRUE(producer.heard().await("dropped 1 of 1"));
}

TEST(Drops, EndWhenTheClientGoes)
{
    Producer producer{ProducerOptions(1)};
    std::optional<Consumer> slow(std::in_place, producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    for (uint32_t number = 1; number <= 4; number++)
        producer.deliver(number);
    ASSERT_TRUE(producer.heard().await("drops of 1"));
    slow.reset();
    producer.awaitLeft(1);
    EXPECT_EQ(dropsHeard(producer), (Texts{"drops of 1", "dropped 3 of 1"}));
    EXPECT_TRUE(producer.heard().lines().back().starts_with("disconnected 1"));
}

TEST(Drops, OfAClientThatIsDisconnectedForThemAreToldFirst)
{
    Producer producer{ProducerOptions(1, SlowClient::Disconnect)};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    producer.deliver(1);
    producer.publish(2);
    producer.awaitLeft(1);
    EXPECT_EQ(dropsHeard(producer), (Texts{"drops of 1", "dropped 1 of 1"}));
}

// Its blocks are in use again: it is told to go however long the application takes to hear of it.
TEST(Drops, AreToldOfAClientThatGoesAfterItIsToldItself)
{
    std::promise<void> told;
    ProducerOptions options(1, SlowClient::Disconnect);
    options.adjust = [&](ringcore::PublisherCallbacks &callbacks) {
        callbacks.dropsEnded = [&, add = callbacks.dropsEnded](uint32_t id, uint64_t buffers) {
            EXPECT_EQ(told.get_future().wait_for(ringtest::kPatience), std::future_status::ready);
            add(id, buffers);
        };
    };
    Producer producer{options};
    Consumer slow(producer.socket(), Keeping::Everything);
    producer.awaitJoined(1);
    producer.deliver(1);
    ASSERT_TRUE(slow.awaitBuffers(1));
    producer.publish(2);
    EXPECT_TRUE(awaitState([&] { return slow.texts().back().starts_with("lost "); }));
    told.set_value();
    producer.awaitLeft(1);
    EXPECT_EQ(dropsHeard(producer), (Texts{"drops of 1", "dropped 1 of 1"}));
}

// ---- a client that goes to and fro

class Reports : public testing::Test
{
protected:
    void drop(unsigned buffers)
    {
        for (unsigned i = 0; i < buffers; i++) {
            if (watch.dropped())
                reports.call();
        }
    }
    void getThrough()
    {
        if (watch.gotThrough())
            reports.call();
    }
    // What is told at so many milliseconds.
    std::string at(int milliseconds)
    {
        const auto news = reports.look(watch, begin + milliseconds * 1ms);
        return (news.began ? "began " : "") + (news.ended ? "ended " + std::to_string(*news.ended) : "");
    }
    // When there is something to be looked at, in milliseconds.
    std::optional<int64_t> due() const
    {
        const auto time = reports.time();
        return time ? std::optional((*time - begin) / 1ms) : std::nullopt;
    }

    const DropReports::Clock::time_point begin = DropReports::Clock::now();
    DropWatch watch;
    DropReports reports;
};

TEST_F(Reports, TellAnEndAtOnceAndTheNextBeginningASecondAfterTheLast)
{
    EXPECT_EQ(due(), std::nullopt);
    drop(3);
    EXPECT_EQ(at(0), "began ");
    EXPECT_EQ(due(), std::nullopt);
    drop(2);
    EXPECT_EQ(due(), std::nullopt); // nothing new
    getThrough();
    EXPECT_EQ(due(), 10);
    EXPECT_EQ(at(9), "");
    EXPECT_EQ(at(10), "ended 5");
    drop(1);
    EXPECT_EQ(due(), 1000);
    EXPECT_EQ(at(999), "");
    EXPECT_EQ(at(1000), "began ");
}

TEST_F(Reports, TellOfManyRunsAsOneAndLoseNone)
{
    Texts told;
    for (int millisecond = 0; millisecond < 5000; millisecond++) {
        drop(1);
        getThrough();
        if (const std::string news = at(millisecond); !news.empty())
            told.push_back(news);
    }
    EXPECT_EQ(told, (Texts{"began ended 1", "began ended 1000", "began ended 1000", "began ended 1000",
                           "began ended 1000"}));
    // What came last is told, if nothing else happens.
    EXPECT_EQ(due(), 5000);
    EXPECT_EQ(at(5000), "began ended 999");
    EXPECT_EQ(due(), std::nullopt);
}

TEST_F(Reports, TakeWhatBeginsAgainBeforeTheyLookForOneRun)
{
    drop(1);
    EXPECT_EQ(at(0), "began ");
    getThrough();
    drop(1);
    EXPECT_EQ(at(10), "");
    EXPECT_EQ(due(), std::nullopt);
    getThrough();
    EXPECT_EQ(at(20), "ended 2");
}

TEST_F(Reports, AreNotCalledForMoreOftenThanTheyLook)
{
    unsigned calls = 0;
    for (int turn = 0; turn < 100; turn++) {
        calls += watch.dropped();
        calls += watch.gotThrough();
    }
    EXPECT_EQ(calls, 1u);
    (void)watch.look();
    EXPECT_TRUE(watch.dropped());
}

// For ThreadSanitizer, most of all: whatever happens after a look is told of by a later call.
TEST_F(Reports, MissNothingThatHappensWhileTheyLook)
{
    constexpr uint64_t kRuns = 20000;
    std::atomic<bool> called{false};
    std::atomic<bool> over{false};
    std::thread stream([&] {
        for (uint64_t run = 0; run < kRuns; run++) {
            if (watch.dropped())
                called = true;
            if (watch.gotThrough())
                called = true;
        }
        over = true;
    });
    DropWatch::Seen seen{};
    while (!over || called) {
        if (called.exchange(false))
            seen = watch.look();
    }
    stream.join();
    EXPECT_EQ(seen.drops, kRuns);
    EXPECT_FALSE(seen.dropping);
}

} // namespace
