// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A downstream that keeps more frames than a client may hold, as x264enc's look-ahead does, still
// gets every frame, and so does everybody beside it.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

namespace
{

struct Stream {
    const char *name;
    unsigned frames;
    const char *size;
    unsigned maxBuffers;
    uint64_t maxMemory;
    unsigned lookAhead; // frames
    bool isBig = false;
};

std::string producerLine(const Stream &stream, const std::string &socket)
{
    return std::string("videotestsrc name=tap ") + (stream.isBig ? "pattern=blue " : "") +
           "num-buffers=" + std::to_string(stream.frames) + " ! video/x-raw,format=I420,framerate=30/1," +
           stream.size +
           " ! sharedringsink name=ring sync=false timestamps=preserve slow-client=block "
           "wait-for-connection=true max-buffers=" +
           std::to_string(stream.maxBuffers) + " max-memory=" + std::to_string(stream.maxMemory) +
           " socket=" + socket;
}

std::string encoderLine(const Stream &stream, const std::string &socket)
{
    return "sharedringsrc name=ring is-live=false socket=" + socket +
           " ! x264enc name=tap speed-preset=ultrafast rc-lookahead=" + std::to_string(stream.lookAhead) +
           " ! fakesink sync=false";
}

// Sums over 4K frames would be most of the work.
std::vector<std::string> optionsFor(const Stream &stream)
{
    return stream.isBig ? std::vector<std::string>{"--no-digest"} : std::vector<std::string>{};
}

class HoldingClient : public testing::TestWithParam<Stream>
{
};
class HoldingClientWhoseShareShrinks : public testing::TestWithParam<Stream>
{
};

} // namespace

TEST_P(HoldingClient, GetsEveryFrame)
{
    const Stream &stream = GetParam();
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(stream, socket), optionsFor(stream));
    PeerProcess encoder(encoderLine(stream, socket), optionsFor(stream));
    ASSERT_TRUE(encoder.waitFor("eos", std::chrono::minutes(2))) << encoder.transcript();

    EXPECT_EQ(encoder.log().buffers.size(), stream.frames);
    EXPECT_TRUE(isRunToTheEndOf(encoder.log(), producer.log()));
    EXPECT_GT(encoder.stat("copies"), 0u); // it did keep more than it may
    EXPECT_LE(producer.stat("arena-populated"), stream.maxMemory);
}

TEST_P(HoldingClientWhoseShareShrinks, GetsEveryFrameAndSoDoesTheOther)
{
    const Stream &stream = GetParam();
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(stream, socket), optionsFor(stream));
    PeerProcess first(encoderLine(stream, socket), optionsFor(stream));
    ASSERT_TRUE(first.waitForCount(stream.frames / 4)) << first.transcript();
    producer.command("pause"); // keeps what it has
    PeerProcess second(encoderLine(stream, socket), optionsFor(stream));
    ASSERT_TRUE(second.waitForLog("caps ")) << second.transcript();
    ASSERT_EQ(producer.command("get ring num-clients"), "2");
    producer.command("play");

    ASSERT_TRUE(first.waitFor("eos", std::chrono::minutes(2))) << first.transcript();
    ASSERT_TRUE(second.waitFor("eos", std::chrono::minutes(2))) << second.transcript();
    EXPECT_EQ(first.log().buffers.size(), stream.frames);
    EXPECT_TRUE(isRunToTheEndOf(first.log(), producer.log()));
    EXPECT_TRUE(isRunToTheEndOf(second.log(), producer.log()));
    EXPECT_GT(first.stat("copies"), 0u);
    EXPECT_FALSE(producer.seen("disconnected")) << producer.transcript();
    EXPECT_LE(producer.stat("arena-populated"), stream.maxMemory);
}

constexpr Stream kOf4{"Of4", 150, "width=320,height=240", 4, 32u << 20, 40};
constexpr Stream kOf16{"Of16", 150, "width=320,height=240", 16, 32u << 20, 40};
// In 4K it is the bytes that run out before the blocks.
constexpr Stream kOf4In4K{"Of4In4K", 20, "width=3840,height=2160", 4, 256u << 20, 8, true};
constexpr Stream kOf16In4K{"Of16In4K", 24, "width=3840,height=2160", 16, 192u << 20, 12, true};

std::string nameOf(const testing::TestParamInfo<Stream> &instance)
{
    return instance.param.name;
}

INSTANTIATE_TEST_SUITE_P(, HoldingClient, testing::Values(kOf4, kOf16), nameOf);
// It begins like the other; 4K takes its time.
INSTANTIATE_TEST_SUITE_P(, HoldingClientWhoseShareShrinks, testing::Values(kOf4, kOf16, kOf4In4K, kOf16In4K),
                         nameOf);
