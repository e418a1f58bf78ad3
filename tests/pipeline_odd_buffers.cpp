// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffers of unusual shape arrive as they were: empty, tiny, of several memories, of half the
// arena, with flags that say something. One that can never fit is an error that says so.
#include "peer_process.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

namespace
{

constexpr size_t kArena = 8 << 20;

// A sharedringsink in this process, which waits for its client and loses nothing.
class Producer
{
public:
    explicit Producer(const std::string &caps = "application/x-odd")
    {
        const std::string line =
            "sharedringsink name=ring sync=false slow-client=block wait-for-connection=true "
            "timestamps=preserve max-memory=" +
            std::to_string(kArena) + " socket=" + socket_;
        GstElement *const sink = gst_parse_launch(line.c_str(), nullptr);
        harness_ = gst_harness_new_with_element(sink, "sink", nullptr);
        gst_object_unref(sink);
        gst_harness_use_systemclock(harness_);
        bus_ = gst_bus_new();
        gst_element_set_bus(harness_->element, bus_);
        gst_harness_set_src_caps_str(harness_, caps.c_str());
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
    GstFlowReturn push(GstBuffer *buffer) { return gst_harness_push(harness_, buffer); }
    void end() { gst_harness_push_event(harness_, gst_event_new_eos()); }
    // The text of an error on the bus, if there is one.
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
    std::string socket_ = freshPath(".socket");
    GstHarness *harness_ = nullptr;
    GstBus *bus_ = nullptr;
};

std::vector<guint8> bytes(size_t size, unsigned seed = 1)
{
    std::vector<guint8> made(size);
    for (guint8 &byte : made)
        byte = static_cast<guint8>((seed = seed * 1664525 + 1013904223) >> 24);
    return made;
}

GstMemory *memoryOf(const std::vector<guint8> &content)
{
    GstMemory *memory = gst_allocator_alloc(nullptr, content.size(), nullptr);
    GstMapInfo map;
    gst_memory_map(memory, &map, GST_MAP_WRITE);
    std::copy(content.begin(), content.end(), map.data);
    gst_memory_unmap(memory, &map);
    return memory;
}

GstBuffer *bufferOf(const std::vector<guint8> &content)
{
    GstBuffer *buffer = gst_buffer_new();
    if (!content.empty())
        gst_buffer_append_memory(buffer, memoryOf(content));
    return buffer;
}

std::string md5(const std::vector<guint8> &content)
{
    gchar *text = g_compute_checksum_for_data(G_CHECKSUM_MD5, content.data(), content.size());
    std::string copy(text);
    g_free(text);
    return copy;
}

class OddBuffers : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    // Pushes them and then the end; what the other process saw.
    static std::vector<LoggedBuffer> across(const std::vector<GstBuffer *> &buffers)
    {
        Producer producer;
        PeerProcess consumer("sharedringsrc name=tap is-live=false socket=" + producer.socket() +
                             " ! fakesink sync=false");
        for (GstBuffer *buffer : buffers)
            EXPECT_EQ(producer.push(buffer), GST_FLOW_OK);
        producer.end();
        EXPECT_TRUE(consumer.waitFor("eos")) << consumer.transcript();
        const auto seen = consumer.log().buffers;
        EXPECT_EQ(seen.size(), buffers.size());
        return seen;
    }
};

TEST_F(OddBuffers, EmptyOnesArrive)
{
    GstBuffer *timed = gst_buffer_new();
    GST_BUFFER_PTS(timed) = 7;
    GST_BUFFER_DURATION(timed) = 3;
    const auto seen = across({gst_buffer_new(), timed, bufferOf(bytes(5)), gst_buffer_new()});

    ASSERT_EQ(seen.size(), 4u);
    EXPECT_EQ(seen[0].size, 0u);
    EXPECT_EQ(seen[1].size, 0u);
    EXPECT_EQ(seen[1].pts, "7");
    EXPECT_EQ(seen[1].duration, "3");
    EXPECT_EQ(seen[2].md5, md5(bytes(5)));
    EXPECT_EQ(seen[3].size, 0u);
}

TEST_F(OddBuffers, OneByteAndOddSizesArrive)
{
    constexpr size_t kSizes[] = {1, 2, 63, 64, 65, 255, 257, 4095, 4097, 65535, 65536, 65537, 1000003};
    std::vector<GstBuffer *> buffers;
    for (const size_t size : kSizes)
        buffers.push_back(bufferOf(bytes(size)));
    const auto seen = across(buffers);

    ASSERT_EQ(seen.size(), std::size(kSizes));
    for (size_t i = 0; i < seen.size(); i++) {
        EXPECT_EQ(seen[i].size, kSizes[i]);
        EXPECT_EQ(seen[i].md5, md5(bytes(kSizes[i]))) << kSizes[i];
    }
}

TEST_F(OddBuffers, SeveralMemoriesArriveAsTheirBytesInOrder)
{
    GstBuffer *buffer = gst_buffer_new();
    std::vector<guint8> whole;
    for (unsigned i = 0; i < 9; i++) {
        const auto part = bytes(i * 1001, i + 1); // the first is empty
        whole.insert(whole.end(), part.begin(), part.end());
        gst_buffer_append_memory(buffer, memoryOf(part));
    }
    // Parts of memories: not from their beginning, and not to their end.
    const auto base = bytes(5000, 99);
    GstMemory *all = memoryOf(base);
    gst_buffer_append_memory(buffer, gst_memory_share(all, 1000, 2500));
    gst_memory_unref(all);
    whole.insert(whole.end(), base.begin() + 1000, base.begin() + 3500);
    ASSERT_GT(gst_buffer_n_memory(buffer), 9u);
    const auto seen = across({buffer});

    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].size, whole.size());
    EXPECT_EQ(seen[0].md5, md5(whole));
}

TEST_F(OddBuffers, HalfTheArenaArrivesAgainAndAgain)
{
    std::vector<GstBuffer *> buffers;
    for (unsigned i = 0; i < 6; i++)
        buffers.push_back(bufferOf(bytes(kArena / 2, i + 1)));
    const auto seen = across(buffers);

    ASSERT_EQ(seen.size(), 6u);
    for (unsigned i = 0; i < 6; i++)
        EXPECT_EQ(seen[i].md5, md5(bytes(kArena / 2, i + 1))) << i;
}

TEST_F(OddBuffers, TheWholeArenaArrives)
{
    const auto seen = across({bufferOf(bytes(kArena)), bufferOf(bytes(10)), bufferOf(bytes(kArena, 2))});

    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0].md5, md5(bytes(kArena)));
    EXPECT_EQ(seen[1].md5, md5(bytes(10)));
    EXPECT_EQ(seen[2].md5, md5(bytes(kArena, 2)));
}

TEST_F(OddBuffers, PublicFlagsArrive)
{
    constexpr GstBufferFlags kFlags[] = {
        GST_BUFFER_FLAG_GAP,     GST_BUFFER_FLAG_HEADER,     GST_BUFFER_FLAG_DELTA_UNIT,
        GST_BUFFER_FLAG_DISCONT, GST_BUFFER_FLAG_RESYNC,     GST_BUFFER_FLAG_CORRUPTED,
        GST_BUFFER_FLAG_MARKER,  GST_BUFFER_FLAG_DROPPABLE,  GST_BUFFER_FLAG_DECODE_ONLY,
        GST_BUFFER_FLAG_LIVE,    GST_BUFFER_FLAG_SYNC_AFTER, GST_BUFFER_FLAG_NON_DROPPABLE,
    };
    // The first of a stream carries DISCONT in any case.
    std::vector<GstBuffer *> buffers{bufferOf(bytes(1))};
    for (const GstBufferFlags flag : kFlags) {
        buffers.push_back(bufferOf(bytes(10)));
        GST_BUFFER_FLAG_SET(buffers.back(), flag);
    }
    GstBuffer *empty = gst_buffer_new();
    GST_BUFFER_FLAG_SET(empty, GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_DROPPABLE);
    buffers.push_back(empty);
    const auto seen = across(buffers);

    ASSERT_EQ(seen.size(), buffers.size());
    for (size_t i = 0; i < std::size(kFlags); i++)
        EXPECT_EQ(seen[i + 1].flags, static_cast<uint64_t>(kFlags[i])) << i;
    EXPECT_EQ(seen.back().flags,
              static_cast<uint64_t>(GST_BUFFER_FLAG_GAP) | static_cast<uint64_t>(GST_BUFFER_FLAG_DROPPABLE));
}

TEST_F(OddBuffers, OneThatNeverFitsIsAnErrorWithBothSizes)
{
    Producer producer;
    PeerProcess consumer("sharedringsrc name=tap is-live=false socket=" + producer.socket() +
                         " ! fakesink sync=false");

    EXPECT_EQ(producer.push(bufferOf(bytes(10))), GST_FLOW_OK);
    EXPECT_EQ(producer.push(bufferOf(bytes(kArena + 1))), GST_FLOW_ERROR);

    const std::string text = producer.error();
    EXPECT_NE(text.find(std::to_string(kArena + 1)), std::string::npos) << text;
    EXPECT_NE(text.find("max-memory=" + std::to_string(kArena)), std::string::npos) << text;
    EXPECT_TRUE(consumer.waitForCount(1)) << "what fitted arrived nevertheless";
}

} // namespace
