// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who gets in: the socket's permission bits, the two authorize signals and producer-uid decide, and
// what is told of a peer is what the kernel says of it.
#include "peer_process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace
{

const std::string kPicture = "videotestsrc ! video/x-raw,format=I420,width=160,height=120,framerate=30/1 ! ";
constexpr PeerProcess::User kStranger{12345};
// The kernel gives it for users that a namespace has no number for.
constexpr PeerProcess::User kNobody{65534};

// Like freshPath(), where other users get at it too.
class PublicDirectory
{
public:
    PublicDirectory()
    {
        std::string path = "/tmp/ring-admission-XXXXXX";
        if (!::mkdtemp(path.data()))
            throw std::runtime_error("mkdtemp");
        ::chmod(path.c_str(), 0777);
        path_ = path;
        // Looking at all plugins takes seconds, so strangers get our list of them.
        if (const char *registry = std::getenv("GST_REGISTRY")) {
            std::error_code none;
            std::filesystem::copy_file(registry, this->registry(), none);
            ::chmod(this->registry().c_str(), 0644);
        }
    }
    ~PublicDirectory()
    {
        std::error_code none;
        std::filesystem::remove_all(path_, none);
    }
    PublicDirectory(const PublicDirectory &) = delete;
    PublicDirectory &operator=(const PublicDirectory &) = delete;

    std::string socket() const { return path_ + "/socket"; }
    std::vector<std::string> environment() const
    {
        return {"GST_REGISTRY=" + registry(), "TMPDIR=" + path_, "HOME=" + path_, "XDG_CACHE_HOME=" + path_,
                "XDG_RUNTIME_DIR=" + path_};
    }

private:
    std::string registry() const { return path_ + "/registry.bin"; }
    std::string path_;
};

std::string sinkAt(const std::string &socket, const std::string &properties = "")
{
    return kPicture + "sharedringsink name=ring socket=" + socket + " " + properties;
}

std::string sourceAt(const std::string &socket, const std::string &properties = "")
{
    return "sharedringsrc name=ring socket=" + socket + " " + properties + " ! fakesink name=tap sync=false";
}

std::string idsOf(pid_t pid, unsigned uid)
{
    return std::to_string(pid) + " " + std::to_string(uid);
}

bool contains(const std::optional<std::string> &text, const std::string &part)
{
    return text && text->find(part) != std::string::npos;
}

} // namespace

// ---- perms

struct PermissionCase {
    const char *perms;
    mode_t umask;
    mode_t expected;
};

class PermissionBits : public testing::TestWithParam<PermissionCase>
{
};

TEST_P(PermissionBits, AreExactWhateverTheUmask)
{
    const std::string socket = freshPath(".socket");
    const mode_t before = ::umask(GetParam().umask);
    PeerProcess producer(sinkAt(socket, GetParam().perms));
    ::umask(before);
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    struct stat status {
    };
    ASSERT_EQ(::stat(socket.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 07777, GetParam().expected);
    EXPECT_EQ(producer.quit(), 0);
}

INSTANTIATE_TEST_SUITE_P(Umasks, PermissionBits,
                         testing::Values(PermissionCase{"", 0000, 0600}, PermissionCase{"", 0777, 0600},
                                         PermissionCase{"perms=0666", 0077, 0666},
                                         PermissionCase{"perms=0640", 0000, 0640}));

TEST(Permissions, OfTheOwnerAloneKeepAnotherUserOut)
{
    if (!kStranger.canRun())
        GTEST_SKIP() << "needs root, and programs that other users can run";
    const PublicDirectory directory;
    PeerProcess producer(sinkAt(directory.socket()));
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess stranger(kStranger, sourceAt(directory.socket()), {}, directory.environment());
    const auto error = stranger.waitFor("error ");
    EXPECT_TRUE(contains(error, directory.socket())) << stranger.transcript();
    EXPECT_TRUE(contains(error, "Permission denied")) << stranger.transcript();

    PeerProcess friendly(sourceAt(directory.socket()));
    EXPECT_TRUE(friendly.waitForCount(1)) << friendly.transcript();
    EXPECT_EQ(producer.command("get ring num-clients"), "1");
}

TEST(Permissions, OfEverybodyLetAnotherUserInAndTellItsPidAndUid)
{
    if (!kStranger.canRun())
        GTEST_SKIP() << "needs root, and programs that other users can run";
    const PublicDirectory directory;
    PeerProcess producer(sinkAt(directory.socket(), "perms=0666"));
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess stranger(kStranger, sourceAt(directory.socket()), {}, directory.environment());
    ASSERT_TRUE(stranger.waitForCount(1)) << stranger.transcript();

    EXPECT_EQ(producer.waitFor("asked "), idsOf(stranger.pid(), kStranger.uid) + " 12345");
    EXPECT_EQ(producer.waitFor("connected "), "1 " + idsOf(stranger.pid(), kStranger.uid));
    EXPECT_EQ(stranger.waitFor("asked "), idsOf(producer.pid(), 0) + " 0");
    EXPECT_EQ(stranger.quit(), 0);
    EXPECT_TRUE(producer.waitFor("disconnected 1 ")) << producer.transcript();
}

TEST(Permissions, TheUserThatStandsForUnknownOnesIsToldAsUnknown)
{
    if (!kNobody.canRun())
        GTEST_SKIP() << "needs root, and programs that other users can run";
    const PublicDirectory directory;
    PeerProcess producer(sinkAt(directory.socket(), "perms=0666"));
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess nobody(kNobody, sourceAt(directory.socket()), {}, directory.environment());
    EXPECT_EQ(producer.waitFor("connected "), "1 " + idsOf(nobody.pid(), 4294967295)) << nobody.transcript();
}

// ---- authorize-client

TEST(AuthorizeClient, ARefusedOneIsToldSoAndGetsNothing)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(sinkAt(socket), {"--refuse"});
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess client(sourceAt(socket));
    const auto error = client.waitFor("error ");
    EXPECT_TRUE(contains(error, socket)) << client.transcript();
    EXPECT_TRUE(contains(error, "refuses us")) << client.transcript();
    EXPECT_EQ(client.command("count"), "0");
    EXPECT_EQ(client.stat("mapped-bytes"), 0u);

    EXPECT_EQ(producer.waitFor("asked "),
              idsOf(client.pid(), ::geteuid()) + " " + std::to_string(::getegid()));
    EXPECT_FALSE(producer.seen("connected ")) << producer.transcript();
    EXPECT_FALSE(producer.seen("disconnected ")) << producer.transcript();
    EXPECT_EQ(producer.command("get ring num-clients"), "0");
    EXPECT_EQ(producer.quit(), 0);
}

TEST(AuthorizeClient, TellsTheClientsApartByTheirPids)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(sinkAt(socket));
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess first(sourceAt(socket));
    EXPECT_EQ(producer.waitFor("connected "), "1 " + idsOf(first.pid(), ::geteuid()));
    PeerProcess second(sourceAt(socket));
    EXPECT_EQ(producer.waitFor("connected "), "2 " + idsOf(second.pid(), ::geteuid()));
    EXPECT_EQ(producer.command("get ring num-clients"), "2");

    EXPECT_EQ(first.quit(), 0);
    EXPECT_TRUE(producer.waitFor("disconnected 1 ")) << producer.transcript();
    EXPECT_EQ(producer.command("get ring num-clients"), "1");
    const auto seen = std::strtoull(second.command("count").c_str(), nullptr, 10);
    EXPECT_TRUE(second.waitForCount(seen + 2)) << second.transcript();
}

// ---- authorize-producer, producer-uid

TEST(AuthorizeProducer, ARefusedOneHearsNothingAndTheSourceEndsInAnError)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(sinkAt(socket));
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess client(sourceAt(socket), {"--refuse"});
    const auto error = client.waitFor("error ");
    EXPECT_TRUE(contains(error, socket)) << client.transcript();
    EXPECT_EQ(client.waitFor("asked "),
              idsOf(producer.pid(), ::geteuid()) + " " + std::to_string(::getegid()));
    EXPECT_EQ(client.command("count"), "0");

    EXPECT_FALSE(producer.seen("asked ")) << "the client said hello\n" << producer.transcript();
    EXPECT_FALSE(producer.seen("connected ")) << producer.transcript();
}

TEST(ProducerUid, AcceptsThatUserAndNoOther)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(sinkAt(socket));
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();
    const std::string own = std::to_string(::geteuid());

    PeerProcess content(sourceAt(socket, "producer-uid=" + own));
    EXPECT_TRUE(content.waitForCount(1)) << content.transcript();

    PeerProcess picky(sourceAt(socket, "producer-uid=12345"));
    const auto error = picky.waitFor("error ");
    EXPECT_TRUE(contains(error, socket)) << picky.transcript();
    EXPECT_TRUE(contains(error, "uid " + own)) << picky.transcript();
    EXPECT_TRUE(contains(error, "12345")) << picky.transcript();
    EXPECT_FALSE(picky.seen("asked ")) << picky.transcript();
    EXPECT_EQ(picky.command("count"), "0");
}

TEST(ProducerUid, AcceptsAProducerOfAnotherUser)
{
    if (!kStranger.canRun())
        GTEST_SKIP() << "needs root, and programs that other users can run";
    const PublicDirectory directory;
    PeerProcess producer(kStranger, sinkAt(directory.socket()), {}, directory.environment());
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();

    PeerProcess content(sourceAt(directory.socket(), "producer-uid=12345"));
    EXPECT_TRUE(content.waitForCount(1)) << content.transcript();
    EXPECT_EQ(content.waitFor("asked "), idsOf(producer.pid(), kStranger.uid) + " 12345");
    EXPECT_EQ(producer.waitFor("connected "), "1 " + idsOf(content.pid(), 0));
}
