// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A subscriber whose producer is the test.
#pragma once

#include "hostile_producer.h"
#include "ringcore/subscriber.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using ringcore::Delivery;
using ringcore::FaultKind;
using ringcore::Loss;
using ringcore::PeerIdentity;
using ringcore::Received;
using ringcore::Subscriber;
using ringcore::SubscriberConfig;
using ringcore::SubscriberObserver;
using ringcore::UniqueFd;

class Observer final : public SubscriberObserver
{
public:
    std::function<bool(const PeerIdentity &)> authorize = [](const PeerIdentity &) { return true; };
    std::atomic<int> flushes{0};
    std::atomic<uint32_t> flushNumber{0};

    bool authorizeProducer(const PeerIdentity &identity) override { return authorize(identity); }
    std::vector<std::byte> attachment() override
    {
        std::lock_guard guard(lock_);
        return attachment_;
    }
    void flushStarted(uint32_t number) override
    {
        flushes++;
        flushNumber = number;
    }
    void waiting(const std::string &why) override
    {
        std::lock_guard guard(lock_);
        waits_.push_back(why);
    }
    void connected(const PeerIdentity &) override { addTurn("connected"); }
    void disconnected(const std::string &why) override { addTurn("disconnected: " + why); }
    void log(const std::string &line) override
    {
        std::lock_guard guard(lock_);
        lines_.push_back(line);
    }

    void setAttachment(std::vector<std::byte> bytes)
    {
        std::lock_guard guard(lock_);
        attachment_ = std::move(bytes);
    }
    std::vector<std::string> waits() const
    {
        std::lock_guard guard(lock_);
        return waits_;
    }
    std::vector<std::string> turns() const
    {
        std::lock_guard guard(lock_);
        return turns_;
    }
    std::vector<std::string> lines() const
    {
        std::lock_guard guard(lock_);
        return lines_;
    }

private:
    void addTurn(const std::string &turn)
    {
        std::lock_guard guard(lock_);
        turns_.push_back(turn);
    }

    mutable std::mutex lock_;
    std::vector<std::byte> attachment_;
    std::vector<std::string> waits_;
    std::vector<std::string> lines_;
    std::vector<std::string> turns_; // connected, disconnected
};

// A subscriber over a socketpair, whose other end is the test's.
class SubscriberTest : public testing::Test
{
protected:
    SubscriberConfig config;
    std::shared_ptr<Observer> observer = std::make_shared<Observer>();
    std::unique_ptr<Subscriber> subscriber;
    std::unique_ptr<HostileProducer> producer;
    Delivery delivery;

    void SetUp() override { config.handshakeTimeout = 2s; }

    void connect()
    {
        int fds[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        producer = std::make_unique<HostileProducer>(UniqueFd(fds[0]));
        config.connected = UniqueFd(fds[1]);
        start();
    }
    void start()
    {
        auto started = Subscriber::start(std::move(config), observer);
        ASSERT_TRUE(started) << describe(started.error());
        subscriber = std::move(*started);
    }
    void join()
    {
        connect();
        ASSERT_TRUE(producer->admit());
        ASSERT_EQ(receive(), Received::Joined);
    }
    // No test waits for ever.
    Received receive(std::chrono::milliseconds patience = 10s)
    {
        std::mutex lock;
        std::condition_variable changed;
        bool done = false;
        std::thread guard([&] {
            std::unique_lock hold(lock);
            if (!changed.wait_for(hold, patience, [&] { return done; }))
                subscriber->interrupt();
        });
        const Received received = subscriber->receive(delivery);
        {
            std::lock_guard hold(lock);
            done = true;
        }
        changed.notify_all();
        guard.join();
        return received;
    }
    // The producer is dropped for this fault, with the numbers, and told so.
    void expectFault(FaultKind kind, std::optional<uint64_t> expected = {},
                     std::optional<uint64_t> found = {})
    {
        ASSERT_EQ(receive(), Received::Lost);
        EXPECT_EQ(delivery.loss.cause, Loss::Cause::Faulty) << delivery.loss.text;
        EXPECT_NE(delivery.loss.text.find(nameOf(kind)), std::string::npos) << delivery.loss.text;
        EXPECT_EQ(observer->lines().size(), 1u); // one line, not more
        EXPECT_EQ(subscriber->statistics().faults, 1u);
        const auto goodbye = producer->hearsGoodbye();
        ASSERT_TRUE(goodbye);
        EXPECT_EQ(goodbye->kind, kind);
        if (expected) {
            EXPECT_EQ(goodbye->expected, *expected);
        }
        if (found) {
            EXPECT_EQ(goodbye->found, *found);
        }
        EXPECT_EQ(subscriber->statistics().mappedBytes, 0u);
    }
};
