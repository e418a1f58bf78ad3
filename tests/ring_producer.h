// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer for tests: numbered buffers whose every byte says their number, events that say a text,
// and an account of everything that it was told and of every block that is out.
#pragma once

#include "ring_files.h"

#include "ringcore/publisher.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace ringtest
{

// How long a test waits for what must come; only a failure ever waits so long.
inline constexpr std::chrono::seconds kPatience{30};

inline constexpr uint32_t kBuffer = 1;
inline constexpr uint32_t kEvent = 2;

// What a publisher told its application.
class Heard
{
public:
    void add(const std::string &line);

    // Waits until a line contains `text`, `times` times. False: it never did.
    bool await(const std::string &text, size_t times = 1);
    size_t count(const std::string &text) const;
    std::vector<std::string> lines() const;
    std::string warnings() const; // all of them, for a message

    // Lines are "warning ...", "info ...", "connected 3", "disconnected 3 (reason)",
    // "never connected 3 (reason)", "attachment 3 (its bytes)", "request 7 of 3 (its bytes)", "drops of 3",
    // "dropped 12 of 3".
    static ringcore::PublisherCallbacks callbacks(const std::shared_ptr<Heard> &heard);

private:
    mutable std::mutex lock_; // guards lines_
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

struct ProducerOptions {
    ringcore::PublisherConfig config;
    std::function<void(ringcore::PublisherCallbacks &)> adjust; // the callbacks, before they are used

    // 16 MiB of memory, and `maxBuffers` buffers for each client.
    explicit ProducerOptions(uint32_t maxBuffers = 4,
                             ringcore::SlowClient slowClient = ringcore::SlowClient::Drop)
    {
        config.maxMemory = size_t{16} << 20;
        config.fanOut.maxBuffers = maxBuffers;
        config.fanOut.slowClient = slowClient;
    }
};

class Producer
{
public:
    explicit Producer(ProducerOptions options = ProducerOptions());
    ~Producer();

    std::string socket() const { return directory_ / "s"; }
    ringcore::FanOut &stream() const { return *stream_; }
    ringcore::Publisher &publisher() const { return *publisher_; }
    Heard &heard() const { return *heard_; }

    // A buffer that says `number`, which must outlive it; nothing: there is no memory. Its keeper is the
    // caller's.
    std::optional<ringcore::Outgoing> make(const uint32_t &number, size_t size);
    // A buffer of `size` bytes; 0 has no payload. Returns NoMemory where the arena has no block.
    ringcore::PublishOutcome publish(uint32_t number, size_t size = 4096, size_t extra = 0);
    // publish(), which must reach somebody; waits for memory as a stream does that may not lose any.
    void deliver(uint32_t number, size_t size = 4096, size_t extra = 0);
    void event(const std::string &text);
    bool sticky(uint32_t place, const std::string &text, const std::string &key = "");

    // Until `clients` have joined, those that left meanwhile included.
    void awaitJoined(size_t clients);
    void awaitLeft(size_t clients);
    bool awaitNoConnections();

    size_t blocksOut() const { return *blocksOut_; }
    ringcore::ConsumerStatistics sum() const { return stream_->statistics().sum; }
    // Everything came back: no keeper, no byte of the arena, no publication.
    void expectNothingOut();

    void stop();

private:
    OwnDirectory directory_;
    std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
    std::shared_ptr<std::atomic<size_t>> blocksOut_ = std::make_shared<std::atomic<size_t>>(0);
    std::unique_ptr<ringcore::Publisher> publisher_;
    std::shared_ptr<ringcore::FanOut> stream_;
};

// Looks until `holds`, for states that tell nobody when they change. A look costs little and
// nothing depends on how often it happens.
bool awaitState(const std::function<bool()> &holds);

} // namespace ringtest
