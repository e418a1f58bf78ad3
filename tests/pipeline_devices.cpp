// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The device provider lists producers as they come, end and are killed, on older kernels as well, and
// disturbs none.
#include "listed_devices.h"
#include "refused_call.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <sys/syscall.h>
#include <thread>

using namespace sharedring;

namespace
{

// ---- producers

TEST_F(Devices, AreThoseWhoAreThereAndThoseWhoCome)
{
    PeerProcess before(serving(in("before")));
    ASSERT_TRUE(before.waitFor("state PLAYING")) << before.transcript();
    start();
    EXPECT_EQ(names(), Set{"before"});

    PeerProcess later(serving(in("later")));
    become({"before", "later"});
    EXPECT_EQ(later.quit(), 0);
    become({"before"});
    EXPECT_EQ(before.command("get ring num-clients"), "0");
    EXPECT_EQ(before.quit(), 0);
    become({});
}

TEST_F(Devices, LoseAProducerThatIsKilledAndFindItsSuccessor)
{
    auto producer = std::make_unique<PeerProcess>(serving(in("camera")));
    ASSERT_TRUE(producer->waitFor("state PLAYING"));
    start();
    EXPECT_EQ(names(), Set{"camera"});
    producer->signal(SIGKILL);
    become({});
    EXPECT_TRUE(fs::is_socket(in("camera"))) << "it left nothing behind, so nothing was shown";

    producer = std::make_unique<PeerProcess>(serving(in("camera")));
    become({"camera"});
}

TEST_F(Devices, LoseAProducerThatStopsServingAndLivesOn)
{
    PeerProcess producer(serving(in("camera")));
    ASSERT_TRUE(producer.waitFor("state PLAYING"));
    start();
    producer.command("null");
    become({});
    producer.command("play");
    become({"camera"});
}

TEST_F(Devices, DoNotDisturbAProducerThatIsFull)
{
    PeerProcess producer(serving(in("camera")) + " max-clients=1");
    PeerProcess client("sharedringsrc name=tap socket=" + in("camera") + " ! fakesink");
    ASSERT_TRUE(client.waitForCount(3)) << client.transcript();
    start();
    EXPECT_EQ(names(), Set{"camera"});
    EXPECT_TRUE(client.waitForCount(std::stoull(client.command("count")) + 5));
    EXPECT_EQ(producer.command("get ring num-clients"), "1");
    EXPECT_FALSE(producer.seen("disconnected")) << producer.transcript();
}

TEST_F(Devices, MakeASourceThatPlays)
{
    PeerProcess producer(serving(in("camera")));
    ASSERT_TRUE(producer.waitFor("state PLAYING"));
    start();
    const auto found = devices();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(gst_device_has_classes(found[0].get(), "Source"));
    const StructureOwner properties(gst_device_get_properties(found[0].get()));
    EXPECT_STREQ(gst_structure_get_string(properties.get(), "device.path"), in("camera").c_str());
    int pid = 0;
    EXPECT_TRUE(gst_structure_get_int(properties.get(), "producer.pid", &pid));
    EXPECT_EQ(pid, producer.pid());

    const ObjectOwner<GstElement> pipeline(gst_pipeline_new(nullptr));
    GstElement *source = gst_device_create_element(found[0].get(), "tap");
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    ASSERT_TRUE(source);
    gst_bin_add_many(GST_BIN(pipeline.get()), source, sink, nullptr);
    ASSERT_TRUE(gst_element_link(source, sink));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    EXPECT_TRUE(await([&] { return GST_STATE(sink) == GST_STATE_PLAYING; })) << "nothing came";
    EXPECT_FALSE(gst_device_reconfigure_element(found[0].get(), source)) << "it runs";
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);

    g_object_set(source, "socket", "/elsewhere", nullptr);
    EXPECT_TRUE(gst_device_reconfigure_element(found[0].get(), source));
    gchar *socket = nullptr;
    g_object_get(source, "socket", &socket, nullptr);
    EXPECT_EQ(socket, in("camera"));
    g_free(socket);
    EXPECT_FALSE(gst_device_reconfigure_element(found[0].get(), sink)) << "not a source of ours";
}

// ---- an application's view

TEST(DeviceMonitorProgram, TellsOfAProducerWhileItLives)
{
    const std::string runtime = freshPath(".run");
    fs::create_directories(runtime + "/sharedring");
    const std::string path = runtime + "/sharedring/camera";
    ChildProcess monitor({"gst-device-monitor-1.0", "-f", "Source/SharedRing"},
                         {"XDG_RUNTIME_DIR=" + runtime, "G_MESSAGES_DEBUG="});
    ASSERT_TRUE(monitor.waitFor("Monitoring devices")) << monitor.transcript();
    PeerProcess producer(serving(path));
    EXPECT_TRUE(monitor.waitFor("Device found:")) << monitor.transcript();
    EXPECT_TRUE(monitor.waitFor("\tgst-launch-1.0 sharedringsrc socket=" + path + " ! ..."))
        << monitor.transcript();
    producer.signal(SIGKILL);
    EXPECT_TRUE(monitor.waitFor("Device removed:")) << monitor.transcript();
}

// ---- older kernels, and shortages

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

const std::vector<ringtest::Refused> kNoPidfd{
    {"getsockopt SO_PEERPIDFD", __NR_getsockopt, ENOPROTOOPT, 2, ~0u, SO_PEERPIDFD}};
const std::vector<ringtest::Refused> kNoInotify{
    {"inotify_init1", __NR_inotify_init1, EMFILE},
#ifdef __NR_inotify_init
    {"inotify_init", __NR_inotify_init, EMFILE}, // GLib tries this one as well
#endif
};

// On a thread whose children are denied this too; false: such filters are not allowed here.
bool without(const std::vector<ringtest::Refused> &calls, const std::function<void()> &body)
{
    bool allowed = false;
    std::thread([&] {
        allowed = std::all_of(calls.begin(), calls.end(), ringtest::refuse);
        if (allowed)
            body();
    }).join();
    return allowed;
}

TEST_F(Devices, LoseAKilledProducerWithoutPidfds)
{
    PeerProcess producer(serving(in("camera")));
    ASSERT_TRUE(producer.waitFor("state PLAYING"));
    if (!without(kNoPidfd, [this] { start(); }))
        GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_EQ(names(), Set{"camera"});
    producer.signal(SIGKILL);
    become({});
}

TEST(DeviceMonitorProgram, FindsProducersWithoutInotify)
{
    const std::string runtime = freshPath(".run");
    fs::create_directories(runtime + "/sharedring");
    std::unique_ptr<ChildProcess> monitor;
    if (!without(kNoInotify, [&] {
            monitor = std::make_unique<ChildProcess>(
                std::vector<std::string>{"gst-device-monitor-1.0", "-f", "Source/SharedRing"},
                std::vector<std::string>{"XDG_RUNTIME_DIR=" + runtime});
            EXPECT_TRUE(monitor->waitFor("Monitoring devices")) << monitor->transcript();
        }))
        GTEST_SKIP() << "seccomp filters are not allowed here";
    PeerProcess producer(serving(runtime + "/sharedring/camera"));
    EXPECT_TRUE(monitor->waitFor("Device found:")) << monitor->transcript();
}

} // namespace
