// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer that goes, by EOS or by kill -9: its consumer shows what was already in memory, then
// does what it was told to do. And a recording ends well whenever it is interrupted.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>

namespace
{

std::string producerLine(const std::string &socket, unsigned width)
{
    return "videotestsrc name=tap is-live=true ! video/x-raw,format=I420,width=" + std::to_string(width) +
           ",height=48,framerate=20/1 ! sharedringsink name=ring sync=false timestamps=preserve "
           "wait-for-connection=true socket=" +
           socket;
}

std::string consumerLine(const std::string &socket, const std::string &onDisconnect)
{
    return "sharedringsrc is-live=false on-disconnect=" + onDisconnect + " socket=" + socket +
           " ! fakesink name=tap sync=false";
}

class LostProducer : public testing::Test
{
protected:
    // A consumer that was stopped while the stream went on until its ring was full.
    void fillRingOf(const std::string &onDisconnect)
    {
        socket = freshPath(".socket");
        producer = std::make_unique<PeerProcess>(producerLine(socket, 64));
        ASSERT_TRUE(producer->waitFor("info Waiting for a client")) << producer->transcript();
        consumer = std::make_unique<PeerProcess>(consumerLine(socket, onDisconnect));
        ASSERT_TRUE(consumer->waitForCount(3)) << consumer->transcript();
        consumer->signal(SIGSTOP);
        ASSERT_TRUE(producer->waitForStat("held", 16)) << producer->transcript(); // all that it may hold
        delivered = producer->stat("frames");
        ASSERT_GE(delivered, 16u);
    }
    // kill -9, and then the consumer looks.
    void loseProducer()
    {
        producer->signal(SIGKILL);
        ASSERT_EQ(producer->waitForExit(), -SIGKILL);
        consumer->signal(SIGCONT);
    }
    void expectEverythingThatWasInTheRing()
    {
        const TapLog log = consumer->log();
        EXPECT_EQ(log.buffers.size(), delivered);
        EXPECT_TRUE(isRunOf(log, producer->log()));
    }

    std::string socket;
    std::unique_ptr<PeerProcess> producer;
    std::unique_ptr<PeerProcess> consumer;
    uint64_t delivered = 0;
};

} // namespace

TEST_F(LostProducer, IsTheEndOfTheStreamAfterTheLastFrame)
{
    ASSERT_NO_FATAL_FAILURE(fillRingOf("eos"));
    ASSERT_NO_FATAL_FAILURE(loseProducer());
    ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
    expectEverythingThatWasInTheRing();
    EXPECT_FALSE(consumer->seen("error")) << consumer->transcript();
}

TEST_F(LostProducer, IsAnErrorAfterTheLastFrame)
{
    ASSERT_NO_FATAL_FAILURE(fillRingOf("error"));
    ASSERT_NO_FATAL_FAILURE(loseProducer());
    const auto error = consumer->waitFor("error");
    ASSERT_TRUE(error) << consumer->transcript();
    EXPECT_NE(error->find(socket), std::string::npos) << *error;
    expectEverythingThatWasInTheRing();
}

TEST_F(LostProducer, IsReplacedByTheNextOneOnThatSocketWithItsOwnCaps)
{
    ASSERT_NO_FATAL_FAILURE(fillRingOf("reconnect"));
    ASSERT_NO_FATAL_FAILURE(loseProducer());
    const auto warning = consumer->waitFor("warning");
    ASSERT_TRUE(warning) << consumer->transcript();
    EXPECT_NE(warning->find(socket), std::string::npos) << *warning;
    ASSERT_TRUE(consumer->waitForCount(delivered)) << consumer->transcript();
    expectEverythingThatWasInTheRing();

    PeerProcess next(producerLine(socket, 80));
    ASSERT_TRUE(consumer->waitForCount(delivered + 10)) << consumer->transcript();
    next.command("eos");
    ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
    const TapLog log = consumer->log();
    EXPECT_EQ(log.all("caps ").size(), 2u);
    EXPECT_NE(log.all("caps ").back().find("width=(int)80"), std::string::npos);
    EXPECT_EQ(log.buffers.back().size, 80u * 48 * 3 / 2);
    EXPECT_FALSE(consumer->seen("error")) << consumer->transcript();
}

TEST_F(LostProducer, ThatEndedItsStreamAndLeftIsSeenToTheEnd)
{
    for (const char *onDisconnect : {"reconnect", "eos", "error"}) {
        SCOPED_TRACE(onDisconnect);
        ASSERT_NO_FATAL_FAILURE(fillRingOf(onDisconnect));
        producer->command("eos");
        ASSERT_TRUE(producer->waitFor("eos")) << producer->transcript();
        ASSERT_EQ(producer->quit(), 0);
        consumer->signal(SIGCONT);
        ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
        expectEverythingThatWasInTheRing();
        EXPECT_EQ(consumer->log().lines.back(), "eos");
        EXPECT_FALSE(consumer->seen("error")) << consumer->transcript();
        EXPECT_FALSE(consumer->seen("warning")) << consumer->transcript();
    }
}

TEST(Recording, ThatIsInterruptedWhileStreamingIsAPlayableFile)
{
    const std::string socket = freshPath(".socket");
    const std::string file = freshPath(".mp4");
    PeerProcess producer(producerLine(socket, 320));
    ChildProcess recorder(
        gstLaunch("-e sharedringsrc socket=" + socket +
                  " ! x264enc speed-preset=ultrafast ! mp4mux ! filesink location=" + file));
    ASSERT_TRUE(producer.waitForStat("frames", 100)) << recorder.transcript();
    recorder.signal(SIGINT);
    EXPECT_EQ(recorder.waitForExit(), 0) << recorder.transcript();

    PeerProcess player("filesrc location=" + file +
                       " ! qtdemux ! h264parse ! avdec_h264 ! fakesink name=tap sync=false");
    ASSERT_TRUE(player.waitFor("eos")) << player.transcript();
    EXPECT_GT(player.log().buffers.size(), 50u);
}

TEST(Recording, ThatIsInterruptedBeforeThereIsAProducerEndsAtOnce)
{
    const std::string socket = freshPath(".socket");
    ChildProcess recorder(gstLaunch("-e sharedringsrc socket=" + socket +
                                    " ! x264enc ! mp4mux ! filesink location=" + freshPath(".mp4")));
    ASSERT_TRUE(recorder.waitFor("Setting pipeline to PLAYING")) << recorder.transcript();
    recorder.signal(SIGINT);
    EXPECT_EQ(recorder.waitForExit(std::chrono::seconds(5)), 0) << recorder.transcript();
}
