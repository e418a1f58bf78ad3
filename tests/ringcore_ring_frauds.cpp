// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring that an attacker created: what it sends is no memory, or not sealed, or another ring, or is
// written behind our back. And memory of the application's own in which something else stands.
#include "ring_attacks.h"

#include <linux/magic.h>
#include <linux/memfd.h>

using namespace ringcore;
using namespace ringtest;

namespace
{

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;
constexpr int kAllSeals = kSizeSeals | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
constexpr uint64_t number(int seals)
{
    return static_cast<uint64_t>(seals);
}

// What it offers; as it should be, but for what a case changes.
struct Offer {
    int seals = kAllSeals;      // of the creator's own memory
    int yourSeals = kSizeSeals; // of what the victim is to write
    off_t more = 0;             // bytes more than there should be
    off_t yourMore = 0;
    unsigned flags = 0; // for memfd_create
    Head head = {};
};

// By hand; the creator keeps both memories mapped for writing.
class HostileCreator
{
public:
    HostileCreator(RingRole victim, const Offer &offer = {}) : victim_(victim)
    {
        const RingRole role = otherThan(victim);
        const auto size = static_cast<off_t>(bytesOf(role));
        const auto yourSize = static_cast<off_t>(bytesOf(victim));
        fds_[0] = memfd(offer.flags, size + offer.more);
        fds_[1] = memfd(0, yourSize + offer.yourMore);
        if (offer.more >= 0) {
            own_ = Mapping::create(fds_[0].get(), bytesOf(role), Mapping::Access::ReadWrite).value();
            write(own(), offer.head, role);
        }
        if (offer.yourMore >= 0)
            yours_ = Mapping::create(fds_[1].get(), bytesOf(victim), Mapping::Access::ReadWrite).value();
        seal(fds_[0].get(), offer.seals);
        seal(fds_[1].get(), offer.yourSeals);
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        socket_.reset(pair[0]);
        fds_[2].reset(pair[1]);
    }

    RingSide &own() const { return *own_.at<RingSide>(); }
    RingSide &yours() const { return *yours_.at<RingSide>(); }
    int yourFd() const { return fds_[1].get(); }
    int socket() const { return socket_.get(); }

    // In the order of takeFdsForPeer().
    std::vector<UniqueFd> fds() const
    {
        std::vector<UniqueFd> all;
        for (const int which : {victim_ == RingRole::Sender ? 1 : 0, victim_ == RingRole::Sender ? 0 : 1, 2})
            all.push_back(UniqueFd(::fcntl(fds_[which].get(), F_DUPFD_CLOEXEC, 0)));
        return all;
    }

private:
    static UniqueFd memfd(unsigned flags, off_t size)
    {
        UniqueFd fd(::memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
        EXPECT_TRUE(fd.valid());
        EXPECT_EQ(::ftruncate(fd.get(), size), 0);
        return fd;
    }
    static void seal(int fd, int seals)
    {
        EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, seals & ~F_SEAL_SEAL), 0);
        if (seals & F_SEAL_SEAL) {
            EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
        }
    }

    RingRole victim_;
    UniqueFd fds_[3]; // the creator's memory, the victim's, the socket
    UniqueFd socket_;
    Mapping own_;
    Mapping yours_;
};

// An end that opened.
struct OpenedVictim {
    static Result<OpenedVictim> open(RingRole role, std::vector<UniqueFd> fds,
                                     const RingOptions &options = {})
    {
        OpenedVictim victim;
        if (role == RingRole::Sender) {
            auto sender = Sender<Item>::open(kCapacity, std::move(fds), options);
            if (!sender)
                return tl::unexpected(sender.error());
            victim.sender = std::move(*sender);
        } else {
            auto receiver = Receiver<Item>::open(kCapacity, std::move(fds), options);
            if (!receiver)
                return tl::unexpected(receiver.error());
            victim.receiver = std::move(*receiver);
        }
        return victim;
    }

    std::optional<Sender<Item>> sender;
    std::optional<Receiver<Item>> receiver;
};

struct Fraud {
    const char *name;
    Offer offer;
    void (*change)(std::vector<UniqueFd> &fds, size_t own, size_t yours);
    FaultKind fault;
    std::function<uint64_t(RingRole victim)> expected;
    std::function<uint64_t(RingRole victim)> found;
};
void PrintTo(const Fraud &fraud, std::ostream *out)
{
    *out << fraud.name;
}

void changeNothing(std::vector<UniqueFd> &, size_t, size_t) {}

auto always(uint64_t value)
{
    return [value](RingRole) { return value; };
}
uint64_t sizeOfTheirs(RingRole victim)
{
    return bytesOf(otherThan(victim));
}
uint64_t sizeOfYours(RingRole victim)
{
    return bytesOf(victim);
}

UniqueFd file(const char *directory)
{
    std::string name = std::string(directory) + "/ring-XXXXXX";
    UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
    ::unlink(name.c_str());
    EXPECT_TRUE(fd.valid());
    EXPECT_EQ(::ftruncate(fd.get(), 4096), 0);
    return fd;
}
UniqueFd copyOf(const UniqueFd &fd)
{
    return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

const Fraud kFrauds[] = {
    {"NoFds",
     {},
     [](auto &fds, size_t, size_t) { fds.clear(); },
     FaultKind::WrongNumberOfFds,
     always(3),
     always(0)},
    {"OneFd",
     {},
     [](auto &fds, size_t, size_t) { fds.resize(1); },
     FaultKind::WrongNumberOfFds,
     always(3),
     always(1)},
    {"TwoFds",
     {},
     [](auto &fds, size_t, size_t) { fds.resize(2); },
     FaultKind::WrongNumberOfFds,
     always(3),
     always(2)},
    {"FourFds",
     {},
     [](auto &fds, size_t, size_t) { fds.push_back(file("/tmp")); },
     FaultKind::WrongNumberOfFds,
     always(3),
     always(4)},

    {"MemoriesChanged",
     {},
     [](auto &fds, size_t, size_t) { std::swap(fds[0], fds[1]); },
     FaultKind::SealsMissing,
     always(number(kAllSeals)),
     always(number(kSizeSeals))},
    {"SocketFirst",
     {},
     [](auto &fds, size_t own, size_t) { std::swap(fds[own], fds[2]); },
     FaultKind::NotASocket,
     always(SOCK_SEQPACKET),
     always(ENOTSOCK)},
    {"ASocket",
     {},
     [](auto &fds, size_t own, size_t) { fds[own] = copyOf(fds[2]); },
     FaultKind::NotAMemfd,
     always(0),
     always(EINVAL)},
    {"ASocketForYours",
     {},
     [](auto &fds, size_t, size_t yours) { fds[yours] = copyOf(fds[2]); },
     FaultKind::NotAMemfd,
     always(0),
     always(EINVAL)},
    {"NotOpen",
     {},
     [](auto &fds, size_t own, size_t) { fds[own].reset(); },
     FaultKind::NotAMemfd,
     always(0),
     always(EBADF)},
    {"ADevice",
     {},
     [](auto &fds, size_t own, size_t) { fds[own].reset(::open("/dev/zero", O_RDWR | O_CLOEXEC)); },
     FaultKind::NotAMemfd,
     always(0),
     always(EINVAL)},
    {"ADeviceForYours",
     {},
     [](auto &fds, size_t, size_t yours) { fds[yours].reset(::open("/dev/zero", O_RDWR | O_CLOEXEC)); },
     FaultKind::NotAMemfd,
     always(0),
     always(EINVAL)},
    {"AFileOfMemory",
     {},
     [](auto &fds, size_t own, size_t) { fds[own] = file("/dev/shm"); },
     FaultKind::SealsMissing,
     always(number(kAllSeals)),
     always(F_SEAL_SEAL)},
    {"AFileOfMemoryForYours",
     {},
     [](auto &fds, size_t, size_t yours) { fds[yours] = file("/dev/shm"); },
     FaultKind::SealsMissing,
     always(number(kSizeSeals)),
     always(F_SEAL_SEAL)},

    {"CanShrink",
     {.seals = kAllSeals & ~F_SEAL_SHRINK},
     changeNothing,
     FaultKind::SealsMissing,
     always(number(kAllSeals)),
     always(number(kAllSeals & ~F_SEAL_SHRINK))},
    {"CanGrow",
     {.seals = kAllSeals & ~F_SEAL_GROW},
     changeNothing,
     FaultKind::SealsMissing,
     always(number(kAllSeals)),
     always(number(kAllSeals & ~F_SEAL_GROW))},
    {"CanBeWritten",
     {.seals = kAllSeals & ~F_SEAL_FUTURE_WRITE},
     changeNothing,
     FaultKind::SealsMissing,
     always(number(kAllSeals)),
     always(number(kAllSeals & ~F_SEAL_FUTURE_WRITE))},
    {"CanBeSealedMore",
     {.seals = kAllSeals & ~F_SEAL_SEAL},
     changeNothing,
     FaultKind::SealsMissing,
     always(number(kAllSeals)),
     always(number(kAllSeals & ~F_SEAL_SEAL))},
    {"YoursCanShrink",
     {.yourSeals = F_SEAL_GROW},
     changeNothing,
     FaultKind::SealsMissing,
     always(number(kSizeSeals)),
     always(F_SEAL_GROW)},
    {"YoursCanGrow",
     {.yourSeals = F_SEAL_SHRINK},
     changeNothing,
     FaultKind::SealsMissing,
     always(number(kSizeSeals)),
     always(F_SEAL_SHRINK)},
    {"YoursCannotBeMapped",
     {.yourSeals = kSizeSeals | F_SEAL_FUTURE_WRITE},
     changeNothing,
     FaultKind::SealsMissing,
     sizeOfYours,
     always(EPERM)},
    {"IsOpenForWritingOnly",
     {},
     [](auto &fds, size_t own, size_t) {
         fds[own].reset(
             ::open(("/proc/self/fd/" + std::to_string(fds[own].get())).c_str(), O_WRONLY | O_CLOEXEC));
     },
     FaultKind::NotReadable,
     always(0),
     always(O_WRONLY)},
    {"YoursIsOpenForReadingOnly",
     {},
     [](auto &fds, size_t, size_t yours) {
         fds[yours].reset(
             ::open(("/proc/self/fd/" + std::to_string(fds[yours].get())).c_str(), O_RDONLY | O_CLOEXEC));
     },
     FaultKind::SealsMissing,
     sizeOfYours,
     always(EACCES)},
    {"YoursCannotBeSealed",
     {.yourSeals = kSizeSeals | F_SEAL_SEAL},
     changeNothing,
     FaultKind::SealsMissing,
     sizeOfYours,
     always(EPERM)},

    {"TooLarge",
     {.more = 4096},
     changeNothing,
     FaultKind::SizeMismatch,
     sizeOfTheirs,
     [](RingRole victim) { return sizeOfTheirs(victim) + 4096; }},
    {"HugeAndSparse",
     {.more = off_t{1} << 40},
     changeNothing,
     FaultKind::SizeMismatch,
     sizeOfTheirs,
     [](RingRole victim) { return sizeOfTheirs(victim) + (uint64_t{1} << 40); }},
    {"TooSmall",
     {.more = -1},
     changeNothing,
     FaultKind::SizeMismatch,
     sizeOfTheirs,
     [](RingRole victim) { return sizeOfTheirs(victim) - 1; }},
    {"Nothing",
     {.more = -4096},
     changeNothing,
     FaultKind::SizeMismatch,
     sizeOfTheirs,
     [](RingRole victim) { return sizeOfTheirs(victim) - 4096; }},
    {"YoursTooLarge",
     {.yourMore = 1},
     changeNothing,
     FaultKind::SizeMismatch,
     sizeOfYours,
     [](RingRole victim) { return sizeOfYours(victim) + 1; }},
    {"YoursTooSmall",
     {.yourMore = -1},
     changeNothing,
     FaultKind::SizeMismatch,
     sizeOfYours,
     [](RingRole victim) { return sizeOfYours(victim) - 1; }},
};

class HostileCreation : public BesideAnHonestRing,
                        public testing::WithParamInterface<std::tuple<RingRole, Fraud>>
{
};

TEST_P(HostileCreation, IsRefusedAndItsFdsAreClosed)
{
    const auto &[role, fraud] = GetParam();
    const HostileCreator creator(role, fraud.offer);
    const int before = openFds();
    auto fds = creator.fds();
    const size_t yours = role == RingRole::Sender ? 0 : 1;
    fraud.change(fds, 1 - yours, yours);
    expectFault(OpenedVictim::open(role, std::move(fds)), fraud.fault, fraud.expected(role),
                fraud.found(role));
    EXPECT_EQ(openFds(), before);
}

INSTANTIATE_TEST_SUITE_P(All, HostileCreation,
                         testing::Combine(testing::ValuesIn(kRoles), testing::ValuesIn(kFrauds)),
                         [](const auto &instance) {
                             return std::string(std::get<0>(instance.param) == RingRole::Sender
                                                    ? "Sender"
                                                    : "Receiver") +
                                    std::get<1>(instance.param).name;
                         });

class Opening : public BesideAnHonestRing, public testing::WithParamInterface<RingRole>
{
};
INSTANTIATE_TEST_SUITE_P(Of, Opening, testing::ValuesIn(kRoles), nameOfRole);

TEST_P(Opening, TellsACreatorFromItsHead)
{
    for (const auto &[name, head, fault, expected, found] : wrongHeadsOf(otherThan(GetParam()))) {
        SCOPED_TRACE(name);
        const HostileCreator creator(GetParam(), {.head = head});
        const int before = openFds();
        expectFault(OpenedVictim::open(GetParam(), creator.fds()), fault, expected, found);
        EXPECT_EQ(openFds(), before);
    }
}

TEST_P(Opening, RefusesHugePages)
{
    // The sender's memory is to be exactly one huge page.
    using Odd = std::array<std::byte, 2047>;
    constexpr uint32_t kOdd = 1024;
    constexpr off_t kHugePage = 2 << 20;
    static_assert(bytesOf(RingRole::Sender, kOdd * sizeof(Odd)) == kHugePage);
    UniqueFd huge(::memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | (21u << 26)));
    if (!huge.valid() || ::ftruncate(huge.get(), kHugePage) != 0)
        GTEST_SKIP() << "no huge pages: " << std::strerror(errno);
    const bool received = GetParam() == RingRole::Receiver;
    ASSERT_EQ(::fcntl(huge.get(), F_ADD_SEALS, received ? kAllSeals : kSizeSeals), 0);
    auto fds =
        HostileCreator(GetParam(), {.head = {.capacity = kOdd, .itemBytes = 2047, .itemAlignment = 1}}).fds();
    fds[0] = std::move(huge);
    if (received)
        expectFault(Receiver<Odd>::open(kOdd, std::move(fds)), FaultKind::NotAMemfd, TMPFS_MAGIC,
                    HUGETLBFS_MAGIC);
    else
        expectFault(Sender<Odd>::open(kOdd, std::move(fds)), FaultKind::NotAMemfd, TMPFS_MAGIC,
                    HUGETLBFS_MAGIC);
}

// The creator keeps our memory mapped for writing: nothing in it is read here.
TEST_P(Opening, BeginsAtZeroWhateverStandsInItsMemory)
{
    const HostileCreator creator(GetParam());
    std::memset(static_cast<void *>(&creator.yours()), 77, bytesOf(GetParam()));
    creator.yours().cursor = 77;
    auto victim = OpenedVictim::open(GetParam(), creator.fds()).value();
    EXPECT_EQ(creator.yours().cursor, 0u);
    EXPECT_EQ(creator.yours().sleeps, 0u);
    EXPECT_EQ(creator.yours().magic, kRingMagic);
    EXPECT_EQ(creator.yours().role, static_cast<uint32_t>(GetParam()));
    creator.yours().cursor = 99;
    creator.yours().magic = 0;
    creator.yours().bell = UINT32_MAX;
    std::array<Item, kCapacity> items{};
    if (victim.sender) {
        EXPECT_EQ(victim.sender->room().value(), kCapacity);
        EXPECT_EQ(victim.sender->send(std::span<const Item>(items)).value(), kCapacity);
        EXPECT_EQ(creator.yours().cursor, kCapacity);
        creator.own().cursor = 3;
        EXPECT_EQ(victim.sender->room().value(), 3u);
    } else {
        EXPECT_EQ(victim.receiver->available().value(), 0u);
        creator.own().cursor = 5;
        EXPECT_EQ(victim.receiver->receive(std::span(items)).value(), 5u);
        EXPECT_EQ(creator.yours().cursor, 5u);
    }
}

TEST_P(Opening, ClosesItsMemoryToEveryoneElse)
{
    const HostileCreator creator(GetParam());
    const auto victim = OpenedVictim::open(GetParam(), creator.fds()).value();
    EXPECT_EQ(::fcntl(creator.yourFd(), F_GET_SEALS) & kAllSeals, kAllSeals);
    for (const MemoryAttack &attack : kMemoryAttacks) {
        SCOPED_TRACE(attack.name);
        EXPECT_EQ(attack.run(creator.yourFd()), attack.onOwn) << std::strerror(attack.onOwn);
    }
    // Through the mapping that it kept from before it can write, but take no page away.
    EXPECT_EQ(errnoOf(::madvise(&creator.yours(), 4096, MADV_REMOVE)), EPERM);
}

TEST_P(Opening, TellsALyingCursor)
{
    for (const uint32_t lie : lies()) {
        const HostileCreator creator(GetParam());
        auto victim = OpenedVictim::open(GetParam(), creator.fds()).value();
        creator.own().cursor = lie;
        if (victim.sender)
            expectFault(victim.sender->send(std::array<Item, 9>{}).and_then([&](uint32_t) {
                return victim.sender->room();
            }),
                        FaultKind::CursorBeyondRing, kCapacity, lie);
        else
            expectFault(victim.receiver->receive(), FaultKind::CursorBeyondRing, kCapacity, lie);
    }
}

// What is no socket may be anything: a file on which poll() hangs, say.
TEST_P(Opening, RefusesASignalThatIsNoSocket)
{
    int unlike[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, unlike), 0);
    const UniqueFd other(unlike[1]);
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const UniqueFd writer(pipe[1]);
    struct {
        const char *name;
        UniqueFd fd;
        uint64_t found;
    } cases[] = {
        {"AFile", file("/tmp"), ENOTSOCK},
        {"AMemfd", UniqueFd(::memfd_create("signal", MFD_CLOEXEC)), ENOTSOCK},
        {"APipe", UniqueFd(pipe[0]), ENOTSOCK},
        {"NotOpen", UniqueFd(), EBADF},
        {"AStream", UniqueFd(unlike[0]), SOCK_STREAM},
        {"AnInternetSocket", UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), SOCK_DGRAM},
    };
    for (auto &[name, fd, found] : cases) {
        SCOPED_TRACE(name);
        const HostileCreator creator(GetParam());
        auto fds = creator.fds();
        fds[2] = std::move(fd);
        expectFault(OpenedVictim::open(GetParam(), std::move(fds)), FaultKind::NotASocket, SOCK_SEQPACKET,
                    found);
        EXPECT_EQ(creator.yours().magic, 0u); // and has touched nothing
    }
}

TEST_P(Opening, RefusesASignalOfAnotherFamily)
{
    UniqueFd other;
    int family = 0;
    for (const int any : {AF_ALG, AF_VSOCK, AF_TIPC}) {
        other.reset(::socket(any, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        family = any;
        if (other.valid())
            break;
    }
    if (!other.valid())
        GTEST_SKIP() << "this kernel has no other seqpacket sockets";
    auto fds = HostileCreator(GetParam()).fds();
    fds[2] = std::move(other);
    expectFault(OpenedVictim::open(GetParam(), std::move(fds)), FaultKind::NotASocket, AF_UNIX,
                static_cast<uint64_t>(family));
}

TEST_P(Opening, TakesNoFdsFromTheSocket)
{
    const HostileCreator creator(GetParam());
    auto victim = OpenedVictim::open(GetParam(), creator.fds()).value();
    const ControlSocket socket(UniqueFd(::fcntl(creator.socket(), F_DUPFD_CLOEXEC, 0)));
    std::vector<UniqueFd> fds;
    fds.push_back(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    const bool kernelRefuses = refuseDescriptors(creator.socket());
    const int before = openFds();
    const std::byte byte[1]{};
    const auto sent = socket.send(byte, fds);
    EXPECT_EQ(sent.has_value(), !kernelRefuses);
    if (!sent) {
        EXPECT_EQ(std::get<SystemError>(sent.error()).number, EPERM);
    }
    victim.sender ? victim.sender->finishPoll() : victim.receiver->finishPoll();
    EXPECT_EQ(openFds(), before);
}

// ---- memory of both, which trusts its peer to keep to it, but not to be the right one

TEST_P(Opening, OfSharedMemoryTellsWhatIsNone)
{
    const RingOptions shared{Exposure::Shared};
    const auto offer = [&] {
        auto creator = GetParam() == RingRole::Sender
                           ? Receiver<Item>::create(kCapacity, shared).value().takeFdsForPeer()
                           : Sender<Item>::create(kCapacity, shared).value().takeFdsForPeer();
        return std::move(*creator);
    };
    const auto memfd = [](off_t size, int seals) {
        UniqueFd fd(::memfd_create("both", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        EXPECT_EQ(::ftruncate(fd.get(), size), 0);
        EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
        return fd;
    };
    const auto with = [&](UniqueFd memory) {
        auto fds = offer();
        fds[0] = std::move(memory);
        return OpenedVictim::open(GetParam(), std::move(fds), shared);
    };
    EXPECT_TRUE(OpenedVictim::open(GetParam(), offer(), shared));
    expectFault(OpenedVictim::open(GetParam(), HostileCreator(GetParam()).fds(), shared),
                FaultKind::WrongNumberOfFds, 2, 3);
    expectFault(OpenedVictim::open(GetParam(), offer()), FaultKind::WrongNumberOfFds, 3, 2);
    expectFault(with(memfd(4096, F_SEAL_GROW)), FaultKind::SealsMissing, number(kSizeSeals), F_SEAL_GROW);
    expectFault(with(memfd(4096, kSizeSeals | F_SEAL_FUTURE_WRITE)), FaultKind::SealsMissing, 4096, EPERM);
    expectFault(with(memfd(8192, kSizeSeals)), FaultKind::SizeMismatch, 4096, 8192);
    expectFault(with(memfd(4096, kSizeSeals)), FaultKind::NotARing, kRingMagic, 0);
    auto changed = offer();
    std::swap(changed[0], changed[1]);
    EXPECT_FALSE(OpenedVictim::open(GetParam(), std::move(changed), shared));
}

class Attaching : public Opening
{
protected:
    Result<OpenedVictim> attach() const
    {
        OpenedVictim victim;
        if (GetParam() == RingRole::Sender) {
            auto sender = Sender<Item>::attach(kCapacity, memory_.span());
            if (!sender)
                return tl::unexpected(sender.error());
            victim.sender = std::move(*sender);
        } else {
            auto receiver = Receiver<Item>::attach(kCapacity, memory_.span());
            if (!receiver)
                return tl::unexpected(receiver.error());
            victim.receiver = std::move(*receiver);
        }
        return victim;
    }
    RingSide &side(RingRole role) const
    {
        return memory_.at<RingSide>(role == RingRole::Receiver ? 0 : sizeof(RingSide));
    }

    SharedZeros memory_{Sender<Item>::attachedBytes(kCapacity)};
};
INSTANTIATE_TEST_SUITE_P(Of, Attaching, testing::ValuesIn(kRoles), nameOfRole);

// Nobody's, or somebody else's memory: not a word of it is changed.
TEST_P(Attaching, LeavesAloneWhatIsNotItsSide)
{
    for (const auto &[name, head, fault, expected, found] : wrongHeadsOf(GetParam())) {
        if (head.magic == 0)
            continue; // a new side
        SCOPED_TRACE(name);
        std::memset(memory_.span().data(), 77, memory_.span().size());
        write(side(GetParam()), head, GetParam());
        const std::vector<std::byte> before(memory_.span().begin(), memory_.span().end());
        expectFault(attach(), fault, expected, found);
        EXPECT_EQ(std::memcmp(before.data(), memory_.span().data(), before.size()), 0);
    }
}

TEST_P(Attaching, TellsAPeerFromItsHead)
{
    for (const auto &[name, head, fault, expected, found] : wrongHeadsOf(otherThan(GetParam()))) {
        if (head.magic == 0)
            continue; // not here yet
        SCOPED_TRACE(name);
        write(side(otherThan(GetParam())), head, otherThan(GetParam()));
        auto victim = attach().value();
        if (victim.sender)
            expectFault(victim.sender->peerIsThere(), fault, expected, found);
        else
            expectFault(victim.receiver->available(), fault, expected, found);
    }
}

// Also one's own cursor may have been changed while one was away.
TEST_P(Attaching, GoesOnWithinTheRingWhateverItsCursorSays)
{
    for (const uint32_t cursor : lies()) {
        std::memset(memory_.span().data(), 0, memory_.span().size());
        write(side(GetParam()), {}, GetParam());
        side(GetParam()).cursor = cursor;
        auto victim = attach().value();
        if (victim.sender) {
            EXPECT_LE(victim.sender->room().value_or(0), kCapacity);
            EXPECT_TRUE(victim.sender->sendInPlace([](Parts<Item> places) {
                EXPECT_LE(places.size(), size_t{kCapacity});
                return 0;
            }));
            write(side(RingRole::Receiver), {}, RingRole::Receiver);
            side(RingRole::Receiver).cursor = cursor + 1;
            expectFault(victim.sender->send(std::array<Item, 9>{}), FaultKind::CursorBeyondRing, kCapacity,
                        kCapacity + 1);
        } else {
            write(side(RingRole::Sender), {}, RingRole::Sender);
            side(RingRole::Sender).cursor = cursor - 1;
            expectFault(victim.receiver->receive(), FaultKind::CursorBeyondRing, kCapacity, UINT32_MAX);
        }
    }
}

} // namespace
