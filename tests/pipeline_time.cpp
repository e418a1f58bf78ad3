// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When a frame is due: in clock mode at the same instant on both sides, whatever their clocks; in
// preserve mode by the producer's own times, from now on or verbatim. And what LATENCY answers.
#include "timed_buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace
{

const std::vector<std::string> kTimes{"--times"};

} // namespace

// ---- timestamps=clock

TEST(ClockModeBySync, ASinkThatSyncsShowsFramesOnTime)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(timedProducer(socket, "", "sync=true"), kTimes);
    // The tap is behind the element that waits for the clock.
    PeerProcess receiver(timedConsumer(socket, "", "identity sync=true ! fakesink name=tap sync=false"),
                         kTimes);
    ASSERT_TRUE(receiver.waitForCount(20)) << receiver.transcript();

    int64_t leastLate = kSecond;
    for (const TimedBuffer &one : timedBuffers(receiver.log())) {
        EXPECT_GE(one.late(), -kMillisecond) << "shown before it was due";
        leastLate = std::min(leastLate, one.late());
    }
    EXPECT_LT(leastLate, 300 * kMillisecond);
    const size_t both = forEachOfBoth(sender, receiver, [](const TimedBuffer &sent, const TimedBuffer &got) {
        EXPECT_NEAR(static_cast<double>(got.due()), static_cast<double>(sent.due()), 5.0 * kMillisecond);
    });
    EXPECT_GE(both, 18u);
    EXPECT_FALSE(receiver.seen("warning ")) << receiver.transcript();
}

TEST(ClockModeBySync, WhatIsFromBeforeTheReceiversStartStillHasATime)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(timedProducer(socket, "", "sync=true ts-offset=-30000000000 wait-for-connection=true"),
                       kTimes);
    PeerProcess receiver(timedConsumer(socket), kTimes);
    ASSERT_TRUE(receiver.waitForCount(3)) << receiver.transcript();

    const auto got = timedBuffers(receiver.log());
    EXPECT_LT(std::strtoll(got[0].pts.c_str(), nullptr, 10), 0) << "a negative running time";
    EXPECT_NE(got[0].buffer.pts, "none");
    forEachOfBoth(sender, receiver, [](const TimedBuffer &one, const TimedBuffer &same) {
        EXPECT_NEAR(static_cast<double>(same.due()), static_cast<double>(one.due() - 30 * kSecond),
                    5.0 * kMillisecond);
    });
}

TEST(ClockModeByProperty, NegativeDecodingTimesOfBFramesFit)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(timedProducer(socket, "num-buffers=30",
                                     "sync=false timestamps=clock wait-for-connection=true slow-client=block",
                                     "x264enc bframes=2 b-adapt=false speed-preset=ultrafast ! "),
                       kTimes);
    PeerProcess receiver(timedConsumer(socket), kTimes);
    ASSERT_TRUE(receiver.waitFor("eos")) << receiver.transcript() << sender.transcript();

    ASSERT_EQ(receiver.log().buffers.size(), 30u);
    EXPECT_LT(std::strtoll(timedBuffers(sender.log())[0].dts.c_str(), nullptr, 10), 0)
        << "this encoder begins with a negative DTS";
    const size_t both = forEachOfBoth(sender, receiver, [](const TimedBuffer &sent, const TimedBuffer &got) {
        EXPECT_NE(got.dts, "none");
        EXPECT_NEAR(static_cast<double>(got.due()), static_cast<double>(sent.due()), 5.0 * kMillisecond);
        EXPECT_EQ(got.due() - got.decodedAt(), sent.due() - sent.decodedAt());
    });
    EXPECT_GE(both, 28u);
}

// ---- timestamps=preserve

TEST(PreserveLive, WhoJoinsLateStartsNowAndStreamTimeStays)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(timedProducer(socket, "", "sync=true timestamps=preserve"));
    ASSERT_TRUE(sender.waitForCount(50)) << sender.transcript();
    PeerProcess receiver(timedConsumer(socket), kTimes);
    ASSERT_TRUE(receiver.waitForCount(10)) << receiver.transcript();

    const auto got = timedBuffers(receiver.log());
    const int64_t frame = std::strtoll(got[0].buffer.offset.c_str(), nullptr, 10);
    EXPECT_GE(frame, 40);
    for (const TimedBuffer &one : got) {
        EXPECT_EQ(std::strtoll(one.buffer.pts.c_str(), nullptr, 10),
                  std::strtoll(one.buffer.offset.c_str(), nullptr, 10) * 20 * kMillisecond);
    }
    // The first one's running time was that of its push, although the stream was a second old.
    EXPECT_GE(got[0].late(), 0);
    EXPECT_LT(got[0].late(), 500 * kMillisecond);
}

TEST(PreserveNotLive, PrerollsAndItsSegmentAndTimesAreVerbatim)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(
        timedProducer(socket, "num-buffers=40", "sync=false timestamps=preserve slow-client=block"),
        {"--paused"});
    ASSERT_TRUE(sender.waitFor("state PAUSED")) << sender.transcript();
    sender.command("seek 700"); // a segment that begins somewhere
    PeerProcess receiver(timedConsumer(socket, "is-live=false"), {"--paused"});
    EXPECT_TRUE(sender.waitFor("connected ")) << sender.transcript();
    EXPECT_FALSE(receiver.seen("state PAUSED")) << "it waits for its first buffer";
    sender.command("play");
    ASSERT_TRUE(receiver.waitFor("state PAUSED")) << receiver.transcript();
    EXPECT_EQ(receiver.command("count"), "1");
    EXPECT_EQ(receiver.command("latency ring"), "not-live 0 none");
    receiver.command("play");
    ASSERT_TRUE(receiver.waitFor("eos")) << receiver.transcript();

    const TapLog sent = sender.log();
    const TapLog got = receiver.log();
    ASSERT_EQ(got.all("segment ").size(), 1u);
    EXPECT_EQ(got.all("segment ").back(), sent.all("segment ").back());
    ASSERT_FALSE(got.buffers.empty());
    const size_t skipped = sent.buffers.size() - got.buffers.size(); // before the seek
    for (size_t i = 0; i < got.buffers.size(); i++) {
        EXPECT_EQ(got.buffers[i].pts, sent.buffers[skipped + i].pts);
        EXPECT_EQ(got.buffers[i].duration, sent.buffers[skipped + i].duration);
        EXPECT_EQ(got.buffers[i].md5, sent.buffers[skipped + i].md5);
    }
}

TEST(NotLive, AStreamOfTheClockActsAsLiveWithOneWarning)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(timedProducer(socket, "is-live=true", "sync=false"), kTimes);
    PeerProcess receiver(timedConsumer(socket, "is-live=false"), kTimes);
    ASSERT_TRUE(receiver.waitForCount(10)) << receiver.transcript();

    EXPECT_TRUE(receiver.waitFor("warning ")) << receiver.transcript();
    EXPECT_FALSE(receiver.seen("warning ")) << receiver.transcript();
    EXPECT_EQ(receiver.command("latency ring").substr(0, 5), "live ");
    size_t timed = 0;
    forEachOfBoth(sender, receiver, [&](const TimedBuffer &sent, const TimedBuffer &got) {
        if (got.pts == "0") // what came before it played was for now
            return;
        timed++;
        EXPECT_NEAR(static_cast<double>(got.due()), static_cast<double>(sent.due()), 5.0 * kMillisecond);
    });
    EXPECT_GE(timed, 5u);
}

// ---- latency

TEST(Latency, IsTheProducersAndAChangeIsTold)
{
    const std::string socket = freshPath(".socket");
    const std::string queue = "queue name=q min-threshold-time=200000000 ! ";
    PeerProcess sender(timedProducer(socket, "is-live=true", "sync=false", queue));
    PeerProcess receiver(timedConsumer(socket, "", "fakesink name=tap sync=true"));
    ASSERT_TRUE(receiver.waitForCount(2)) << receiver.transcript();
    const auto leastNow = [&](PeerProcess &peer) {
        std::istringstream words(peer.command("latency ring"));
        std::string live, least, most;
        words >> live >> least >> most;
        EXPECT_EQ(live, "live");
        if (&peer == &receiver) {
            EXPECT_EQ(most, "none");
        }
        return std::strtoll(least.c_str(), nullptr, 10);
    };
    const int64_t before = leastNow(receiver);
    EXPECT_GE(before, 200 * kMillisecond);
    EXPECT_LT(before, 300 * kMillisecond);
    while (receiver.seen("latency-message ring")) {
    }

    sender.command("set q min-threshold-time 400000000");
    sender.command("recalculate-latency");
    EXPECT_TRUE(receiver.waitFor("latency-message ring")) << receiver.transcript();
    EXPECT_EQ(leastNow(receiver), before + 200 * kMillisecond);
    EXPECT_FALSE(receiver.seen("warning ")) << receiver.transcript();
}

TEST(Latency, IsNoneOfASinkThatSynced)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(
        timedProducer(socket, "is-live=true", "sync=true", "queue min-threshold-time=100000000 ! "));
    PeerProcess receiver(timedConsumer(socket, "", "fakesink name=tap sync=true"));
    ASSERT_TRUE(receiver.waitForCount(2)) << receiver.transcript();
    EXPECT_EQ(receiver.command("latency ring"), "live 0 none");
    EXPECT_FALSE(receiver.seen("warning ")) << receiver.transcript();
}

// ---- as every source

TEST(NumBuffers, IsExactAndThenComesTheEnd)
{
    const std::string socket = freshPath(".socket");
    PeerProcess sender(timedProducer(socket, "", "sync=true"));
    PeerProcess seven(timedConsumer(socket, "num-buffers=7"));
    PeerProcess none(timedConsumer(socket, "num-buffers=0"));
    EXPECT_TRUE(seven.waitFor("eos")) << seven.transcript();
    EXPECT_EQ(seven.command("count"), "7");
    EXPECT_TRUE(none.waitFor("eos")) << none.transcript();
    EXPECT_EQ(none.command("count"), "0");
    EXPECT_EQ(seven.log().lines.back(), "eos");
    EXPECT_FALSE(sender.seen("error ")) << sender.transcript();
}

TEST(DoTimestamp, GivesTimesToBuffersThatHaveNone)
{
    const std::string socket = freshPath(".socket");
    const std::string file = freshPath(".bytes");
    std::ofstream(file) << std::string(20000, 'x');
    PeerProcess sender(
        "filesrc location=" + file +
        " blocksize=1000 ! identity name=tap ! "
        "sharedringsink name=ring sync=false slow-client=block wait-for-connection=true socket=" +
        socket);
    PeerProcess receiver(timedConsumer(socket, "do-timestamp=true"), kTimes);
    ASSERT_TRUE(receiver.waitFor("eos")) << receiver.transcript();

    const TapLog sent = sender.log();
    const TapLog got = receiver.log();
    ASSERT_EQ(got.buffers.size(), 20u);
    int64_t before = 0;
    const auto timed = timedBuffers(got);
    for (size_t i = 1; i < timed.size(); i++) { // the first is given 0 by its source
        EXPECT_EQ(sent.buffers[i].dts, "none");
        ASSERT_NE(got.buffers[i].dts, "none");
        const int64_t time = std::strtoll(got.buffers[i].dts.c_str(), nullptr, 10);
        EXPECT_GE(time, before) << "running time when it came";
        EXPECT_LE(time, timed[i].now);
        before = time;
    }
}
