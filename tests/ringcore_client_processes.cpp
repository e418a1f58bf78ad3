// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Clients that are other processes: killed at odd moments, or stopped in the middle of everything.
// Their blocks come back, and nobody ever waits for them.
#include "ring_consumer.h"
#include "ring_producer.h"

#include "ringcore/unique_fd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char **environ;

namespace
{

using namespace std::chrono_literals;
using ringcore::PublishOutcome;
using ringcore::SlowClient;
using ringcore::UniqueFd;
using ringtest::awaitState;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::upTo;
using Clock = std::chrono::steady_clock;

// A ring_client; killed with its owner.
class ClientProcess
{
public:
    ClientProcess(const std::string &socket, const char *mode)
    {
        int output[2];
        EXPECT_EQ(::pipe2(output, O_CLOEXEC), 0);
        output_.reset(output[0]);
        const UniqueFd theirs(output[1]);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDOUT_FILENO);
        const char *program = std::getenv("SHAREDRING_RING_CLIENT");
        const char *arguments[] = {"ring_client", socket.c_str(), mode, nullptr};
        EXPECT_TRUE(program);
        EXPECT_EQ(::posix_spawn(&id_, program ? program : "ring_client", &actions, nullptr,
                                const_cast<char *const *>(arguments), environ),
                  0);
        ::posix_spawn_file_actions_destroy(&actions);
    }
    ~ClientProcess() { kill(); }

    // It said that it joined.
    bool awaitJoined()
    {
        pollfd fd{output_.get(), POLLIN, 0};
        char byte;
        return ::poll(&fd, 1, 30000) > 0 && ::read(output_.get(), &byte, 1) == 1;
    }

    void stop()
    {
        ::kill(id_, SIGSTOP);
        int status;
        EXPECT_EQ(::waitpid(id_, &status, WUNTRACED), id_);
        EXPECT_TRUE(WIFSTOPPED(status));
    }

    void resume() { ::kill(id_, SIGCONT); }

    void kill()
    {
        if (id_ <= 0)
            return;
        ::kill(id_, SIGKILL);
        ::waitpid(id_, nullptr, 0);
        id_ = -1;
    }

private:
    pid_t id_ = -1;
    UniqueFd output_;
};

size_t openDescriptors()
{
    size_t count = 0;
    for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/fd"))
        count++;
    return count;
}

size_t mappedMemfds()
{
    std::ifstream maps("/proc/self/maps");
    size_t count = 0;
    for (std::string line; std::getline(maps, line);)
        count += line.find("memfd:sharedring") != std::string::npos;
    return count;
}

TEST(KilledClient, BlocksAndDescriptorsComeBackHoweverOftenAndWhenever)
{
    constexpr int kKills = 60;
    Producer producer{ProducerOptions(4)};
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    ASSERT_TRUE(honest.await("joined")); // and what it was sent is mapped and closed
    const size_t descriptors = openDescriptors();
    const size_t mappings = mappedMemfds();

    // A stream that goes on all the time, as fast as the honest client reads.
    std::atomic<bool> over{false};
    uint32_t published = 0;
    std::thread stream([&] {
        while (!over) {
            producer.deliver(++published, 20'000, 300);
            ASSERT_TRUE(honest.awaitBuffers(published));
        }
    });
    std::mt19937 random(3);
    for (int round = 0; round < kKills; round++) {
        ClientProcess client(producer.socket(), round % 2 ? "hold" : "read");
        // Some are killed in their handshake, some when they joined, some while they read.
        if (round % 3 == 0) {
            ASSERT_TRUE(client.awaitJoined());
            const auto until = Clock::now() + std::chrono::microseconds(random() % 5000);
            while (Clock::now() < until)
                std::this_thread::yield();
        } else if (round % 3 == 1) {
            ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() > 1; }));
        }
        client.kill();
        ASSERT_TRUE(awaitState([&] { return producer.publisher().connections() == 1; }));
    }
    over = true;
    stream.join();
    EXPECT_EQ(honest.buffers(), upTo(published));
    EXPECT_EQ(producer.heard().warnings(), "");
    producer.expectNothingOut();
    EXPECT_TRUE(awaitState([&] { return openDescriptors() == descriptors; })) << openDescriptors();
    EXPECT_TRUE(awaitState([&] { return mappedMemfds() == mappings; })) << mappedMemfds();
}

TEST(KilledClient, EndsTheWaitOfAStreamThatBlocks)
{
    Producer producer{ProducerOptions(2, SlowClient::Block)};
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    ClientProcess client(producer.socket(), "hold");
    ASSERT_TRUE(client.awaitJoined());
    producer.awaitJoined(2);
    producer.deliver(1);
    producer.deliver(2);
    std::thread stream([&] { producer.deliver(3); });
    client.kill();
    stream.join();
    ASSERT_TRUE(honest.awaitBuffers(3));
    EXPECT_EQ(honest.buffers(), upTo(3));
    producer.expectNothingOut();
}

TEST(StoppedClient, TheOthersMissNothing)
{
    Producer producer{ProducerOptions(4)};
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    ClientProcess client(producer.socket(), "read");
    ASSERT_TRUE(client.awaitJoined());
    producer.awaitJoined(2);
    client.stop();
    for (uint32_t number = 1; number <= 300; number++) {
        producer.deliver(number, 200'000);
        ASSERT_TRUE(honest.awaitBuffers(number));
        if (number % 50 == 0)
            producer.event("gap");
    }
    EXPECT_EQ(honest.buffers(), upTo(300));
    EXPECT_EQ(producer.stream().consumers(), 2u);
    EXPECT_LE(producer.blocksOut(), 4u);

    client.resume(); // and then it gives back what it had
    EXPECT_TRUE(awaitState([&] {
        producer.stream().reap();
        return producer.blocksOut() == 0;
    }));
}

TEST(StoppedClient, ProducerStopsInLessThanATenthOfASecond)
{
    for (const SlowClient policy : {SlowClient::Drop, SlowClient::Block, SlowClient::Disconnect}) {
        Producer producer{ProducerOptions(2, policy)};
        std::vector<std::unique_ptr<ClientProcess>> clients;
        for (const char *mode : {"read", "hold", "read"}) {
            clients.push_back(std::make_unique<ClientProcess>(producer.socket(), mode));
            ASSERT_TRUE(clients.back()->awaitJoined());
        }
        producer.awaitJoined(3);
        for (const auto &client : clients)
            client->stop();
        std::thread stream([&] {
            for (uint32_t number = 1; number <= 5; number++)
                producer.publish(number);
        });
        ASSERT_TRUE(awaitState([&] { return producer.sum().buffers >= 6; }));
        const auto begun = Clock::now();
        producer.stop();
        EXPECT_LT(Clock::now() - begun, 100ms);
        stream.join();
        producer.expectNothingOut();
        EXPECT_TRUE(producer.awaitNoConnections());
    }
}

TEST(StoppedClient, IsDisconnectedWhereTheUserSaidSo)
{
    ProducerOptions options(2, SlowClient::Block);
    options.config.fanOut.slowClientTimeout = 100ms;
    Producer producer{std::move(options)};
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    ClientProcess client(producer.socket(), "read");
    ASSERT_TRUE(client.awaitJoined());
    producer.awaitJoined(2);
    client.stop();
    for (uint32_t number = 1; number <= 10; number++)
        producer.deliver(number);
    ASSERT_TRUE(honest.awaitBuffers(10));
    EXPECT_EQ(honest.buffers(), upTo(10));
    ASSERT_TRUE(producer.heard().await("dropped: client too slow (expected 2, found 2)"));
    producer.expectNothingOut();
}

} // namespace
