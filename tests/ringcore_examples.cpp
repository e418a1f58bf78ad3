// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The examples in pipelines/ as a newcomer runs them: each pair as two processes, which end well when they
// are done, and when the other one is killed.
#include "ring_files.h"

#include "ringcore/unique_fd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char **environ;

namespace
{

using namespace std::chrono_literals;
using ringcore::UniqueFd;
using ringtest::OwnDirectory;
using Arguments = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

constexpr auto kSoon = 60s; // only a failure waits so long

std::string pathOf(const std::string &example)
{
    const char *directory = std::getenv("SHAREDRING_EXAMPLES");
    return std::string(directory ? directory : ".") + "/" + example;
}

bool isBuilt(const std::string &example)
{
    return ::access(pathOf(example).c_str(), X_OK) == 0;
}

// A program with what it printed, to stdout and stderr; killed with its owner.
class Program
{
public:
    Program(const std::string &path, const Arguments &arguments, std::optional<uid_t> user = {})
    {
        // Opened by us: another user may have no way to it.
        const UniqueFd executable(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        EXPECT_TRUE(executable.valid()) << path;
        int output[2], input[2];
        EXPECT_EQ(::pipe2(output, O_CLOEXEC), 0);
        EXPECT_EQ(::pipe2(input, O_CLOEXEC), 0);
        output_.reset(output[0]);
        input_.reset(input[1]);
        const UniqueFd theirOutput(output[1]), theirInput(input[0]);
        std::vector<char *> words{const_cast<char *>(path.c_str())};
        for (const std::string &argument : arguments)
            words.push_back(const_cast<char *>(argument.c_str()));
        words.push_back(nullptr);
        id_ = ::fork();
        EXPECT_GE(id_, 0);
        if (id_ == 0) {
            ::dup2(theirInput.get(), STDIN_FILENO);
            ::dup2(theirOutput.get(), STDOUT_FILENO);
            ::dup2(theirOutput.get(), STDERR_FILENO);
            if (user)
                ::unsetenv("LSAN_OPTIONS"); // names a file that another user may not read
            if (!user || (::setgid(*user) == 0 && ::setuid(*user) == 0))
                ::fexecve(executable.get(), words.data(), environ);
            ::_exit(127);
        }
    }
    ~Program()
    {
        if (id_ > 0)
            kill();
    }
    Program(const Program &) = delete;
    Program &operator=(const Program &) = delete;

    // Until it printed this. False: it ended, or its time is up, without.
    bool await(const std::string &text)
    {
        const auto end = Clock::now() + kSoon;
        while (printed_.find(text) == std::string::npos) {
            if (!readMore(end))
                return false;
        }
        return true;
    }

    // Its exit status once it has ended by itself; minus the signal that killed it. None: its time is up.
    std::optional<int> ended()
    {
        const auto end = Clock::now() + kSoon;
        while (readMore(end)) {
        }
        if (Clock::now() >= end)
            return std::nullopt;
        int status = 0;
        EXPECT_EQ(::waitpid(id_, &status, 0), id_);
        id_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    void kill()
    {
        signal(SIGKILL);
        ::waitpid(std::exchange(id_, -1), nullptr, 0);
    }
    void signal(int number) { ::kill(id_, number); }
    void closeInput() { input_.reset(); }
    const std::string &printed() const { return printed_; }

private:
    bool readMore(Clock::time_point end)
    {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
        pollfd fd{output_.get(), POLLIN, 0};
        char some[512];
        if (left <= 0 || ::poll(&fd, 1, static_cast<int>(left)) <= 0)
            return false;
        const ssize_t size = ::read(output_.get(), some, sizeof some);
        printed_.append(some, static_cast<size_t>(std::max<ssize_t>(size, 0)));
        return size > 0;
    }

    pid_t id_ = -1;
    UniqueFd output_, input_;
    std::string printed_;
};

class Example : public Program
{
public:
    Example(const std::string &name, const Arguments &arguments, std::optional<uid_t> user = {})
        : Program(pathOf(name), arguments, user)
    {
    }
};

#define EXPECT_ENDED(program, status, text)                                                                  \
    do {                                                                                                     \
        EXPECT_EQ((program).ended(), std::optional(status)) << (program).printed();                          \
        EXPECT_NE((program).printed().find(text), std::string::npos) << (program).printed();                 \
    } while (false)

// ---- over a unix socket

constexpr const char *kServerIsReady = "Waiting for a client";
constexpr const char *kReadingsCome = "230.0 V";

// A program that displays what the server at SOCKET sends.
class SocketExample : public testing::TestWithParam<const char *>
{
protected:
    void SetUp() override
    {
        if (!isBuilt(GetParam()))
            GTEST_SKIP() << GetParam() << " was built without its library";
    }

    OwnDirectory directory_;
    const std::string socket_ = directory_ / "meter";
};

TEST_P(SocketExample, ReceivesEveryReading)
{
    Example server("ring-meter-server", {socket_, "250"});
    ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
    Example client(GetParam(), {socket_});
    EXPECT_ENDED(client, 0, "250 readings, 0 lost");
    EXPECT_NE(client.printed().find(kReadingsCome), std::string::npos) << client.printed();
    EXPECT_ENDED(server, 0, "Sent 250 readings");
    EXPECT_TRUE(directory_.names().empty());
}

TEST_P(SocketExample, EndsWhenTheServerIsKilled)
{
    {
        Example server("ring-meter-server", {socket_});
        ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
        Example client(GetParam(), {socket_});
        ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
        server.kill();
        EXPECT_ENDED(client, 0, "readings, 0 lost");
    }
    Example next("ring-meter-server", {socket_, "1"}); // takes the place of the dead one's socket
    ASSERT_TRUE(next.await(kServerIsReady)) << next.printed();
    Example client(GetParam(), {socket_});
    EXPECT_ENDED(client, 0, "1 readings, 0 lost");
    EXPECT_ENDED(next, 0, "Sent 1 readings");
}

TEST_P(SocketExample, TheServerEndsWhenItIsKilled)
{
    Example server("ring-meter-server", {socket_});
    ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
    Example client(GetParam(), {socket_});
    ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
    client.kill();
    EXPECT_ENDED(server, 0, "The client is gone after");
    EXPECT_TRUE(directory_.names().empty());
}

TEST_P(SocketExample, SaysThatThereIsNoServer)
{
    Example client(GetParam(), {socket_});
    EXPECT_ENDED(client, 1, socket_);
}

INSTANTIATE_TEST_SUITE_P(All, SocketExample,
                         testing::Values("ring-meter-client", "ring-meter-epoll", "ring-meter-glib"),
                         [](const auto &tested) {
                             std::string name = tested.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(SocketPair, TheServerEndsWhenTheClientHasEnough)
{
    const OwnDirectory directory;
    Example server("ring-meter-server", {directory / "meter"});
    ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
    Example client("ring-meter-client", {directory / "meter", "120"});
    EXPECT_ENDED(client, 0, "120 readings, 0 lost");
    EXPECT_ENDED(server, 0, "The client is gone after");
}

TEST(SocketPair, TheClientSaysThatItWantedMore)
{
    const OwnDirectory directory;
    Example server("ring-meter-server", {directory / "meter", "50"});
    ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
    Example client("ring-meter-client", {directory / "meter", "51"});
    EXPECT_ENDED(client, 1, "The meter went too early");
    EXPECT_ENDED(server, 0, "Sent 50 readings");
}

TEST(SocketPair, NeitherWaitsForEverForOneThatStands)
{
    const OwnDirectory directory;
    const auto begin = [&](Example &server) {
        ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
    };
    Example server("ring-meter-server", {directory / "meter"});
    ASSERT_NO_FATAL_FAILURE(begin(server));
    Example waits("ring-meter-client", {directory / "meter"});
    ASSERT_TRUE(waits.await(kReadingsCome)) << waits.printed();
    server.signal(SIGSTOP);

    Example fills("ring-meter-server", {directory / "other"});
    ASSERT_NO_FATAL_FAILURE(begin(fills));
    Example client("ring-meter-client", {directory / "other"});
    ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
    client.signal(SIGSTOP);

    EXPECT_ENDED(waits, 1, "no reading comes");
    EXPECT_ENDED(fills, 1, "The client takes nothing");
}

TEST(EpollExample, GoesOnWithOneMeterWhenAnotherIsKilled)
{
    const OwnDirectory directory;
    Example killed("ring-meter-server", {directory / "killed"});
    Example other("ring-meter-server", {directory / "other", "2000"});
    ASSERT_TRUE(killed.await(kServerIsReady)) << killed.printed();
    ASSERT_TRUE(other.await(kServerIsReady)) << other.printed();
    Example client("ring-meter-epoll", {directory / "killed", directory / "other"});
    ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
    killed.kill();
    EXPECT_TRUE(client.await(directory / "killed: ")) << client.printed();
    EXPECT_ENDED(client, 0, directory / "other: 2000 readings, 0 lost");
    EXPECT_ENDED(other, 0, "Sent 2000 readings");
}

TEST(GlibExample, EndsAtASignal)
{
    if (!isBuilt("ring-meter-glib"))
        GTEST_SKIP() << "ring-meter-glib was built without GLib";
    const OwnDirectory directory;
    Example server("ring-meter-server", {directory / "meter"});
    ASSERT_TRUE(server.await(kServerIsReady)) << server.printed();
    Example client("ring-meter-glib", {directory / "meter"});
    ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
    client.signal(SIGTERM);
    EXPECT_ENDED(client, 0, "readings, 0 lost");
    EXPECT_ENDED(server, 0, "The client is gone after");
}

// ---- over D-Bus

constexpr const char *kSession = "/usr/bin/dbus-run-session";
constexpr uid_t kNobody = 65534;

// A session bus of the test's own, which lets users in that the usual one keeps out: so that the server has
// to.
class DbusExample : public testing::Test
{
protected:
    void SetUp() override
    {
        if (!isBuilt("ring-meter-dbus-server"))
            GTEST_SKIP() << "the D-Bus examples were built without libsystemd";
        if (::access(kSession, X_OK) != 0)
            GTEST_SKIP() << kSession << " is not installed";
        const std::string config = directory_ / "bus.conf";
        std::ofstream(config)
            << "<busconfig><type>session</type><auth>EXTERNAL</auth>"
            << "<listen>unix:abstract=" << directory_ / "bus"
            << "</listen>"
            << "<policy context='default'><allow user='*'/><allow own='*'/>"
            << "<allow send_destination='*'/><allow receive_sender='*'/></policy></busconfig>";
        session_.emplace(kSession,
                         Arguments{"--config-file=" + config, "--", "/bin/sh", "-c",
                                   "echo \"address=$DBUS_SESSION_BUS_ADDRESS.\"; exec cat >/dev/null"});
        ASSERT_TRUE(session_->await(".\n")) << session_->printed();
        const std::string &said = session_->printed();
        const size_t begin = said.find("address=") + sizeof "address=" - 1;
        ::setenv("DBUS_SESSION_BUS_ADDRESS", said.substr(begin, said.find(".\n", begin) - begin).c_str(), 1);
    }

    void TearDown() override
    {
        if (!session_)
            return;
        session_->closeInput();
        EXPECT_EQ(session_->ended(), 0) << session_->printed();
    }

    static void await(Example &server) { ASSERT_TRUE(server.await(kServerIsReady)) << server.printed(); }

    OwnDirectory directory_;
    std::optional<Program> session_;
};

TEST_F(DbusExample, ReceivesEveryReading)
{
    Example server("ring-meter-dbus-server", {"250"});
    ASSERT_NO_FATAL_FAILURE(await(server));
    Example client("ring-meter-dbus-client", {});
    EXPECT_ENDED(client, 0, "250 readings, 0 lost");
    EXPECT_NE(client.printed().find(kReadingsCome), std::string::npos) << client.printed();
    EXPECT_ENDED(server, 0, "Sent 250 readings");
}

TEST_F(DbusExample, EachEndsWhenTheOtherIsKilled)
{
    for (const bool killTheServer : {true, false}) {
        Example server("ring-meter-dbus-server", {});
        ASSERT_NO_FATAL_FAILURE(await(server));
        Example client("ring-meter-dbus-client", {});
        ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
        if (killTheServer) {
            server.kill();
            EXPECT_ENDED(client, 0, " lost");
        } else {
            client.kill();
            EXPECT_ENDED(server, 0, "The client is gone after");
        }
    }
}

TEST_F(DbusExample, ASecondClientIsToldThatThereIsOne)
{
    Example server("ring-meter-dbus-server", {});
    ASSERT_NO_FATAL_FAILURE(await(server));
    Example client("ring-meter-dbus-client", {});
    ASSERT_TRUE(client.await(kReadingsCome)) << client.printed();
    Example second("ring-meter-dbus-client", {});
    EXPECT_ENDED(second, 1, "org.freedesktop.DBus.Error.LimitsExceeded");
    client.kill();
    EXPECT_ENDED(server, 0, "The client is gone after");
}

TEST_F(DbusExample, AnotherUserGetsAnErrorAndNoRing)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can run a program as another user";
    Example server("ring-meter-dbus-server", {"100"});
    ASSERT_NO_FATAL_FAILURE(await(server));
    Example stranger("ring-meter-dbus-client", {}, kNobody);
    EXPECT_ENDED(stranger, 1, "org.freedesktop.DBus.Error.AccessDenied: This meter is for its own user only");
    // It took nobody's place.
    Example client("ring-meter-dbus-client", {});
    EXPECT_ENDED(client, 0, "100 readings, 0 lost");
    EXPECT_ENDED(server, 0, "Sent 100 readings");
}

// The honest server would refuse us first: this one does not.
TEST_F(DbusExample, AnotherUsersMeterIsNoneThoughItHasTheName)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can run a program as another user";
    const char *impostor = std::getenv("SHAREDRING_DBUS_IMPOSTOR");
    ASSERT_NE(impostor, nullptr);
    Program ours(impostor, {});
    ASSERT_TRUE(ours.await(kServerIsReady)) << ours.printed();
    Example believes("ring-meter-dbus-client", {"1"});
    EXPECT_ENDED(believes, 0, "1 readings, 0 lost");
    ours.kill();

    Program theirs(impostor, {}, kNobody);
    ASSERT_TRUE(theirs.await(kServerIsReady)) << theirs.printed();
    Example client("ring-meter-dbus-client", {"1"});
    EXPECT_ENDED(client, 1, "This is not a meter of our own user");
}

TEST_F(DbusExample, SaysThatThereIsNoServer)
{
    Example client("ring-meter-dbus-client", {});
    EXPECT_ENDED(client, 1, "org.freedesktop.DBus.Error.ServiceUnknown");
}

// ---- all of them

TEST(Examples, SayHowTheyAreUsed)
{
    const std::pair<const char *, Arguments> wrong[] = {
        {"ring-meter-server", {}},
        {"ring-meter-server", {"socket", "many"}},
        {"ring-meter-client", {}},
        {"ring-meter-client", {"socket", "10x"}},
        {"ring-meter-epoll", {}},
        {"ring-meter-glib", {}},
        {"ring-meter-dbus-server", {"many"}},
        {"ring-meter-dbus-client", {"-1"}},
    };
    for (const auto &[name, arguments] : wrong) {
        if (!isBuilt(name))
            continue;
        Example example(name, arguments);
        EXPECT_ENDED(example, 2, "Usage: ");
    }
}

} // namespace
