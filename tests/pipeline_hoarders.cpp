// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Clients that each keep different big frames cannot have all of the memory between them: there is a
// share for each, a reserve for the producer, and an end for who stays above its share.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

#include <memory>

namespace
{

constexpr uint64_t kFrame = 3840 * 2160 * 3 / 2;

std::string producerLine(const std::string &socket, const std::string &properties)
{
    return "videotestsrc name=tap is-live=true pattern=black ! "
           "video/x-raw,format=I420,width=3840,height=2160,framerate=60/1 ! "
           "sharedringsink name=ring sync=false timestamps=preserve wait-for-connection=true " +
           properties + " socket=" + socket;
}

std::string consumerLine(const std::string &socket)
{
    return "sharedringsrc name=ring is-live=false on-disconnect=eos socket=" + socket +
           " ! fakesink name=tap sync=false enable-last-sample=false";
}

// Keeps as much as it is given, from frames that the ones before it do not have.
std::unique_ptr<ChildProcess> newHoarder(const std::string &socket, PeerProcess &honest)
{
    auto hoarder =
        std::make_unique<ChildProcess>(std::vector<std::string>{testProgram("bare-client"), socket, "all"});
    EXPECT_TRUE(hoarder->waitFor("held 4")) << hoarder->transcript();
    const uint64_t seen = std::stoull(honest.command("count"));
    EXPECT_TRUE(honest.waitForCount(seen + 16)) << honest.transcript();
    return hoarder;
}

} // namespace

TEST(Hoarders, OfBigFramesLeaveRoomForEverybodyElse)
{
    constexpr uint64_t kMemory = 1u << 30;
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(socket, "max-memory=" + std::to_string(kMemory)), {"--no-digest"});
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    PeerProcess honest(consumerLine(socket), {"--no-digest"});
    ASSERT_TRUE(honest.waitForCount(1)) << honest.transcript();
    std::vector<std::unique_ptr<ChildProcess>> hoarders;
    for (int i = 0; i < 3; i++)
        hoarders.push_back(newHoarder(socket, honest));
    ASSERT_EQ(producer.command("get ring num-clients"), "4");
    const uint64_t seen = std::stoull(honest.command("count"));
    ASSERT_TRUE(honest.waitForCount(seen + 180)) << honest.transcript();

    EXPECT_GT(producer.stat("held-bytes"), 30 * kFrame);
    EXPECT_LE(producer.stat("arena-populated"), kMemory);
    EXPECT_EQ(producer.stat("no-room"), 0u);
    const std::string milliseconds = producer.command("null");
    std::printf("NULL after %s ms\n", milliseconds.c_str());
    EXPECT_LT(std::stoi(milliseconds), 1000); // 100 where nothing else needs the processor
    ASSERT_TRUE(honest.waitFor("eos")) << honest.transcript();
    EXPECT_TRUE(isRunOf(honest.log(), producer.log()));
}

TEST(Hoarders, AreTheOnesToGoWhereTheStreamWaitsForNobodyForLong)
{
    constexpr uint64_t kMemory = 512u << 20;
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(socket, "slow-client=block slow-client-timeout=500000000 max-memory=" +
                                                  std::to_string(kMemory)),
                         {"--no-digest"});
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    PeerProcess honest(consumerLine(socket), {"--no-digest"});
    ASSERT_TRUE(honest.waitForCount(1)) << honest.transcript();
    std::vector<std::unique_ptr<ChildProcess>> hoarders;
    for (int i = 0; i < 3; i++) {
        hoarders.push_back(std::make_unique<ChildProcess>(
            std::vector<std::string>{testProgram("bare-client"), socket, "all"}));
        ASSERT_TRUE(hoarders.back()->waitFor("held 4")) << hoarders.back()->transcript();
    }
    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(producer.waitFor("disconnected")) << producer.transcript();
    EXPECT_EQ(producer.command("get ring num-clients"), "1");
    const uint64_t seen = std::stoull(honest.command("count"));
    ASSERT_TRUE(honest.waitForCount(seen + 60)) << honest.transcript();
    EXPECT_LE(producer.stat("arena-populated"), kMemory);
    EXPECT_EQ(producer.stat("drops"), 0u);
    producer.command("null");
    ASSERT_TRUE(honest.waitFor("eos")) << honest.transcript();
    EXPECT_TRUE(isRunOf(honest.log(), producer.log()));
}
