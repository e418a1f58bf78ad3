// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pause of ten seconds of either side, in every mode: afterwards the stream goes on with the times that
// it should have. A live consumer shows what is made then, neither what it missed nor anything too late.
#include "event_recorder.h"
#include "peer_process.h"
#include "playing.h"
#include "sample_events.h"
#include "stream_ends.h"
#include "timed_buffers.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

using namespace sharedring;

namespace
{

constexpr std::chrono::seconds kPause{10};
// Between what a busy machine needs and the pause.
constexpr int64_t kTolerance = 3 * kSecond;
constexpr int64_t kFrame = 50 * kMillisecond;

struct Pair {
    const char *name;
    const char *source;   // properties of the producer's
    const char *producer; // of its sharedringsink
    const char *consumer; // of the sharedringsrc
    bool pausesConsumer;
};

constexpr Pair kPairs[] = {
    {"live producer, clock", "is-live=true", "sync=false timestamps=clock", "", false},
    {"live producer, preserve", "is-live=true", "sync=false timestamps=preserve", "", false},
    {"syncing producer, clock", "", "sync=true timestamps=clock", "", false},
    {"syncing producer, preserve", "", "sync=true timestamps=preserve", "", false},
    {"live consumer, clock", "is-live=true", "sync=false timestamps=clock", "", true},
    {"live consumer, preserve", "is-live=true", "sync=false timestamps=preserve", "", true},
    {"consumer of a file", "", "sync=false timestamps=preserve slow-client=block wait-for-connection=true",
     "is-live=false", true},
};

class PausedPair
{
public:
    explicit PausedPair(const Pair &pair)
        : pair_(pair), producer_("videotestsrc " + std::string(pair.source) +
                                     " ! video/x-raw,format=I420,width=32,height=32,framerate=20/1 ! "
                                     "identity name=tap ! sharedringsink name=ring socket=" +
                                     socket_ + " " + pair.producer,
                                 {"--times", "--no-digest"}),
          consumer_("sharedringsrc name=ring socket=" + socket_ + " " + pair.consumer +
                        " ! fakesink name=tap sync=true",
                    {"--times", "--no-digest"})
    {
    }
    // Since it was paused, if it was.
    bool waitForMore(uint64_t buffers) { return consumer_.waitForCount(before_ + buffers); }
    void pause()
    {
        paused().command("pause");
        before_ = std::stoull(consumer_.command("count"));
    }
    void play() { paused().command("play"); }
    std::string transcript() { return producer_.transcript() + consumer_.transcript(); }

    void expectRightTimes() const
    {
        const auto got = timedBuffers(consumer_.log());
        // What was on its way when the pause came is not looked at.
        constexpr size_t kOnTheirWay = 2;
        for (size_t i = before_ + kOnTheirWay; i < got.size(); i++) {
            EXPECT_GT(got[i].late(), -kTolerance) << "frame " << i << " is due in a far future";
            EXPECT_LT(got[i].late(), kTolerance) << "frame " << i << " is of long ago";
        }
    }
    void expectFramesInOrder() const
    {
        const auto got = consumer_.log().buffers;
        int64_t last = -1;
        for (const LoggedBuffer &buffer : got) {
            const int64_t frame = std::strtoll(buffer.offset.c_str(), nullptr, 10);
            EXPECT_GT(frame, last);
            last = frame;
        }
    }
    void expectPreservedTimes() const
    {
        forEachOfBoth(producer_, consumer_, [](const TimedBuffer &sent, const TimedBuffer &received) {
            EXPECT_EQ(received.buffer.pts, sent.buffer.pts);
        });
    }
    void expectNothingLost() const
    {
        const auto got = consumer_.log().buffers;
        for (size_t i = 0; i < got.size(); i++)
            ASSERT_EQ(got[i].offset, std::to_string(i));
    }
    // Due at one instant on both sides.
    void expectSameInstants() const
    {
        const int64_t zero = timedBuffers(producer_.log()).back().zero;
        size_t both = 0;
        forEachOfBoth(producer_, consumer_, [&](const TimedBuffer &sent, const TimedBuffer &received) {
            if (std::llabs(sent.zero - zero) > kFrame)
                return; // from before the pause
            both++;
            EXPECT_NEAR(static_cast<double>(received.due()), static_cast<double>(sent.due()),
                        static_cast<double>(kFrame));
        });
        EXPECT_GE(both, 10u);
    }

private:
    PeerProcess &paused() { return pair_.pausesConsumer ? consumer_ : producer_; }

    const Pair &pair_;
    const std::string socket_ = freshPath(".socket");
    PeerProcess producer_;
    PeerProcess consumer_;
    uint64_t before_ = 0; // the pause
};

uint32_t flagsOf(const LoggedBuffer &buffer)
{
    return static_cast<uint32_t>(buffer.flags);
}

bool says(const Pair &pair, const char *word)
{
    return std::string(pair.producer).find(word) != std::string::npos;
}

} // namespace

TEST(Pauses, OfTenSecondsLeaveTheStreamWithRightTimes)
{
    std::vector<std::unique_ptr<PausedPair>> pairs;
    for (const Pair &pair : kPairs)
        pairs.push_back(std::make_unique<PausedPair>(pair));
    for (const auto &pair : pairs)
        ASSERT_TRUE(pair->waitForMore(5)) << pair->transcript();
    for (const auto &pair : pairs)
        pair->pause();
    std::this_thread::sleep_for(kPause); // which is what is tested
    for (const auto &pair : pairs)
        pair->play();
    for (size_t i = 0; i < pairs.size(); i++) {
        SCOPED_TRACE(kPairs[i].name);
        ASSERT_TRUE(pairs[i]->waitForMore(40)) << pairs[i]->transcript();
        pairs[i]->expectRightTimes();
        pairs[i]->expectFramesInOrder();
        if (says(kPairs[i], "preserve"))
            pairs[i]->expectPreservedTimes();
        if (says(kPairs[i], "clock"))
            pairs[i]->expectSameInstants();
        if (says(kPairs[i], "block"))
            pairs[i]->expectNothingLost();
    }
}

TEST(Pauses, OfTheConsumerOfAnEncodedStreamEndWithAKeyUnit)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer("videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=50/1 ! "
                         "vp8enc deadline=1 keyframe-max-dist=100000 ! identity name=tap ! "
                         "sharedringsink name=ring sync=false socket=" +
                             socket,
                         {"--no-digest"});
    PeerProcess consumer("sharedringsrc name=ring socket=" + socket + " ! fakesink name=tap sync=false",
                         {"--no-digest"});
    ASSERT_TRUE(consumer.waitForCount(10)) << consumer.transcript();
    consumer.command("pause");
    // More than the consumer's part of the ring holds.
    const uint64_t then = std::stoull(producer.command("count"));
    ASSERT_TRUE(producer.waitForCount(then + 30)) << producer.transcript();
    const size_t before = std::stoull(consumer.command("count"));
    consumer.command("play");
    ASSERT_TRUE(consumer.waitForCount(before + 10)) << consumer.transcript();

    const auto got = consumer.log().buffers;
    EXPECT_TRUE(flagsOf(got[before - 1]) & GST_BUFFER_FLAG_DELTA_UNIT) << "this encoder makes few key units";
    EXPECT_FALSE(flagsOf(got[before]) & GST_BUFFER_FLAG_DELTA_UNIT);
    EXPECT_TRUE(flagsOf(got[before]) & GST_BUFFER_FLAG_DISCONT);
    EXPECT_GT(consumer.stat("drops"), 0u);
    EXPECT_EQ(producer.stat("requests"), 1u) << "it asked for one";
}

// ---- what comes meanwhile

namespace
{

// A producer that the test pushes into, and a client that it pauses.
class PausedClient : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    PausedClient()
    {
        sink_.reset(gst_parse_launch(("sharedringsink sync=false async=false wait-for-connection=true "
                                      "timestamps=preserve socket=" +
                                      socket_)
                                         .c_str(),
                                     nullptr));
        client_.reset(gst_parse_launch(
            ("sharedringsrc socket=" + socket_ + " ! fakesink name=tap sync=false async=false").c_str(),
            nullptr));
        const ObjectOwner<GstElement> tap(gst_bin_get_by_name(GST_BIN(client_.get()), "tap"));
        seen_ = std::make_unique<EventRecorder>(gst_element_get_static_pad(tap.get(), "sink"));
        gst_element_set_state(sink_.get(), GST_STATE_PLAYING);
        setClient(GST_STATE_PAUSED);
        pusher_ = std::make_unique<StreamPusher>(sink_.get());
        for (GstEvent *event : {streamStart("one"), caps(), segment()})
            pushEvent(event);
    }
    ~PausedClient() override
    {
        gst_element_set_state(client_.get(), GST_STATE_NULL);
        gst_element_set_state(sink_.get(), GST_STATE_NULL);
    }

    void pushEvent(GstEvent *event)
    {
        const EventOwner owned(event);
        EXPECT_TRUE(pusher_->push(GST_MINI_OBJECT_CAST(event)));
    }
    void pushBuffer(GstClockTime pts, guint flags = 0, const char *byte = "x")
    {
        const BufferOwner buffer(gst_buffer_new_memdup(byte, 1));
        GST_BUFFER_PTS(buffer.get()) = pts;
        GST_BUFFER_FLAG_SET(buffer.get(), flags);
        EXPECT_TRUE(pusher_->push(GST_MINI_OBJECT_CAST(buffer.get())));
    }
    void setClient(GstState state) { gst_element_set_state(client_.get(), state); }
    std::vector<std::string> buffersAndGaps() const
    {
        std::vector<std::string> lines;
        for (const std::string &line : seen_->lines()) {
            if (line.starts_with("buffer"))
                lines.push_back(line);
            else if (line.starts_with("gap"))
                lines.emplace_back("gap");
        }
        return lines;
    }

    const std::string socket_ = freshPath(".socket");
    ObjectOwner<GstElement> sink_;
    ObjectOwner<GstElement> client_;
    std::unique_ptr<EventRecorder> seen_;
    std::unique_ptr<StreamPusher> pusher_;
};

} // namespace

TEST_F(PausedClient, MissesBuffersAndGapsAndNoOtherEvent)
{
    pushBuffer(0); // it is starting: this is not missed
    setClient(GST_STATE_PLAYING);
    ASSERT_TRUE(seen_->waitForLine("buffer 0"));
    setClient(GST_STATE_PAUSED);
    pushEvent(gst_event_new_gap(1, 1));
    pushBuffer(2);
    pushEvent(tags(GST_TAG_SCOPE_STREAM, "of a paused time"));
    setClient(GST_STATE_PLAYING);
    pushBuffer(3);
    ASSERT_TRUE(seen_->waitForLine("buffer 3"));
    EXPECT_EQ(buffersAndGaps(), (std::vector<std::string>{"buffer 0", "buffer 3"}));
    EXPECT_TRUE(seen_->waitForLine("tag"));
}

TEST_F(PausedClient, OfAStreamOfDeltasWaitsForNoKeyUnit)
{
    pushBuffer(10); // of a stream before, which had one
    for (GstEvent *event : {streamStart("two"), segment()})
        pushEvent(event);
    pushBuffer(0, GST_BUFFER_FLAG_DELTA_UNIT);
    setClient(GST_STATE_PLAYING);
    ASSERT_TRUE(seen_->waitForLine("buffer 0"));
    setClient(GST_STATE_PAUSED);
    pushBuffer(1, GST_BUFFER_FLAG_DELTA_UNIT);
    setClient(GST_STATE_PLAYING);
    pushBuffer(2, GST_BUFFER_FLAG_DELTA_UNIT);
    ASSERT_TRUE(seen_->waitForLine("buffer 2"));
    EXPECT_EQ(buffersAndGaps(), (std::vector<std::string>{"buffer 10", "buffer 0", "buffer 2"}));
}

TEST_F(PausedClient, GetsTheHeadersOfAStreamWhoseBeginningItMissed)
{
    pushBuffer(0);
    setClient(GST_STATE_PLAYING);
    ASSERT_TRUE(seen_->waitForLine("buffer 0"));
    setClient(GST_STATE_PAUSED);
    for (GstEvent *event :
         {streamStart("two"), caps("application/x-test,streamheader=(buffer)< 68 >"), segment()})
        pushEvent(event);
    pushBuffer(1, GST_BUFFER_FLAG_HEADER, "h");
    pushBuffer(2);
    setClient(GST_STATE_PLAYING);
    pushBuffer(3);
    ASSERT_TRUE(seen_->waitForLine("buffer 3"));
    const auto seen = buffersAndGaps();
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_TRUE(seen[1].starts_with("buffer ") && seen[1] != "buffer 2") << seen[1]; // the caps' own
    setClient(GST_STATE_PAUSED); // in mid-stream nothing of them is missed
    pushBuffer(4);
    setClient(GST_STATE_PLAYING);
    pushBuffer(5);
    ASSERT_TRUE(seen_->waitForLine("buffer 5"));
    EXPECT_EQ(buffersAndGaps().size(), 4u);
}

namespace
{

class ClientThatIsBehind : public PausedClient
{
protected:
    ClientThatIsBehind()
    {
        pushBuffer(0);
        setClient(GST_STATE_PLAYING);
        EXPECT_TRUE(seen_->waitForLine("buffer 0"));
    }
    void pauseProducer()
    {
        gst_element_set_state(sink_.get(), GST_STATE_PAUSED);
        gst_element_set_state(sink_.get(), GST_STATE_PLAYING);
        pushBuffer(1);
    }
    // More events than the ring holds.
    void fallBehind()
    {
        seen_->block();
        pushBuffer(1);
        ASSERT_TRUE(seen_->waitUntilBlocked());
        for (int i = 0; i < 200; i++)
            pushEvent(custom(GST_EVENT_CUSTOM_DOWNSTREAM, "lost"));
    }
    void catchUp()
    {
        seen_->release();
        const bool done = await([this] {
            pushBuffer(2);
            return seen_->lines().back() == "buffer 2";
        });
        EXPECT_TRUE(done);
    }
    auto segments() const
    {
        const auto lines = seen_->lines();
        return std::count_if(lines.begin(), lines.end(),
                             [](const std::string &line) { return line.starts_with("segment"); });
    }
};

} // namespace

// It is told again what the stream is, and not that it was paused.
TEST_F(ClientThatIsBehind, IsToldOfAPauseBeforeThatOnce)
{
    pauseProducer();
    ASSERT_TRUE(seen_->waitForLine("buffer 1"));
    EXPECT_EQ(segments(), 2);
    fallBehind();
    catchUp();
    EXPECT_EQ(segments(), 2);
}

TEST_F(ClientThatIsBehind, IsToldOfAPauseMeanwhile)
{
    fallBehind();
    pauseProducer();
    catchUp();
    EXPECT_EQ(segments(), 2);
}
