// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a client was given it can read, and nothing else: every way to change the producer's memory
// ends with the errno that is known for it, and not a byte has changed.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include "ringcore/sealed_memfd.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <linux/falloc.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace
{

using namespace ringcore;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::RawClient;

int errnoOf(long result)
{
    return result < 0 ? errno : 0;
}

int errnoOfMapping(int fd, int protection, int flags)
{
    void *mapped = ::mmap(nullptr, 4096, protection, flags, fd, 0);
    if (mapped == MAP_FAILED)
        return errno;
    ::munmap(mapped, 4096);
    return 0;
}

// Something done to a read-only mapping of the memory.
int errnoOnMapping(int fd, const std::function<long(void *)> &act)
{
    void *mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    const int error = errnoOf(act(mapped));
    ::munmap(mapped, 4096);
    return error;
}

// A description of its own that may write, where permissions let it (to root they always do).
UniqueFd reopenedForWriting(int fd)
{
    return UniqueFd(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_CLOEXEC));
}

int errnoOfReopened(int fd, const std::function<int(int)> &act)
{
    const UniqueFd reopened = reopenedForWriting(fd);
    if (!reopened.valid()) {
        EXPECT_NE(::geteuid(), 0u);
        EXPECT_EQ(errno, EACCES);
        return EPERM; // as good as what root gets
    }
    return act(reopened.get());
}

struct Attack {
    const char *name;
    std::function<int(int fd)> run;
    int expectedErrno;
};

void PrintTo(const Attack &attack, std::ostream *out)
{
    *out << attack.name;
}

constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

const Attack kAttacks[] = {
    {"Write", [](int fd) { return errnoOf(::write(fd, "x", 1)); }, EBADF},
    {"WriteAt", [](int fd) { return errnoOf(::pwrite(fd, "x", 1, 0)); }, EBADF},
    {"MapForWriting", [](int fd) { return errnoOfMapping(fd, PROT_READ | PROT_WRITE, MAP_SHARED); }, EACCES},
    {"MakeAMappingWritable",
     [](int fd) {
         return errnoOnMapping(fd, [](void *at) { return ::mprotect(at, 4096, PROT_READ | PROT_WRITE); });
     },
     EACCES},
    {"RemovePages",
     [](int fd) { return errnoOnMapping(fd, [](void *at) { return ::madvise(at, 4096, MADV_REMOVE); }); },
     EACCES},
    {"PopulateForWriting",
     [](int fd) {
         return errnoOnMapping(fd, [](void *at) { return ::madvise(at, 4096, 23 /* POPULATE_WRITE */); });
     },
     EINVAL},
    {"PunchAHole", [](int fd) { return errnoOf(::fallocate(fd, kPunch, 0, 4096)); }, EBADF},
    {"Truncate", [](int fd) { return errnoOf(::ftruncate(fd, 0)); }, EINVAL},
    {"AddASeal", [](int fd) { return errnoOf(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }, EPERM},
    {"WriteThroughAReopening",
     [](int fd) { return errnoOfReopened(fd, [](int own) { return errnoOf(::pwrite(own, "x", 1, 0)); }); },
     EPERM},
    {"MapAReopeningForWriting",
     [](int fd) {
         return errnoOfReopened(
             fd, [](int own) { return errnoOfMapping(own, PROT_READ | PROT_WRITE, MAP_SHARED); });
     },
     EPERM},
    {"MakeAMappingOfAReopeningWritable",
     [](int fd) {
         return errnoOfReopened(fd, [](int own) {
             const int error =
                 errnoOnMapping(own, [](void *at) { return ::mprotect(at, 4096, PROT_READ | PROT_WRITE); });
             return error == EACCES ? EPERM : error;
         });
     },
     EPERM},
    {"PunchAHoleThroughAReopening",
     [](int fd) {
         return errnoOfReopened(fd, [](int own) { return errnoOf(::fallocate(own, kPunch, 0, 4096)); });
     },
     EPERM},
    {"TruncateAReopening",
     [](int fd) { return errnoOfReopened(fd, [](int own) { return errnoOf(::ftruncate(own, 0)); }); }, EPERM},
    {"GrowAReopening",
     [](int fd) {
         return errnoOfReopened(fd, [](int own) { return errnoOf(::ftruncate(own, off_t{1} << 40)); });
     },
     EPERM},
};

enum class Which { Arena, Forward };

class MemoryAttack : public testing::TestWithParam<std::tuple<Which, Attack>>
{
};

TEST_P(MemoryAttack, IsRefusedAndTheStreamGoesOn)
{
    const auto &[which, attack] = GetParam();
    Producer producer;
    Consumer honest(producer.socket(), Consumer::Keeping::Everything);
    producer.awaitJoined(1);
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(2);
    // At the arena's low end, where the attacks strike.
    producer.deliver(1, 5000);
    ASSERT_TRUE(client.read());
    ASSERT_EQ(client.arena().data()[0], std::byte{1});

    const int fd = which == Which::Arena ? client.arenaFd() : client.forwardFd();
    EXPECT_EQ(attack.run(fd), attack.expectedErrno) << std::strerror(attack.expectedErrno);

    EXPECT_EQ(client.arena().data()[0], std::byte{1});
    EXPECT_EQ(client.arena().data()[4999], std::byte{1});
    EXPECT_EQ(client.forward().cursor.load(), 1u);
    producer.deliver(2);
    ASSERT_TRUE(honest.awaitLast("2"));
    EXPECT_EQ(honest.texts(), (ringtest::Texts{"joined", "1!", "2"}));
}

INSTANTIATE_TEST_SUITE_P(All, MemoryAttack,
                         testing::Combine(testing::Values(Which::Arena, Which::Forward),
                                          testing::ValuesIn(kAttacks)),
                         [](const auto &instance) {
                             const bool arena = std::get<0>(instance.param) == Which::Arena;
                             return std::string(arena ? "Arena" : "Forward") +
                                    std::get<1>(instance.param).name;
                         });

// The page that the client writes: once it is sealed, not even its writer can make the producer's
// loads wait for it.
TEST(ReturnPage, CannotBePunchedOrResizedByItsWriter)
{
    Producer producer;
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    const int fd = client.returnFd();
    EXPECT_EQ(errnoOf(::fallocate(fd, kPunch, 0, 4096)), EPERM);
    EXPECT_EQ(errnoOf(::madvise(&client.returnPage(), 4096, MADV_REMOVE)), EPERM);
    EXPECT_EQ(errnoOf(::ftruncate(fd, 0)), EPERM);
    EXPECT_EQ(errnoOf(::ftruncate(fd, 8192)), EPERM);
    EXPECT_EQ(errnoOf(::pwrite(fd, "x", 1, 0)), EPERM);
    EXPECT_EQ(errnoOfMapping(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
    producer.deliver(1);
    EXPECT_TRUE(client.read());
}

// What a peer does to the flags, owner or locks of what it got does not reach the producer's own.
TEST(Descriptors, AreOpenFileDescriptionsOfTheClientsOwn)
{
    Producer producer;
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(1);
    const int producers = producer.stream().arena().memfd().fd();
    const int flags = ::fcntl(producers, F_GETFL);
    ASSERT_EQ(::fcntl(client.arenaFd(), F_SETFL, O_APPEND | O_NONBLOCK), 0);
    EXPECT_EQ(::fcntl(producers, F_GETFL), flags);
    ASSERT_EQ(::lseek(client.arenaFd(), 1234, SEEK_SET), 1234);
    EXPECT_EQ(::lseek(producers, 0, SEEK_CUR), 0);
    EXPECT_EQ(::fcntl(client.arenaFd(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(::fcntl(client.forwardFd(), F_GETFL) & O_ACCMODE, O_RDONLY);
    for (const int fd : {client.arenaFd(), client.forwardFd()}) {
        struct stat status;
        ASSERT_EQ(::fstat(fd, &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0400u); // nobody but root reopens it for writing
    }
}

} // namespace
