// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The device provider lists who serves a socket in its directory, as they come, end and are killed, and
// connects to each of them once.
#include "peer_process.h"
#include "playing.h"
#include "refused_call.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace sharedring;
using namespace std::chrono_literals;

namespace
{

namespace fs = std::filesystem;

// A socket in this process, on which nobody accepts unless asked to.
class Listener
{
public:
    explicit Listener(const std::string &path, int type = SOCK_SEQPACKET, int backlog = 8)
        : fd_(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr *>(&address), sizeof address), 0) << path;
        EXPECT_EQ(::listen(fd_, backlog), 0);
    }
    ~Listener() { ::close(fd_); }
    Listener(const Listener &) = delete;

    int fd() const { return fd_; }
    // How many connected since it was asked last.
    int connections() const
    {
        int count = 0;
        for (int fd; (fd = ::accept(fd_, nullptr, nullptr)) >= 0; count++)
            ::close(fd);
        return count;
    }

private:
    const int fd_;
};

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int connectedTo(const std::string &path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    return fd;
}

std::string serving(const std::string &path)
{
    return "videotestsrc is-live=true ! video/x-raw,width=16,height=16 ! sharedringsink name=ring socket=" +
           path;
}

class Devices : public testing::Test
{
protected:
    void SetUp() override
    {
        gst_init(nullptr, nullptr);
        const ObjectOwner<GstDeviceProviderFactory> factory(
            gst_device_provider_factory_find("sharedringdeviceprovider"));
        ASSERT_TRUE(factory);
        provider_.reset(gst_device_provider_factory_get(factory.get()));
        setDirectory(directory_);
        fs::create_directory(directory_);
    }
    void TearDown() override
    {
        if (started_)
            gst_device_provider_stop(provider_.get());
    }

    void setDirectory(const std::string &path)
    {
        g_object_set(provider_.get(), "directory", path.empty() ? nullptr : path.c_str(), nullptr);
    }
    void start()
    {
        started_ = gst_device_provider_start(provider_.get());
        ASSERT_TRUE(started_);
    }
    void stop()
    {
        gst_device_provider_stop(provider_.get());
        started_ = false;
    }

    std::vector<ObjectOwner<GstDevice>> devices() const
    {
        std::vector<ObjectOwner<GstDevice>> found;
        GList *list = gst_device_provider_get_devices(provider_.get());
        for (GList *item = list; item; item = item->next)
            found.emplace_back(GST_DEVICE(item->data));
        g_list_free(list);
        return found;
    }
    std::set<std::string> names() const
    {
        std::set<std::string> all;
        for (const auto &device : devices()) {
            gchar *name = gst_device_get_display_name(device.get());
            all.insert(name);
            g_free(name);
        }
        return all;
    }
    bool become(const std::set<std::string> &expected)
    {
        const bool became = await([&] { return names() == expected; }, 10s);
        EXPECT_EQ(names(), expected);
        return became;
    }
    // Everything that happened to the directory before has been looked at.
    void settle()
    {
        const std::string name = "settled" + std::to_string(settled_++);
        markers_.push_back(std::make_unique<Listener>(in(name)));
        EXPECT_TRUE(await([&] { return names().contains(name); }, 10s));
    }
    std::string in(const std::string &name) const { return directory_ + "/" + name; }

    const std::string directory_ = freshPath(".d");
    ObjectOwner<GstDeviceProvider> provider_;
    bool started_ = false;
    int settled_ = 0;
    std::vector<std::unique_ptr<Listener>> markers_;
};

using Set = std::set<std::string>;

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

// ---- what is no live producer

TEST_F(Devices, AreOnlySocketsThatSomebodyServes)
{
    std::ofstream(in("file")) << "mine\n";
    {
        const Listener gone(in("stale"));
    }
    const Listener stream(in("stream"), SOCK_STREAM);
    const Listener hidden(in(".hidden"));
    const Listener other(freshPath(".other"));
    const Listener unreadable(in("\xff\xfe"));
    const Listener good(in("good"));
    fs::create_symlink(in("good"), in("link"));
    fs::create_directory(in("directory"));
    start();
    EXPECT_EQ(names(), Set{"good"});
    settle();
    EXPECT_EQ(names(), (Set{"good", "settled0"}));

    stop();
    EXPECT_EQ(names(), (Set{"good", "settled0"})) << "asked while it does not run";
}

TEST_F(Devices, AreNoneWhereThereIsNoDirectory)
{
    setDirectory(in("nowhere"));
    EXPECT_EQ(names(), Set{});
    start();
    EXPECT_EQ(names(), Set{});
}

// Its child holds the socket open.
TEST_F(Devices, LeaveOutAProducerThatHasEndedItself)
{
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t producer = ::fork();
    ASSERT_GE(producer, 0);
    if (producer == 0) {
        const Listener listener(in("camera"));
        ::close(ends[1]);
        char byte;
        if (::fork() == 0)
            ::_exit(static_cast<int>(::read(ends[0], &byte, 1))); // until the test ends
        ::_exit(0);
    }
    ::close(ends[0]);
    siginfo_t info;
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(producer), &info, WEXITED | WNOWAIT), 0);
    start();
    EXPECT_EQ(names(), Set{});
    ::waitpid(producer, nullptr, 0);
    ::close(ends[1]);
}

TEST_F(Devices, IncludeAProducerWhoseBacklogIsFull)
{
    const Listener busy(in("busy"), SOCK_SEQPACKET, 0);
    const int client = connectedTo(in("busy"));
    start();
    EXPECT_EQ(names(), Set{"busy"});
    ::close(client);
}

TEST_F(Devices, AreAtMost256)
{
    for (int i = 0; i < 260; i++)
        fs::create_symlink("/nowhere", in("link" + std::to_string(i))); // these do not count
    std::vector<std::unique_ptr<Listener>> many;
    for (int i = 0; i < 260; i++)
        many.push_back(std::make_unique<Listener>(in(std::to_string(i))));
    start();
    EXPECT_EQ(names().size(), 256u);
}

// ---- what it costs

TEST_F(Devices, AreConnectedToOnce)
{
    const Listener producer(in("camera"));
    start();
    EXPECT_EQ(producer.connections(), 1);
    for (int i = 0; i < 3; i++) {
        std::ofstream(in("file" + std::to_string(i))) << "noise\n";
        fs::permissions(in("camera"), fs::perms::owner_all);
        settle();
    }
    EXPECT_EQ(producer.connections(), 0);
}

// ---- the directory

TEST_F(Devices, AreFoundInADirectoryThatIsMadeLater)
{
    const std::string above = freshPath(".above");
    const std::string below = above + "/a/b";
    setDirectory(below);
    start();
    for (int time = 0; time < 2; time++) {
        fs::create_directories(below);
        const Listener first(below + "/first");
        become({"first"});
        const Listener second(below + "/second"); // it is the directory that is monitored by now
        become({"first", "second"});
        fs::remove_all(above);
        become({});
    }
}

TEST_F(Devices, AreThoseOfADirectoryThatIsMadeAgain)
{
    start();
    for (int time = 0; time < 3; time++) {
        fs::remove_all(directory_);
        fs::create_directory(directory_);
        const Listener first(in("first"));
        become({"first"});
        const Listener second(in("second"));
        become({"first", "second"});
    }
}

TEST_F(Devices, AreThoseOfTheRuntimeDirectoryByDefault)
{
    const std::string standard = std::string(g_get_user_runtime_dir()) + "/sharedring";
    setDirectory("");
    gchar *directory = nullptr;
    g_object_get(provider_.get(), "directory", &directory, nullptr);
    EXPECT_EQ(directory, standard);
    g_free(directory);
    fs::create_directory(standard);
    const Listener listener(standard + "/x");
    EXPECT_EQ(names(), Set{"x"});
    fs::remove_all(standard);
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
