// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ring_producer.h"

#include <algorithm>
#include <cstring>
#include <poll.h>

namespace ringtest
{

using ringcore::PublisherCallbacks;
using ringcore::PublishOutcome;

void Heard::add(const std::string &line)
{
    std::lock_guard guard(lock_);
    lines_.push_back(line);
    changed_.notify_all();
}

bool Heard::await(const std::string &text, size_t times)
{
    std::unique_lock lock(lock_);
    return changed_.wait_for(lock, kPatience, [&] {
        return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const auto &line) {
                   return line.find(text) != std::string::npos;
               })) >= times;
    });
}

size_t Heard::count(const std::string &text) const
{
    std::lock_guard guard(lock_);
    return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const auto &line) {
        return line.find(text) != std::string::npos;
    }));
}

std::vector<std::string> Heard::lines() const
{
    std::lock_guard guard(lock_);
    return lines_;
}

std::string Heard::warnings() const
{
    std::string all;
    for (const auto &line : lines()) {
        if (line.starts_with("warning"))
            all += line + "\n";
    }
    return all;
}

PublisherCallbacks Heard::callbacks(const std::shared_ptr<Heard> &heard)
{
    PublisherCallbacks callbacks;
    callbacks.log = [heard](PublisherCallbacks::Level level, const std::string &line) {
        heard->add((level == PublisherCallbacks::Level::Warning ? "warning " : "info ") + line);
    };
    callbacks.connected = [heard](uint32_t id, const ringcore::PeerIdentity &) {
        heard->add("connected " + std::to_string(id));
    };
    callbacks.disconnected = [heard](uint32_t id, const std::string &reason, bool wasConnected) {
        heard->add((wasConnected ? "disconnected " : "never connected ") + std::to_string(id) + " (" +
                   reason + ")");
    };
    callbacks.attachment = [heard](uint32_t id, std::span<const std::byte> bytes) {
        heard->add("attachment " + std::to_string(id) + " (" +
                   std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size()) + ")");
        return true;
    };
    callbacks.request = [heard](uint32_t id, uint32_t kind, std::span<const std::byte> bytes) {
        heard->add("request " + std::to_string(kind) + " of " + std::to_string(id) + " (" +
                   std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size()) + ")");
        return true;
    };
    callbacks.dropsBegan = [heard](uint32_t id) { heard->add("drops of " + std::to_string(id)); };
    callbacks.dropsEnded = [heard](uint32_t id, uint64_t buffers) {
        heard->add("dropped " + std::to_string(buffers) + " of " + std::to_string(id));
    };
    return callbacks;
}

Producer::Producer(ProducerOptions options)
{
    auto callbacks = Heard::callbacks(heard_);
    if (options.adjust)
        options.adjust(callbacks);
    if (const auto *path = std::get_if<std::string>(&options.config.socket); path && path->empty())
        options.config.socket = socket();
    auto publisher = ringcore::Publisher::create(std::move(options.config), std::move(callbacks));
    if (!publisher)
        throw std::runtime_error(ringcore::describe(publisher.error()));
    publisher_ = std::move(*publisher);
    stream_ = publisher_->stream();
}

Producer::~Producer()
{
    stop();
}

void Producer::stop()
{
    publisher_->stop();
}

std::optional<ringcore::Outgoing> Producer::make(const uint32_t &number, size_t size)
{
    struct Owned {
        std::shared_ptr<ringcore::FanOut> stream;
        ringcore::Block block;
        std::shared_ptr<std::atomic<size_t>> count;
    };
    ringcore::Outgoing buffer;
    buffer.kind = kBuffer;
    buffer.inlineBytes = std::as_bytes(std::span(&number, 1));
    if (size == 0)
        return buffer;
    auto block = stream_->arena().allocate(size);
    if (!block) {
        stream_->reap();
        block = stream_->arena().allocate(size);
    }
    if (!block)
        return std::nullopt;
    std::memset(stream_->arena().at(block->offset), static_cast<int>(number & 0xff), size);
    buffer.payload = {block->offset, size};
    buffer.charge = block->size;
    ++*blocksOut_;
    buffer.keeper = {new Owned{stream_, *block, blocksOut_}, [](void *owner) {
                         const std::unique_ptr<Owned> owned(static_cast<Owned *>(owner));
                         owned->stream->arena().free(owned->block);
                         --*owned->count;
                     }};
    return buffer;
}

PublishOutcome Producer::publish(uint32_t number, size_t size, size_t extra)
{
    const std::vector<std::byte> more(extra, std::byte(number));
    const auto made = make(number, size);
    if (!made)
        return PublishOutcome::NoMemory;
    ringcore::Outgoing buffer = *made;
    buffer.extra = more;
    const auto outcome = stream_->publish(buffer);
    if (outcome == PublishOutcome::Interrupted || outcome == PublishOutcome::NoMemory) {
        if (buffer.keeper.release)
            buffer.keeper.release(buffer.keeper.owner);
    }
    return outcome;
}

void Producer::deliver(uint32_t number, size_t size, size_t extra)
{
    auto outcome = publish(number, size, extra);
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (outcome == PublishOutcome::NoMemory && std::chrono::steady_clock::now() < until) {
        stream_->waitForRelease(std::chrono::milliseconds(10));
        outcome = publish(number, size, extra);
    }
    EXPECT_EQ(outcome, PublishOutcome::Delivered) << number;
}

void Producer::event(const std::string &text)
{
    stream_->publishEvent({kEvent, std::as_bytes(std::span(text)), std::nullopt});
}

bool Producer::sticky(uint32_t place, const std::string &text, const std::string &key)
{
    return stream_->publishEvent(
        {kEvent, std::as_bytes(std::span(text)), ringcore::OutgoingEvent::Sticky{place, key}});
}

void Producer::awaitJoined(size_t clients)
{
    // "disconnected" contains "connected", too.
    ASSERT_TRUE(awaitState([&] {
        const auto lines = heard_->lines();
        return static_cast<size_t>(std::count_if(lines.begin(), lines.end(), [](const auto &line) {
                   return line.starts_with("connected");
               })) >= clients;
    })) << heard_->warnings();
}

void Producer::awaitLeft(size_t clients)
{
    ASSERT_TRUE(heard_->await("disconnected", clients));
}

bool Producer::awaitNoConnections()
{
    return awaitState([&] { return publisher_->connections() == 0; });
}

void Producer::expectNothingOut()
{
    // A consumer gives back in its own time.
    EXPECT_TRUE(awaitState([this] {
        stream_->reap();
        return blocksOut() == 0;
    })) << blocksOut();
    const auto statistics = stream_->statistics();
    EXPECT_EQ(statistics.arenaUsed, 0u);
    EXPECT_EQ(statistics.largestFreeRun, statistics.arenaSize);
    EXPECT_EQ(statistics.sum.heldBlocks, 0u);
    EXPECT_EQ(statistics.sum.heldBytes, 0u);
}

bool awaitState(const std::function<bool()> &holds)
{
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

} // namespace ringtest
