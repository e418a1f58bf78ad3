// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Rings in huge pages: used where the machine has some set aside, an error or a fallback that is said
// where it has none, and never taken by who did not ask for them.
#include "ringcore/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <linux/memfd.h>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace ringcore;

namespace
{

constexpr uint32_t kCapacity = 1000;

size_t freeHugePages()
{
    std::ifstream memory("/proc/meminfo");
    for (std::string line; std::getline(memory, line);) {
        if (line.starts_with("HugePages_Free:"))
            return std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
    }
    return 0;
}

bool worksBothWays(const RingOptions &options)
{
    auto sender = Sender<uint64_t>::create(kCapacity, options);
    auto receiver = Receiver<uint64_t>::open(kCapacity, sender->takeFdsForPeer().value(), options);
    auto other = Receiver<uint64_t>::create(kCapacity, options);
    auto otherSender = Sender<uint64_t>::open(kCapacity, other->takeFdsForPeer().value(), options);
    if (!sender || !receiver || !other || !otherSender)
        return false;
    return *sender->send(1) && receiver->receive()->value() == 1 && *otherSender->send(2) &&
           other->receive()->value() == 2;
}

class RingPages : public testing::TestWithParam<Exposure>
{
};

TEST_P(RingPages, HugeOnesAreUsedOrItIsSaidThatThereAreNone)
{
    const RingOptions options{.exposure = GetParam(), .hugePages = Wanted::IfPossible};
    const bool some = freeHugePages() >= 8;
    const auto sender = Sender<uint64_t>::create(kCapacity, options);
    ASSERT_TRUE(sender) << describe(sender.error());
    EXPECT_EQ(sender->fallback().empty(), some) << sender->fallback();
    if (!some) {
        EXPECT_NE(sender->fallback().find("ordinary pages"), std::string::npos) << sender->fallback();
    }
    EXPECT_TRUE(worksBothWays(options));
}

TEST_P(RingPages, RequiredHugeOnesAreAnErrorWhereThereAreNone)
{
    const RingOptions options{.exposure = GetParam(), .hugePages = Wanted::Required};
    if (freeHugePages() >= 8) {
        EXPECT_TRUE(worksBothWays(options));
        return;
    }
    const auto sender = Sender<uint64_t>::create(kCapacity, options);
    ASSERT_FALSE(sender);
    EXPECT_EQ(std::get<SystemError>(sender.error()).number, ENOMEM) << describe(sender.error());
    const auto receiver = Receiver<uint64_t>::create(kCapacity, options);
    ASSERT_FALSE(receiver);
    EXPECT_EQ(std::get<SystemError>(receiver.error()).number, ENOMEM) << describe(receiver.error());
}

INSTANTIATE_TEST_SUITE_P(Exposures, RingPages, testing::Values(Exposure::SingleWriter, Exposure::Shared),
                         [](const auto &tested) {
                             return tested.param == Exposure::Shared ? "Shared" : "SingleWriter";
                         });

constexpr size_t kHugePage = size_t{2} << 20;
using HugeItem = std::array<std::byte, kHugePage - kRingItemsOffset>; // fills a page

// What a peer sends for a ring of one item; none: this kernel has no huge pages.
std::optional<std::vector<UniqueFd>> fdsOfARingInAHugePage()
{
    auto fds = Sender<HugeItem>::create(1).value().takeFdsForPeer().value();
    fds[0] = UniqueFd(::memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB));
    if (!fds[0].valid() || ::ftruncate(fds[0].get(), kHugePage) != 0)
        return std::nullopt;
    EXPECT_EQ(::fcntl(fds[0].get(), F_ADD_SEALS, kSingleWriterSeals), 0);
    return fds;
}

TEST(RingPages, HugeOnesOfAPeerAreRefusedByWhoDidNotAskForThem)
{
    auto fds = fdsOfARingInAHugePage();
    if (!fds)
        GTEST_SKIP() << "no huge pages of 2 MiB here";
    const auto receiver = Receiver<HugeItem>::open(1, std::move(*fds));
    ASSERT_FALSE(receiver);
    const auto *fault = std::get_if<PeerFault>(&receiver.error());
    ASSERT_TRUE(fault) << describe(receiver.error());
    EXPECT_EQ(fault->kind, FaultKind::NotAMemfd) << describe(receiver.error());
}

TEST(RingPages, HugeOnesThatThereAreNotAreAFaultOfWhoSentThem)
{
    auto fds = fdsOfARingInAHugePage();
    if (!fds || freeHugePages() > 0)
        GTEST_SKIP() << "no huge pages of 2 MiB here, or some are free";
    const auto receiver = Receiver<HugeItem>::open(1, std::move(*fds), {.hugePages = Wanted::IfPossible});
    ASSERT_FALSE(receiver);
    const auto *fault = std::get_if<PeerFault>(&receiver.error());
    ASSERT_TRUE(fault) << describe(receiver.error());
    EXPECT_EQ(fault->kind, FaultKind::CannotPopulate) << describe(*fault);
    EXPECT_EQ(fault->expected, kHugePage);
    EXPECT_EQ(fault->found, static_cast<uint64_t>(ENOMEM));
}

} // namespace
