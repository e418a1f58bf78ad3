// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events that come faster than an application reads its bus are read more slowly, and none is lost.
#include "hostile_producer.h"
#include "peer_process.h" // freshPath
#include "playing.h"

#include "plugin/event_allowance.h"
#include "plugin/stream_wire.h"

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace sharedring;

namespace
{

using Clock = std::chrono::steady_clock;

constexpr unsigned kMost = 3 * EventAllowance::kEventsPerSecond; // of them, a second's worth too many
constexpr int64_t kSecond = 1'000'000'000;

void begin(GstHarness *harness)
{
    gst_harness_set_src_caps_str(harness, "application/x-flood");
    gst_harness_push(harness, gst_buffer_new_allocate(nullptr, 16, nullptr));
}

void push(GstHarness *harness, unsigned number, const std::string &text = "")
{
    GstMessage *message =
        gst_message_new_application(nullptr, gst_structure_new("flood", "number", G_TYPE_UINT, number, "text",
                                                               G_TYPE_STRING, text.c_str(), nullptr));
    gst_harness_push_event(harness, gst_event_new_sink_message("flood", message));
    gst_message_unref(message);
}

class Flood : public testing::Test
{
protected:
    Flood()
    {
        gst_init(nullptr, nullptr);
        sink_ = gst_element_factory_make("sharedringsink", nullptr);
        g_object_set(sink_, "socket", socket_.c_str(), "sync", FALSE, "wait-for-connection", TRUE, nullptr);
        gst_util_set_object_arg(G_OBJECT(sink_), "slow-client", "block");
        harness_ = gst_harness_new_with_element(sink_, "sink", nullptr);
        gst_harness_play(harness_);
    }
    ~Flood() override
    {
        gst_harness_teardown(harness_);
        gst_object_unref(sink_);
    }

    void pushPictures(int number)
    {
        const BufferOwner pixels(gst_buffer_new_allocate(nullptr, 4'000'000, nullptr));
        const CapsOwner caps(gst_caps_new_empty_simple("image/x-flood"));
        for (int i = 0; i < number; i++) {
            GstSample *sample = gst_sample_new(pixels.get(), caps.get(), nullptr, nullptr);
            GstTagList *tags =
                gst_tag_list_new(GST_TAG_IMAGE, sample, GST_TAG_PREVIEW_IMAGE, sample, nullptr);
            gst_harness_push_event(harness_, gst_event_new_tag(tags));
            gst_sample_unref(sample);
        }
    }

    const std::string socket_ = freshPath(".socket");
    GstElement *sink_;
    GstHarness *harness_;
};

} // namespace

TEST(EventAllowance, IsUsedUpAtOnceAndComesBackWithTime)
{
    EventAllowance allowance;
    EXPECT_FALSE(allowance.isSpent());
    for (int i = 0; i < 2 * EventAllowance::kEventsPerSecond; i++)
        allowance.spend(0, kSecond);
    EXPECT_TRUE(allowance.isSpent());
    EXPECT_LE(allowance.pause(kSecond), 0);
    EXPECT_FALSE(allowance.isSpent());
    for (int i = 0; i < EventAllowance::kEventsPerSecond; i++)
        allowance.spend(0, kSecond);
    EXPECT_EQ(allowance.pause(kSecond), kSecond);
    EXPECT_TRUE(allowance.isSpent());
    EXPECT_EQ(allowance.pause(2 * kSecond), 0);
    // Bytes count as well; what was not used is not saved.
    allowance.spend(0, 100 * kSecond);
    allowance.spend(static_cast<size_t>(3 * EventAllowance::kBytesPerSecond), 100 * kSecond);
    EXPECT_NEAR(static_cast<double>(allowance.pause(100 * kSecond)), kSecond, 0.01 * kSecond);
    // One that weighs as many is as many.
    EventAllowance other;
    for (int i = 0; i < 30; i++)
        other.spend(0, kSecond, EventAllowance::kEventsPerSecond / 10);
    EXPECT_EQ(other.pause(kSecond), kSecond);
}

TEST_F(Flood, IsSpreadOverTimeAndNothingIsLost)
{
    const Playing receiver("sharedringsrc name=tap socket=" + socket_ + " ! fakesink sync=false async=false");
    begin(harness_);
    const auto before = Clock::now();
    for (unsigned i = 0; i < kMost; i++)
        push(harness_, i);
    gst_harness_push_event(harness_, gst_event_new_eos());
    std::vector<std::string> messages;
    EXPECT_TRUE(await([&] {
        for (std::string &text : receiver.messages(GST_MESSAGE_APPLICATION))
            messages.push_back(std::move(text));
        return messages.size() >= kMost;
    })) << messages.size();
    EXPECT_GE(Clock::now() - before, std::chrono::milliseconds(900));
    for (unsigned i = 0; i < messages.size(); i++)
        EXPECT_NE(messages[i].find("number=(uint)" + std::to_string(i) + ","), std::string::npos)
            << messages[i];
}

// Half a second after each of them, which a state change cuts short.
TEST_F(Flood, IsLeftAtOnce)
{
    auto receiver = std::make_unique<Playing>("sharedringsrc name=tap socket=" + socket_ +
                                              " ! fakesink sync=false async=false");
    begin(harness_);
    std::thread producer([&] { pushPictures(16); });
    const ObjectOwner<GstBus> bus(gst_element_get_bus(GST_ELEMENT(GST_OBJECT_PARENT(receiver->element()))));
    for (int lists = 0; lists < 6; lists++) { // their text would be as long as their pictures
        GstMessage *message = gst_bus_timed_pop_filtered(bus.get(), 20 * GST_SECOND, GST_MESSAGE_TAG);
        ASSERT_TRUE(message);
        gst_message_unref(message);
    }
    const auto before = Clock::now();
    receiver.reset();
    EXPECT_LT(Clock::now() - before, std::chrono::milliseconds(300));
    gst_element_set_state(sink_, GST_STATE_NULL); // lets go of the producer
    producer.join();
}

// An application that hears of another latency asks its whole pipeline.
TEST(LatencyFlood, IsSpreadOverMoreTime)
{
    constexpr unsigned kChanges = 60;
    const std::string socket = freshPath(".socket");
    const ListeningSocket listening(socket);
    const Playing receiver("sharedringsrc name=tap socket=" + socket + " ! fakesink async=false");
    HostileProducer producer(listening.accept());
    ASSERT_TRUE(producer.admit());
    const auto before = Clock::now();
    for (unsigned i = 0; i < kChanges; i++) {
        StreamInfo info{};
        info.timestamps = static_cast<uint32_t>(Timestamps::Clock);
        info.minimumLatency = 1 + i % 2;
        ringcore::Record record = HostileProducer::plain(kKindStreamInfo);
        record.head.inlineSize = sizeof info;
        std::memcpy(record.inlineBytes, &info, sizeof info);
        ASSERT_TRUE(producer.waitUntil([&] { return *producer.writer.room(1) > 0; }));
        producer.write(record);
    }
    EXPECT_TRUE(producer.waitUntil([&] { return producer.page().cursor == producer.writer.written(); }));
    EXPECT_GE(Clock::now() - before, std::chrono::milliseconds(900));
}
