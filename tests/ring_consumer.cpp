// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ring_consumer.h"

#include "ring_producer.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ringtest
{

using ringcore::Delivery;
using ringcore::Lease;
using ringcore::Received;

std::vector<uint32_t> upTo(uint32_t last)
{
    std::vector<uint32_t> numbers(last);
    std::iota(numbers.begin(), numbers.end(), 1u);
    return numbers;
}

namespace
{

// Whether each byte equals the first, and that one `byte`.
bool consistsOf(std::span<const std::byte> bytes, std::byte byte)
{
    return bytes.empty() ||
           (bytes[0] == byte && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

} // namespace

class Consumer::Observer : public ringcore::SubscriberObserver
{
public:
    bool authorizeProducer(const ringcore::PeerIdentity &) override { return true; }
    std::vector<std::byte> attachment() override { return {}; }
    void flushStarted(uint32_t) override {}
    void waiting(const std::string &) override {}
    void log(const std::string &) override {}
};

Consumer::Consumer(const std::string &socket, Keeping keeping, Reading reading)
    : keeping_(keeping), readsFreely_(reading == Reading::Freely)
{
    ringcore::SubscriberConfig config;
    config.socketPath = socket;
    config.reconnect = false;
    auto subscriber = ringcore::Subscriber::start(std::move(config), std::make_shared<Observer>());
    if (!subscriber)
        throw std::runtime_error(ringcore::describe(subscriber.error()));
    subscriber_ = std::move(*subscriber);
    thread_ = std::thread([this] { run(); });
}

Consumer::~Consumer()
{
    {
        std::lock_guard guard(lock_);
        ending_ = true;
        changed_.notify_all();
    }
    subscriber_->stop();
    thread_.join();
}

void Consumer::run()
{
    Delivery delivery;
    while (true) {
        {
            std::unique_lock lock(lock_);
            changed_.wait(lock, [&] { return ending_ || readsFreely_ || mayRead_ > 0; });
            if (ending_)
                return;
            if (!readsFreely_)
                mayRead_--;
        }
        const Received received = subscriber_->receive(delivery);
        uint32_t number = 0;
        std::string text;
        switch (received) {
        case Received::Record:
            text = describe(delivery, number);
            break;
        case Received::EndOfStream:
            text = "eos";
            break;
        case Received::FlushStop:
            text = delivery.resetTime ? "flush (reset)" : "flush";
            break;
        case Received::Joined:
            text = "joined";
            break;
        case Received::Lost:
            text = "lost (" + delivery.loss.text + ")";
            break;
        case Received::Interrupted:
            return;
        }
        const bool isBuffer = received == Received::Record && delivery.record.head.kind == kBuffer;
        const bool keeps = isBuffer && (keeping_ == Keeping::Everything ||
                                        (keeping_ == Keeping::WhatItMay && !delivery.nearBound));
        if (!keeps)
            delivery.lease.giveBack(); // before anybody sees the text
        std::lock_guard guard(lock_);
        nearBounds_ += received == Received::Record && delivery.nearBound;
        if (isBuffer)
            buffers_.push_back(number);
        if (keeps && delivery.lease.holds())
            held_.emplace(number, std::move(delivery.lease));
        texts_.push_back(std::move(text));
        changed_.notify_all();
        if (received == Received::Lost)
            return;
    }
}

std::string Consumer::describe(const Delivery &delivery, uint32_t &number)
{
    const auto &head = delivery.record.head;
    std::string text;
    if (head.kind == kBuffer) {
        std::memcpy(&number, delivery.inlineBytes.data(), sizeof number);
        text = std::to_string(number);
        for (const auto bytes : {delivery.payload, delivery.extra}) {
            if (!consistsOf(bytes, std::byte(number)))
                text += "torn";
        }
    } else {
        const auto bytes = head.extraSize > 0 ? delivery.extra : delivery.inlineBytes;
        text.assign(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    }
    if (head.flags & ringcore::kRecordIsReplay)
        text += '*';
    if (head.flags & ringcore::kRecordIsDiscont)
        text += '!';
    if (delivery.list != ringcore::ListPlace::None)
        text += delivery.list == ringcore::ListPlace::GoesOn ? ',' : ';';
    return text;
}

Texts Consumer::texts() const
{
    std::lock_guard guard(lock_);
    return texts_;
}

Texts Consumer::withoutBuffers() const
{
    Texts texts = this->texts();
    std::erase_if(texts, [](const std::string &text) { return text[0] >= '0' && text[0] <= '9'; });
    return texts;
}

std::vector<uint32_t> Consumer::buffers() const
{
    std::lock_guard guard(lock_);
    return buffers_;
}

size_t Consumer::holds() const
{
    std::lock_guard guard(lock_);
    return held_.size();
}

uint64_t Consumer::nearBounds() const
{
    std::lock_guard guard(lock_);
    return nearBounds_;
}

bool Consumer::awaitThat(const std::function<bool()> &holds)
{
    std::unique_lock lock(lock_);
    return changed_.wait_for(lock, kPatience, holds);
}

bool Consumer::awaitLast(const std::string &text)
{
    return awaitThat([&] { return !texts_.empty() && texts_.back() == text; });
}

bool Consumer::await(const std::string &text)
{
    return awaitThat([&] {
        return std::any_of(texts_.begin(), texts_.end(),
                           [&](const std::string &known) { return known.starts_with(text); });
    });
}

bool Consumer::awaitBuffers(size_t count)
{
    return awaitThat([&] { return buffers_.size() >= count; });
}

void Consumer::read(size_t times)
{
    std::lock_guard guard(lock_);
    mayRead_ += times;
    changed_.notify_all();
}

void Consumer::readFreely()
{
    std::lock_guard guard(lock_);
    readsFreely_ = true;
    changed_.notify_all();
}

Lease Consumer::takeLease(uint32_t number)
{
    std::lock_guard guard(lock_);
    const auto found = held_.find(number);
    if (found == held_.end())
        return {};
    Lease lease = std::move(found->second);
    held_.erase(found);
    return lease;
}

void Consumer::giveBack(uint32_t number)
{
    Lease lease = takeLease(number);
    EXPECT_TRUE(lease.holds()) << number;
}

void Consumer::giveBackAll()
{
    std::multimap<uint32_t, Lease> held;
    std::lock_guard guard(lock_);
    held.swap(held_);
}

} // namespace ringtest
