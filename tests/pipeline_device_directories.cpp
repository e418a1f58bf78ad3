// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the device provider takes for a producer in its directory, what it costs that one, and directories
// that come and go.
#include "listed_devices.h"

#include <fstream>
#include <sys/wait.h>

using namespace sharedring;

namespace
{

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

} // namespace
