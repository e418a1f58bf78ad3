// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whenever a client joins, it is told the stream's state and then sees what all others see; and a
// frame is in memory once, whatever their number.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

#include <memory>

namespace
{

constexpr uint64_t kFrameBytes = 320 * 240 * 3 / 2;
const std::string kFrames = "videotestsrc name=tap is-live=true ! "
                            "video/x-raw,format=I420,width=320,height=240,framerate=50/1 ! ";
const std::string kSink = "sharedringsink name=ring sync=false timestamps=preserve slow-client=block "
                          "wait-for-connection=true max-buffers=4 socket=";

std::unique_ptr<PeerProcess> newConsumer(const std::string &socket)
{
    return std::make_unique<PeerProcess>("sharedringsrc name=ring is-live=false socket=" + socket +
                                         " ! fakesink name=tap sync=false");
}

using Consumers = std::vector<std::unique_ptr<PeerProcess>>;

void add(Consumers &consumers, size_t number, const std::string &socket)
{
    for (size_t i = 0; i < number; i++)
        consumers.push_back(newConsumer(socket));
}

} // namespace

TEST(ManyClients, EightGetTheStateFirstAndThenIdenticalFramesThatWereWrittenOnce)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(kFrames + kSink + socket);
    Consumers consumers;
    add(consumers, 3, socket); // with the stream
    for (auto &consumer : consumers)
        ASSERT_TRUE(consumer->waitForCount(10)) << consumer->transcript();

    add(consumers, 2, socket); // late
    for (auto &consumer : consumers)
        ASSERT_TRUE(consumer->waitForCount(20)) << consumer->transcript();

    producer.command("pause");
    add(consumers, 3, socket); // while it idles
    for (size_t i = 5; i < 8; i++) {
        EXPECT_TRUE(consumers[i]->waitForLog("caps ")) << consumers[i]->transcript();
        EXPECT_TRUE(consumers[i]->waitForLog("segment ")) << consumers[i]->transcript();
    }
    producer.command("play");
    for (auto &consumer : consumers)
        ASSERT_TRUE(consumer->waitForCount(30)) << consumer->transcript();
    ASSERT_EQ(producer.command("get ring num-clients"), "8");

    producer.command("eos");
    for (auto &consumer : consumers)
        ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
    const TapLog sent = producer.log();
    uint64_t seen = 0;
    for (auto &consumer : consumers) {
        const TapLog log = consumer->log();
        EXPECT_EQ(whatCameBeforeTheFrames(log), "stream-start caps segment");
        EXPECT_TRUE(isRunToTheEndOf(log, sent));
        EXPECT_EQ(log.lines.back(), "eos");
        EXPECT_EQ(consumer->stat("copies"), 0u);
        seen += log.buffers.size();
    }
    EXPECT_EQ(producer.stat("bytes"), seen * kFrameBytes);
    EXPECT_EQ(producer.stat("published-bytes"), sent.buffers.size() * kFrameBytes);
    EXPECT_EQ(producer.stat("copies"), 0u);
    EXPECT_EQ(producer.stat("drops"), 0u);
    // Each client may hold four blocks, and they are the same four; upstream and its pool have some.
    EXPECT_LE(producer.stat("arena-populated"), (4 + 12) * kFrameBytes);
}

TEST(ManyClients, WhoJoinsAtTheEndIsToldTheStateAndTheEnd)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer("videotestsrc name=tap num-buffers=5 ! video/x-raw,width=64,height=48 ! " + kSink +
                         socket);
    Consumers consumers;
    add(consumers, 1, socket);
    ASSERT_TRUE(consumers[0]->waitFor("eos")) << consumers[0]->transcript();
    ASSERT_TRUE(producer.waitFor("eos"));
    EXPECT_TRUE(isRunToTheEndOf(consumers[0]->log(), producer.log()));

    add(consumers, 2, socket);
    for (size_t i = 1; i < 3; i++) {
        ASSERT_TRUE(consumers[i]->waitFor("eos")) << consumers[i]->transcript();
        EXPECT_EQ(whatCameBeforeTheFrames(consumers[i]->log()), "stream-start caps segment eos");
    }
    EXPECT_EQ(producer.stat("published"), 5u);
}
