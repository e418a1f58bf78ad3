// SPDX-License-Identifier: LGPL-2.1-or-later
//
// On the shared clock a producer's pauses, seeks and rates are nothing but running time that goes on: each
// frame is due at the instant at which its producer shows it.
#include "timed_buffers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

namespace
{

// What the producer is told to do while it plays.
struct Trick {
    const char *name;
    std::vector<std::string> commands;
    int64_t step; // ns from one frame to the next, from then on
};

class Tricks : public testing::TestWithParam<Trick>
{
};

constexpr int64_t kFrame = 20 * kMillisecond;
constexpr int64_t kTolerance = 5 * kMillisecond; // of two taps that each read two clocks

int64_t number(const std::string &text)
{
    return std::strtoll(text.c_str(), nullptr, 10);
}

// What was got, in order, was sent, in order, for the same instants; but for the first one and the
// `prerolled`, which the producer's tap saw before it was known when they would be due.
void expectSameInstants(const std::vector<TimedBuffer> &sent, const std::vector<TimedBuffer> &got,
                        size_t prerolled)
{
    auto next = sent.begin();
    size_t others = 0;
    for (size_t i = 1; i < got.size(); i++) {
        const auto found = std::find_if(next, sent.end(), [&](const TimedBuffer &one) {
            return one.buffer.md5 == got[i].buffer.md5 && std::abs(one.due() - got[i].due()) < kTolerance;
        });
        if (found != sent.end())
            next = found + 1;
        else
            others++;
    }
    EXPECT_LE(others, prerolled);
}

} // namespace

TEST_P(Tricks, AreRunningTimeThatGoesOn)
{
    const std::string socket = freshPath(".socket");
    PeerProcess receiver(timedConsumer(socket), {"--times"});
    ASSERT_TRUE(receiver.waitFor("info Waiting for a producer")) << receiver.transcript();
    PeerProcess sender(timedProducer(socket, "pattern=ball", "sync=true timestamps=clock"), {"--times"});
    ASSERT_TRUE(receiver.waitForCount(20)) << receiver.transcript();
    for (const std::string &command : GetParam().commands) {
        sender.command(command);
        if (command == "pause") {
            ASSERT_TRUE(sender.waitFor("state PAUSED")) << sender.transcript();
        }
    }
    const uint64_t before = std::strtoull(receiver.command("count").c_str(), nullptr, 10);
    ASSERT_TRUE(receiver.waitForCount(before + 40)) << receiver.transcript() << sender.transcript();
    receiver.command("pause");
    sender.command("pause");

    const auto got = timedBuffers(receiver.log());
    expectSameInstants(timedBuffers(sender.log()), got, GetParam().commands.size());
    for (size_t i = 1; i < got.size(); i++)
        EXPECT_GT(number(got[i].pts), number(got[i - 1].pts)) << "frame " << got[i].buffer.offset;
    for (size_t i = got.size() - 10; i < got.size(); i++) {
        EXPECT_NEAR(static_cast<double>(number(got[i].pts) - number(got[i - 1].pts)),
                    static_cast<double>(GetParam().step), kMillisecond)
            << "frame " << got[i].buffer.offset;
        EXPECT_NEAR(static_cast<double>(number(got[i].buffer.duration)), static_cast<double>(GetParam().step),
                    kMillisecond);
    }
    // A seek's flush crosses, and nothing else of it.
    EXPECT_LE(receiver.log().all("segment ").size(), 1 + receiver.log().all("flush-stop").size());
    EXPECT_FALSE(sender.seen("error ")) << sender.transcript();
}

INSTANTIATE_TEST_SUITE_P(Of, Tricks,
                         testing::Values(Trick{"APause", {"pause", "play"}, kFrame},
                                         Trick{"ASeek", {"seek 500"}, kFrame},
                                         Trick{"DoubleSpeed", {"seek 500 2"}, kFrame / 2},
                                         Trick{"HalfSpeed", {"seek 3 0.5"}, 2 * kFrame},
                                         Trick{"SeveralSpeeds", {"seek 500 2", "seek 3 4", "seek 7"}, kFrame},
                                         Trick{"ASeekWhilePaused", {"pause", "seek 500", "play"}, kFrame}),
                         [](const auto &one) { return std::string(one.param.name); });
