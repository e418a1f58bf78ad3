// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer's socket appears when it is ready, with the permissions asked for; it takes no living
// producer's place and nobody's file; and no way of failing leaves anything behind.
#include "ring_files.h"

#include "ringcore/bound_socket.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <optional>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace
{

using ringcore::BoundSocket;
using ringcore::SystemError;
using ringcore::UniqueFd;
using ringtest::OwnDirectory;
using Names = std::vector<std::string>;

// errno of the failure, whose text must name the path; 0 if it succeeded.
int errorOf(const ringcore::Result<BoundSocket> &bound, const std::string &path)
{
    if (bound)
        return 0;
    const auto &error = std::get<SystemError>(bound.error());
    EXPECT_NE(error.operation.find(path), std::string::npos) << error.operation;
    return error.number;
}

int errorOfBinding(const std::string &path)
{
    return errorOf(BoundSocket::create(path, 0600), path);
}

bool isServed(const std::string &path)
{
    return ringcore::connectTo(path).has_value();
}

mode_t modeOf(const std::string &path)
{
    struct stat status;
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

sockaddr_un addressOf(const std::string &path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

UniqueFd plainListener(const std::string &path, int type, int backlog)
{
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    const sockaddr_un address = addressOf(path);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), backlog), 0);
    return fd;
}

// What a crashed producer leaves.
void leaveStaleSocket(const std::string &path)
{
    plainListener(path, SOCK_SEQPACKET, 1);
    ASSERT_FALSE(isServed(path));
}

// The exit status of `body` in a process of its own.
int inChild(const std::function<int()> &body)
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(body());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(BoundSocket, IsServedUntilItsOwnerGoes)
{
    const OwnDirectory directory;
    {
        const auto bound = BoundSocket::create(directory / "s", 0600);
        ASSERT_TRUE(bound) << ringcore::describe(bound.error());
        EXPECT_TRUE(isServed(directory / "s"));
        EXPECT_EQ(directory.names(), Names{"s"});
    }
    EXPECT_EQ(directory.names(), Names{});
}

TEST(BoundSocket, MayBeNamedRelativeToTheWorkingDirectory)
{
    const OwnDirectory directory;
    EXPECT_EQ(inChild([&] {
                  if (::chdir(directory.path().c_str()) != 0)
                      return 1;
                  const auto bound = BoundSocket::create("s", 0600);
                  return bound && isServed("s") ? 0 : 2;
              }),
              0);
    EXPECT_EQ(directory.names(), Names{});
}

TEST(BoundSocket, PathMayBeAsLongAsTheKernelTakes)
{
    const OwnDirectory directory;
    constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
    const std::string path = directory / std::string(kLongest - directory.path().size() - 1, 'x');
    ASSERT_EQ(path.size(), kLongest);

    const auto bound = BoundSocket::create(path, 0600);
    ASSERT_TRUE(bound) << ringcore::describe(bound.error());
    EXPECT_TRUE(isServed(path));
}

TEST(BoundSocket, LongerPathIsAnErrorThatNamesItsBound)
{
    const OwnDirectory directory;
    const std::string path =
        directory / std::string(sizeof(sockaddr_un::sun_path) - directory.path().size() - 1, 'x');
    const auto bound = BoundSocket::create(path, 0600);
    EXPECT_EQ(errorOf(bound, path), ENAMETOOLONG);
    EXPECT_NE(ringcore::describe(bound.error()).find("107"), std::string::npos);
    EXPECT_EQ(directory.names(), Names{});
}

TEST(BoundSocket, EmptyPathIsAnError)
{
    EXPECT_EQ(std::get<SystemError>(BoundSocket::create("", 0600).error()).number, EINVAL);
}

TEST(BoundSocket, DirectoryAsPathIsAnErrorAndStays)
{
    const OwnDirectory directory;
    EXPECT_EQ(errorOfBinding(directory.path() + "/"), EISDIR);
    std::filesystem::create_directory(directory / "d");
    EXPECT_EQ(errorOfBinding(directory / "d"), EEXIST);
    EXPECT_EQ(directory.names(), Names{"d"});
}

TEST(BoundSocket, MissingDirectoryIsAnError)
{
    const OwnDirectory directory;
    EXPECT_EQ(errorOfBinding(directory / "missing/s"), ENOENT);
    std::ofstream(directory / "file");
    EXPECT_EQ(errorOfBinding(directory / "file/s"), ENOTDIR);
    EXPECT_EQ(directory.names(), Names{"file"});
}

TEST(BoundSocket, DirectoryWithoutPermissionIsAnError)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can become somebody else";
    const OwnDirectory directory;
    ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
    EXPECT_EQ(inChild([&] {
                  constexpr uid_t kNobody = 65534;
                  // The directories above may be closed to nobody as well; EACCES is the answer to both.
                  if (::setresuid(kNobody, kNobody, kNobody) != 0)
                      return 255;
                  return errorOfBinding(directory / "s");
              }),
              EACCES);
    EXPECT_EQ(directory.names(), Names{});
}

TEST(BoundSocket, RegularFileIsLeftAsItIs)
{
    const OwnDirectory directory;
    std::ofstream(directory / "s") << "precious";
    EXPECT_EQ(errorOfBinding(directory / "s"), EEXIST);

    std::string content;
    std::ifstream(directory / "s") >> content;
    EXPECT_EQ(content, "precious");
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, SymbolicLinkIsNotFollowed)
{
    const OwnDirectory directory;
    std::filesystem::create_symlink(directory / "elsewhere", directory / "s");
    EXPECT_EQ(errorOfBinding(directory / "s"), EEXIST);
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, LivingProducerIsNotDisturbed)
{
    const OwnDirectory directory;
    const auto living = BoundSocket::create(directory / "s", 0600);
    ASSERT_TRUE(living);
    EXPECT_EQ(errorOfBinding(directory / "s"), EADDRINUSE);
    EXPECT_EQ(errorOfBinding(directory / "s"), EADDRINUSE);

    EXPECT_TRUE(isServed(directory / "s"));
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, ListenerWithAFullBacklogIsInUse)
{
    const OwnDirectory directory;
    const auto listener = plainListener(directory / "s", SOCK_SEQPACKET, 0);
    std::vector<ringcore::Result<UniqueFd>> waiting;
    do
        waiting.push_back(ringcore::connectTo(directory / "s"));
    while (waiting.back());
    ASSERT_EQ(std::get<SystemError>(waiting.back().error()).number, EAGAIN);

    EXPECT_EQ(errorOfBinding(directory / "s"), EADDRINUSE);
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, ListenerOfAnotherSocketTypeIsInUse)
{
    const OwnDirectory directory;
    const auto listener = plainListener(directory / "s", SOCK_STREAM, 5);
    EXPECT_EQ(errorOfBinding(directory / "s"), EADDRINUSE);
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, StaleSocketIsReplaced)
{
    const OwnDirectory directory;
    leaveStaleSocket(directory / "s");
    const auto bound = BoundSocket::create(directory / "s", 0600);
    ASSERT_TRUE(bound) << ringcore::describe(bound.error());
    EXPECT_TRUE(isServed(directory / "s"));
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, PermissionsAreExactWhateverTheUmask)
{
    for (const mode_t umask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
        for (const mode_t permissions : {mode_t{0600}, mode_t{0666}, mode_t{0777}, mode_t{0}}) {
            const OwnDirectory directory;
            const mode_t before = ::umask(umask);
            const auto bound = BoundSocket::create(directory / "s", permissions);
            ::umask(before);
            ASSERT_TRUE(bound) << ringcore::describe(bound.error());
            EXPECT_EQ(modeOf(directory / "s"), permissions) << std::oct << umask;
        }
    }
}

TEST(BoundSocket, OnlyWhatWasBoundIsUnlinked)
{
    const OwnDirectory directory;
    {
        const auto bound = BoundSocket::create(directory / "s", 0600);
        ASSERT_TRUE(bound);
        std::filesystem::remove(directory / "s");
        std::ofstream(directory / "s") << "somebody else's";
    }
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, OwnerMayMove)
{
    const OwnDirectory directory;
    std::optional<BoundSocket> kept;
    {
        auto bound = BoundSocket::create(directory / "s", 0600);
        ASSERT_TRUE(bound);
        kept.emplace(std::move(*bound));
    }
    EXPECT_TRUE(isServed(directory / "s"));
    kept.reset();
    EXPECT_EQ(directory.names(), Names{});
}

TEST(BoundSocket, LockHeldByAnotherForTooLongIsAnError)
{
    const OwnDirectory directory;
    leaveStaleSocket(directory / "s");
    const UniqueFd holder(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(holder.get(), LOCK_EX), 0);

    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(errorOfBinding(directory / "s"), ETIMEDOUT);
    const auto took = std::chrono::steady_clock::now() - begun;
    EXPECT_GE(took, std::chrono::milliseconds(900));
    EXPECT_LT(took, std::chrono::seconds(5));
    EXPECT_EQ(directory.names(), Names{"s"});
}

TEST(BoundSocket, LockHeldByAnotherIsNoMatterWhereNothingIsStale)
{
    const OwnDirectory directory;
    const UniqueFd holder(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(holder.get(), LOCK_EX), 0);
    EXPECT_TRUE(BoundSocket::create(directory / "s", 0600));
}

// Two that start at the same instant. Each tells what it got and keeps it until both have told.
class Starter
{
public:
    explicit Starter(const std::string &path)
    {
        int go[2], told[2], end[2];
        EXPECT_EQ(::pipe2(go, O_CLOEXEC) + ::pipe2(told, O_CLOEXEC) + ::pipe2(end, O_CLOEXEC), 0);
        process_ = ::fork();
        if (process_ == 0) {
            ::close(go[1]);
            ::close(end[1]);
            char byte;
            if (::read(go[0], &byte, 1) != 1)
                ::_exit(1);
            const auto bound = BoundSocket::create(path, 0600);
            const int outcome = bound ? 0 : std::get<SystemError>(bound.error()).number;
            if (::write(told[1], &outcome, sizeof outcome) != sizeof outcome)
                ::_exit(1);
            [[maybe_unused]] const auto ended = ::read(end[0], &byte, 1);
            ::_exit(0);
        }
        for (const int ofTheChild : {go[0], told[1], end[0]})
            ::close(ofTheChild);
        go_.reset(go[1]);
        told_.reset(told[0]);
        end_.reset(end[1]);
    }
    ~Starter()
    {
        go_.reset();
        end_.reset();
        ::waitpid(process_, nullptr, 0);
    }

    void go() { EXPECT_EQ(::write(go_.get(), "g", 1), 1); }
    int outcome()
    {
        int outcome = -1;
        EXPECT_EQ(::read(told_.get(), &outcome, sizeof outcome), ssize_t{sizeof outcome});
        return outcome;
    }

private:
    pid_t process_;
    UniqueFd go_, told_, end_;
};

void startTwoAtOnce(const OwnDirectory &directory)
{
    std::vector<int> outcomes;
    {
        Starter first(directory / "s");
        Starter second(directory / "s");
        first.go();
        second.go();
        outcomes = {first.outcome(), second.outcome()};
        EXPECT_TRUE(isServed(directory / "s"));
        EXPECT_EQ(directory.names(), Names{"s"});
    }
    std::sort(outcomes.begin(), outcomes.end());
    EXPECT_EQ(outcomes, (std::vector<int>{0, EADDRINUSE}));
}

TEST(BoundSocket, OfTwoThatStartAtOnceOneServesAndOneSaysInUse)
{
    for (int round = 0; round < 100 && !HasFailure(); round++) {
        const OwnDirectory directory;
        startTwoAtOnce(directory);
    }
}

TEST(BoundSocket, OfTwoThatStartAtOnceOnAStaleSocketOneServesAndOneSaysInUse)
{
    for (int round = 0; round < 100 && !HasFailure(); round++) {
        const OwnDirectory directory;
        leaveStaleSocket(directory / "s");
        startTwoAtOnce(directory);
    }
}

} // namespace
