// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a probe sees of a buffer's metas behind the pair is what it saw before it: mapped, copied and
// copied into another layout; and what stays behind is counted on its side.
#include "peer_process.h"
#include "tests/meta_samples.h"
#include "tests/meta_text.h"

#include <gst/check/gstharness.h>
#include <gst/video/gstvideocodecalphameta.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

using namespace sharedring;

namespace
{

constexpr const char *kVideo = "video/x-raw,format=I420,width=64,height=48,framerate=25/1";
constexpr const char *kAudio =
    "audio/x-raw,format=S16LE,rate=48000,channels=2,channel-mask=(bitmask)3,layout=";

class Producer
{
public:
    explicit Producer(const std::string &caps, const std::string &options = "slow-client=block")
    {
        const std::string line = "sharedringsink name=ring sync=false wait-for-connection=true "
                                 "timestamps=preserve " +
                                 options + " socket=" + socket_;
        GstElement *const sink = gst_parse_launch(line.c_str(), nullptr);
        harness_ = gst_harness_new_with_element(sink, "sink", nullptr);
        gst_object_unref(sink);
        gst_harness_use_systemclock(harness_);
        gst_harness_set_src_caps_str(harness_, caps.c_str());
    }
    ~Producer() { gst_harness_teardown(harness_); }
    Producer(const Producer &) = delete;
    Producer &operator=(const Producer &) = delete;

    const std::string &socket() const { return socket_; }
    GstFlowReturn push(GstBuffer *buffer) { return gst_harness_push(harness_, gst_buffer_ref(buffer)); }
    GstFlowReturn push(GstBufferList *list) { return gst_pad_push_list(harness_->srcpad, list); }
    bool query(GstQuery *query) { return gst_pad_peer_query(harness_->srcpad, query); }
    guint64 stat(const char *field) const
    {
        GstStructure *stats = nullptr;
        g_object_get(harness_->element, "ring-stats", &stats, nullptr);
        guint64 value = G_MAXUINT64;
        gst_structure_get_uint64(stats, field, &value);
        gst_structure_free(stats);
        return value;
    }

private:
    std::string socket_ = freshPath(".socket");
    GstHarness *harness_ = nullptr;
};

// A source in this process, where the custom metas are registered too.
class Consumer
{
public:
    explicit Consumer(const std::string &socket, const std::string &options = "", bool knowsVideoMeta = false)
    {
        const std::string line = "sharedringsrc name=ring is-live=false " + options + " socket=" + socket +
                                 " ! appsink name=out sync=false";
        pipeline_ = gst_parse_launch(line.c_str(), nullptr);
        out_ = gst_bin_get_by_name(GST_BIN(pipeline_), "out");
        if (knowsVideoMeta) {
            GstPad *pad = gst_element_get_static_pad(out_, "sink");
            gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, takeVideoMeta, nullptr, nullptr);
            gst_object_unref(pad);
        }
        gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    }
    ~Consumer()
    {
        gst_element_set_state(pipeline_, GST_STATE_NULL);
        gst_object_unref(out_);
        gst_object_unref(pipeline_);
    }
    Consumer(const Consumer &) = delete;
    Consumer &operator=(const Consumer &) = delete;

    // The next buffer; nullptr at the end.
    SampleOwner pull()
    {
        GstSample *sample = nullptr;
        g_signal_emit_by_name(out_, "try-pull-sample", guint64{20 * GST_SECOND}, &sample);
        return SampleOwner(sample);
    }
    guint64 stat(const char *field) const
    {
        GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline_), "ring");
        GstStructure *stats = nullptr;
        g_object_get(source, "ring-stats", &stats, nullptr);
        guint64 value = G_MAXUINT64;
        gst_structure_get_uint64(stats, field, &value);
        gst_structure_free(stats);
        gst_object_unref(source);
        return value;
    }

private:
    static GstPadProbeReturn takeVideoMeta(GstPad *, GstPadProbeInfo *info, gpointer)
    {
        GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
        if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION)
            return GST_PAD_PROBE_OK;
        gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
        return GST_PAD_PROBE_HANDLED;
    }

    GstElement *pipeline_;
    GstElement *out_;
};

GstBuffer *bufferOf(const SampleOwner &sample)
{
    return sample ? gst_sample_get_buffer(sample.get()) : nullptr;
}

BufferOwner frame(gsize size = 64 * 48 * 3 / 2)
{
    BufferOwner buffer(gst_buffer_new_allocate(nullptr, size, nullptr));
    gst_buffer_memset(buffer.get(), 0, 0x40, size);
    return buffer;
}

void expectSame(const SampleOwner &sample, GstBuffer *sent)
{
    GstBuffer *const received = bufferOf(sample);
    ASSERT_TRUE(received);
    EXPECT_EQ(metasOf(received), metasOf(sent));
    EXPECT_EQ(gst_buffer_get_size(received), gst_buffer_get_size(sent));
}

struct Way {
    const char *name;
    const char *options; // of the source
    unsigned copies;
};

void PrintTo(const Way &way, std::ostream *out)
{
    *out << way.name;
}

class Metas : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

class MetasOnTheWay : public Metas, public testing::WithParamInterface<Way>
{
};

TEST_P(MetasOnTheWay, OfVideoArrive)
{
    Producer producer(kVideo);
    Consumer consumer(producer.socket(), GetParam().options);
    const BufferOwner sent = frame();
    samples::addVideoMetas(sent.get());
    for (int i = 0; i < 3; i++)
        ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    for (int i = 0; i < 3; i++)
        expectSame(consumer.pull(), sent.get());
    EXPECT_EQ(producer.stat("metas-left"), 0u);
    EXPECT_EQ(consumer.stat("metas-left"), 0u);
    EXPECT_EQ(consumer.stat("copies"), 3 * GetParam().copies);
}

TEST_P(MetasOnTheWay, OfAudioArrive)
{
    for (const bool planar : {false, true}) {
        const std::string caps = kAudio + std::string(planar ? "non-interleaved" : "interleaved");
        Producer producer(caps);
        Consumer consumer(producer.socket(), GetParam().options);
        const BufferOwner sent = frame(4000);
        const CapsOwner parsed(gst_caps_from_string(caps.c_str()));
        GstAudioInfo info;
        ASSERT_TRUE(gst_audio_info_from_caps(&info, parsed.get()));
        gst_buffer_add_audio_level_meta(sent.get(), 3, TRUE);
        gst_buffer_add_audio_meta(sent.get(), &info, 1000, nullptr);
        samples::addAudioMetas(sent.get());
        ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
        expectSame(consumer.pull(), sent.get());
        EXPECT_EQ(producer.stat("metas-left"), 0u);
        EXPECT_EQ(consumer.stat("metas-left"), 0u);
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, MetasOnTheWay,
                         testing::Values(Way{"Mapped", "", 0}, Way{"Copied", "payload-mode=copy", 1}),
                         [](const auto &tested) { return std::string(tested.param.name); });

TEST_F(Metas, OfEmptyAndOfEncodedBuffersArrive)
{
    Producer producer("video/x-h264,stream-format=byte-stream,alignment=au");
    Consumer consumer(producer.socket());
    const BufferOwner empty(gst_buffer_new());
    const BufferOwner unit = frame(100);
    for (GstBuffer *buffer : {empty.get(), unit.get()}) {
        samples::addVideoMetas(buffer);
        ASSERT_EQ(producer.push(buffer), GST_FLOW_OK);
        expectSame(consumer.pull(), buffer);
    }
}

TEST_F(Metas, ThatNobodyCanCarryAreCountedAndNoError)
{
    Producer producer(kVideo);
    Consumer consumer(producer.socket());
    const BufferOwner sent = frame();
    gst_buffer_add_audio_level_meta(sent.get(), 3, TRUE);
    const std::string carried = metasOf(sent.get());
    gst_buffer_add_video_codec_alpha_meta(sent.get(), gst_buffer_new());
    const BufferOwner parent(gst_buffer_new());
    gst_buffer_add_parent_buffer_meta(sent.get(), parent.get());
    for (int i = 0; i < 2; i++) {
        ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
        EXPECT_EQ(metasOf(bufferOf(consumer.pull())), carried);
    }
    EXPECT_EQ(producer.stat("metas-left"), 2u) << "of a parent's memory there is nothing to say";
}

TEST_F(Metas, ThatAreNotRegisteredThereAreCountedThere)
{
    Producer producer(kVideo);
    PeerProcess consumer("sharedringsrc name=ring is-live=false socket=" + producer.socket() +
                         " ! fakesink name=tap sync=false");
    const BufferOwner sent = frame();
    samples::addCustomMeta(sent.get());
    for (int i = 0; i < 2; i++)
        ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    EXPECT_TRUE(consumer.waitForCount(2)) << consumer.transcript();
    EXPECT_TRUE(consumer.waitForStat("metas-left", 2)) << consumer.transcript();
    EXPECT_EQ(producer.stat("metas-left"), 0u);
}

TEST_F(Metas, StayWhereTheLayoutBecomesTheDefaultOne)
{
    Producer producer(kVideo);
    Consumer consumer(producer.socket());
    const BufferOwner sent = frame(72 * 48 * 3 / 2);
    samples::addRegions(sent.get());
    gsize offsets[GST_VIDEO_MAX_PLANES] = {0, 72 * 48, 72 * 48 * 5 / 4};
    gint strides[GST_VIDEO_MAX_PLANES] = {72, 36, 36};
    gst_buffer_add_video_meta_full(sent.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, 64, 48, 3,
                                   offsets, strides);
    samples::addTimeCodes(sent.get());
    ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    const SampleOwner sample = consumer.pull();
    ASSERT_TRUE(sample);

    const BufferOwner expected(gst_buffer_new());
    samples::addRegions(expected.get());
    samples::addTimeCodes(expected.get());
    EXPECT_EQ(metasOf(bufferOf(sample)), metasOf(expected.get()));
    EXPECT_EQ(gst_buffer_get_size(bufferOf(sample)), 64u * 48 * 3 / 2);
}

TEST_F(Metas, StandAroundTheLayoutAsTheyDid)
{
    Producer producer(kVideo);
    Consumer consumer(producer.socket(), "", true);
    const BufferOwner sent = frame(72 * 48 * 3 / 2);
    samples::addRegions(sent.get());
    gsize offsets[GST_VIDEO_MAX_PLANES] = {0, 72 * 48, 72 * 48 * 5 / 4};
    gint strides[GST_VIDEO_MAX_PLANES] = {72, 36, 36};
    gst_buffer_add_video_meta_full(sent.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, 64, 48, 3,
                                   offsets, strides);
    samples::addTimeCodes(sent.get());
    ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    expectSame(consumer.pull(), sent.get());
}

TEST_F(Metas, OfEachBufferOfAListArrive)
{
    Producer producer(kVideo);
    Consumer consumer(producer.socket());
    GstBufferList *list = gst_buffer_list_new();
    std::vector<BufferOwner> sent;
    for (gint i = 0; i < 5; i++) {
        sent.push_back(frame());
        if (i != 2)
            gst_buffer_add_video_region_of_interest_meta(sent.back().get(), "number", 0, 0, 1, 1)->id = i;
        gst_buffer_list_add(list, gst_buffer_ref(sent.back().get()));
    }
    ASSERT_EQ(producer.push(list), GST_FLOW_OK);
    for (const BufferOwner &buffer : sent)
        expectSame(consumer.pull(), buffer.get());
}

// All are held downstream, whose metas alone need several times the arena.
TEST_F(Metas, CannotStarveAStreamWhoseBuffersAreHeld)
{
    Producer producer(kVideo, "slow-client=block max-memory=2097152");
    Consumer consumer(producer.socket());
    for (unsigned i = 0; i < 30; i++) {
        const BufferOwner sent = frame();
        const OverlayOwner overlay = samples::overlayOf(256, 256, static_cast<guint8>(i)); // 256 KiB
        gst_buffer_add_video_overlay_composition_meta(sent.get(), overlay.get());
        ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    }
    for (unsigned i = 0; i < 30; i++)
        EXPECT_TRUE(consumer.pull());
    EXPECT_EQ(producer.stat("metas-left"), 0u);
    EXPECT_EQ(producer.stat("drops"), 0u);
}

// What upstream holds of its own pool leaves no room for the metas.
class FullArena : public Metas
{
protected:
    static constexpr size_t kHeld = 1048576 - 64 * 1024;

    // Payload memory, as an upstream gets it.
    BufferOwner allocate(Producer &producer, gsize size)
    {
        const CapsOwner caps(gst_caps_from_string(kVideo));
        const QueryOwner query(gst_query_new_allocation(caps.get(), FALSE));
        EXPECT_TRUE(producer.query(query.get()));
        GstAllocator *allocator = nullptr;
        gst_query_parse_nth_allocation_param(query.get(), 0, &allocator, nullptr);
        BufferOwner buffer(gst_buffer_new_allocate(allocator, size, nullptr));
        gst_object_unref(allocator);
        return buffer;
    }
    static BufferOwner withOverlay()
    {
        BufferOwner buffer = frame();
        const OverlayOwner overlay = samples::overlayOf(160, 160); // 100 KiB
        gst_buffer_add_video_overlay_composition_meta(buffer.get(), overlay.get());
        return buffer;
    }
};

TEST_F(FullArena, LosesTheBufferWhereItMay)
{
    Producer producer(kVideo, "slow-client=drop max-memory=1048576");
    Consumer consumer(producer.socket());
    const BufferOwner held = allocate(producer, kHeld);
    ASSERT_EQ(producer.push(withOverlay().get()), GST_FLOW_OK);
    const BufferOwner plain = frame();
    ASSERT_EQ(producer.push(plain.get()), GST_FLOW_OK);
    expectSame(consumer.pull(), plain.get());
    EXPECT_EQ(producer.stat("drops"), 1u);
    EXPECT_EQ(producer.stat("no-room"), 1u);
    EXPECT_EQ(producer.stat("metas-left"), 0u);
}

TEST_F(FullArena, IsWaitedForWhereNothingMayBeLost)
{
    Producer small(kVideo, "slow-client=block max-memory=1048576");
    Consumer consumer(small.socket());
    BufferOwner held = allocate(small, kHeld);
    const BufferOwner sent = withOverlay();
    std::thread pushing([&] { EXPECT_EQ(small.push(sent.get()), GST_FLOW_OK); });
    while (small.stat("copies") == 0) // its payload is there
        std::this_thread::yield();
    held.reset();
    expectSame(consumer.pull(), sent.get());
    pushing.join();
    EXPECT_EQ(small.stat("drops"), 0u);
}

TEST_F(FullArena, LosesOfAListWhatFindsNoRoom)
{
    Producer producer(kVideo, "slow-client=drop max-memory=1048576");
    Consumer consumer(producer.socket());
    const BufferOwner held = allocate(producer, kHeld);
    GstBufferList *list = gst_buffer_list_new();
    const BufferOwner first = frame();
    const BufferOwner last = frame();
    gst_buffer_list_add(list, gst_buffer_ref(first.get()));
    gst_buffer_list_add(list, withOverlay().release());
    gst_buffer_list_add(list, gst_buffer_ref(last.get()));
    ASSERT_EQ(producer.push(list), GST_FLOW_OK);
    expectSame(consumer.pull(), first.get());
    expectSame(consumer.pull(), last.get());
    EXPECT_EQ(producer.stat("drops"), 1u);
}

// Of an arena no more than a part is for metas.
TEST_F(Metas, ThatAreTooLargeForTheArenaAreLeft)
{
    Producer producer(kVideo, "slow-client=block max-memory=1048576");
    Consumer consumer(producer.socket());
    const BufferOwner sent = frame();
    const OverlayOwner overlay = samples::overlayOf(256, 257);
    gst_buffer_add_video_overlay_composition_meta(sent.get(), overlay.get());
    ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    EXPECT_EQ(metasOf(bufferOf(consumer.pull())), "");
    EXPECT_EQ(producer.stat("metas-left"), 1u);
}

TEST_F(Metas, OfABufferThatFillsTheArenaAreLeft)
{
    Producer producer("application/x-large", "slow-client=block max-memory=1048576");
    Consumer consumer(producer.socket());
    const BufferOwner sent = frame(1048576);
    gst_buffer_add_audio_level_meta(sent.get(), 3, TRUE);
    ASSERT_EQ(producer.push(sent.get()), GST_FLOW_OK);
    EXPECT_EQ(metasOf(bufferOf(consumer.pull())), "");
    EXPECT_EQ(producer.stat("metas-left"), 1u);
}

} // namespace
