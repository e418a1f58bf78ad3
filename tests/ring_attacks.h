// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the other end of a ring may try that is not honest: the lies, and the attacks on memory.
#pragma once

#include "ring_ends.h"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <linux/falloc.h>
#include <random>
#include <sys/stat.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ringtest
{

using namespace ringcore;

using Item = uint64_t;
inline constexpr uint32_t kCapacity = 8;

constexpr size_t bytesOf(RingRole role, uint64_t itemsBytes = kCapacity * sizeof(Item))
{
    return role == RingRole::Sender ? (sizeof(RingSide) + itemsBytes + 4095) / 4096 * 4096 : 4096;
}

constexpr RingRole otherThan(RingRole role)
{
    return role == RingRole::Sender ? RingRole::Receiver : RingRole::Sender;
}

// What a side says of itself.
struct Head {
    uint32_t magic = kRingMagic;
    uint32_t version = kRingVersion;
    std::optional<RingRole> role = {}; // the right one
    uint32_t capacity = kCapacity;
    uint32_t itemBytes = sizeof(Item);
    uint32_t itemAlignment = alignof(Item);
};

inline void write(RingSide &side, const Head &head, RingRole role)
{
    side.version = head.version;
    side.role = static_cast<uint32_t>(head.role.value_or(role));
    side.capacity = head.capacity;
    side.itemBytes = head.itemBytes;
    side.itemAlignment = head.itemAlignment;
    side.magic = head.magic;
}

// Whatever happens to one ring: the others of the process work.
class BesideAnHonestRing : public testing::Test
{
protected:
    BesideAnHonestRing() { honest_.expectWorks(); }
    void TearDown() override { honest_.expectWorks(); }

private:
    Ends<Item> honest_{Made::BySender};
};

inline const auto nameOfRole = [](const auto &instance) {
    return std::string(instance.param == RingRole::Sender ? "Sender" : "Receiver");
};
inline constexpr RingRole kRoles[] = {RingRole::Sender, RingRole::Receiver};
// Distances that no honest cursor has.
inline std::vector<uint32_t> lies()
{
    std::vector<uint32_t> all{kCapacity + 1,  kCapacity + 2, 1u << 31,        (1u << 31) - 1,
                              (1u << 31) + 1, UINT32_MAX,    UINT32_MAX - 1u, UINT32_MAX - kCapacity};
    std::mt19937 random(3);
    for (int i = 0; i < 20; i++)
        all.push_back(static_cast<uint32_t>(kCapacity + 1 + random() % (UINT32_MAX - kCapacity)));
    return all;
}

// ---- heads

struct WrongHead {
    const char *name;
    Head head;
    FaultKind fault;
    uint64_t expected;
    uint64_t found;
};
inline const WrongHead kWrongHeads[] = {
    {"NoMagic", {.magic = 0}, FaultKind::NotARing, kRingMagic, 0},
    {"OtherMagic", {.magic = 0x12345678}, FaultKind::NotARing, kRingMagic, 0x12345678},
    {"OlderVersion", {.version = 0}, FaultKind::VersionUnsupported, kRingVersion, 0},
    {"NewerVersion", {.version = 2}, FaultKind::VersionUnsupported, kRingVersion, 2},
    {"HalfTheCapacity", {.capacity = 4}, FaultKind::CapacityMismatch, 8, 4},
    {"HugeCapacity", {.capacity = UINT32_MAX}, FaultKind::CapacityMismatch, 8, UINT32_MAX},
    {"NoCapacity", {.capacity = 0}, FaultKind::CapacityMismatch, 8, 0},
    {"SmallerItem", {.itemBytes = 4}, FaultKind::ItemMismatch, 8, 4},
    {"HugeItem", {.itemBytes = 1u << 31}, FaultKind::ItemMismatch, 8, 1u << 31},
    {"OtherAlignment", {.itemAlignment = 4}, FaultKind::ItemMismatch, 8, 4},
};

inline std::vector<WrongHead> wrongHeadsOf(RingRole role)
{
    std::vector<WrongHead> all(std::begin(kWrongHeads), std::end(kWrongHeads));
    const auto number = [](RingRole any) { return static_cast<uint64_t>(any); };
    all.push_back({"OurOwnRole",
                   {.role = otherThan(role)},
                   FaultKind::RoleUnexpected,
                   number(role),
                   number(otherThan(role))});
    all.push_back({"NoRole", {.role = RingRole{0}}, FaultKind::RoleUnexpected, number(role), 0});
    all.push_back({"NoKnownRole", {.role = RingRole{3}}, FaultKind::RoleUnexpected, number(role), 3});
    return all;
}

// ---- memory

inline int errnoOf(long result)
{
    return result < 0 ? errno : 0;
}

inline int errnoOfMapping(int fd, int protection)
{
    void *mapped = ::mmap(nullptr, 4096, protection, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return errno;
    ::munmap(mapped, 4096);
    return 0;
}

inline int errnoOnMapping(int fd, const std::function<long(void *)> &act)
{
    void *mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    const int error = errnoOf(act(mapped));
    ::munmap(mapped, 4096);
    return error;
}

// As root can; for others it ends with EACCES, which is as good.
inline int errnoOfReopened(int fd, const std::function<int(int)> &act)
{
    const UniqueFd own(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_CLOEXEC));
    if (own.valid())
        return act(own.get());
    EXPECT_NE(::geteuid(), 0u);
    EXPECT_EQ(errno, EACCES);
    return EPERM;
}

struct MemoryAttack {
    const char *name;
    int (*run)(int fd);
    int onVictims; // the errno for memory that is the victim's from the start
    int onOwn;     // and for what the attacker sealed itself
};
inline constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

inline const MemoryAttack kMemoryAttacks[] = {
    {"Write", [](int fd) { return errnoOf(::pwrite(fd, "x", 1, 0)); }, EBADF, EPERM},
    {"MapForWriting", [](int fd) { return errnoOfMapping(fd, PROT_READ | PROT_WRITE); }, EACCES, EPERM},
    {"MakeAMappingWritable",
     [](int fd) {
         return errnoOnMapping(fd, [](void *at) { return ::mprotect(at, 4096, PROT_READ | PROT_WRITE); });
     },
     EACCES, EACCES},
    {"RemovePages",
     [](int fd) { return errnoOnMapping(fd, [](void *at) { return ::madvise(at, 4096, MADV_REMOVE); }); },
     EACCES, EACCES},
    {"PunchAHole", [](int fd) { return errnoOf(::fallocate(fd, kPunch, 0, 4096)); }, EBADF, EPERM},
    {"Truncate", [](int fd) { return errnoOf(::ftruncate(fd, 0)); }, EINVAL, EPERM},
    {"Grow", [](int fd) { return errnoOf(::ftruncate(fd, off_t{1} << 40)); }, EINVAL, EPERM},
    {"AddASeal", [](int fd) { return errnoOf(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }, EPERM, EPERM},
    {"WriteThroughAReopening",
     [](int fd) { return errnoOfReopened(fd, [](int own) { return errnoOf(::pwrite(own, "x", 1, 0)); }); },
     EPERM, EPERM},
    {"MapAReopeningForWriting",
     [](int fd) {
         return errnoOfReopened(fd, [](int own) { return errnoOfMapping(own, PROT_READ | PROT_WRITE); });
     },
     EPERM, EPERM},
    {"PunchAHoleThroughAReopening",
     [](int fd) {
         return errnoOfReopened(fd, [](int own) { return errnoOf(::fallocate(own, kPunch, 0, 4096)); });
     },
     EPERM, EPERM},
    {"TruncateAReopening",
     [](int fd) { return errnoOfReopened(fd, [](int own) { return errnoOf(::ftruncate(own, 0)); }); }, EPERM,
     EPERM},
};

inline int openFds()
{
    int count = 0;
    DIR *const directory = ::opendir("/proc/self/fd");
    while (::readdir(directory))
        count++;
    ::closedir(directory);
    return count;
}

} // namespace ringtest
