// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The sticky events that a stream keeps are as many as a joiner can be told, and events come from any
// thread.
#include "ring_consumer.h"
#include "ring_producer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

using namespace ringtest;
using ringcore::kMaxStickyEvents;

namespace
{

constexpr size_t kMiB = size_t{1} << 20;

} // namespace

TEST(StickyEvents, OfForgottenPlacesAreToldToNobodyAndTheOthersStay)
{
    Producer producer;
    for (const uint32_t place : {1u, 2u, 3u, 4u})
        producer.sticky(place, std::to_string(place));
    const uint32_t forgotten[] = {2, 4};
    producer.stream().forgetSticky(forgotten);

    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.awaitLast("3*"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", "1*", "3*"}));
}

TEST(StickyEvents, AreKeptUpToABoundAndAJoinerHearsThemAll)
{
    Producer producer{ProducerOptions(1)}; // the smallest ring
    Consumer early(producer.socket());
    producer.awaitJoined(1);
    const std::string large(2 * ringcore::kInlineBytes, 'l'); // a block each
    Texts all{"joined"};
    for (uint32_t i = 0; i < kMaxStickyEvents; i++) {
        ASSERT_TRUE(producer.sticky(1, large + std::to_string(i), std::to_string(i)));
        all.push_back(large + std::to_string(i) + "*");
    }
    EXPECT_FALSE(producer.sticky(1, "refused", "one more"));
    EXPECT_TRUE(producer.sticky(1, large + "0", "0")); // not one more
    producer.event("after");
    ASSERT_TRUE(early.await("after"));
    const Texts heard = early.texts();
    EXPECT_EQ(std::count(heard.begin(), heard.end(), "refused"), 0);

    Consumer late(producer.socket());
    ASSERT_TRUE(late.awaitLast(all.back()));
    EXPECT_EQ(late.texts(), all);
}

TEST(StickyEvents, TakeNoMoreThanAQuarterOfTheArena)
{
    Producer producer; // 16 MiB
    const std::string large(3 * kMiB, 'l');
    ASSERT_TRUE(producer.sticky(1, large));
    EXPECT_FALSE(producer.sticky(2, std::string(2 * kMiB, 'x')));
    EXPECT_TRUE(producer.sticky(2, std::string(kMiB / 2, 's')));
    EXPECT_FALSE(producer.sticky(1, std::string(4 * kMiB, 'x'))); // and the one before stays
    EXPECT_TRUE(producer.sticky(3, "small"));

    Consumer consumer(producer.socket());
    ASSERT_TRUE(consumer.awaitLast("small*"));
    EXPECT_EQ(consumer.texts(), (Texts{"joined", large + "*", std::string(kMiB / 2, 's') + "*", "small*"}));
}

TEST(Events, OfAnotherThreadArriveInOrderAmongTheBuffers)
{
    constexpr int kEvents = 500;
    Producer producer;
    Consumer consumer(producer.socket());
    producer.awaitJoined(1);
    std::thread other([&] {
        for (int i = 0; i < kEvents; i++)
            producer.event("event " + std::to_string(i));
    });
    for (uint32_t i = 1; i <= 200; i++)
        producer.publish(i);
    other.join();
    producer.stream().endOfStream();
    ASSERT_TRUE(consumer.awaitLast("eos"));

    int last = -1;
    uint64_t heard = 0;
    for (const std::string &text : consumer.texts()) {
        if (!text.starts_with("event "))
            continue;
        const int number = std::stoi(text.substr(sizeof "event " - 1));
        EXPECT_GT(number, last);
        last = number;
        heard++;
    }
    EXPECT_EQ(heard + producer.sum().eventsLost, uint64_t{kEvents}); // lost while it had no room
    EXPECT_GT(heard, 0u);
}
