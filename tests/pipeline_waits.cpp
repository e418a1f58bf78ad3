// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The waits that a user asks for, wait-for-connection and slow-client=block: they wait for what they
// say, end with a state change, and lose no buffer to a mere pause.
#include "peer_process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <poll.h>
#include <string>

namespace
{

std::string producer(const std::string &socket, const std::string &properties, const std::string &count = "")
{
    return "videotestsrc " + count +
           " ! video/x-raw,format=I420,width=64,height=48,framerate=100/1 ! identity name=tap ! "
           "sharedringsink name=ring socket=" +
           socket + " " + properties;
}

std::string client(const std::string &socket)
{
    return "sharedringsrc name=ring is-live=false socket=" + socket +
           " ! fakesink name=tap sync=false enable-last-sample=false";
}

uint64_t countOf(PeerProcess &peer)
{
    return std::strtoull(peer.command("count").c_str(), nullptr, 10);
}

// Until the client holds all that it may; what the producer renders next has to wait.
bool waitUntilHeld(PeerProcess &peer, uint64_t held, uint64_t rendered)
{
    for (int attempt = 0; attempt < 4000 && peer.running(); attempt++) {
        if (peer.stat("held") == held && countOf(peer) == rendered)
            return true;
        ::poll(nullptr, 0, 5);
    }
    return false;
}

void expectEveryFrame(const TapLog &log, size_t frames)
{
    ASSERT_EQ(log.buffers.size(), frames);
    for (size_t i = 0; i < frames; i++)
        ASSERT_EQ(log.buffers[i].offset, std::to_string(i));
}

} // namespace

// ---- wait-for-connection

TEST(WaitForConnection, PlayingStartsWithTheFirstClientAndItGetsTheFirstFrame)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(producer(socket, "wait-for-connection=true sync=true"));
    ASSERT_TRUE(sender.waitFor("info ")) << "it says that it waits\n" << sender.transcript();
    EXPECT_FALSE(sender.seen("state PAUSED")) << "no preroll before a client is there";

    PeerProcess receiver(client(socket));
    ASSERT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
    EXPECT_TRUE(sender.waitFor("state PLAYING")) << sender.transcript();
    EXPECT_EQ(receiver.log().buffers[0].offset, "0");
    EXPECT_EQ(sender.quit(), 0);
}

TEST(WaitForConnection, HoldsUpNoApplicationThatDoesNotWaitForPreroll)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(producer(socket, "wait-for-connection=true async=false sync=false"), {"--paused"});
    ASSERT_TRUE(sender.waitFor("info ")) << sender.transcript();
    sender.command("play");
    EXPECT_TRUE(sender.waitFor("state PLAYING")) << sender.transcript();

    PeerProcess receiver(client(socket));
    ASSERT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
    EXPECT_EQ(receiver.log().buffers[0].offset, "0");
    EXPECT_EQ(sender.quit(), 0);
}

struct WayOut {
    const char *name;
    const char *command;
};

class WaitThatIsLeft : public testing::TestWithParam<WayOut>
{
};

TEST_P(WaitThatIsLeft, EndsWhileNoClientEverCame)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(producer(socket, "wait-for-connection=true sync=false"));
    ASSERT_TRUE(sender.waitFor("info ")) << sender.transcript();

    sender.command(GetParam().command);
    sender.command("play"); // and it can be done again
    PeerProcess receiver(client(socket));
    EXPECT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
}

TEST_P(WaitThatIsLeft, EndsAfterAllClientsWent)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(producer(socket, "wait-for-connection=true sync=false slow-client=block"));
    {
        PeerProcess receiver(client(socket));
        ASSERT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
    }
    ASSERT_TRUE(sender.waitFor("disconnected ")) << sender.transcript();
    ASSERT_TRUE(sender.waitFor("info ")) << sender.transcript();

    sender.command(GetParam().command);
    sender.command("play");
    PeerProcess receiver(client(socket));
    EXPECT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
}

TEST_P(WaitThatIsLeft, EndsWhileAClientBlocksTheStream)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(
        producer(socket, "wait-for-connection=true sync=false slow-client=block max-buffers=4"));
    PeerProcess receiver(client(socket), {"--block-at", "1"});
    ASSERT_TRUE(waitUntilHeld(sender, 4, 5)) << sender.transcript();

    sender.command(GetParam().command);
    EXPECT_EQ(sender.quit(), 0);
}

INSTANTIATE_TEST_SUITE_P(By, WaitThatIsLeft,
                         testing::Values(WayOut{"Ready", "ready"}, WayOut{"Null", "null"}),
                         [](const auto &one) { return std::string(one.param.name); });

TEST(WaitForConnection, APauseAndResumeWhileItWaitsGoesOnWaiting)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(
        producer(socket, "wait-for-connection=true sync=false slow-client=block", "num-buffers=40"));
    ASSERT_TRUE(sender.waitFor("info ")) << sender.transcript();
    sender.command("pause");
    sender.command("play");

    PeerProcess receiver(client(socket));
    ASSERT_TRUE(receiver.waitFor("eos")) << receiver.transcript();
    expectEveryFrame(receiver.log(), 40);
}

// ---- slow-client=block

TEST(BlockedStream, IsPausedAndResumedWithoutLosingTheBufferThatWaits)
{
    const std::string socket = freshPath(".socket");
    constexpr size_t kFrames = 60;
    PeerProcess sender(producer(socket,
                                "wait-for-connection=true sync=false slow-client=block max-buffers=4 "
                                "timestamps=preserve",
                                "num-buffers=" + std::to_string(kFrames)));
    PeerProcess receiver(client(socket), {"--block-at", "3"});
    ASSERT_TRUE(sender.waitFor("state PLAYING")) << sender.transcript();
    ASSERT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
    ASSERT_TRUE(waitUntilHeld(sender, 4, 7)) << sender.transcript(); // 2 are back, 4 out, 1 waits

    // As fast as it goes: GstBaseSink alone would forget a pause that comes before its thread woke from the
    // one before.
    for (int turn = 0; turn < 50; turn++) {
        sender.command("pause");
        sender.command("play");
    }
    sender.command("pause");
    receiver.command("release");
    // What was out is all that comes while the producer is paused.
    ASSERT_TRUE(receiver.waitForCount(6)) << receiver.transcript();
    EXPECT_EQ(sender.stat("published"), 6u);
    EXPECT_EQ(countOf(sender), 7u);
    EXPECT_EQ(countOf(receiver), 6u);
    sender.command("play");

    ASSERT_TRUE(receiver.waitFor("eos")) << receiver.transcript() << sender.transcript();
    expectEveryFrame(receiver.log(), kFrames);
    EXPECT_EQ(sender.stat("drops"), 0u);
    EXPECT_FALSE(sender.seen("error ")) << sender.transcript();
}

TEST(BlockedStream, IsFlushedOutOfItsWait)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(producer(socket, "wait-for-connection=true sync=false slow-client=block max-buffers=4 "
                                        "timestamps=preserve"));
    PeerProcess receiver(client(socket), {"--block-at", "1"});
    ASSERT_TRUE(waitUntilHeld(sender, 4, 5)) << sender.transcript();
    ASSERT_TRUE(receiver.waitForCount(1)) << receiver.transcript(); // and blocks

    sender.command("seek 1000");
    ASSERT_TRUE(receiver.waitForLog("flush-start")) << receiver.transcript();
    receiver.command("release");
    ASSERT_TRUE(receiver.waitForCount(3)) << receiver.transcript();
    const TapLog log = receiver.log();
    EXPECT_EQ(log.buffers[0].pts, "0");
    EXPECT_EQ(log.buffers[1].pts, "1000000000000");
    EXPECT_EQ(log.buffers[2].pts, "1000010000000");
}
