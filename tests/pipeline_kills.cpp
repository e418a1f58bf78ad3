// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Consumers that are killed, at whatever moment: the producer goes on without them, the others see
// every frame, and what was theirs is given back.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <poll.h>
#include <random>

namespace
{

using Clock = std::chrono::steady_clock;

size_t descriptorsOf(pid_t pid)
{
    size_t count = 0;
    std::error_code error; // one that is closed meanwhile
    for (auto fd = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error);
         fd != std::filesystem::directory_iterator(); fd.increment(error))
        count++;
    return count;
}

// Mappings of memory of ours.
size_t mappingsOf(pid_t pid)
{
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    size_t count = 0;
    for (std::string line; std::getline(maps, line);)
        count += line.find("memfd:sharedring") != std::string::npos;
    return count;
}

size_t threadsOf(pid_t pid)
{
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Threads:"))
            return std::stoul(line.substr(8));
    }
    return 0;
}

// Shared memory of the whole machine, in KiB.
uint64_t sharedMemory()
{
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("Shmem:"))
            return std::stoull(line.substr(6));
    }
    return 0;
}

template <typename Value>
testing::AssertionResult comesDownTo(const char *what, Value limit, const std::function<Value()> &read)
{
    const auto until = Clock::now() + ChildProcess::kPatience;
    Value now = read();
    while (now > limit && Clock::now() < until) {
        ::poll(nullptr, 0, 20);
        now = read();
    }
    if (now <= limit)
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << what << ": " << now << ", and before " << limit;
}

} // namespace

TEST(KilledConsumers, TwoHundredLeaveNothingBehind)
{
    constexpr unsigned kKills = 200;
    constexpr size_t kAtOnce = 8;
    const std::string socket = freshPath(".socket");
    // Without a time-out: one that is dead must not block the stream either. Deep rings, so that
    // what a client leaves behind would show.
    PeerProcess producer("videotestsrc name=tap is-live=true ! "
                         "video/x-raw,format=I420,width=32,height=32,framerate=200/1 ! "
                         "sharedringsink name=ring sync=false timestamps=preserve slow-client=block "
                         "wait-for-connection=true max-buffers=256 socket=" +
                         socket);
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    const std::string consumer =
        "sharedringsrc is-live=false on-disconnect=eos socket=" + socket + " ! fakesink name=tap sync=false";
    PeerProcess one(consumer);
    PeerProcess other(consumer);
    ASSERT_TRUE(one.waitForCount(20)) << one.transcript();
    ASSERT_TRUE(other.waitForCount(20)) << other.transcript();
    const size_t descriptors = descriptorsOf(producer.pid());
    const size_t mappings = mappingsOf(producer.pid());
    const size_t threads = threadsOf(producer.pid());
    const uint64_t shared = sharedMemory();

    std::mt19937 random(1);
    std::deque<std::unique_ptr<ChildProcess>> doomed;
    const auto killOldest = [&] {
        // At some moment: not running yet, connecting, shaking hands, reading, holding blocks.
        doomed.front()->waitFor("held 12", std::chrono::milliseconds(random() % 60));
        doomed.front()->signal(SIGKILL);
        EXPECT_EQ(doomed.front()->waitForExit(), -SIGKILL);
        doomed.pop_front();
    };
    for (unsigned i = 0; i < kKills; i++) {
        if (i % 10 == 0) // with all that a GStreamer process has
            doomed.push_back(std::make_unique<PeerProcess>(consumer));
        else
            doomed.push_back(std::make_unique<ChildProcess>(std::vector<std::string>{
                testProgram("bare-client"), socket, i % 3 == 0 ? "all" : std::to_string(i % 20)}));
        if (doomed.size() == kAtOnce)
            killOldest();
    }
    while (!doomed.empty())
        killOldest();

    unsigned served = 0;
    while (producer.seen("connected"))
        served++;
    EXPECT_GT(served, kKills / 4); // not all died before they were somebody
    const uint64_t seen = std::stoull(one.command("count"));
    ASSERT_TRUE(one.waitForCount(seen + 100)) << one.transcript();
    const pid_t pid = producer.pid();
    EXPECT_TRUE(comesDownTo<size_t>("clients", 2, [&] {
        return static_cast<size_t>(std::stoul(producer.command("get ring num-clients")));
    }));
    EXPECT_TRUE(comesDownTo<size_t>("descriptors", descriptors, [&] { return descriptorsOf(pid); }));
    EXPECT_TRUE(comesDownTo<size_t>("mappings", mappings, [&] { return mappingsOf(pid); }));
    EXPECT_TRUE(comesDownTo<size_t>("threads", threads, [&] { return threadsOf(pid); }));
    EXPECT_TRUE(comesDownTo<uint64_t>("blocks held", 8, [&] { return producer.stat("held"); }));
    // Other processes use shared memory, too; two hundred rings of these would be 50 MiB.
    EXPECT_TRUE(comesDownTo<uint64_t>("KiB of shared memory", shared + 16 * 1024, sharedMemory));

    std::printf("%u of them were served; %zu descriptors, %zu mappings, %zu threads; Shmem %+lld KiB\n",
                served, descriptorsOf(pid), mappingsOf(pid), threadsOf(pid),
                static_cast<long long>(sharedMemory()) - static_cast<long long>(shared));
    producer.command("eos");
    for (PeerProcess *survivor : {&one, &other}) {
        ASSERT_TRUE(survivor->waitFor("eos")) << survivor->transcript();
        EXPECT_TRUE(isRunToTheEndOf(survivor->log(), producer.log()));
    }
}
