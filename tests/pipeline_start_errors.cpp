// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What cannot start says so once, on the bus, with the path and the reason; gst-launch-1.0 ends with 1;
// nothing is left behind, and nobody who was there before is disturbed.
#include "peer_process.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace
{

namespace fs = std::filesystem;

constexpr const char *kTinyVideo = "videotestsrc pattern=black ! video/x-raw,width=16,height=16";

std::string freshDirectory()
{
    const std::string path = freshPath(".d");
    fs::create_directory(path);
    return path;
}

std::vector<std::string> namesIn(const std::string &directory)
{
    std::vector<std::string> names;
    for (const auto &entry : fs::directory_iterator(directory))
        names.push_back(entry.path().filename());
    return names;
}

std::string contentOf(const std::string &path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

// Root may do everything that permission bits forbid; without these capabilities it may not.
std::vector<std::string> withoutOverride(std::vector<std::string> command)
{
    if (::geteuid() != 0)
        return command;
    std::vector<std::string> whole{"setpriv", "--inh-caps=-dac_override,-dac_read_search",
                                   "--bounding-set=-dac_override,-dac_read_search"};
    whole.insert(whole.end(), command.begin(), command.end());
    return whole;
}

void expectOneError(const Finished &run, const std::string &path, const std::string &reason)
{
    EXPECT_EQ(run.status, 1) << run.output;
    std::vector<std::string> errors;
    std::istringstream lines(run.output);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("ERROR: from element"))
            errors.push_back(line);
    }
    ASSERT_EQ(errors.size(), 1u) << run.output;
    EXPECT_NE(errors[0].find(path), std::string::npos) << errors[0];
    EXPECT_NE(errors[0].find(reason), std::string::npos) << errors[0];
}

// ---- paths that cannot be served or connected to

struct BadStart {
    const char *name;
    std::string properties; // DIR stands for the test's directory
    std::string named;      // what the error names: a path, likewise
    std::string reason;
    enum { Nothing, RegularFile, ReadOnlyDirectory, ClosedSocket } found = Nothing;
};

std::ostream &operator<<(std::ostream &out, const BadStart &start)
{
    return out << start.name;
}

std::string inDirectory(std::string text, const std::string &directory)
{
    if (const size_t at = text.find("DIR"); at != std::string::npos)
        text.replace(at, 3, directory);
    return text;
}

class Start : public testing::TestWithParam<BadStart>
{
protected:
    Start()
    {
        if (GetParam().found == BadStart::RegularFile)
            std::ofstream(directory_ + "/file") << "mine\n";
        if (GetParam().found == BadStart::ReadOnlyDirectory)
            ::chmod(directory_.c_str(), 0500);
        if (GetParam().found == BadStart::ClosedSocket)
            producer_.emplace(std::string(kTinyVideo) + " ! sharedringsink perms=0 socket=" + directory_ +
                                  "/s",
                              std::vector<std::string>());
        if (producer_)
            producer_->waitFor("state PLAYING");
        before_ = namesIn(directory_);
    }

    ~Start() override { ::chmod(directory_.c_str(), 0700); }

    void expectRefusal(const std::string &line)
    {
        expectOneError(runToEnd(withoutOverride(gstLaunch(line))), inDirectory(GetParam().named, directory_),
                       GetParam().reason);

        EXPECT_EQ(namesIn(directory_), before_);
        if (GetParam().found == BadStart::RegularFile) {
            EXPECT_EQ(contentOf(directory_ + "/file"), "mine\n");
        }
    }

    std::string properties() const { return inDirectory(GetParam().properties, directory_); }

    const std::string directory_ = freshDirectory();
    std::optional<PeerProcess> producer_;
    std::vector<std::string> before_;
};

const std::string kLongName(120, 'x');

class SinkStart : public Start
{
};

TEST_P(SinkStart, FailsWithOneErrorThatNamesThePathAndTheReason)
{
    expectRefusal("videotestsrc ! sharedringsink " + properties());
}

INSTANTIATE_TEST_SUITE_P(
    Errors, SinkStart,
    testing::Values(
        BadStart{"NoSocket", "", "\"socket\"", "No socket was given"},
        BadStart{"PathTooLong", "socket=DIR/" + kLongName, "DIR/" + kLongName, "File name too long"},
        BadStart{"NoDirectory", "socket=DIR/none/s", "DIR/none/s", "No such file or directory"},
        BadStart{"NoPermission", "socket=DIR/s", "DIR/s", "Permission denied", BadStart::ReadOnlyDirectory},
        BadStart{"RegularFile", "socket=DIR/file", "DIR/file", "is not a socket", BadStart::RegularFile},
        BadStart{"Directory", "socket=DIR", "DIR", "is not a socket"},
        BadStart{"ClosedDescriptor", "fd=1000", "fd 1000", "Bad file descriptor"},
        BadStart{"NoSocketDescriptor", "fd=0", "fd 0", "Socket operation on non-socket"}),
    testing::PrintToStringParamName());

// The other branch waits for the buffer that this one does not take, so PLAYING is never reached.
TEST(FailedSink, IsHeardOfWhereNothingPrerolls)
{
    const std::string path = freshDirectory() + "/none/s";
    expectOneError(
        runToEnd(gstLaunch("videotestsrc ! tee name=t ! sharedringsink socket=" + path + " t. ! fakesink")),
        path, "No such file or directory");
}

class SourceStart : public Start
{
};

TEST_P(SourceStart, FailsWithOneErrorThatNamesThePathAndTheReason)
{
    expectRefusal("sharedringsrc " + properties() + " ! fakesink");
}

// gst-launch-1.0 is told of it while its main loop runs, or it would wait for ever.
TEST_P(SourceStart, FailsInTheSameWayWhereItIsNotLive)
{
    expectRefusal("sharedringsrc is-live=false " + properties() + " ! fakesink");
}

INSTANTIATE_TEST_SUITE_P(
    Errors, SourceStart,
    testing::Values(
        BadStart{"NoSocket", "", "\"socket\"", "No socket was given"},
        BadStart{"PathTooLong", "socket=DIR/" + kLongName, "DIR/" + kLongName, "File name too long"},
        BadStart{"NoPermission", "socket=DIR/s", "DIR/s", "Permission denied", BadStart::ClosedSocket},
        BadStart{"RegularFile", "socket=DIR/file", "DIR/file", "Socket operation on non-socket",
                 BadStart::RegularFile},
        BadStart{"Directory", "socket=DIR", "DIR", "Socket operation on non-socket"},
        BadStart{"NoProducerAndError", "on-disconnect=error socket=DIR/s", "DIR/s",
                 "No such file or directory"},
        BadStart{"NoProducerInTime", "connection-timeout=50000000 socket=DIR/s", "DIR/s", "in time"},
        BadStart{"ClosedDescriptor", "fd=1000", "fd 1000", "Bad file descriptor"},
        BadStart{"NoSocketDescriptor", "fd=0", "fd 0", "Socket operation on non-socket"}),
    testing::PrintToStringParamName());

// ---- somebody is there

std::string serving(const std::string &path, const std::string &properties = "")
{
    return std::string(kTinyVideo) + " ! sharedringsink name=ring socket=" + path + " " + properties;
}

TEST(LiveProducer, IsNotDisturbedByAnotherOneOnItsPath)
{
    const std::string directory = freshDirectory();
    const std::string path = directory + "/s";
    PeerProcess producer(serving(path, "slow-client=block wait-for-connection=true"));
    PeerProcess consumer("sharedringsrc name=tap socket=" + path + " ! fakesink sync=false");
    ASSERT_TRUE(consumer.waitForCount(3)) << consumer.transcript();

    expectOneError(runToEnd(gstLaunch("videotestsrc ! sharedringsink socket=" + path)), path,
                   "is served by another producer");

    const uint64_t afterIt = std::stoull(consumer.command("count"));
    ASSERT_TRUE(consumer.waitForCount(afterIt + 10)) << consumer.transcript();
    EXPECT_EQ(consumer.quit(), 0);
    const auto buffers = consumer.log().buffers;
    for (size_t i = 0; i < buffers.size(); i++)
        ASSERT_EQ(buffers[i].offset, std::to_string(i)) << "a frame is missing";
    EXPECT_FALSE(consumer.seen("warning"));
    EXPECT_EQ(producer.quit(), 0);
    EXPECT_TRUE(fs::is_empty(directory));
}

TEST(CrashedProducer, LeavesASocketThatTheNextOneReplaces)
{
    const std::string directory = freshDirectory();
    const std::string path = directory + "/s";
    {
        PeerProcess crashing(serving(path));
        ASSERT_TRUE(crashing.waitFor("state PLAYING")) << crashing.transcript();
        crashing.signal(SIGKILL);
        EXPECT_EQ(crashing.waitForExit(), -SIGKILL);
    }
    ASSERT_TRUE(fs::is_socket(path));

    PeerProcess producer(serving(path));
    PeerProcess consumer("sharedringsrc name=tap socket=" + path + " ! fakesink");
    EXPECT_TRUE(consumer.waitForCount(3)) << consumer.transcript() << producer.transcript();

    EXPECT_EQ(consumer.quit(), 0);
    EXPECT_EQ(producer.quit(), 0);
    EXPECT_TRUE(fs::is_empty(directory));
}

TEST(SeventeenthClient, IsToldWhyItMustWaitAndJoinsWhenThereIsRoom)
{
    const std::string path = freshPath(".socket");
    PeerProcess producer(serving(path), {}, {"GST_DEBUG=sharedringsink:3", "GST_DEBUG_NO_COLOR=1"});
    const std::string source = "sharedringsrc socket=" + path + " ! fakesink sync=false ";
    std::string fifteen;
    for (int i = 0; i < 15; i++)
        fifteen += source;
    PeerProcess most(fifteen);
    PeerProcess sixteenth("sharedringsrc name=tap socket=" + path + " ! fakesink sync=false");
    for (int i = 0; i < 16; i++)
        ASSERT_TRUE(producer.waitFor("connected ")) << producer.transcript() << most.transcript();

    PeerProcess late("sharedringsrc name=tap socket=" + path + " ! fakesink sync=false");
    const auto told = late.waitFor("info ");
    ASSERT_TRUE(told) << late.transcript();
    EXPECT_NE(told->find(path), std::string::npos) << *told;
    EXPECT_NE(told->find("too many clients (max-clients), limit 16"), std::string::npos) << *told;
    EXPECT_EQ(late.command("count"), "0");
    EXPECT_EQ(producer.command("get ring num-clients"), "16");
    EXPECT_NE(producer.transcript().find("refused: too many clients"), std::string::npos)
        << producer.transcript();

    EXPECT_EQ(sixteenth.quit(), 0);
    EXPECT_TRUE(late.waitForCount(3)) << late.transcript();
    EXPECT_FALSE(late.seen("info ")) << "said more than once: " << late.transcript();
}

TEST(WaitingSource, SaysOnceWhatItWaitsForAlsoInGstLaunch)
{
    const std::string path = freshPath(".socket");
    ChildProcess source(gstLaunch("sharedringsrc socket=" + path + " ! fakesink"));

    const auto told = source.waitFor("Waiting for a producer: ");
    ASSERT_TRUE(told) << source.transcript();
    EXPECT_EQ(*told, path + ": No such file or directory");

    PeerProcess producer(serving(path));
    ASSERT_TRUE(producer.waitFor("connected ")) << producer.transcript();
    source.signal(SIGINT);
    EXPECT_EQ(source.waitForExit(), 0) << source.transcript();
    EXPECT_FALSE(source.seen("Waiting for a producer: ")) << source.transcript();
}

// ---- two at once

// The process that serves a path; 0 if nobody does.
pid_t whoServes(const std::string &path)
{
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
        ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        peer.pid = 0;
    ::close(fd);
    return peer.pid;
}

TEST(TwoProducersAtOnce, OneServesAndTheOtherSaysThatThePathIsInUse)
{
    const std::string directory = freshDirectory();
    const std::string path = directory + "/s";
    PeerProcess producers[] = {PeerProcess(serving(path)), PeerProcess(serving(path))};
    for (PeerProcess &producer : producers)
        producer.command("null");
    ASSERT_TRUE(fs::is_empty(directory));

    int wonByFirst = 0;
    for (int turn = 0; turn < 100 && !HasFailure(); turn++) {
        const int ahead = turn % 2;
        producers[ahead].seen("error ");
        producers[1 - ahead].seen("error ");
        producers[ahead].send("play");
        producers[1 - ahead].send("play");
        ASSERT_TRUE(producers[0].waitFor("ok")) << producers[0].transcript();
        ASSERT_TRUE(producers[1].waitFor("ok")) << producers[1].transcript();

        const pid_t server = whoServes(path);
        ASSERT_TRUE(server == producers[0].pid() || server == producers[1].pid()) << "turn " << turn;
        PeerProcess &loser = producers[server == producers[0].pid() ? 1 : 0];
        const auto told = loser.waitFor("error ");
        ASSERT_TRUE(told) << loser.transcript();
        EXPECT_NE(told->find(path + " is served by another pr"), std::string::npos) << *told;
        wonByFirst += server == producers[0].pid();

        for (PeerProcess &producer : producers)
            producer.command("null");
        EXPECT_TRUE(fs::is_empty(directory)) << "turn " << turn;
    }
    RecordProperty("wonByFirst", wonByFirst);
}

} // namespace
