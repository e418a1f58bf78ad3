// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Flushes and waits: a flush upstream reaches every client in order, whatever holds its streaming
// thread, and a wait that the user asked for ends with a state change and loses no buffer.
#include "peer_process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <poll.h>
#include <string>
#include <vector>

namespace
{

using Seconds = double;

// So many seconds of stream time that nothing but a seek gets there.
constexpr uint64_t kSecond = 1000000000;
constexpr uint64_t kFar = 1000;

std::string seekableProducer(const std::string &socket, const std::string &properties)
{
    return "videotestsrc ! video/x-raw,format=I420,width=64,height=48,framerate=100/1 ! "
           "identity name=tap ! sharedringsink name=ring socket=" +
           socket + " timestamps=preserve " + properties;
}

std::string client(const std::string &socket, const std::string &properties = "",
                   const std::string &sink = "fakesink name=tap sync=false")
{
    return "sharedringsrc name=ring socket=" + socket + " " + properties + " ! " + sink;
}

uint64_t countOf(PeerProcess &peer)
{
    return std::strtoull(peer.command("count").c_str(), nullptr, 10);
}

uint64_t ptsOf(const std::string &bufferLine)
{
    return std::strtoull(bufferLine.c_str() + sizeof "buffer " - 1, nullptr, 10);
}

// The log is that of a stream which was flushed: between FLUSH_START and FLUSH_STOP there is nothing
// but what was on its way through the pad when another thread began the flush, then comes a segment,
// then come buffers. The buffers' stream times are cut into the stretches between the flushes, which
// are returned.
std::vector<std::vector<uint64_t>> stretchesOf(const TapLog &log)
{
    enum { kStreaming, kFlushing, kFlushed } state = kStreaming;
    std::vector<std::vector<uint64_t>> stretches(1);
    int onItsWay = 0;
    for (const std::string &line : log.lines) {
        if (state == kFlushing && (line.starts_with("segment") || line.starts_with("buffer"))) {
            EXPECT_LE(++onItsWay, 1) << line;
        } else if (line.starts_with("flush-start")) {
            EXPECT_NE(state, kFlushing) << "two FLUSH_STARTs";
            state = kFlushing;
            onItsWay = 0;
            stretches.emplace_back();
        } else if (line.starts_with("flush-stop")) {
            EXPECT_EQ(state, kFlushing) << "FLUSH_STOP without FLUSH_START";
            state = kFlushed;
        } else if (line.starts_with("segment")) {
            state = kStreaming;
        } else if (line.starts_with("buffer")) {
            EXPECT_EQ(state, kStreaming) << line;
            stretches.back().push_back(ptsOf(line));
        }
    }
    return stretches;
}

// One flush, and everything after it is from the seek's target on.
void expectOneSeek(const PeerProcess &peer, uint64_t target)
{
    const TapLog log = peer.log();
    const auto stretches = stretchesOf(log);
    ASSERT_EQ(stretches.size(), 2u) << peer.transcript();
    const auto stop = std::find_if(log.lines.begin(), log.lines.end(),
                                   [](const std::string &line) { return line.starts_with("flush-stop"); });
    EXPECT_EQ(std::count_if(stop, log.lines.end(),
                            [](const std::string &line) { return line.starts_with("segment "); }),
              1)
        << "the new one alone";
    for (const uint64_t pts : stretches[0])
        ASSERT_LT(pts, target * kSecond);
    ASSERT_FALSE(stretches[1].empty());
    EXPECT_EQ(stretches[1].front(), target * kSecond);
    for (const uint64_t pts : stretches[1])
        ASSERT_GE(pts, target * kSecond);
}

bool waitForLastPts(PeerProcess &peer, uint64_t atLeast)
{
    for (int attempt = 0; attempt < 4000 && peer.running(); attempt++) {
        const TapLog log = peer.log();
        if (!log.buffers.empty() && std::strtoull(log.buffers.back().pts.c_str(), nullptr, 10) >= atLeast)
            return true;
        ::poll(nullptr, 0, 5);
    }
    return false;
}

bool waitForLastLine(PeerProcess &peer, const std::string &line)
{
    for (int attempt = 0; attempt < 4000 && peer.running(); attempt++) {
        const TapLog log = peer.log();
        if (!log.lines.empty() && log.lines.back() == line)
            return true;
        ::poll(nullptr, 0, 5);
    }
    return false;
}

} // namespace

TEST(Flush, ReachesTwoClientsInOrder)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(seekableProducer(socket, "sync=true"));
    PeerProcess first(client(socket));
    PeerProcess second(client(socket));
    ASSERT_TRUE(first.waitForCount(3)) << first.transcript();
    ASSERT_TRUE(second.waitForCount(3)) << second.transcript();

    producer.command("seek " + std::to_string(kFar));
    for (PeerProcess *peer : {&first, &second}) {
        ASSERT_TRUE(waitForLastPts(*peer, kFar * kSecond + kSecond / 20)) << peer->transcript();
        expectOneSeek(*peer, kFar);
        EXPECT_EQ(peer->quit(), 0);
    }
}

TEST(Flush, OfAnotherRateReachesTwoClientsWithItsSegment)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(seekableProducer(socket, "sync=true"));
    PeerProcess first(client(socket));
    PeerProcess second(client(socket));
    ASSERT_TRUE(first.waitForCount(3)) << first.transcript();
    ASSERT_TRUE(second.waitForCount(3)) << second.transcript();

    producer.command("seek " + std::to_string(kFar) + " 2");
    for (PeerProcess *peer : {&first, &second}) {
        ASSERT_TRUE(waitForLastPts(*peer, kFar * kSecond + kSecond / 20)) << peer->transcript();
        expectOneSeek(*peer, kFar);
        const auto segments = peer->log().all("segment ");
        ASSERT_EQ(segments.size(), 2u);
        EXPECT_NE(segments[0].find(" rate=(double)1,"), std::string::npos) << segments[0];
        EXPECT_NE(segments[1].find(" rate=(double)2,"), std::string::npos) << segments[1];
        EXPECT_EQ(peer->quit(), 0);
    }
}

TEST(Flush, OfADecodedFileReachesTheClientBeforeTheFramesOfItsTarget)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer("filesrc location=" + phoneVideo() +
                         " ! decodebin ! video/x-raw ! identity name=tap ! sharedringsink name=ring socket=" +
                         socket + " timestamps=preserve sync=true wait-for-connection=true");
    PeerProcess consumer(client(socket));
    ASSERT_TRUE(consumer.waitForCount(3)) << consumer.transcript();
    producer.command("seek 0.5");
    ASSERT_TRUE(consumer.waitForLog("flush-stop")) << consumer.transcript();
    ASSERT_TRUE(waitForLastLine(consumer, "eos")) << consumer.transcript();

    const auto stretches = stretchesOf(consumer.log());
    ASSERT_EQ(stretches.size(), 2u);
    // An accurate seek may begin with the frame that is on show at its target.
    ASSERT_GT(stretches[1].size(), 10u);
    for (const uint64_t pts : stretches[1])
        ASSERT_GE(pts + kSecond / 10, kSecond / 2);
}

TEST(Flush, ReachesAClientThatIsBlockedDownstreamAtOnce)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(seekableProducer(socket, "sync=true"));
    PeerProcess blocked(client(socket), {"--block-at", "3"});
    ASSERT_TRUE(blocked.waitForCount(3)) << blocked.transcript();

    producer.command("seek " + std::to_string(kFar));
    EXPECT_TRUE(blocked.waitForLog("flush-start")) << "while its streaming thread sits in a buffer";
    EXPECT_EQ(countOf(blocked), 3u);
    EXPECT_TRUE(blocked.log().all("flush-stop").empty());

    blocked.command("release");
    ASSERT_TRUE(waitForLastPts(blocked, kFar * kSecond)) << blocked.transcript();
    expectOneSeek(blocked, kFar);
}

TEST(Flush, ReachesAClientThatIsPaused)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(seekableProducer(socket, "sync=true"));
    PeerProcess paused(client(socket, "is-live=false"), {"--paused"});
    ASSERT_TRUE(paused.waitFor("state PAUSED")) << paused.transcript();
    EXPECT_EQ(countOf(paused), 1u);

    // Its sink blocks the streaming thread in the buffer that it prerolled with.
    producer.command("seek " + std::to_string(kFar));
    ASSERT_TRUE(waitForLastPts(paused, kFar * kSecond)) << paused.transcript();
    EXPECT_EQ(countOf(paused), 2u) << "it prerolled anew, and is still paused";
    expectOneSeek(paused, kFar);

    paused.command("play");
    EXPECT_TRUE(paused.waitForCount(5)) << paused.transcript();
    expectOneSeek(paused, kFar);
}

TEST(Flush, SeveralInARowEndAtTheLastOnesTarget)
{
    const std::string socket = freshPath(".socket");
    constexpr uint64_t kSeeks = 8;
    // Block: of frames that a busy machine drops, one may be a target.
    PeerProcess producer(seekableProducer(socket, "sync=true slow-client=block"));
    PeerProcess quick(client(socket));
    PeerProcess blocked(client(socket), {"--block-at", "2"});
    ASSERT_TRUE(quick.waitForCount(2)) << quick.transcript();
    ASSERT_TRUE(blocked.waitForCount(2)) << blocked.transcript();

    for (uint64_t seek = 1; seek <= kSeeks; seek++)
        producer.command("seek " + std::to_string(seek * kFar));
    blocked.command("release");

    for (PeerProcess *peer : {&quick, &blocked}) {
        ASSERT_TRUE(waitForLastPts(*peer, kSeeks * kFar * kSecond + kSecond / 20)) << peer->transcript();
        const auto stretches = stretchesOf(peer->log());
        EXPECT_GE(stretches.size(), 2u);
        EXPECT_LE(stretches.size(), kSeeks + 1);
        EXPECT_EQ(stretches.back().front(), kSeeks * kFar * kSecond);
        uint64_t least = 0;
        for (const auto &stretch : stretches) {
            for (const uint64_t pts : stretch) {
                ASSERT_GE(pts, least);
                least = pts;
            }
        }
        EXPECT_EQ(peer->log().all("flush-start").size(), peer->log().all("flush-stop").size());
    }
    // Whoever was blocked all the time saw them as one.
    EXPECT_EQ(stretchesOf(blocked.log()).size(), 2u);
}

TEST(Flush, OfAPausedProducerIsFollowedByItsFramesWhenItPlays)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(seekableProducer(socket, "sync=true"));
    PeerProcess consumer(client(socket));
    ASSERT_TRUE(consumer.waitForCount(2)) << consumer.transcript();
    producer.command("pause");
    ASSERT_TRUE(producer.waitFor("state PAUSED")) << producer.transcript(); // on the way up
    ASSERT_TRUE(producer.waitFor("state PAUSED")) << producer.transcript();

    producer.command("seek " + std::to_string(kFar));
    ASSERT_TRUE(consumer.waitForLog("flush-stop")) << consumer.transcript();
    producer.command("play");
    ASSERT_TRUE(waitForLastPts(consumer, kFar * kSecond + kSecond / 20)) << consumer.transcript();
    expectOneSeek(consumer, kFar);
}

TEST(Flush, AfterTheEndOfTheStreamLetsItBeginAgain)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(seekableProducer(socket, "sync=true wait-for-connection=true"));
    PeerProcess consumer(client(socket));
    ASSERT_TRUE(consumer.waitForCount(2)) << consumer.transcript();
    producer.command("eos");
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();

    producer.command("seek " + std::to_string(kFar));
    ASSERT_TRUE(waitForLastPts(consumer, kFar * kSecond + kSecond / 20)) << consumer.transcript();
    expectOneSeek(consumer, kFar);
    EXPECT_EQ(consumer.log().all("stream-start").size(), 1u) << "a flush lets a pad keep its stream";
    EXPECT_EQ(consumer.log().all("caps ").size(), 1u);
}
