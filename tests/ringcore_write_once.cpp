// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What was written once arrives as it was written and cannot be changed by anyone; what a peer
// could still change, or that costs more than we allow, is not taken.
#include "refused_call.h"

#include "ringcore/control_socket.h"
#include "ringcore/sealed_memfd.h"
#include "ringcore/write_once.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace
{

using namespace ringcore;
using ringtest::refuse;
using ringtest::Refused;

constexpr unsigned kNoExecSealFlag = 8; // MFD_NOEXEC_SEAL, which adds:
constexpr unsigned kSealExec = 0x20;    // F_SEAL_EXEC
constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
constexpr size_t kBound = 64u << 20;
constexpr size_t kSize = 3 * 4096 + 100;

std::vector<std::byte> pattern(size_t size)
{
    std::vector<std::byte> bytes(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = static_cast<std::byte>((i * 31 + i / 4096) % 251 + 1); // never zero
    return bytes;
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b)
{
    return std::ranges::equal(a, b);
}

bool arrivesAs(int fd, std::span<const std::byte> expected)
{
    const auto received = SealedBytes::open(fd, kBound);
    return received && same(received->bytes(), expected);
}

int errnoOf(long result)
{
    return result < 0 ? errno : 0;
}

constexpr int kWroteTooMany = 250; // no errno: Misuse

// 0 unless it is a SystemError or that Misuse.
template <typename T>
int errnoOf(const Result<T> &result)
{
    if (result)
        return 0;
    const auto *misuse = std::get_if<Misuse>(&result.error());
    if (misuse && misuse->kind == MisuseKind::WroteTooMany && misuse->given > misuse->bound)
        return kWroteTooMany;
    const auto *system = std::get_if<SystemError>(&result.error());
    return system ? system->number : 0;
}

template <typename T>
std::optional<PeerFault> faultOf(const Result<T> &result)
{
    const auto *fault = result ? nullptr : std::get_if<PeerFault>(&result.error());
    return fault ? std::optional(*fault) : std::nullopt;
}

constexpr auto nameOfCase = [](const auto &instance) { return instance.param.name; };

constexpr int kFailed = 254;
constexpr int kCannotRefuse = 255;

// What `act` returns in a process of its own; kFailed if an expectation failed there.
int inAnotherProcess(const std::function<int()> &act)
{
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        const int result = act();
        std::fflush(nullptr);
        ::_exit(testing::Test::HasFailure() ? kFailed : result); // no end that a filter may forbid
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    return WEXITSTATUS(status);
}

// The fd that another process made, sent, and left behind when it ended.
UniqueFd sentByAnotherProcess(const std::function<Result<UniqueFd>()> &make)
{
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    const ControlSocket ours{UniqueFd(pair[0])};
    ControlSocket theirs{UniqueFd(pair[1])};
    EXPECT_EQ(inAnotherProcess([&] {
                  auto made = make();
                  EXPECT_TRUE(made);
                  if (!made)
                      return 1;
                  const std::byte hello{1};
                  EXPECT_TRUE(theirs.send({&hello, 1}, {&*made, 1}));
                  return 0;
              }),
              0);
    theirs.close();
    auto message = ours.receive(1);
    EXPECT_TRUE(message && *message && (*message)->fds.size() == 1);
    return message && *message && !(*message)->fds.empty() ? std::move((*message)->fds[0]) : UniqueFd();
}

// How many fds and mappings of this process belong to a memfd of that name.
size_t traces(const std::string &name)
{
    size_t found = 0;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone; // the iterator's own
        if (std::filesystem::read_symlink(entry, gone).string().find("memfd:" + name) != std::string::npos)
            found++;
    }
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        found += line.find("memfd:" + name) != std::string::npos;
    return found;
}

// A memfd as a hostile sender makes it.
UniqueFd peersMemfd(size_t size, unsigned seals, unsigned flags = MFD_ALLOW_SEALING)
{
    UniqueFd fd(::memfd_create("peer", MFD_CLOEXEC | flags));
    if (fd.valid()) {
        EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        if (seals != 0) {
            EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
        }
    }
    return fd;
}

UniqueFd reopened(int fd, int flags)
{
    return UniqueFd(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC));
}

// What arrives

class Sizes : public testing::TestWithParam<size_t>
{
};

TEST_P(Sizes, ArriveByteForByteFromASenderThatIsGone)
{
    const auto bytes = pattern(GetParam());
    const UniqueFd fd = sentByAnotherProcess([&] { return writeOnce(bytes); });

    EXPECT_TRUE(verifySealed(fd.get()));
    const auto received = SealedBytes::open(fd.get(), GetParam());

    ASSERT_TRUE(received) << describe(received.error());
    EXPECT_TRUE(same(received->bytes(), bytes));
}

TEST_P(Sizes, CanBeFilledInPlace)
{
    const auto bytes = pattern(GetParam());
    const UniqueFd fd = sentByAnotherProcess([&] {
        return writeOnce(bytes.size(), [&](std::span<std::byte> memory) {
            EXPECT_EQ(memory.size(), bytes.size());
            EXPECT_TRUE(std::ranges::all_of(memory, [](std::byte b) { return b == std::byte{0}; }));
            std::ranges::copy(bytes, memory.begin());
            return bytes.size();
        });
    });

    EXPECT_TRUE(arrivesAs(fd.get(), bytes));
}

TEST_P(Sizes, ShrinkToWhatWasUsed)
{
    const auto bytes = pattern(GetParam());
    const auto fd = writeOnce(bytes.size() + 5000, [&](std::span<std::byte> memory) {
        std::ranges::fill(memory, std::byte{0xee});
        std::ranges::copy(bytes, memory.begin());
        return bytes.size();
    });
    ASSERT_TRUE(fd);

    const auto received = SealedBytes::open(fd->get(), bytes.size());

    ASSERT_TRUE(received);
    ASSERT_TRUE(same(received->bytes(), bytes));
    // Nor does the last page, which is mapped whole, show what was written beyond.
    const std::byte *begin = received->bytes().data();
    for (size_t i = bytes.size(); i < roundUpToPage(bytes.size()); i++)
        ASSERT_EQ(begin[i], std::byte{0}) << i;
}

INSTANTIATE_TEST_SUITE_P(Bytes, Sizes,
                         testing::Values(0, 1, pageSize() - 1, pageSize(), pageSize() + 1, 10u << 20),
                         testing::PrintToStringParamName());

TEST(WriteOnce, IsReadOnlySealedAndClosedOnExec)
{
    const auto fd = writeOnce(pattern(kSize));
    ASSERT_TRUE(fd);
    struct stat status;
    ASSERT_EQ(::fstat(fd->get(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0400u);
    EXPECT_EQ(::fcntl(fd->get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_EQ(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    const auto seals = static_cast<unsigned>(::fcntl(fd->get(), F_GET_SEALS));
    EXPECT_EQ(seals & kImmutableSeals, kImmutableSeals);
    const UniqueFd probe(::memfd_create("probe", MFD_CLOEXEC | kNoExecSealFlag));
    if (probe.valid()) { // Linux 6.3
        EXPECT_TRUE(seals & kSealExec);
        EXPECT_EQ(errnoOf(::fchmod(fd->get(), 0500)), EPERM);
    }
    EXPECT_EQ(traces(kWriteOnceName), 1u); // nothing but what was returned
}

TEST(WriteOnce, EachReceiverCanHaveAnOpenFileOfItsOwn)
{
    const auto bytes = pattern(kSize);
    const auto fd = writeOnce(bytes);
    ASSERT_TRUE(fd);
    const auto another = reopenForSending(fd->get(), O_RDONLY);
    ASSERT_TRUE(another);
    EXPECT_EQ(::lseek(another->get(), 100, SEEK_SET), 100);
    EXPECT_EQ(::lseek(fd->get(), 0, SEEK_CUR), 0);
    EXPECT_TRUE(arrivesAs(another->get(), bytes));
}

// What does not, and leaves nothing behind

struct Unwritten {
    const char *name;
    int expectedErrno;
    std::function<Result<UniqueFd>(const char *memfdName)> run;
};

void PrintTo(const Unwritten &unwritten, std::ostream *out)
{
    *out << unwritten.name;
}

size_t useAll(std::span<std::byte> memory)
{
    return memory.size();
}

// Of the next fd that is opened and the one after it, only the first succeeds.
void allowOneMoreFd()
{
    const UniqueFd next(::dup(STDERR_FILENO));
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = static_cast<rlim_t>(next.get()) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

const Unwritten kUnwritten[] = {
    {"MoreUsedThanThereIs", kWroteTooMany,
     [](const char *name) {
         return writeOnce(
             5, [](std::span<std::byte>) { return size_t{6}; }, name);
     }},
    {"AnyUsedOfNothing", kWroteTooMany,
     [](const char *name) {
         return writeOnce(
             0, [](std::span<std::byte>) { return size_t{1}; }, name);
     }},
    {"ASizeThatWraps", kWroteTooMany,
     [](const char *name) {
         return writeOnce(
             5, [](std::span<std::byte>) { return std::numeric_limits<size_t>::max(); }, name);
     }},
    {"MoreThanAFileHolds", EINVAL,
     [](const char *name) { return writeOnce(std::numeric_limits<size_t>::max(), useAll, name); }},
    {"MoreThanTheAddressSpaceHolds", ENOMEM,
     [](const char *name) { return writeOnce(size_t{1} << 50, useAll, name); }},
    {"NameTooLong", EINVAL,
     [](const char *name) {
         return writeOnce(5, useAll, (std::string(name) + std::string(250, 'x')).c_str());
     }},
    {"NoFdLeftForTheReopening", EMFILE,
     [](const char *name) {
         allowOneMoreFd();
         auto fd = writeOnce(5, useAll, name);
         const rlimit limit{256, 256};
         EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0); // to look for traces
         return fd;
     }},
};

class WriteOnceUnwritten : public testing::TestWithParam<Unwritten>
{
};

TEST_P(WriteOnceUnwritten, IsAnErrorAndLeavesNothing)
{
    const int found = inAnotherProcess([] {
        const int number = errnoOf(GetParam().run("unwritten"));
        EXPECT_EQ(traces("unwritten"), 0u);
        return number;
    });
    EXPECT_EQ(found, GetParam().expectedErrno);
}

INSTANTIATE_TEST_SUITE_P(Errors, WriteOnceUnwritten, testing::ValuesIn(kUnwritten), nameOfCase);

TEST(WriteOnce, PassesTheWritersExceptionOnAndLeavesNothing)
{
    for (const size_t size : {size_t{0}, kSize}) {
        const auto fill = [](std::span<std::byte> memory) -> size_t {
            EXPECT_EQ(traces("thrown"), memory.empty() ? 1u : 2u);
            throw std::runtime_error("the writer's own");
        };
        EXPECT_THROW((void)writeOnce(size, fill, "thrown"), std::runtime_error);
        EXPECT_EQ(traces("thrown"), 0u);
    }
}

TEST(WriteOnce, IsNotSealedWhileAnotherMappingWrites)
{
    void *kept = MAP_FAILED;
    const auto fd = writeOnce(
        kSize,
        [&](std::span<std::byte> memory) {
            for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
                std::error_code gone;
                if (std::filesystem::read_symlink(entry, gone).string().find("memfd:kept") ==
                    std::string::npos)
                    continue;
                kept = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED,
                              std::stoi(entry.path().filename()), 0);
            }
            return memory.size();
        },
        "kept");
    ASSERT_NE(kept, MAP_FAILED);
    EXPECT_EQ(errnoOf(fd), EBUSY);
    ::munmap(kept, kSize);
    EXPECT_EQ(traces("kept"), 0u);
}

// A program that starts another one from some other thread just then.
TEST(WriteOnce, IsNotHeldUpByAChildThatWasForkedMeanwhile)
{
    const auto bytes = pattern(kSize);
    int pipes[2];
    ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
    const UniqueFd waits(pipes[0]);
    UniqueFd ends(pipes[1]);
    pid_t child = -1;
    const auto fd = writeOnce(kSize, [&](std::span<std::byte> memory) {
        child = ::fork();
        if (child == 0) {
            ends.reset();
            char none;
            ::_exit(static_cast<int>(::read(waits.get(), &none, 1)));
        }
        std::ranges::copy(bytes, memory.begin());
        return memory.size();
    });
    EXPECT_TRUE(fd && arrivesAs(fd->get(), bytes)) << (fd ? "" : describe(fd.error()));
    ends.reset();
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

// Attacks on what was sent

int errnoOfMapping(int fd, int protection, int sharing, const std::function<int(void *)> &act)
{
    void *mapped = ::mmap(nullptr, 4096, protection, sharing, fd, 0);
    return mapped == MAP_FAILED ? errno : act(mapped);
}

int nothingMore(void *)
{
    return 0;
}

struct Attack {
    const char *name;
    int (*run)(int fd); // 0, or errno
    int expectedErrno;
    int throughAReopening;
};

void PrintTo(const Attack &attack, std::ostream *out)
{
    *out << attack.name;
}

// The sender's or a receiver's, which need not be ours.
const Attack kAttacks[] = {
    {"Write", [](int fd) { return errnoOf(::write(fd, "x", 1)); }, EBADF, EPERM},
    {"WriteAt", [](int fd) { return errnoOf(::pwrite(fd, "x", 1, 0)); }, EBADF, EPERM},
    {"WriteBeyondTheEnd", [](int fd) { return errnoOf(::pwrite(fd, "x", 1, kSize + 8192)); }, EBADF, EPERM},
    {"MapForWriting",
     [](int fd) { return errnoOfMapping(fd, PROT_READ | PROT_WRITE, MAP_SHARED, nothingMore); }, EACCES,
     EPERM},
    {"MakeAMappingWritable",
     [](int fd) {
         return errnoOfMapping(fd, PROT_READ, MAP_SHARED, [](void *at) {
             return errnoOf(::mprotect(at, 4096, PROT_READ | PROT_WRITE));
         });
     },
     EACCES, EACCES},
    {"WriteAPrivateMapping", // succeeds, and is nobody else's
     [](int fd) {
         return errnoOfMapping(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, [](void *at) {
             std::memset(at, 0xee, 4096);
             return 0;
         });
     },
     0, 0},
    {"RemovePages",
     [](int fd) {
         return errnoOfMapping(fd, PROT_READ, MAP_SHARED,
                               [](void *at) { return errnoOf(::madvise(at, 4096, MADV_REMOVE)); });
     },
     EACCES, EACCES},
    {"PunchAHole", [](int fd) { return errnoOf(::fallocate(fd, kPunch, 0, 4096)); }, EBADF, EPERM},
    {"AllocateBeyondTheEnd", [](int fd) { return errnoOf(::fallocate(fd, 0, 0, 1 << 20)); }, EBADF, EPERM},
    {"Shrink", [](int fd) { return errnoOf(::ftruncate(fd, 1)); }, EINVAL, EPERM},
    {"Grow", [](int fd) { return errnoOf(::ftruncate(fd, 1 << 20)); }, EINVAL, EPERM},
    {"AddASeal", [](int fd) { return errnoOf(::fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)); }, EPERM, EPERM},
    {"ReplaceTheSeals", [](int fd) { return errnoOf(::fcntl(fd, F_ADD_SEALS, 0)); }, EPERM, EPERM},
};

class WriteOnceAttack : public testing::TestWithParam<Attack>
{
};

TEST_P(WriteOnceAttack, IsRefusedAndTheBytesStay)
{
    const auto bytes = pattern(kSize);
    const auto fd = writeOnce(bytes);
    ASSERT_TRUE(fd);
    const auto victim = SealedBytes::open(fd->get(), kBound);
    ASSERT_TRUE(victim);

    EXPECT_EQ(inAnotherProcess([&] { return GetParam().run(fd->get()); }), GetParam().expectedErrno);

    EXPECT_TRUE(same(victim->bytes(), bytes));
    EXPECT_TRUE(arrivesAs(fd->get(), bytes));
}

// The same user and root can open it anew, for writing too; the seals hold all the same.
TEST_P(WriteOnceAttack, ThroughAReopeningIsRefusedAndTheBytesStay)
{
    const auto bytes = pattern(kSize);
    const auto fd = writeOnce(bytes);
    ASSERT_TRUE(fd);
    const auto victim = SealedBytes::open(fd->get(), kBound);
    ASSERT_TRUE(victim);

    const int found = inAnotherProcess([&] {
        EXPECT_EQ(::fchmod(fd->get(), 0600), 0);
        const UniqueFd own = reopened(fd->get(), O_RDWR);
        EXPECT_TRUE(own.valid());
        return GetParam().run(own.get());
    });

    // Before Linux 6.7 what is sealed cannot even be mapped through such an fd.
    if (!(found == EPERM && GetParam().throughAReopening == EACCES)) {
        EXPECT_EQ(found, GetParam().throughAReopening);
    }
    EXPECT_TRUE(same(victim->bytes(), bytes));
    EXPECT_TRUE(arrivesAs(fd->get(), bytes));
}

INSTANTIATE_TEST_SUITE_P(All, WriteOnceAttack, testing::ValuesIn(kAttacks), nameOfCase);

// What is received

struct Refusable {
    const char *name;
    PeerFault expected;
    UniqueFd (*make)();
};

void PrintTo(const Refusable &refusable, std::ostream *out)
{
    *out << refusable.name;
}

template <unsigned seal>
UniqueFd without()
{
    return peersMemfd(kSize, kImmutableSeals & ~seal);
}

constexpr unsigned kAllSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
constexpr PeerFault kNotSealable{FaultKind::NotAMemfd, 0, EINVAL};
constexpr PeerFault kNotOpen{FaultKind::NotAMemfd, 0, EBADF};
constexpr PeerFault missing(unsigned seals)
{
    return {FaultKind::SealsMissing, kAllSeals, kAllSeals & ~seals};
}

const Refusable kRefusable[] = {
    {"NoFd", kNotOpen, [] { return UniqueFd(); }},
    {"APath", kNotOpen,
     [] {
         const UniqueFd fd = peersMemfd(kSize, kImmutableSeals);
         return reopened(fd.get(), O_PATH);
     }},
    {"APipe", kNotSealable,
     [] {
         int pipes[2];
         EXPECT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
         UniqueFd closed(pipes[1]);
         return UniqueFd(pipes[0]);
     }},
    {"ASocket", kNotSealable, [] { return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }},
    {"ADevice", kNotSealable, [] { return UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC)); }},
    {"ADirectory", kNotSealable, [] { return UniqueFd(::open("/proc", O_RDONLY | O_CLOEXEC)); }},
    {"ARegularFile", kNotSealable,
     [] { return UniqueFd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC)); }},
    {"AnUnsealableMemfd", missing(kAllSeals & ~unsigned{F_SEAL_SEAL}),
     [] { return peersMemfd(kSize, 0, 0); }},
    {"NoSeals", missing(kAllSeals), [] { return peersMemfd(kSize, 0); }},
    {"NotSealedAgainstSeals", missing(F_SEAL_SEAL), without<F_SEAL_SEAL>},
    {"NotSealedAgainstShrinking", missing(F_SEAL_SHRINK), without<F_SEAL_SHRINK>},
    {"NotSealedAgainstGrowing", missing(F_SEAL_GROW), without<F_SEAL_GROW>},
    {"NotSealedAgainstWriting", missing(F_SEAL_WRITE), without<F_SEAL_WRITE>},
    {"EmptyButNotSealed", missing(kAllSeals), [] { return peersMemfd(0, 0); }},
    {"OpenForWritingOnly",
     {FaultKind::NotReadable, 0, O_WRONLY},
     [] {
         const UniqueFd fd = peersMemfd(kSize, kImmutableSeals);
         return reopened(fd.get(), O_WRONLY);
     }},
    {"OneByteTooMany",
     {FaultKind::SizeBeyondBound, kBound, kBound + 1},
     [] { return peersMemfd(kBound + 1, kImmutableSeals); }},
    // More than can be mapped: without the bound this fails as well, instead of taking all memory.
    {"APebibyteOfHoles",
     {FaultKind::SizeBeyondBound, kBound, uint64_t{1} << 50},
     [] { return peersMemfd(size_t{1} << 50, kImmutableSeals); }},
};

class ReceivedMemfd : public testing::TestWithParam<Refusable>
{
};

TEST_P(ReceivedMemfd, IsRefusedByNameAndCostsNothing)
{
    const UniqueFd fd = GetParam().make();
    const size_t before = traces("peer");
    PeerFault expected = GetParam().expected;
    if (expected.kind == FaultKind::SealsMissing) // the system may add one to every memfd
        expected.found |= static_cast<unsigned>(::fcntl(fd.get(), F_GET_SEALS)) & kSealExec;

    const auto fault = faultOf(SealedBytes::open(fd.get(), kBound));

    ASSERT_TRUE(fault);
    EXPECT_STREQ(nameOf(fault->kind), nameOf(expected.kind));
    EXPECT_EQ(fault->expected, expected.expected);
    EXPECT_EQ(fault->found, expected.found);
    EXPECT_EQ(traces("peer"), before); // not mapped
    struct stat status;
    if (expected.kind == FaultKind::SizeBeyondBound && ::fstat(fd.get(), &status) == 0) {
        EXPECT_EQ(status.st_blocks, 0); // not a page was made
    }
}

// The bare check sees what can be seen from the seals alone.
TEST_P(ReceivedMemfd, IsSealedOrNot)
{
    const UniqueFd fd = GetParam().make();
    const auto fault = faultOf(verifySealed(fd.get()));
    const FaultKind kind = GetParam().expected.kind;
    if (kind == FaultKind::NotAMemfd || kind == FaultKind::SealsMissing) {
        ASSERT_TRUE(fault);
        EXPECT_EQ(fault->kind, kind);
    } else {
        EXPECT_FALSE(fault);
    }
}

INSTANTIATE_TEST_SUITE_P(Refused, ReceivedMemfd, testing::ValuesIn(kRefusable), nameOfCase);

// A tmpfs's files have seals too, of which they can have no other than F_SEAL_SEAL.
TEST(ReceivedFd, MustNotBeAFileOfATmpfs)
{
    struct statfs fileSystem;
    const UniqueFd fd(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd.valid() || ::fstatfs(fd.get(), &fileSystem) != 0 || fileSystem.f_type != TMPFS_MAGIC)
        GTEST_SKIP() << "no tmpfs at /dev/shm";
    const auto fault = faultOf(SealedBytes::open(fd.get(), kBound));
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, FaultKind::SealsMissing);
}

TEST(ReceivedFd, MustBeOfOrdinaryPages)
{
    const UniqueFd fd = peersMemfd(2u << 20, kImmutableSeals, MFD_ALLOW_SEALING | MFD_HUGETLB);
    if (!fd.valid())
        GTEST_SKIP() << "no huge pages here: " << std::strerror(errno);
    const auto fault = faultOf(SealedBytes::open(fd.get(), kBound));
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, FaultKind::NotAMemfd);
    EXPECT_EQ(fault->expected, uint64_t{TMPFS_MAGIC});
    EXPECT_EQ(fault->found, uint64_t{HUGETLBFS_MAGIC});
}

TEST(ReceivedFd, OfNoBytesMustBeOfOrdinaryPagesToo)
{
    const UniqueFd fd = peersMemfd(0, kImmutableSeals, MFD_ALLOW_SEALING | MFD_HUGETLB);
    if (!fd.valid())
        GTEST_SKIP() << "no huge pages here: " << std::strerror(errno);
    EXPECT_TRUE(faultOf(SealedBytes::open(fd.get(), kBound)));
}

// F_SEAL_FUTURE_WRITE leaves the mappings that there are. Its sender writes on while we read.
TEST(HostileSender, WithAWritableMappingIsRefused)
{
    const UniqueFd fd = peersMemfd(kSize, 0);
    const auto kept = Mapping::create(fd.get(), kSize, Mapping::Access::ReadWrite);
    ASSERT_TRUE(kept);
    EXPECT_EQ(errnoOf(::fcntl(fd.get(), F_ADD_SEALS, kImmutableSeals)), EBUSY); // the seal that it lacks
    ASSERT_EQ(::fcntl(fd.get(), F_ADD_SEALS, kSingleWriterSeals), 0);

    const auto fault = faultOf(SealedBytes::open(fd.get(), kBound));

    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->kind, FaultKind::SealsMissing);
    EXPECT_TRUE(faultOf(verifySealed(fd.get())));
    kept->data()[0] = std::byte{7};
    char seen = 0;
    ASSERT_EQ(::pread(fd.get(), &seen, 1, 0), 1);
    EXPECT_EQ(seen, 7);
}

TEST(ReceivedFd, MayHaveMoreSealsThanAsked)
{
    const UniqueFd fd = peersMemfd(kSize, kImmutableSeals | F_SEAL_FUTURE_WRITE);
    EXPECT_TRUE(SealedBytes::open(fd.get(), kBound));
}

TEST(ReceivedFd, OfHolesIsZeroesThatAreReal)
{
    constexpr size_t kHoles = 4u << 20;
    const UniqueFd fd = peersMemfd(kHoles, kImmutableSeals);
    const auto received = SealedBytes::open(fd.get(), kHoles);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->bytes().size(), kHoles);
    EXPECT_TRUE(std::ranges::all_of(received->bytes(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(ReceivedFd, BeyondTheAddressSpaceIsAnErrno)
{
    const UniqueFd fd = peersMemfd(size_t{1} << 50, kImmutableSeals);
    EXPECT_EQ(errnoOf(SealedBytes::open(fd.get(), std::numeric_limits<size_t>::max())), ENOMEM);
}

TEST(SealedBytes, OutliveTheFdAndMoveWithTheirOwner)
{
    const auto bytes = pattern(kSize);
    auto fd = writeOnce(bytes, "outlived");
    ASSERT_TRUE(fd);
    {
        auto first = SealedBytes::open(fd->get(), kSize);
        ASSERT_TRUE(first);
        fd->reset();
        SealedBytes second = std::move(*first);
        EXPECT_TRUE(first->bytes().empty());
        EXPECT_TRUE(same(second.bytes(), bytes));
    }
    EXPECT_EQ(traces("outlived"), 0u);
}

// Kernels and systems that have less

// Runs `act` in a process in which the call is refused; skips the test where that cannot be.
#define WITHOUT(refused, act)                                                                                \
    do {                                                                                                     \
        const int result_ = inAnotherProcess([&] {                                                           \
            if (!refuse(refused))                                                                            \
                return kCannotRefuse;                                                                        \
            act();                                                                                           \
            return 0;                                                                                        \
        });                                                                                                  \
        if (result_ == kCannotRefuse)                                                                        \
            GTEST_SKIP() << "seccomp filters are not allowed here";                                          \
        EXPECT_EQ(result_, 0);                                                                               \
    } while (false)

constexpr uint32_t kPopulateRead = 22;
constexpr uint32_t kPopulateWrite = 23;

const Refused kNoExecSeal{"NoExecSeal", SYS_memfd_create, EINVAL, 1, kNoExecSealFlag, kNoExecSealFlag};
const Refused kOpening{"OpeningThroughProc", SYS_openat, EACCES};
const Refused kFstat{"Fstat", SYS_fstat, EIO};
const Refused kFstatAt{"FstatAt", SYS_newfstatat, EIO};
const Refused kMapShared{"MapShared", SYS_mmap, EPERM, 3, MAP_TYPE, MAP_SHARED};
const Refused kMemoryToWrite{"MemoryToWrite", SYS_madvise, ENOMEM, 2, UINT32_MAX, kPopulateWrite};
const Refused kMemoryToRead{"MemoryToRead", SYS_madvise, ENOMEM, 2, UINT32_MAX, kPopulateRead};

TEST(WriteOnceWithout, NoExecSealIsSealedAllTheSame)
{
    const auto bytes = pattern(kSize);
    WITHOUT(kNoExecSeal, [&] {
        const auto fd = writeOnce(bytes);
        ASSERT_TRUE(fd);
        EXPECT_EQ(static_cast<unsigned>(::fcntl(fd->get(), F_GET_SEALS)), kImmutableSeals);
        EXPECT_TRUE(arrivesAs(fd->get(), bytes));
    });
}

TEST(WriteOnceWithout, ProcSendsADuplicateThatTheSealsProtect)
{
    const auto bytes = pattern(kSize);
    WITHOUT(kOpening, [&] {
        const auto fd = writeOnce(bytes);
        ASSERT_TRUE(fd);
        EXPECT_EQ(::fcntl(fd->get(), F_GETFL) & O_ACCMODE, O_RDWR);
        EXPECT_EQ(errnoOf(::pwrite(fd->get(), "x", 1, 0)), EPERM);
        EXPECT_TRUE(arrivesAs(fd->get(), bytes));
    });
}

// As before Linux 6.7, for an fd that was opened for writing.
TEST(WriteOnceWithout, SharedMappingsOfSealedMemoryIsRead)
{
    const auto bytes = pattern(kSize);
    const auto fd = writeOnce(bytes);
    ASSERT_TRUE(fd);
    WITHOUT(kMapShared, [&] { EXPECT_TRUE(arrivesAs(fd->get(), bytes)); });
}

TEST(WriteOnceWithout, MemoryIsAnErrnoBeforeTheWriterIsCalled)
{
    WITHOUT(kMemoryToWrite, [] {
        bool called = false;
        const auto fill = [&](std::span<std::byte>) {
            called = true;
            return size_t{0};
        };
        EXPECT_EQ(errnoOf(writeOnce(kSize, fill, "unreal")), ENOMEM);
        EXPECT_FALSE(called);
        EXPECT_EQ(traces("unreal"), 0u);
    });
}

// fstat of a FUSE file takes as long as its sender likes: the seals are asked for before.
TEST(SealedBytesWithout, FstatAreAMemfdOrNot)
{
    int pipes[2];
    ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
    const UniqueFd readEnd(pipes[0]);
    const UniqueFd writeEnd(pipes[1]);
    const UniqueFd unsealed = peersMemfd(kSize, 0);
    WITHOUT(kFstatAt, [&] {
        ASSERT_TRUE(refuse(kFstat));
        struct stat status;
        EXPECT_EQ(::fstat(readEnd.get(), &status), -1);
        for (const int fd : {readEnd.get(), unsealed.get()})
            EXPECT_TRUE(faultOf(SealedBytes::open(fd, kBound)));
    });
}

TEST(SealedBytesWithout, MemoryAreAFaultOfTheirSender)
{
    const auto fd = writeOnce(pattern(kSize), "unreal");
    ASSERT_TRUE(fd);
    WITHOUT(kMemoryToRead, [&] {
        const auto fault = faultOf(SealedBytes::open(fd->get(), kBound));
        ASSERT_TRUE(fault);
        EXPECT_EQ(fault->kind, FaultKind::CannotPopulate);
        EXPECT_EQ(fault->expected, kSize);
        EXPECT_EQ(fault->found, uint64_t{ENOMEM});
        EXPECT_EQ(traces("unreal"), 1u); // the fd
    });
}

} // namespace
