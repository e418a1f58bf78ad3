// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From NULL to PLAYING and back a hundred times: nothing leaks and nothing grows; and what left an
// element stays good when the element, its pipeline and the other process are gone.
#include "peer_process.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <poll.h>
#include <string>
#include <vector>

namespace
{

constexpr int kTurns = 100;
constexpr int kWarmUp = 40;

std::string producer(const std::string &socket, const std::string &more = "")
{
    return "videotestsrc ! video/x-raw,format=I420,width=160,height=120,framerate=200/1 ! "
           "identity name=tap ! sharedringsink name=ring socket=" +
           socket + " " + more;
}

std::string consumer(const std::string &socket)
{
    return "sharedringsrc name=ring socket=" + socket + " ! fakesink name=tap sync=false";
}

// What the kernel says a process has.
struct Footprint {
    size_t fds = 0;
    size_t threads = 0;
    size_t ringMappings = 0;
    size_t mappings = 0;
    size_t residentKiB = 0;
};

size_t entriesOf(const std::string &directory)
{
    size_t entries = 0;
    std::error_code none;
    for (const auto &entry : std::filesystem::directory_iterator(directory, none))
        entries += !entry.path().empty();
    return entries;
}

// Their names, without those of GLib's pool, which come and go with how long nobody needed one: "pool-3",
// or "element:pad" once a GstTask was run there.
std::vector<std::string> threadsOf(const std::string &tasks)
{
    std::vector<std::string> threads;
    std::error_code none;
    for (const auto &task : std::filesystem::directory_iterator(tasks, none)) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (!name.empty() && !name.starts_with("pool-") && name.find(':') == std::string::npos)
            threads.push_back(name);
    }
    return threads;
}

Footprint footprintOf(const std::string &pid)
{
    Footprint now;
    const std::string process = "/proc/" + pid;
    now.fds = entriesOf(process + "/fd");
    now.threads = threadsOf(process + "/task").size();
    std::ifstream maps(process + "/maps");
    for (std::string line; std::getline(maps, line);) {
        now.mappings++;
        now.ringMappings += line.find("memfd:sharedring") != std::string::npos;
    }
    std::ifstream status(process + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:"))
            now.residentKiB = std::strtoull(line.c_str() + 6, nullptr, 10);
    }
    return now;
}

std::string pidOf(const PeerProcess &peer)
{
    return std::to_string(peer.pid());
}

// The connections' threads end in their own time.
Footprint settled(const PeerProcess &peer, const Footprint &expected)
{
    Footprint now = footprintOf(pidOf(peer));
    for (int attempt = 0; attempt < 1000; attempt++) {
        if (now.fds <= expected.fds && now.threads <= expected.threads &&
            now.ringMappings <= expected.ringMappings)
            break;
        ::poll(nullptr, 0, 10);
        now = footprintOf(pidOf(peer));
    }
    return now;
}

// When nothing ends any more.
Footprint atRest(const PeerProcess &peer)
{
    Footprint now = footprintOf(pidOf(peer));
    for (int quiet = 0; quiet < 20; quiet++) {
        ::poll(nullptr, 0, 50);
        const Footprint next = footprintOf(pidOf(peer));
        if (next.fds < now.fds || next.threads < now.threads || next.ringMappings < now.ringMappings)
            quiet = 0;
        now = next;
    }
    return now;
}

void expectNoGrowth(const PeerProcess &peer, const Footprint &before)
{
    const Footprint after = settled(peer, before);
    EXPECT_LE(after.fds, before.fds);
    EXPECT_LE(after.threads, before.threads)
        << testing::PrintToString(threadsOf("/proc/" + pidOf(peer) + "/task"));
    EXPECT_LE(after.ringMappings, before.ringMappings);
#ifndef __SANITIZE_ADDRESS__ // which keeps freed memory for a while, and tells of leaks at the end
    EXPECT_LE(after.mappings, before.mappings + 8) << "allocators' own come and go";
    EXPECT_LE(after.residentKiB, before.residentKiB + 2048);
#endif
    testing::Test::RecordProperty(
        pidOf(peer), "fds " + std::to_string(after.fds) + ", threads " + std::to_string(after.threads) +
                         ", mappings " + std::to_string(after.mappings) + ", resident KiB " +
                         std::to_string(before.residentKiB) + " to " + std::to_string(after.residentKiB));
}

// Allocators that grow with the number of threads would hide growth of ours.
const std::vector<std::string> kOneArena{"MALLOC_ARENA_MAX=1"};

PeerProcess start(const std::string &launchLine, std::vector<std::string> options = {})
{
    return PeerProcess(launchLine, std::move(options), kOneArena);
}

// `turn` takes the element from NULL to PLAYING and back.
template <typename Turn>
Footprint warmUp(PeerProcess &peer, Turn turn)
{
    for (int i = 0; i < kWarmUp && !testing::Test::HasFailure(); i++)
        turn();
    return atRest(peer);
}

bool playsUntilOneMore(PeerProcess &turning, PeerProcess &counting)
{
    const auto before = std::strtoull(counting.command("count").c_str(), nullptr, 10);
    turning.command("play");
    return counting.waitForCount(before + 1);
}

} // namespace

TEST(HundredTurns, OfASinkWithoutAPeerGrowNothing)
{
    auto sink = start(producer(freshPath(".socket")));
    const auto turn = [&] {
        ASSERT_TRUE(playsUntilOneMore(sink, sink)) << sink.transcript();
        sink.command("null");
    };
    const Footprint before = warmUp(sink, turn);
    for (int i = kWarmUp; i < kTurns && !HasFailure(); i++)
        turn();
    expectNoGrowth(sink, before);
    EXPECT_EQ(sink.quit(), 0);
}

TEST(HundredTurns, OfASourceWithoutAPeerGrowNothing)
{
    auto source = start(consumer(freshPath(".socket")));
    const auto turn = [&] {
        source.command("play");
        ASSERT_TRUE(source.waitFor("info ")) << "it looks for a producer\n" << source.transcript();
        source.command("null");
    };
    const Footprint before = warmUp(source, turn);
    for (int i = kWarmUp; i < kTurns && !HasFailure(); i++)
        turn();
    expectNoGrowth(source, before);
    EXPECT_EQ(source.quit(), 0);
}

TEST(HundredTurns, OfASinkWithAPeerGrowNothingOnEitherSide)
{
    const std::string socket = freshPath(".socket");
    auto sink = start(producer(socket));
    auto source = start(consumer(socket));
    const auto turn = [&] {
        ASSERT_TRUE(playsUntilOneMore(sink, source)) << sink.transcript() << source.transcript();
        sink.command("null");
        ASSERT_TRUE(source.waitFor("warning ")) << "it says that its producer went\n" << source.transcript();
    };
    const Footprint before = warmUp(sink, turn);
    const Footprint beforeOfSource = atRest(source);
    for (int i = kWarmUp; i < kTurns && !HasFailure(); i++)
        turn();
    expectNoGrowth(sink, before);
    expectNoGrowth(source, beforeOfSource);
    EXPECT_EQ(source.quit(), 0);
    EXPECT_EQ(sink.quit(), 0);
}

TEST(HundredTurns, OfASourceWithAPeerGrowNothingOnEitherSide)
{
    const std::string socket = freshPath(".socket");
    auto sink = start(producer(socket, "sync=true"));
    auto source = start(consumer(socket));
    const auto turn = [&] {
        ASSERT_TRUE(playsUntilOneMore(source, source)) << sink.transcript() << source.transcript();
        source.command("null");
        ASSERT_TRUE(sink.waitFor("disconnected ")) << sink.transcript();
    };
    const Footprint before = warmUp(source, turn);
    const Footprint beforeOfSink = footprintOf(pidOf(sink));
    for (int i = kWarmUp; i < kTurns && !HasFailure(); i++)
        turn();
    expectNoGrowth(source, before);
    expectNoGrowth(sink, beforeOfSink);
    EXPECT_EQ(source.quit(), 0);
    EXPECT_EQ(sink.quit(), 0);
}

// ---- what outlives the elements

namespace
{

template <typename T>
struct Unref {
    void operator()(T *object) const { gst_object_unref(object); }
};
using Pipeline = std::unique_ptr<GstElement, Unref<GstElement>>;

Pipeline parse(const std::string &launchLine)
{
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(launchLine.c_str(), &error);
    EXPECT_EQ(error, nullptr) << (error ? error->message : "");
    g_clear_error(&error);
    return Pipeline(pipeline);
}

std::string md5Of(GstBuffer *buffer)
{
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
        return "cannot be read";
    gchar *sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, map.data, map.size);
    const std::string text = sum;
    g_free(sum);
    gst_buffer_unmap(buffer, &map);
    return text;
}

GstSample *pull(GstElement *sink)
{
    GstSample *sample = nullptr;
    g_signal_emit_by_name(sink, "try-pull-sample", guint64{20 * GST_SECOND}, &sample);
    return sample;
}

// Threads of connections end in their own time.
bool ownMappingsGo()
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        if (footprintOf("self").ringMappings == 0)
            return true;
        ::poll(nullptr, 0, 10);
    }
    return false;
}

class WhatLeft : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

} // namespace

TEST_F(WhatLeft, ASampleIsGoodAfterItsPipelineAndItsProducerAreGone)
{
    const std::string socket = freshPath(".socket");
    std::vector<GstSample *> samples;
    TapLog sent;
    {
        PeerProcess sender(producer(socket, "sync=true"));
        const Pipeline pipeline = parse("sharedringsrc socket=" + socket + " ! appsink name=out sync=false");
        const Pipeline sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        for (int i = 0; i < 3; i++) {
            samples.push_back(pull(sink.get()));
            ASSERT_NE(samples.back(), nullptr) << sender.transcript();
        }
        // It writes no more: who has left is no longer asked before its blocks are used again.
        sender.signal(SIGSTOP);
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        sent = sender.log();
        sender.signal(SIGKILL);
        EXPECT_EQ(sender.waitForExit(), -SIGKILL);
    }
    EXPECT_GT(footprintOf("self").ringMappings, 0u);

    for (GstSample *sample : samples) {
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        const auto frame = GST_BUFFER_OFFSET(buffer);
        ASSERT_LT(frame, sent.buffers.size());
        EXPECT_EQ(md5Of(buffer), sent.buffers[frame].md5);
        gst_sample_unref(sample);
    }
    EXPECT_TRUE(ownMappingsGo()) << "the last one took the memory with it";
}

TEST_F(WhatLeft, ABufferOfTheSinksPoolIsGoodAfterTheSinkIsGone)
{
    GstBuffer *kept = nullptr;
    {
        const Pipeline pipeline = parse(producer(freshPath(".socket"), "sync=false"));
        const Pipeline tap(gst_bin_get_by_name(GST_BIN(pipeline.get()), "tap"));
        const Pipeline ring(gst_bin_get_by_name(GST_BIN(pipeline.get()), "ring"));
        g_object_set(tap.get(), "signal-handoffs", TRUE, nullptr);
        const auto keepFirst = +[](GstElement *, GstBuffer *buffer, gpointer data) {
            auto *first = static_cast<GstBuffer **>(data);
            if (!*first)
                *first = gst_buffer_ref(buffer);
        };
        g_signal_connect(tap.get(), "handoff", G_CALLBACK(keepFirst), &kept);
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        ASSERT_EQ(gst_element_get_state(pipeline.get(), nullptr, nullptr, 20 * GST_SECOND),
                  GST_STATE_CHANGE_SUCCESS);
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    }
    ASSERT_NE(kept, nullptr);
    EXPECT_GT(footprintOf("self").ringMappings, 0u);
    const std::string before = md5Of(kept);
    EXPECT_EQ(md5Of(kept), before);
    GstMapInfo map;
    kept = gst_buffer_make_writable(kept);
    ASSERT_TRUE(gst_buffer_map(kept, &map, GST_MAP_READWRITE));
    map.data[0] ^= 0xff;
    gst_buffer_unmap(kept, &map);
    EXPECT_NE(md5Of(kept), before);
    gst_buffer_unref(kept);
    EXPECT_TRUE(ownMappingsGo());
}
