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
};

std::string producerLine(const Stream &stream, const std::string &socket)
{
    return "videotestsrc name=tap num-buffers=" + std::to_string(stream.frames) +
           " ! video/x-raw,format=I420,framerate=30/1," + stream.size +
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

class HoldingClient : public testing::TestWithParam<Stream>
{
};

} // namespace

TEST_P(HoldingClient, GetsEveryFrame)
{
    const Stream &stream = GetParam();
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(stream, socket));
    PeerProcess encoder(encoderLine(stream, socket));
    ASSERT_TRUE(encoder.waitFor("eos", std::chrono::minutes(2))) << encoder.transcript();

    EXPECT_EQ(encoder.log().buffers.size(), stream.frames);
    EXPECT_TRUE(isRunToTheEndOf(encoder.log(), producer.log()));
    EXPECT_GT(encoder.stat("copies"), 0u); // it did keep more than it may
    EXPECT_LE(producer.stat("arena-populated"), stream.maxMemory);
}

TEST_P(HoldingClient, GetsEveryFrameWhenItsShareShrinks)
{
    const Stream &stream = GetParam();
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(stream, socket));
    PeerProcess first(encoderLine(stream, socket));
    ASSERT_TRUE(first.waitForCount(stream.frames / 4)) << first.transcript();
    producer.command("pause"); // keeps what it has
    PeerProcess second(encoderLine(stream, socket));
    ASSERT_TRUE(second.waitForLog("caps ")) << second.transcript();
    ASSERT_EQ(producer.command("get ring num-clients"), "2");
    producer.command("play");

    ASSERT_TRUE(first.waitFor("eos", std::chrono::minutes(2))) << first.transcript();
    ASSERT_TRUE(second.waitFor("eos", std::chrono::minutes(2))) << second.transcript();
    EXPECT_EQ(first.log().buffers.size(), stream.frames);
    EXPECT_TRUE(isRunToTheEndOf(first.log(), producer.log()));
    EXPECT_TRUE(isRunToTheEndOf(second.log(), producer.log()));
    EXPECT_FALSE(producer.seen("disconnected")) << producer.transcript();
    EXPECT_LE(producer.stat("arena-populated"), stream.maxMemory);
}

// In 4K it is the bytes that run out before the blocks.
INSTANTIATE_TEST_SUITE_P(, HoldingClient,
                         testing::Values(Stream{"Of4", 150, "width=320,height=240", 4, 32u << 20, 40},
                                         Stream{"Of16", 150, "width=320,height=240", 16, 32u << 20, 40},
                                         Stream{"Of4In4K", 32, "width=3840,height=2160", 4, 256u << 20, 12},
                                         Stream{"Of16In4K", 40, "width=3840,height=2160", 16, 256u << 20,
                                                16}),
                         [](const auto &instance) { return std::string(instance.param.name); });
