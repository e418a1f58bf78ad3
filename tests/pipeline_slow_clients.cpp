// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Clients that are slow, stopped, or give nothing back: what they cost is their own. The others miss
// no frame, memory stays bounded, and stopping the producer waits for none of them.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

#include <csignal>

namespace
{

const std::string kFrames = "videotestsrc name=tap is-live=true ! "
                            "video/x-raw,format=I420,width=160,height=120,framerate=60/1 ! ";
constexpr uint64_t kBlock = 160 * 120 * 3 / 2 + 4096;

std::string sinkLine(const std::string &socket, const std::string &properties)
{
    return "sharedringsink name=ring sync=false timestamps=preserve wait-for-connection=true " + properties +
           " socket=" + socket;
}

std::string consumerLine(const std::string &socket)
{
    return "sharedringsrc name=ring is-live=false on-disconnect=eos socket=" + socket +
           " ! fakesink name=tap sync=false";
}

// Kept a while beside the others: one in SIGSTOP, one that takes 20 ms a frame, one that gives
// nothing back.
class Nuisances
{
public:
    explicit Nuisances(const std::string &socket)
        : stopped(consumerLine(socket)), slow(consumerLine(socket), {"--slow", "20"}),
          keeper({testProgram("bare-client"), socket, "all"})
    {
        EXPECT_TRUE(stopped.waitForCount(1)) << stopped.transcript();
        stopped.signal(SIGSTOP);
        EXPECT_TRUE(slow.waitForCount(1)) << slow.transcript();
        EXPECT_TRUE(keeper.waitFor("held ")) << keeper.transcript();
    }
    ~Nuisances() { stopped.signal(SIGCONT); }

    PeerProcess stopped;
    PeerProcess slow;
    ChildProcess keeper;
};

// To NULL, beside whoever is there.
void expectToStopAtOnce(PeerProcess &producer)
{
    const std::string milliseconds = producer.command("null");
    testing::Test::RecordProperty("milliseconds_to_null", milliseconds);
    std::printf("NULL after %s ms\n", milliseconds.c_str());
    EXPECT_LT(std::stoi(milliseconds), 1000); // 100 where nothing else needs the processor
}

} // namespace

TEST(SlowClients, LoseTheirOwnFramesOnlyWhereTheStreamDrops)
{
    constexpr unsigned kMaxBuffers = 32;
    const std::string socket = freshPath(".socket");
    PeerProcess producer(kFrames + sinkLine(socket, "max-buffers=" + std::to_string(kMaxBuffers)));
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    PeerProcess honest(consumerLine(socket));
    Nuisances nuisances(socket);
    PeerProcess late(consumerLine(socket));
    ASSERT_TRUE(late.waitForCount(240)) << late.transcript();

    EXPECT_GT(producer.stat("drops"), 100u);
    EXPECT_LE(producer.stat("held"), 5 * kMaxBuffers);
    // Three may hold different frames, the others pass theirs on.
    EXPECT_LE(producer.stat("arena-populated"), (3 * kMaxBuffers + 40) * kBlock);
    expectToStopAtOnce(producer);
    for (PeerProcess *consumer : {&honest, &late}) {
        ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
        EXPECT_TRUE(isRunOf(consumer->log(), producer.log()));
    }
}

TEST(SlowClients, AreDisconnectedAfterTheTimeoutWhereTheStreamBlocks)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(kFrames +
                         sinkLine(socket, "slow-client=block slow-client-timeout=700000000 max-buffers=8"));
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    PeerProcess honest(consumerLine(socket));
    Nuisances nuisances(socket);
    // Each is waited for once, and then no more.
    for (int i = 0; i < 2; i++) {
        const auto gone = producer.waitFor("disconnected");
        ASSERT_TRUE(gone) << producer.transcript();
        EXPECT_NE(gone->find("slow"), std::string::npos) << *gone;
    }
    PeerProcess late(consumerLine(socket));
    ASSERT_TRUE(late.waitForCount(60)) << late.transcript();
    EXPECT_EQ(producer.stat("drops"), 0u);
    EXPECT_EQ(producer.command("get ring num-clients"), "3"); // who takes its time gives back in time
    expectToStopAtOnce(producer);
    for (PeerProcess *consumer : {&honest, &late, &nuisances.slow}) {
        ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
        EXPECT_TRUE(isRunOf(consumer->log(), producer.log()));
    }
}

TEST(SlowClients, AreDisconnectedAtTheFirstFrameTheyCannotTakeWhereTheUserSaysSo)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(kFrames + sinkLine(socket, "slow-client=disconnect max-buffers=64"));
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    PeerProcess honest(consumerLine(socket));
    Nuisances nuisances(socket);
    uint64_t gone = 0;
    for (; gone < 2 || gone < producer.stat("drops"); gone++) {
        const auto line = producer.waitFor("disconnected");
        ASSERT_TRUE(line) << producer.transcript();
        EXPECT_NE(line->find("slow"), std::string::npos) << *line;
    }
    EXPECT_EQ(producer.stat("drops"), gone); // a frame of each
    EXPECT_LE(gone, 3u);                     // who takes 20 ms a frame is one of them where all is slow
    ASSERT_TRUE(honest.waitForCount(180)) << honest.transcript();
    expectToStopAtOnce(producer);
    ASSERT_TRUE(honest.waitFor("eos")) << honest.transcript();
    EXPECT_TRUE(isRunOf(honest.log(), producer.log()));
}

// While the stream waits for a client, a state change does not.
TEST(SlowClients, DoNotDelayTheStopOfAStreamThatWaitsForThem)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(kFrames + sinkLine(socket, "slow-client=block max-buffers=4"));
    ASSERT_TRUE(producer.waitFor("info Waiting for a client")) << producer.transcript();
    ChildProcess keeper({testProgram("bare-client"), socket, "all"});
    ASSERT_TRUE(keeper.waitFor("held 4")) << keeper.transcript();
    expectToStopAtOnce(producer);
    ASSERT_TRUE(keeper.waitFor("lost")) << keeper.transcript();
}
