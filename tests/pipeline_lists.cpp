// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffer lists from one process into another: what is a list before the boundary is one behind it, a
// single buffer stays one, and neither a slow client nor a pause tears, doubles or loses what it need not.
#include "crossing.h"
#include "peer_process.h"
#include "playing.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace
{

using Lines = std::vector<std::string>;

// A sharedringsink in this process, which its test pushes lists of numbered buffers into: OFFSET says
// the number.
class Producer
{
public:
    explicit Producer(const std::string &properties)
    {
        const std::string line =
            "sharedringsink name=ring sync=false timestamps=preserve " + properties + " socket=" + socket_;
        GstElement *const sink = gst_parse_launch(line.c_str(), nullptr);
        harness_ = gst_harness_new_with_element(sink, "sink", nullptr);
        gst_object_unref(sink);
        gst_harness_use_systemclock(harness_);
        bus_ = gst_bus_new();
        gst_element_set_bus(harness_->element, bus_);
        gst_harness_set_src_caps_str(harness_, "application/x-lists");
    }
    ~Producer()
    {
        gst_bus_set_flushing(bus_, TRUE); // its messages hold the element, which holds the bus
        gst_harness_teardown(harness_);
        gst_object_unref(bus_);
    }
    Producer(const Producer &) = delete;
    Producer &operator=(const Producer &) = delete;

    const std::string &socket() const { return socket_; }
    GstElement *element() const { return harness_->element; }

    GstFlowReturn pushSingle(size_t size = 100) { return gst_harness_push(harness_, next(size)); }
    GstFlowReturn pushList(size_t length, size_t size = 100)
    {
        return pushList(std::vector<size_t>(length, size));
    }
    GstFlowReturn pushList(const std::vector<size_t> &sizes)
    {
        GstBufferList *list = gst_buffer_list_new();
        for (const size_t size : sizes)
            gst_buffer_list_add(list, next(size));
        return gst_pad_push_list(harness_->srcpad, list);
    }
    void end() { gst_harness_push_event(harness_, gst_event_new_eos()); }

    uint64_t stat(const char *field) const
    {
        GstStructure *all = nullptr;
        g_object_get(element(), "ring-stats", &all, nullptr);
        guint64 value = 0;
        EXPECT_TRUE(gst_structure_get_uint64(all, field, &value)) << field;
        gst_structure_free(all);
        return value;
    }
    bool awaitStat(const char *field, uint64_t atLeast) const
    {
        return await([&] { return stat(field) >= atLeast; });
    }
    bool awaitClients(guint clients) const
    {
        return await([&] {
            guint here = 0;
            g_object_get(element(), "num-clients", &here, nullptr);
            return here >= clients;
        });
    }
    std::string error()
    {
        GstMessage *message = gst_bus_pop_filtered(bus_, GST_MESSAGE_ERROR);
        if (!message)
            return "";
        GError *error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        std::string text = error->message;
        g_error_free(error);
        gst_message_unref(message);
        return text;
    }

private:
    GstBuffer *next(size_t size)
    {
        GstBuffer *buffer = size > 0 ? gst_buffer_new_allocate(nullptr, size, nullptr) : gst_buffer_new();
        gst_buffer_memset(buffer, 0, static_cast<guint8>(number_), size);
        GST_BUFFER_PTS(buffer) = number_ * 1000;
        GST_BUFFER_OFFSET(buffer) = number_++;
        return buffer;
    }

    std::string socket_ = freshPath(".socket");
    GstHarness *harness_ = nullptr;
    GstBus *bus_ = nullptr;
    guint64 number_ = 0;
};

std::string consumerLine(const std::string &socket, const std::string &properties = "")
{
    return "sharedringsrc name=tap is-live=false socket=" + socket + " " + properties +
           " ! fakesink sync=false enable-last-sample=false";
}

// "list 3" and "buffer" (of none) in order.
Lines shapeOf(const TapLog &log)
{
    Lines shape;
    size_t ofList = 0;
    for (const std::string &line : log.lines) {
        if (line.starts_with("list ")) {
            shape.push_back(line);
            ofList = std::stoul(line.substr(5));
        } else if (line.starts_with("buffer ")) {
            if (ofList == 0)
                shape.push_back("buffer");
            else
                ofList--;
        }
    }
    return shape;
}

std::vector<uint64_t> numbersOf(const TapLog &log)
{
    std::vector<uint64_t> numbers;
    for (const LoggedBuffer &buffer : log.buffers)
        numbers.push_back(std::stoull(buffer.offset));
    return numbers;
}

void expectAll(const TapLog &log, uint64_t buffers)
{
    const auto numbers = numbersOf(log);
    ASSERT_EQ(numbers.size(), buffers);
    for (uint64_t number = 0; number < buffers; number++)
        ASSERT_EQ(numbers[number], number);
}

bool isDiscont(const LoggedBuffer &buffer)
{
    return (buffer.flags & GST_BUFFER_FLAG_DISCONT) != 0;
}

class BufferLists : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
    static constexpr const char *kLossless = "slow-client=block wait-for-connection=true ";
};

} // namespace

TEST_F(BufferLists, ArriveAsTheyWere)
{
    Producer producer(std::string(kLossless) + "max-buffers=4");
    PeerProcess consumer(consumerLine(producer.socket()));
    EXPECT_EQ(producer.pushList(3), GST_FLOW_OK);
    EXPECT_EQ(producer.pushSingle(), GST_FLOW_OK);
    EXPECT_EQ(producer.pushList(1), GST_FLOW_OK);
    EXPECT_EQ(producer.pushList(0), GST_FLOW_OK); // nothing crosses
    EXPECT_EQ(producer.pushList(40), GST_FLOW_OK);
    EXPECT_EQ(producer.pushList(std::vector<size_t>{0, 5000, 1, 0}), GST_FLOW_OK);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    const TapLog log = consumer.log();
    EXPECT_EQ(shapeOf(log), (Lines{"list 3", "buffer", "list 1", "list 40", "list 4"}));
    expectAll(log, 49);
    for (size_t i = 0; i < log.buffers.size(); i++) {
        EXPECT_EQ(log.buffers[i].pts, std::to_string(i * 1000));
        EXPECT_EQ(isDiscont(log.buffers[i]), i == 0);
    }
    EXPECT_EQ(log.buffers[46].size, 5000u);
    EXPECT_EQ(producer.stat("copies"), 47u); // the empty ones need none
    EXPECT_EQ(producer.stat("published"), 49u);
    EXPECT_EQ(consumer.stat("frames", "tap"), 49u);
}

TEST_F(BufferLists, LongerThanTheBoundArriveInParts)
{
    Producer producer(kLossless);
    PeerProcess consumer(consumerLine(producer.socket()));
    EXPECT_EQ(producer.pushList(600), GST_FLOW_OK);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    EXPECT_EQ(shapeOf(consumer.log()), (Lines{"list 256", "list 256", "list 88"}));
    expectAll(consumer.log(), 600);
}

TEST_F(BufferLists, OfAPayloaderArriveAsTheyLeftIt)
{
    CrossingLines lines;
    lines.upstream = "videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=160,height=120 ! "
                     "rtpvrawpay mtu=1400 seqnum-offset=7 timestamp-offset=9 ssrc=3";
    Crossing crossing(lines);
    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(shapeOf(crossing.received()), shapeOf(crossing.sent()));
    EXPECT_GE(crossing.sent().all("list ").size(), 5u);
}

TEST_F(BufferLists, AreMappedWhereBuffersAre)
{
    Producer producer(kLossless);
    PeerProcess consumer(consumerLine(producer.socket(), "payload-mode=map"));
    EXPECT_EQ(producer.pushList(8), GST_FLOW_OK);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    EXPECT_EQ(shapeOf(consumer.log()), (Lines{"list 8"}));
    for (const LoggedBuffer &buffer : consumer.log().buffers)
        EXPECT_TRUE(buffer.readOnly && buffer.inArena) << buffer.offset;
}

TEST_F(BufferLists, WaitForASlowClientAndReachItWhole)
{
    Producer producer(std::string(kLossless) + "max-buffers=4");
    PeerProcess slow(consumerLine(producer.socket(), "payload-mode=map"), {"--slow", "1"});
    PeerProcess quick(consumerLine(producer.socket(), "payload-mode=map"));
    ASSERT_TRUE(producer.awaitClients(2));
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(producer.pushList(20), GST_FLOW_OK);
    producer.end();
    for (PeerProcess *consumer : {&slow, &quick}) {
        ASSERT_TRUE(consumer->waitFor("eos")) << consumer->transcript();
        EXPECT_EQ(shapeOf(consumer->log()), Lines(10, "list 20"));
        expectAll(consumer->log(), 200);
    }
    EXPECT_EQ(producer.stat("drops"), 0u);
}

TEST_F(BufferLists, LoseWhatASlowClientHasNoRoomForWhereTheStreamDrops)
{
    Producer producer("slow-client=drop max-buffers=4");
    PeerProcess consumer(consumerLine(producer.socket()), {"--block-at", "1"});
    ASSERT_TRUE(producer.awaitClients(1));
    EXPECT_EQ(producer.pushSingle(), GST_FLOW_OK);
    ASSERT_TRUE(consumer.waitForCount(1));
    EXPECT_EQ(producer.pushList(10), GST_FLOW_OK);
    EXPECT_EQ(producer.pushList(10), GST_FLOW_OK);
    EXPECT_GE(producer.stat("drops"), 16u);
    const uint64_t got = 21 - producer.stat("drops");
    consumer.command("release");
    ASSERT_TRUE(consumer.waitForCount(got));
    EXPECT_EQ(producer.pushList(3), GST_FLOW_OK);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    const TapLog log = consumer.log();
    EXPECT_EQ(shapeOf(log), (Lines{"buffer", "list " + std::to_string(got - 1), "list 3"}));
    ASSERT_EQ(log.buffers.size(), got + 3);
    EXPECT_TRUE(isDiscont(log.buffers[got]));
    EXPECT_FALSE(isDiscont(log.buffers[got + 1]));
}

// What is short is the arena, not what a client may hold.
TEST_F(BufferLists, WaitForMemoryWhereTheyNeedMoreThanThereIs)
{
    Producer producer(std::string(kLossless) + "max-memory=8388608 max-buffers=64");
    PeerProcess consumer(consumerLine(producer.socket()));
    EXPECT_EQ(producer.pushList(30, 1 << 20), GST_FLOW_OK);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    expectAll(consumer.log(), 30);
    for (const std::string &line : shapeOf(consumer.log()))
        EXPECT_TRUE(line.starts_with("list ")) << line;
}

TEST_F(BufferLists, AreMarkedBehindWhatFoundNoMemory)
{
    Producer producer("slow-client=drop max-memory=8388608 max-buffers=64");
    PeerProcess consumer(consumerLine(producer.socket()), {"--block-at", "1"});
    ASSERT_TRUE(producer.awaitClients(1));
    EXPECT_EQ(producer.pushSingle(), GST_FLOW_OK);
    ASSERT_TRUE(consumer.waitForCount(1));
    EXPECT_EQ(producer.pushList(20, 1 << 20), GST_FLOW_OK);
    EXPECT_GE(producer.stat("no-room"), 1u);
    consumer.command("release");
    const uint64_t got = 21 - producer.stat("drops");
    ASSERT_TRUE(consumer.waitForCount(got));
    EXPECT_EQ(producer.pushList(2), GST_FLOW_OK);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    const TapLog log = consumer.log();
    ASSERT_EQ(log.buffers.size(), got + 2);
    for (uint64_t i = 1; i < log.buffers.size(); i++)
        EXPECT_EQ(isDiscont(log.buffers[i]), i == got) << i;
}

TEST_F(BufferLists, GoOnAfterAPauseInTheMiddle)
{
    Producer producer(std::string(kLossless) + "max-buffers=4");
    PeerProcess consumer(consumerLine(producer.socket()), {"--block-at", "1"});
    ASSERT_TRUE(producer.awaitClients(1));
    EXPECT_EQ(producer.pushSingle(), GST_FLOW_OK);
    ASSERT_TRUE(consumer.waitForCount(1));
    std::thread pushing([&] { EXPECT_EQ(producer.pushList(30), GST_FLOW_OK); });
    ASSERT_TRUE(producer.awaitStat("frames", 4));
    gst_element_set_state(producer.element(), GST_STATE_PAUSED);
    const uint64_t before = producer.stat("frames");
    consumer.command("release");
    gst_element_set_state(producer.element(), GST_STATE_PLAYING);
    pushing.join();
    EXPECT_LT(before, 31u);
    producer.end();
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    EXPECT_EQ(shapeOf(consumer.log()), (Lines{"buffer", "list 30"}));
    expectAll(consumer.log(), 31);
}

TEST_F(BufferLists, AreLeftByAStopInTheMiddle)
{
    Producer producer(std::string(kLossless) + "max-buffers=4");
    PeerProcess consumer(consumerLine(producer.socket(), "on-disconnect=eos"), {"--block-at", "1"});
    ASSERT_TRUE(producer.awaitClients(1));
    EXPECT_EQ(producer.pushSingle(), GST_FLOW_OK);
    ASSERT_TRUE(consumer.waitForCount(1));
    std::thread pushing([&] { EXPECT_EQ(producer.pushList(30), GST_FLOW_FLUSHING); });
    ASSERT_TRUE(producer.awaitStat("frames", 4));
    gst_element_set_state(producer.element(), GST_STATE_NULL);
    pushing.join();
    consumer.command("release");
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
    const TapLog log = consumer.log();
    EXPECT_EQ(shapeOf(log), (Lines{"buffer", "list " + std::to_string(log.buffers.size() - 1)}));
    expectAll(log, log.buffers.size());
}

TEST_F(BufferLists, ForNobodyAreNothing)
{
    Producer producer("");
    EXPECT_EQ(producer.pushList(5), GST_FLOW_OK);
    EXPECT_EQ(producer.stat("published"), 0u);
    EXPECT_EQ(producer.stat("copies"), 0u);
}

TEST_F(BufferLists, WithOneThatNeverFitsAreAnErrorBehindWhatWasBeforeIt)
{
    Producer producer(std::string(kLossless) + "max-memory=8388608");
    PeerProcess consumer(consumerLine(producer.socket()));
    EXPECT_EQ(producer.pushList(std::vector<size_t>{10, 20, (8 << 20) + 1, 30}), GST_FLOW_ERROR);
    EXPECT_NE(producer.error().find("max-memory=8388608"), std::string::npos);
    ASSERT_TRUE(consumer.waitForCount(2));
    EXPECT_EQ(shapeOf(consumer.log()), (Lines{"list 2"}));
}
