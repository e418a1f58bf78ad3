// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the kernel refuses to whoever got our memory, and what we refuse of the memory that a peer
// sends.
#include "ringcore/sealed_memfd.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

using namespace ringcore;

namespace
{

constexpr size_t kSize = 16 * 4096;

struct Attack {
    const char *name;
    int expectedErrno;
    int (*run)(int fd); // 0, or errno
};

int outcome(long result)
{
    return result < 0 ? errno : 0;
}

// On the memory that one process owns and another one reads.
const Attack kOnOwnedMemory[] = {
    {"MapsForWriting", EACCES,
     [](int fd) {
         void *data = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
         return data == MAP_FAILED ? errno : 0;
     }},
    {"MakesAMappingWritable", EACCES,
     [](int fd) {
         void *data = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd, 0);
         return data == MAP_FAILED ? -1 : outcome(::mprotect(data, kSize, PROT_READ | PROT_WRITE));
     }},
    {"Writes", EBADF, [](int fd) { return outcome(::pwrite(fd, "x", 1, 0)); }},
    {"PunchesAHole", EBADF,
     [](int fd) { return outcome(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)); }},
    {"RemovesPages", EACCES,
     [](int fd) {
         void *data = ::mmap(nullptr, kSize, PROT_READ, MAP_SHARED, fd, 0);
         return data == MAP_FAILED ? -1 : outcome(::madvise(data, 4096, MADV_REMOVE));
     }},
    {"Shrinks", EINVAL, [](int fd) { return outcome(::ftruncate(fd, 0)); }},
    {"Grows", EINVAL, [](int fd) { return outcome(::ftruncate(fd, 2 * kSize)); }},
    {"AddsASeal", EPERM, [](int fd) { return outcome(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }},
};

// The same uid (and root) can open the memory anew, for writing too; the seals hold all the same.
const Attack kOnReopenedMemory[] = {
    {"MapsForWriting", EPERM,
     [](int fd) {
         void *data = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
         return data == MAP_FAILED ? errno : 0;
     }},
    {"Writes", EPERM, [](int fd) { return outcome(::pwrite(fd, "x", 1, 0)); }},
    {"PunchesAHole", EPERM,
     [](int fd) { return outcome(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)); }},
    {"Shrinks", EPERM, [](int fd) { return outcome(::ftruncate(fd, 0)); }},
    {"Grows", EPERM, [](int fd) { return outcome(::ftruncate(fd, 2 * kSize)); }},
    {"AddsASeal", EPERM, [](int fd) { return outcome(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }},
};

FaultKind faultKindOf(const auto &result)
{
    if (result)
        return FaultKind{UINT32_MAX};
    const auto *fault = std::get_if<PeerFault>(&result.error());
    return fault ? fault->kind : FaultKind{UINT32_MAX};
}

void writeEveryByte(const Mapping &mapping, int value)
{
    std::memset(mapping.data(), value, mapping.size());
}

bool everyByteIs(const std::byte *data, size_t size, int value)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != static_cast<std::byte>(value))
            return false;
    }
    return true;
}

// Some memfd, with seals added as a peer might.
UniqueFd peersMemfd(size_t size, unsigned flags, unsigned seals)
{
    UniqueFd fd(::memfd_create("peer", MFD_CLOEXEC | flags));
    if (fd.valid()) {
        EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    }
    return fd;
}

class HostileConsumer : public testing::TestWithParam<Attack>
{
};
class HostileConsumerReopening : public testing::TestWithParam<Attack>
{
};

} // namespace

TEST_P(HostileConsumer, IsRefusedAndTheOwnerKeepsWriting)
{
    const auto memfd = SealedMemfd::createOwned("owned", kSize);
    ASSERT_TRUE(memfd);
    writeEveryByte(memfd->mapping(), 1);
    const auto sent = memfd->reopenForSending();
    ASSERT_TRUE(sent);

    EXPECT_EQ(GetParam().run(sent->get()), GetParam().expectedErrno);

    EXPECT_TRUE(everyByteIs(memfd->mapping().data(), kSize, 1));
    writeEveryByte(memfd->mapping(), 2);
    EXPECT_TRUE(everyByteIs(memfd->mapping().data(), kSize, 2));
}

TEST_P(HostileConsumerReopening, IsRefusedAndTheOwnerKeepsWriting)
{
    const auto memfd = SealedMemfd::createOwned("owned", kSize);
    ASSERT_TRUE(memfd);
    writeEveryByte(memfd->mapping(), 1);
    const auto sent = memfd->reopenForSending();
    ASSERT_TRUE(sent);
    const std::string path = "/proc/self/fd/" + std::to_string(sent->get());
    ::fchmod(sent->get(), 0600);
    const UniqueFd reopened(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!reopened.valid())
        GTEST_SKIP() << "cannot be opened anew here: " << std::strerror(errno);

    EXPECT_EQ(GetParam().run(reopened.get()), GetParam().expectedErrno);

    writeEveryByte(memfd->mapping(), 2);
    EXPECT_TRUE(everyByteIs(memfd->mapping().data(), kSize, 2));
}

constexpr auto nameOfAttack = [](const auto &param) { return param.param.name; };
INSTANTIATE_TEST_SUITE_P(Attacks, HostileConsumer, testing::ValuesIn(kOnOwnedMemory), nameOfAttack);
INSTANTIATE_TEST_SUITE_P(Attacks, HostileConsumerReopening, testing::ValuesIn(kOnReopenedMemory),
                         nameOfAttack);

TEST(SealedMemfd, WhatIsSentIsAnOpenFileOfItsOwn)
{
    const auto memfd = SealedMemfd::createOwned("owned", kSize);
    const auto sent = memfd->reopenForSending();
    ASSERT_TRUE(sent);
    EXPECT_EQ(::fcntl(sent->get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    ::fcntl(sent->get(), F_SETFL, O_NONBLOCK);
    EXPECT_EQ(::lseek(sent->get(), 100, SEEK_SET), 100);
    EXPECT_EQ(::fcntl(memfd->fd(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(::lseek(memfd->fd(), 0, SEEK_CUR), 0);
}

TEST(SealedMemfd, ReturnPageHasOneWriterOnceSealed)
{
    const auto page = SealedMemfd::createForPeer("return", 4096);
    ASSERT_TRUE(page);
    const auto sent = page->reopenForSending();
    ASSERT_TRUE(sent);
    const auto writer = mapReceived(sent->get(), 4096, kFixedSizeSeals, Mapping::Access::ReadWrite);
    ASSERT_TRUE(writer);
    EXPECT_EQ(faultKindOf(checkSeals(page->fd(), kSingleWriterSeals)), FaultKind::SealsMissing);
    ASSERT_TRUE(sealAsOnlyWriter(sent->get()));
    EXPECT_TRUE(checkSeals(page->fd(), kSingleWriterSeals));

    // Neither side can punch now, not even the one that created it; only the mapping still writes.
    for (const int fd : {page->fd(), sent->get()}) {
        EXPECT_EQ(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
        EXPECT_EQ(errno, EPERM);
        EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
    }
    EXPECT_EQ(::madvise(writer->data(), 4096, MADV_REMOVE), -1);
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page->fd(), 0), MAP_FAILED);
    writer->data()[0] = std::byte{5};
    const auto reader = Mapping::create(page->fd(), 4096, Mapping::Access::ReadOnly);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->data()[0], std::byte{5});
}

TEST(ReceivedMemory, IsMappedIfItIsAsPromised)
{
    const auto memfd = SealedMemfd::createOwned("owned", kSize);
    const auto sent = memfd->reopenForSending();
    const auto mapping = mapReceived(sent->get(), kSize, kSingleWriterSeals, Mapping::Access::ReadOnly);
    ASSERT_TRUE(mapping);
    ASSERT_TRUE(mapping->populateForReading(0, kSize));
    writeEveryByte(memfd->mapping(), 3);
    EXPECT_TRUE(everyByteIs(mapping->data(), kSize, 3));
}

TEST(ReceivedMemory, IsRefusedWithoutEachOfTheSeals)
{
    for (unsigned seal = 1; seal <= F_SEAL_FUTURE_WRITE; seal <<= 1) {
        if ((kSingleWriterSeals & seal) == 0)
            continue;
        const UniqueFd fd = peersMemfd(kSize, MFD_ALLOW_SEALING, kSingleWriterSeals & ~seal);
        EXPECT_EQ(faultKindOf(mapReceived(fd.get(), kSize, kSingleWriterSeals, Mapping::Access::ReadOnly)),
                  FaultKind::SealsMissing)
            << seal;
    }
    const UniqueFd unsealable(::memfd_create("peer", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(unsealable.get(), kSize), 0);
    EXPECT_EQ(
        faultKindOf(mapReceived(unsealable.get(), kSize, kSingleWriterSeals, Mapping::Access::ReadOnly)),
        FaultKind::SealsMissing);
}

TEST(ReceivedMemory, IsRefusedWithAnotherSize)
{
    for (const size_t size : {size_t{0}, kSize - 4096, kSize - 1, kSize + 1, kSize + 4096}) {
        const UniqueFd fd = peersMemfd(size, MFD_ALLOW_SEALING, kSingleWriterSeals);
        EXPECT_EQ(faultKindOf(mapReceived(fd.get(), kSize, kSingleWriterSeals, Mapping::Access::ReadOnly)),
                  FaultKind::SizeMismatch)
            << size;
    }
}

TEST(ReceivedMemory, MustBeAMemfd)
{
    int pipes[2];
    ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
    const UniqueFd readEnd(pipes[0]);
    const UniqueFd writeEnd(pipes[1]);
    std::string path = testing::TempDir() + "regular-XXXXXX";
    const UniqueFd regular(::mkstemp(path.data()));
    ASSERT_TRUE(regular.valid());
    ::unlink(path.c_str());
    ASSERT_EQ(::ftruncate(regular.get(), kSize), 0);
    const UniqueFd device(::open("/dev/zero", O_RDWR | O_CLOEXEC));
    const UniqueFd pathOnly(::open("/", O_PATH | O_CLOEXEC));
    for (const int fd : {readEnd.get(), writeEnd.get(), device.get(), pathOnly.get(), -1})
        EXPECT_EQ(faultKindOf(mapReceived(fd, kSize, kFixedSizeSeals, Mapping::Access::ReadOnly)),
                  FaultKind::NotAMemfd);
    // A file on a tmpfs has seals, of which it can have none but F_SEAL_SEAL.
    const FaultKind fault =
        faultKindOf(mapReceived(regular.get(), kSize, kFixedSizeSeals, Mapping::Access::ReadOnly));
    EXPECT_TRUE(fault == FaultKind::NotAMemfd || fault == FaultKind::SealsMissing);
}

TEST(ReceivedMemory, MustBeOfOrdinaryPages)
{
    constexpr size_t kHuge = 2u << 20;
    const UniqueFd fd = peersMemfd(kHuge, MFD_ALLOW_SEALING | MFD_HUGETLB, kSingleWriterSeals);
    if (!fd.valid())
        GTEST_SKIP() << "no huge pages here: " << std::strerror(errno);
    EXPECT_EQ(faultKindOf(mapReceived(fd.get(), kHuge, kSingleWriterSeals, Mapping::Access::ReadOnly)),
              FaultKind::NotAMemfd);
}

// Where the system has not enough memory for it, populating says so; nobody dies of SIGBUS.
TEST(ReceivedMemory, CannotBePopulatedBeyondItsEnd)
{
    const UniqueFd fd = peersMemfd(4096, MFD_ALLOW_SEALING, kFixedSizeSeals);
    const auto mapping = Mapping::create(fd.get(), 4 * 4096, Mapping::Access::ReadOnly);
    ASSERT_TRUE(mapping);
    EXPECT_TRUE(mapping->populateForReading(0, 4096));
    EXPECT_FALSE(mapping->populateForReading(4096, 4096));
    EXPECT_FALSE(mapping->populateForReading(0, 2 * 4096));
}
