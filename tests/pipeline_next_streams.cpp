// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The end of a stream, and then another one from the same sharedringsink: clients that stay see the end,
// and then the new stream with its own caps and times.
//
// In between GStreamer before 1.24 wants a flush: its GstBaseSink, which sharedringsink is, takes nothing
// else after an EOS.
#include "peer_process.h"
#include "playing.h"
#include "sample_events.h"
#include "stream_ends.h"
#include "timed_buffers.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

using namespace sharedring;

namespace
{

constexpr size_t kBuffers = 5;

bool sinksBeginAgainByThemselves()
{
    guint major, minor, micro, nano;
    gst_version(&major, &minor, &micro, &nano);
    return major > 1 || minor >= 24;
}

struct Between {
    const char *name;
    const char *timestamps;
    bool flush;
};

void PrintTo(const Between &between, std::ostream *out)
{
    *out << between.name;
}

// A sharedringsink of this process, which two others watch: as viewers do, and as transcoders do.
class NextStream : public testing::TestWithParam<Between>
{
protected:
    NextStream()
    {
        gst_init(nullptr, nullptr);
        pipeline_.reset(gst_pipeline_new(nullptr));
        GstElement *sink = gst_parse_launch(
            ("sharedringsink sync=false slow-client=block wait-for-connection=true socket=" + socket_ +
             " timestamps=" + GetParam().timestamps)
                .c_str(),
            nullptr);
        gst_bin_add(GST_BIN(pipeline_.get()), sink);
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
        pusher_ = std::make_unique<StreamPusher>(sink);
        sink_ = sink;
    }
    ~NextStream() override { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

    void waitForClients()
    {
        const auto clients = [&] {
            guint now = 0;
            g_object_get(sink_, "num-clients", &now, nullptr);
            return now == 2;
        };
        EXPECT_TRUE(await(clients));
    }
    void push(GstEvent *event)
    {
        EXPECT_TRUE(pusher_->push(GST_MINI_OBJECT_CAST(event))) << GST_EVENT_TYPE_NAME(event);
        gst_event_unref(event);
    }
    // Of buffers that begin at `start`, ended.
    void pushStream(const char *id, const char *capsText, GstClockTime start)
    {
        push(streamStart(id));
        push(caps(capsText));
        GstSegment times;
        gst_segment_init(&times, GST_FORMAT_TIME);
        times.start = times.time = start;
        push(gst_event_new_segment(&times));
        for (size_t i = 0; i < kBuffers; i++) {
            const BufferOwner buffer(gst_buffer_new_memdup(id, 3));
            GST_BUFFER_PTS(buffer.get()) = start + i * GST_MSECOND;
            EXPECT_TRUE(pusher_->push(GST_MINI_OBJECT_CAST(buffer.get()))) << id << " " << i;
        }
        push(gst_event_new_eos());
    }

    // What the log says, with no more of each line than differs between the two streams.
    static std::vector<std::string> toldBy(const TapLog &log)
    {
        std::vector<std::string> told;
        for (const std::string &line : log.lines) {
            const std::string type = line.substr(0, line.find(' '));
            if (type == "stream-start" || type == "caps")
                told.push_back(line);
            else if (type != "times")
                told.push_back(type);
        }
        return told;
    }
    static std::vector<std::string> expected()
    {
        std::vector<std::string> lines{"stream-start one", "caps application/x-test, number=(int)1",
                                       "segment"};
        lines.insert(lines.end(), kBuffers, "buffer");
        lines.push_back("eos");
        if (GetParam().flush) {
            lines.push_back("flush-start");
            lines.push_back("flush-stop");
        }
        lines.insert(lines.end(), {"stream-start two", "caps application/x-test, number=(int)2", "segment"});
        lines.insert(lines.end(), kBuffers, "buffer");
        lines.push_back("eos");
        return lines;
    }

    const std::string socket_ = freshPath(".socket");
    ObjectOwner<GstElement> pipeline_;
    GstElement *sink_ = nullptr; // the pipeline's
    std::unique_ptr<StreamPusher> pusher_;
};

} // namespace

TEST_P(NextStream, AfterTheEndIsSeenByClientsThatStay)
{
    if (!GetParam().flush && !sinksBeginAgainByThemselves())
        GTEST_SKIP() << "this GStreamer's base sink takes nothing after an EOS but a flush";
    PeerProcess live("sharedringsrc name=ring socket=" + socket_ + " ! fakesink name=tap sync=true",
                     {"--times"});
    PeerProcess other("sharedringsrc name=ring is-live=false socket=" + socket_ +
                      " ! fakesink name=tap sync=false");
    waitForClients();

    pushStream("one", "application/x-test,number=(int)1", 3 * GST_SECOND);
    for (PeerProcess *client : {&live, &other})
        ASSERT_TRUE(client->waitFor("eos")) << client->transcript();
    if (GetParam().flush) {
        push(gst_event_new_flush_start());
        push(gst_event_new_flush_stop(TRUE));
    }
    pushStream("two", "application/x-test,number=(int)2", 7 * GST_SECOND);
    for (PeerProcess *client : {&live, &other})
        ASSERT_TRUE(client->waitFor("eos")) << client->transcript();

    for (PeerProcess *client : {&live, &other}) {
        EXPECT_EQ(toldBy(client->log()), expected());
        EXPECT_EQ(client->stat("connections"), 1u);
        EXPECT_FALSE(client->seen("error")) << client->transcript();
    }
    const auto timed = timedBuffers(live.log());
    ASSERT_EQ(timed.size(), 2 * kBuffers);
    for (const size_t first : {size_t{0}, kBuffers})
        EXPECT_GT(timed[first].late(), -kSecond) << "each stream begins when it came, or before";
}

INSTANTIATE_TEST_SUITE_P(With, NextStream,
                         testing::Values(Between{"AFlushInBetween", "preserve", true},
                                         Between{"AFlushInBetweenOnTheClock", "clock", true},
                                         Between{"NothingInBetween", "preserve", false},
                                         Between{"NothingInBetweenOnTheClock", "clock", false}),
                         [](const auto &one) { return std::string(one.param.name); });
