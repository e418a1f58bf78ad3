// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What consumers ask of their producer.
#include "tests/raw_client.h"
#include "tests/ring_producer.h"
#include "tests/subscriber_fixture.h"

#include "ringcore/control_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace
{

using namespace ringtest;
using ringcore::FaultKind;
using ringcore::MessageType;
using ringcore::PublisherCallbacks;
using ringcore::Received;
using ringcore::Request;
using ringcore::Subscriber;

std::vector<std::byte> bytesOf(const std::string &text)
{
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

} // namespace

// ---- the producer's side

TEST(Requests, AreHeardFromWhoMadeThem)
{
    Producer producer;
    RawClient first(producer.socket());
    RawClient second(producer.socket());
    ASSERT_TRUE(first.join());
    ASSERT_TRUE(second.join());
    producer.awaitJoined(2);
    ASSERT_EQ(second.send(encode(Request{7, bytesOf("a key frame")})), 0);
    ASSERT_TRUE(producer.heard().await("request 7 of 2 (a key frame)"));
    ASSERT_EQ(first.send(encode(Request{8, {}})), 0);
    ASSERT_TRUE(producer.heard().await("request 8 of 1 ()"));
}

TEST(Requests, WhatTheApplicationCannotReadIsAFault)
{
    ProducerOptions options;
    options.adjust = [](PublisherCallbacks &callbacks) {
        callbacks.request = [](uint32_t, uint32_t kind, std::span<const std::byte>) { return kind == 1; };
    };
    Producer producer{std::move(options)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    ASSERT_EQ(client.send(encode(Request{1, {}})), 0);
    ASSERT_EQ(client.send(encode(Request{2, bytesOf("abc")})), 0);
    const auto words = client.awaitEnd();
    ASSERT_TRUE(words.fault);
    EXPECT_EQ(words.fault->kind, FaultKind::ContentInvalid);
    EXPECT_EQ(words.fault->expected, 2u);
    EXPECT_EQ(words.fault->found, 3u);
}

TEST(Requests, AFloodOfThemIsAFault)
{
    Producer producer;
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    for (int i = 0; i < 101; i++) {
        if (client.send(encode(Request{1, {}})) != 0)
            i--; // its queue is full: the producer reads on
    }
    const auto words = client.awaitEnd();
    ASSERT_TRUE(words.fault);
    EXPECT_EQ(words.fault->kind, FaultKind::TooManyMessages);
    EXPECT_LE(producer.heard().count("request 1"), 100u);
}

TEST(Requests, NobodyNeedsToListen)
{
    ProducerOptions options;
    options.adjust = [](PublisherCallbacks &callbacks) { callbacks.request = {}; };
    Producer producer{std::move(options)};
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    ASSERT_EQ(client.send(encode(Request{1, {}})), 0);
    const std::string changed = "NV12"; // heard after it
    ASSERT_EQ(client.send(ringcore::encodeAttachment(std::as_bytes(std::span(changed)))), 0);
    EXPECT_TRUE(producer.heard().await("attachment 1 (NV12)"));
}

// ---- the consumer's side

class RequestsOfASubscriber : public SubscriberTest
{
protected:
    // The bytes of the next request that the producer hears, as text.
    std::string heard(std::chrono::milliseconds patience = 10s)
    {
        const auto message = producer->receive(patience);
        if (!message)
            return "nothing";
        const auto request = decodeRequest(*message);
        return request
                   ? std::string(reinterpret_cast<const char *>(request->bytes.data()), request->bytes.size())
                   : "another message";
    }
};

TEST_F(RequestsOfASubscriber, ArriveInOrder)
{
    join();
    for (const char *text : {"one", "two", "three"})
        EXPECT_TRUE(subscriber->request(1, bytesOf(text), false));
    for (const char *text : {"one", "two", "three"})
        EXPECT_EQ(heard(), text);
}

TEST_F(RequestsOfASubscriber, ReplaceOneOfTheirKindThatWaits)
{
    join();
    EXPECT_TRUE(subscriber->request(1, bytesOf("sent at once"), false));
    EXPECT_EQ(heard(), "sent at once");
    // For an instant none goes out.
    EXPECT_TRUE(subscriber->request(1, bytesOf("old"), true));
    EXPECT_TRUE(subscriber->request(2, bytesOf("other"), true));
    for (int i = 0; i < 1000; i++)
        EXPECT_TRUE(subscriber->request(1, bytesOf("new"), true));
    EXPECT_EQ(heard(), "new");
    EXPECT_EQ(heard(), "other");
}

TEST_F(RequestsOfASubscriber, AreBoundedInSizeAndNumber)
{
    join();
    EXPECT_FALSE(subscriber->request(1, std::vector<std::byte>(ringcore::kRequestLimit + 1), false));
    EXPECT_TRUE(subscriber->request(1, std::vector<std::byte>(ringcore::kRequestLimit), false));
    EXPECT_EQ(heard().size(), ringcore::kRequestLimit);
    size_t taken = 0;
    while (subscriber->request(1, {}, false))
        taken++;
    EXPECT_GE(taken, Subscriber::kRequestsWaiting);
    EXPECT_LE(taken, Subscriber::kRequestsWaiting + 2); // the ones that went out meanwhile
}

// Never so many that the producer drops us for it.
TEST_F(RequestsOfASubscriber, ComeNoFasterThanAProducerBears)
{
    join();
    const auto begin = std::chrono::steady_clock::now();
    for (int sent = 0; sent < 40;)
        sent += subscriber->request(1, {}, false);
    for (int i = 0; i < 40; i++)
        EXPECT_EQ(heard(), "");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 39 * 20ms); // fewer than 50 a second
}

TEST_F(RequestsOfASubscriber, GoToNobodyWithoutAProducer)
{
    connect();
    EXPECT_FALSE(subscriber->request(1, {}, false));
    ASSERT_TRUE(producer->admit());
    ASSERT_EQ(receive(), Received::Joined);
    EXPECT_TRUE(subscriber->request(1, {}, false));
    producer.reset();
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_TRUE(awaitState([&] { return !subscriber->request(1, {}, false); }));
}
