// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A sharedringsrc and a list that its producer has begun: whatever comes instead of the rest ends it, in
// order, and a producer that never ends one makes it hold no more than it will.
#include "hostile_producer.h"
#include "plugin/event_codec.h"
#include "plugin/stream_wire.h"
#include "ringcore/monotonic_time.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

using namespace sharedring;
using ringcore::kRecordInList;
using ringcore::kRecordListGoesOn;

namespace
{

constexpr uint32_t kGoesOn = kRecordInList | kRecordListGoesOn;
constexpr uint32_t kLast = kRecordInList;
using Seen = std::vector<std::string>;

// A sharedringsrc in this process, whose producer is the test, and what comes out of it.
class OpenLists : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    ~OpenLists() override
    {
        if (harness_)
            gst_harness_teardown(harness_);
    }

    // Up to the first buffer of a stream.
    void start(const std::string &properties = "", const Seen &begun = {"stream-start", "caps", "segment"})
    {
        int fds[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        producer = std::make_unique<HostileProducer>(ringcore::UniqueFd(fds[0]));
        const ringcore::UniqueFd own(fds[1]);
        const std::string line =
            "sharedringsrc is-live=false fd=" + std::to_string(own.get()) + " " + properties;
        element = gst_parse_launch(line.c_str(), nullptr);
        harness_ = gst_harness_new_with_element(element, nullptr, "src");
        gst_object_unref(element);
        gst_harness_set_drop_buffers(harness_, TRUE);
        GstPad *pad = gst_element_get_static_pad(element, "src");
        gst_pad_add_probe(pad,
                          static_cast<GstPadProbeType>(
                              GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                              GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH),
                          onData, this, nullptr);
        gst_object_unref(pad);
        gst_harness_play(harness_);
        ASSERT_TRUE(producer->admit());
        StreamInfo info{};
        info.timestamps = static_cast<uint32_t>(Timestamps::Preserve);
        ringcore::Record record = HostileProducer::plain(kKindStreamInfo);
        put(record, std::as_bytes(std::span(&info, 1)));
        producer->write(record);
        sendEvent(gst_event_new_stream_start("lists"));
        sendEvent(gst_event_new_caps(gst_caps_new_empty_simple("application/x-lists")));
        sendSegment();
        ASSERT_TRUE(await(begun));
    }

    void sendEvent(GstEvent *event, uint32_t flags = 0)
    {
        const auto encoded = encodeEvent(event);
        gst_event_unref(event);
        ringcore::Record record = HostileProducer::plain(kKindEvent + static_cast<uint32_t>(encoded->type));
        record.head.epoch = epoch;
        record.head.flags = flags;
        put(record, encoded->bytes);
        producer->write(record);
    }
    void sendSegment()
    {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        sendEvent(gst_event_new_segment(&segment));
    }
    void sendBuffer(uint32_t flags, uint64_t size = 0)
    {
        BufferFields fields{};
        fields.pts = fields.dts = kNoTime;
        fields.duration = fields.offset = fields.offsetEnd = UINT64_MAX;
        ringcore::Record record = size > 0 ? HostileProducer::buffer(0, ++generation_, 0, size)
                                           : HostileProducer::plain(kKindBuffer);
        record.head.flags = flags;
        record.head.epoch = epoch;
        record.head.publishedAt = publishedAt;
        put(record, std::as_bytes(std::span(&fields, 1)));
        // The ring is as long as it is: whoever reads makes room.
        ASSERT_TRUE(producer->waitUntil([&] { return *producer->writer.room(1) > 0; }));
        producer->write(record);
    }

    // The tail of what came out: "list 3", "buffer", the names of events.
    bool await(const Seen &tail)
    {
        std::unique_lock guard(lock_);
        return changed_.wait_for(guard, 10s, [&] {
            return seen_.size() >= tail.size() && std::equal(tail.rbegin(), tail.rend(), seen_.rbegin());
        });
    }
    Seen seen()
    {
        std::lock_guard guard(lock_);
        return seen_;
    }
    // Until everything that was sent has been read.
    bool awaitRead()
    {
        return producer->waitUntil([&] { return producer->page().cursor == producer->writer.written(); });
    }

    std::unique_ptr<HostileProducer> producer;
    GstElement *element = nullptr;
    uint32_t epoch = 0;
    uint64_t publishedAt = 0;

private:
    static void put(ringcore::Record &record, std::span<const std::byte> bytes)
    {
        ASSERT_LE(bytes.size(), sizeof record.inlineBytes);
        record.head.inlineSize = static_cast<uint32_t>(bytes.size());
        std::memcpy(record.inlineBytes, bytes.data(), bytes.size());
    }
    static GstPadProbeReturn onData(GstPad *, GstPadProbeInfo *info, gpointer data)
    {
        auto *self = static_cast<OpenLists *>(data);
        std::string what = "buffer";
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST)
            what = "list " + std::to_string(gst_buffer_list_length(GST_PAD_PROBE_INFO_BUFFER_LIST(info)));
        else if (!(GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER))
            what = GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info));
        std::lock_guard guard(self->lock_);
        self->seen_.push_back(what);
        self->changed_.notify_all();
        return GST_PAD_PROBE_OK;
    }

    GstHarness *harness_ = nullptr;
    uint32_t generation_ = 0;
    std::mutex lock_; // guards seen_
    std::condition_variable changed_;
    Seen seen_;
};

const Seen kBegun{"stream-start", "caps", "segment"};

Seen afterTheBeginning(const Seen &rest)
{
    Seen all = kBegun;
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
}

} // namespace

TEST_F(OpenLists, GoOutWhenTheyAreEnded)
{
    start();
    sendBuffer(kGoesOn);
    sendBuffer(kGoesOn);
    ASSERT_TRUE(awaitRead());
    EXPECT_EQ(seen(), kBegun);
    sendBuffer(kLast);
    ASSERT_TRUE(await({"list 3"}));
    sendBuffer(0);
    sendBuffer(kLast);
    ASSERT_TRUE(await({"buffer", "list 1"}));
    EXPECT_EQ(seen(), afterTheBeginning({"list 3", "buffer", "list 1"}));
}

TEST_F(OpenLists, AreEndedByABufferThatIsOfNone)
{
    start();
    sendBuffer(kGoesOn);
    sendBuffer(kGoesOn);
    sendBuffer(0);
    EXPECT_TRUE(await({"list 2", "buffer"}));
}

TEST_F(OpenLists, AreEndedByAnEventWhateverItsFlags)
{
    start();
    sendBuffer(kGoesOn);
    sendEvent(gst_event_new_gap(0, 1), kGoesOn);
    sendBuffer(kGoesOn);
    sendBuffer(kLast);
    EXPECT_TRUE(await({"list 1", "gap", "list 2"}));
}

TEST_F(OpenLists, AreEndedByTheEndOfTheStream)
{
    start();
    sendBuffer(kGoesOn);
    sendBuffer(kGoesOn);
    producer->endStream();
    EXPECT_TRUE(await({"list 2", "eos"}));
}

TEST_F(OpenLists, AreEndedByTheLossOfTheProducer)
{
    start("on-disconnect=eos");
    sendBuffer(kGoesOn);
    sendBuffer(kGoesOn);
    producer->socket = ringcore::ControlSocket(ringcore::UniqueFd());
    EXPECT_TRUE(await({"list 2", "eos"}));
}

// Or what came before the pause would be in the segment, and the list, of what came after.
TEST_F(OpenLists, AreEndedByAPauseOfALiveSource)
{
    start("is-live=true", {"stream-start", "caps"});
    publishedAt = ringcore::monotonicNow();
    sendBuffer(kGoesOn);
    ASSERT_TRUE(await({"segment"}));
    gst_element_set_state(element, GST_STATE_PAUSED);
    gst_element_set_state(element, GST_STATE_PLAYING);
    sendBuffer(kLast);
    publishedAt = ringcore::monotonicNow();
    sendBuffer(kLast);
    EXPECT_TRUE(await(afterTheBeginning({"list 1", "segment", "list 1"})));
}

TEST_F(OpenLists, AreThrownAwayByAFlush)
{
    start();
    sendBuffer(kGoesOn);
    sendBuffer(kGoesOn);
    ASSERT_TRUE(awaitRead());
    producer->setEpoch(1);
    ASSERT_TRUE(await({"flush-start"}));
    producer->setEpoch(2);
    epoch = 2;
    sendSegment();
    sendBuffer(kLast);
    ASSERT_TRUE(await({"list 1"}));
    EXPECT_EQ(seen(), afterTheBeginning({"flush-start", "flush-stop", "segment", "list 1"}));
}

TEST_F(OpenLists, AreEndedByAnEndThatTheUserWants)
{
    start();
    sendBuffer(kGoesOn);
    sendBuffer(kGoesOn);
    ASSERT_TRUE(awaitRead());
    ASSERT_TRUE(gst_element_send_event(element, gst_event_new_eos()));
    EXPECT_TRUE(await({"list 2", "eos"}));
}

TEST_F(OpenLists, ComeBeforeAnEventOfTheUsers)
{
    start();
    sendBuffer(kGoesOn);
    ASSERT_TRUE(awaitRead());
    ASSERT_TRUE(
        gst_element_send_event(element, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "mine", nullptr))));
    ASSERT_TRUE(await({"list 1", "tag"}));
    sendBuffer(kLast);
    EXPECT_TRUE(await({"list 1", "tag", "list 1"}));
}

TEST_F(OpenLists, AreCutByNumBuffers)
{
    start("num-buffers=3");
    for (int i = 0; i < 5; i++)
        sendBuffer(kGoesOn);
    ASSERT_TRUE(await({"list 3", "eos"}));
    EXPECT_EQ(seen(), afterTheBeginning({"list 3", "eos"}));
}

TEST_F(OpenLists, HoldNoMoreBuffersThanTheBound)
{
    start();
    for (int i = 0; i < 600; i++)
        sendBuffer(kGoesOn);
    ASSERT_TRUE(await({"list 256", "list 256"}));
    producer->endStream();
    EXPECT_TRUE(await({"list 256", "list 256", "list 88", "eos"}));
}

TEST_F(OpenLists, HoldNoMoreCopiesThanTheBound)
{
    start("payload-mode=copy");
    for (int i = 0; i < 70; i++)
        sendBuffer(kGoesOn, HostileProducer::kArenaBytes);
    ASSERT_TRUE(await({"list 64"}));
    producer->endStream();
    EXPECT_TRUE(await({"list 64", "list 6", "eos"}));
}

TEST_F(OpenLists, GoWithTheElement)
{
    start("payload-mode=map");
    sendBuffer(kGoesOn, 1000);
    ASSERT_TRUE(awaitRead());
    EXPECT_EQ(producer->page().generations[0], 0u);
    gst_element_set_state(element, GST_STATE_NULL);
    EXPECT_EQ(seen(), kBegun);
    EXPECT_EQ(producer->page().generations[0], 1u);
}
