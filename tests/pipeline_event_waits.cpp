// SPDX-License-Identifier: LGPL-2.1-or-later
//
// With slow-client=block an event waits for a client that does not read: as long as that lives, and the
// pipeline plays.
#include "peer_process.h"
#include "stream_ends.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

using namespace sharedring;

namespace
{

constexpr unsigned kMoreThanARing = 2000; // events

// A sharedringsink that waits for a client whose streaming thread stays in its first buffer.
class EventWait : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    void SetUp() override
    {
        gst_bin_add(GST_BIN(pipeline_.get()), sink_);
        g_object_set(sink_, "socket", socket_.c_str(), "sync", FALSE, "wait-for-connection", TRUE, nullptr);
        gst_util_set_object_arg(G_OBJECT(sink_), "timestamps", "preserve");
        gst_util_set_object_arg(G_OBJECT(sink_), "slow-client", "block");
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
        client_ = std::make_unique<PeerProcess>("sharedringsrc is-live=false name=tap socket=" + socket_ +
                                                    " ! fakesink sync=false",
                                                std::vector<std::string>{"--block-at", "1"});
        pusher_ = std::make_unique<StreamPusher>(sink_);
        thread_ = std::thread([this] { pushAll(); });
        EXPECT_TRUE(client_->waitForCount(1)) << client_->transcript();
        EXPECT_TRUE(waitUntilStuck());
    }

    void TearDown() override
    {
        gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
        thread_.join();
    }

    void pushAll()
    {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        push(GST_MINI_OBJECT_CAST(gst_event_new_stream_start("stream")));
        push(GST_MINI_OBJECT_CAST(gst_event_new_segment(&segment)));
        push(GST_MINI_OBJECT_CAST(gst_buffer_new()));
        while (pushed_ < kMoreThanARing && push(GST_MINI_OBJECT_CAST(gst_event_new_gap(pushed_, 1))))
            pushed_++;
        isDone_ = true;
    }

    bool push(GstMiniObject *object)
    {
        const bool taken = pusher_->push(object);
        gst_mini_object_unref(object);
        return taken;
    }

    // The ring is full, and for a while nothing got into it.
    bool waitUntilStuck()
    {
        unsigned before = 0;
        for (int look = 0; look < 200; look++) {
            const unsigned now = pushed_;
            if (now > 0 && now == before)
                return !isDone_;
            before = now;
            ::poll(nullptr, 0, 50);
        }
        return false;
    }

    bool waitUntilDone()
    {
        for (int look = 0; look < 2000 && !isDone_; look++)
            ::poll(nullptr, 0, 5);
        return isDone_;
    }

    const std::string socket_ = freshPath(".socket");
    const ObjectOwner<GstElement> pipeline_{gst_pipeline_new(nullptr)};
    GstElement *const sink_ = gst_element_factory_make("sharedringsink", nullptr);
    std::unique_ptr<PeerProcess> client_;
    std::unique_ptr<StreamPusher> pusher_;
    std::thread thread_;
    std::atomic<unsigned> pushed_{0};
    std::atomic<bool> isDone_{false};
};

TEST_F(EventWait, EndsWithAStateChange)
{
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);

    EXPECT_TRUE(waitUntilDone());
    EXPECT_LT(pushed_, kMoreThanARing);
}

TEST_F(EventWait, EndsWithTheClient)
{
    client_.reset();
    g_object_set(sink_, "wait-for-connection", FALSE, nullptr);

    // Whoever is next is waited for, too.
    PeerProcess next("sharedringsrc is-live=false name=tap socket=" + socket_ + " ! fakesink sync=false");
    EXPECT_TRUE(waitUntilDone());
    EXPECT_EQ(pushed_, kMoreThanARing);
}

TEST_F(EventWait, GoesOnAfterAPauseWithoutALoss)
{
    gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
    client_->command("release");
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);

    EXPECT_TRUE(waitUntilDone());
    EXPECT_TRUE(
        client_->waitForLog("gap GstEventGap, timestamp=(guint64)" + std::to_string(kMoreThanARing - 1)))
        << client_->log().all("gap").size();
    EXPECT_EQ(client_->log().all("gap").size(), kMoreThanARing);
}

} // namespace
