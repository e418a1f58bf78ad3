// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An honest consumer for tests: a Subscriber with a thread that reads, writes down what it got as
// short texts, and holds what it is told to hold.
#pragma once

#include "ringcore/subscriber.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ringtest
{

using Texts = std::vector<std::string>;

// 1, 2, ..., last.
std::vector<uint32_t> upTo(uint32_t last);

class Consumer
{
public:
    enum class Keeping {
        Nothing,    // gives each buffer back as soon as it is written down
        Everything, // until giveBack()
        WhatItMay,  // as Everything, but copies and gives back when it is near its bound
    };
    enum class Reading { Freely, WhenAsked };

    explicit Consumer(const std::string &socket, Keeping keeping = Keeping::Nothing,
                      Reading reading = Reading::Freely);
    ~Consumer();

    // "joined", "lost (why)", "eos", "flush" or "flush (reset)", a buffer's number, an event's text;
    // with '*' behind what is replayed and '!' behind a DISCONT buffer, "torn" behind one whose bytes
    // are not what they shall be, ',' behind one whose list goes on and ';' behind a list's last.
    Texts texts() const;
    // texts() but for the buffers.
    Texts withoutBuffers() const;
    std::vector<uint32_t> buffers() const;
    size_t holds() const;

    // Until the last text is `text`, it appeared at all, or there are `count` buffers.
    bool awaitLast(const std::string &text);
    bool await(const std::string &text);
    bool awaitBuffers(size_t count);

    // Reading::WhenAsked: lets the thread receive `times` more, or from now on everything.
    void read(size_t times);
    void readFreely();

    void giveBack(uint32_t number);
    void giveBackAll();
    ringcore::Lease takeLease(uint32_t number);

    void stop() { subscriber_->stop(); }
    uint64_t nearBounds() const;

private:
    class Observer;
    void run();
    std::string describe(const ringcore::Delivery &delivery, uint32_t &number);
    bool awaitThat(const std::function<bool()> &holds);

    const Keeping keeping_;
    std::unique_ptr<ringcore::Subscriber> subscriber_;

    mutable std::mutex lock_; // guards what follows
    std::condition_variable changed_;
    Texts texts_;
    std::vector<uint32_t> buffers_;
    std::multimap<uint32_t, ringcore::Lease> held_;
    size_t mayRead_ = 0;
    bool readsFreely_ = false;
    bool ending_ = false;
    uint64_t nearBounds_ = 0;

    std::thread thread_;
};

} // namespace ringtest
