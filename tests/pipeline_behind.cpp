// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What was said while a client could not hear it, caps, tags and the end, it hears when it can.
#include "frame_runs.h"
#include "peer_process.h"

#include <gtest/gtest.h>

#include <csignal>

namespace
{

constexpr uint64_t kDiscont = 64;      // GST_BUFFER_FLAG_DISCONT
constexpr int kMoreThanARing = 64 + 8; // of 4 buffers

// A stream whose client is stopped and holds all it may.
class ClientBehind : public testing::Test
{
protected:
    ClientBehind()
        : socket_(freshPath(".socket")),
          producer_("videotestsrc is-live=true ! capsfilter name=caps "
                    "caps=video/x-raw,format=I420,width=64,height=48,framerate=60/1 ! "
                    "identity name=tap ! sharedringsink name=ring sync=false timestamps=preserve "
                    "wait-for-connection=true max-buffers=4 socket=" +
                    socket_),
          consumer_("sharedringsrc is-live=false socket=" + socket_ + " ! fakesink name=tap sync=false")
    {
    }
    ~ClientBehind() override { consumer_.signal(SIGCONT); }

    // Stopped, and the stream has gone past it.
    void stopConsumer()
    {
        consumer_.signal(SIGSTOP);
        ASSERT_TRUE(producer_.waitForStat("drops", producer_.stat("drops") + 10)) << producer_.transcript();
    }
    void title(const std::string &text) { producer_.command("tags " + text); }
    void changeWidth(const std::string &width)
    {
        producer_.command("set caps caps video/x-raw,format=I420,width=" + width +
                          ",height=48,framerate=60/1");
        ASSERT_TRUE(producer_.waitForLog("caps video/x-raw, format=(string)I420, width=(int)" + width))
            << producer_.transcript();
    }
    size_t lineOf(const std::vector<std::string> &lines, const std::string &beginning,
                  const std::string &part)
    {
        for (size_t i = 0; i < lines.size(); i++) {
            if (lines[i].starts_with(beginning) && lines[i].find(part) != std::string::npos)
                return i;
        }
        ADD_FAILURE() << "no " << beginning << " " << part;
        return lines.size();
    }

    std::string socket_;
    PeerProcess producer_;
    PeerProcess consumer_;
};

} // namespace

TEST_F(ClientBehind, HearsEverythingThatFitsIntoItsRing)
{
    ASSERT_TRUE(consumer_.waitForCount(5)) << consumer_.transcript();
    stopConsumer();
    title("one");
    changeWidth("80");
    title("two");
    producer_.command("eos");
    ASSERT_TRUE(producer_.waitFor("eos")) << producer_.transcript();
    consumer_.signal(SIGCONT);
    ASSERT_TRUE(consumer_.waitFor("eos")) << consumer_.transcript();

    const auto lines = consumer_.log().lines;
    const size_t one = lineOf(lines, "tag", "(string)one");
    const size_t caps = lineOf(lines, "caps", "width=(int)80");
    const size_t two = lineOf(lines, "tag", "(string)two");
    EXPECT_LT(one, caps);
    EXPECT_LT(caps, two);
    EXPECT_EQ(lines.back(), "eos");
}

TEST_F(ClientBehind, IsToldTheLatestBeforeItsNextFrame)
{
    ASSERT_TRUE(consumer_.waitForCount(5)) << consumer_.transcript();
    stopConsumer();
    for (int i = 0; i < kMoreThanARing; i++)
        title("t" + std::to_string(i));
    changeWidth("80");
    title("last");
    const size_t before = consumer_.log().buffers.size();
    consumer_.signal(SIGCONT);
    ASSERT_TRUE(consumer_.waitForLog("caps video/x-raw, format=(string)I420, width=(int)80"))
        << consumer_.transcript();
    ASSERT_TRUE(consumer_.waitForCount(before + 20)) << consumer_.transcript();

    const TapLog log = consumer_.log();
    const size_t caps = lineOf(log.lines, "caps", "width=(int)80");
    const size_t last = lineOf(log.lines, "tag", "(string)last");
    for (size_t i = 0; i < log.lines.size(); i++) {
        if (log.lines[i].find(" " + std::to_string(80 * 48 * 3 / 2) + " ") == std::string::npos)
            continue; // a frame of the old size, or no frame
        EXPECT_GT(i, caps);
        EXPECT_GT(i, last);
        break;
    }
    size_t frame = 0;
    while (frame < log.buffers.size() && log.buffers[frame].size != 80 * 48 * 3 / 2)
        frame++;
    ASSERT_LT(frame, log.buffers.size());
    EXPECT_NE(log.buffers[frame].flags & kDiscont, 0u);
}

TEST_F(ClientBehind, IsToldTheLatestAndTheEnd)
{
    ASSERT_TRUE(consumer_.waitForCount(5)) << consumer_.transcript();
    stopConsumer();
    for (int i = 0; i < kMoreThanARing; i++)
        title("t" + std::to_string(i));
    changeWidth("80");
    title("last");
    producer_.command("eos");
    ASSERT_TRUE(producer_.waitFor("eos")) << producer_.transcript();
    consumer_.signal(SIGCONT);
    ASSERT_TRUE(consumer_.waitFor("eos")) << consumer_.transcript();

    const auto lines = consumer_.log().lines;
    lineOf(lines, "caps", "width=(int)80");
    lineOf(lines, "tag", "(string)last");
    EXPECT_EQ(lines.back(), "eos");
}
