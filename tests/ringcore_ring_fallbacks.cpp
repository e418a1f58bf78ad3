// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring in a sandbox or on an older kernel: what is refused has a stand-in, and where memory cannot be
// made real that is an error with its errno, and no SIGBUS.
#include "refused_call.h"
#include "ring_attacks.h"

using namespace ringcore;
using namespace ringtest;
using namespace std::chrono_literals;

namespace
{

constexpr int kNotAllowed = 77;

// In a process where the call is refused.
template <typename F>
int without(const Refused &refused, F &&run)
{
    return Forked([&] { return refuse(refused) ? run() : kNotAllowed; }).wait();
}

// ---- stand-ins

constexpr long kFutexWaitv = 449;
constexpr uint32_t kPassRights = 83;
constexpr uint32_t kNoExecSeal = 8;

const Refused kRefused[] = {
    {"FutexWaitvByOldKernel", kFutexWaitv, ENOSYS},
    {"FutexWaitvBySandbox", kFutexWaitv, EPERM},
    {"MembarrierByOldKernel", SYS_membarrier, ENOSYS},
    {"MembarrierBySandbox", SYS_membarrier, EPERM},
    {"NoExecSeal", SYS_memfd_create, EINVAL, 1, kNoExecSeal, kNoExecSeal},
    {"PassRights", SYS_setsockopt, ENOPROTOOPT, 2, UINT32_MAX, kPassRights},
    {"OpeningThroughProc", SYS_openat, EACCES},
};

class WithoutTheCall : public testing::TestWithParam<std::tuple<Made, Refused>>
{
};

constexpr uint64_t kCount = 500;

int sendAll(Sender<uint64_t> sender)
{
    for (uint64_t next = 0; next < kCount; next++) {
        CHILD_REQUIRE(sender.waitForRoom(1, within(kPatience)).value() == Wake::Ready);
        CHILD_REQUIRE(sender.send(next).value());
    }
    CHILD_REQUIRE(sender.waitForRoom(sender.capacity(), within(kPatience)).value() == Wake::Ready);
    return 0;
}

// By waiting and by polling.
int receiveAll(Receiver<uint64_t> receiver)
{
    for (uint64_t next = 0; next < kCount;) {
        if (next % 3 == 0 && receiver.pollFd() >= 0) {
            if (!receiver.prepareToPoll().value()) {
                CHILD_REQUIRE(polled(receiver.pollFd(), kPatience) & POLLIN);
                receiver.finishPoll();
            }
        } else {
            CHILD_REQUIRE(receiver.waitForItems(1, within(kPatience)).value() == Wake::Ready);
        }
        while (const auto number = receiver.receive().value())
            CHILD_REQUIRE(*number == next++);
    }
    return 0;
}

TEST_P(WithoutTheCall, ARingPassesEveryItem)
{
    const auto &[made, refused] = GetParam();
    Meeting<uint64_t> meeting(made, 4);
    const int status = without(refused, [&] {
        Forked sender([&] { return sendAll(meeting.sender()); });
        CHILD_REQUIRE(receiveAll(meeting.receiver()) == 0);
        return sender.wait();
    });
    if (status == kNotAllowed)
        GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_EQ(status, 0);
}

INSTANTIATE_TEST_SUITE_P(All, WithoutTheCall,
                         testing::Combine(testing::Values(Made::BySender, Made::ByReceiver, Made::Attached),
                                          testing::ValuesIn(kRefused)),
                         [](const auto &instance) {
                             return nameOf(std::get<0>(instance.param)) + std::get<1>(instance.param).name;
                         });

// ---- memory that cannot be made real

constexpr uint32_t kLarge = 4096; // items, so that the sender's memory is more than a page
constexpr size_t kLargeBytes = 36864;
constexpr uint32_t kPopulateRead = 22;
constexpr uint32_t kPopulateWrite = 23;

Refused populating(uint32_t advice, size_t bytes)
{
    const auto size = static_cast<uint32_t>(bytes);
    return {"Populating", SYS_madvise, ENOMEM, 2, UINT32_MAX, advice, 1, UINT32_MAX, size};
}

template <typename T>
bool isCannotPopulate(const Result<T> &result, uint64_t bytes)
{
    const PeerFault fault = faultOf(result);
    return fault.kind == FaultKind::CannotPopulate && fault.expected == bytes && fault.found == ENOMEM;
}

void expectInSandbox(int status)
{
    if (status == kNotAllowed)
        GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_EQ(status, 0);
}

TEST(MemoryThatCannotBeReal, IsASystemErrorOfWhoCreates)
{
    expectInSandbox(without(populating(kPopulateWrite, kLargeBytes), [] {
        const auto sender = Sender<uint64_t>::create(kLarge);
        CHILD_REQUIRE(!sender);
        const auto *error = std::get_if<SystemError>(&sender.error());
        CHILD_REQUIRE(error && error->number == ENOMEM);
        return 0;
    }));
}

TEST(MemoryThatCannotBeReal, IsAFaultOfWhoSentIt)
{
    // The page that the head is written to; all of it, when it is sealed; what the peer writes.
    expectInSandbox(without(populating(kPopulateWrite, 4096), [] {
        auto receiver = Sender<uint64_t>::create(kLarge).value();
        CHILD_REQUIRE(isCannotPopulate(Receiver<uint64_t>::open(kLarge, receiver.takeFdsForPeer().value()),
                                       sizeof(RingSide)));
        return 0;
    }));
    auto receiver = Receiver<uint64_t>::create(kLarge).value();
    auto fds = receiver.takeFdsForPeer().value();
    expectInSandbox(without(populating(kPopulateWrite, kLargeBytes), [&] {
        CHILD_REQUIRE(isCannotPopulate(Sender<uint64_t>::open(kLarge, std::move(fds)), kLargeBytes));
        return 0;
    }));
    auto sender = Sender<uint64_t>::create(kLarge).value();
    fds = sender.takeFdsForPeer().value();
    expectInSandbox(without(populating(kPopulateRead, kLargeBytes), [&] {
        CHILD_REQUIRE(isCannotPopulate(Receiver<uint64_t>::open(kLarge, std::move(fds)), kLargeBytes));
        return 0;
    }));
    const RingOptions shared{Exposure::Shared}; // the words of both fit into the page before the items
    auto both = Sender<uint64_t>::create(kLarge, shared).value();
    fds = both.takeFdsForPeer().value();
    expectInSandbox(without(populating(kPopulateWrite, kLargeBytes), [&] {
        CHILD_REQUIRE(
            isCannotPopulate(Receiver<uint64_t>::open(kLarge, std::move(fds), shared), kLargeBytes));
        return 0;
    }));
}

TEST(MemoryThatCannotBeReal, IsAFaultAlsoWhenThePeerComesLater)
{
    expectInSandbox(without(populating(kPopulateRead, 4096), [] {
        auto sender = Sender<uint64_t>::create(kLarge).value();
        auto fds = sender.takeFdsForPeer().value();
        CHILD_REQUIRE(
            Forked([&] { return Receiver<uint64_t>::open(kLarge, std::move(fds)) ? 0 : 1; }).wait() == 0);
        CHILD_REQUIRE(isCannotPopulate(sender.peerIsThere(), 4096));
        CHILD_REQUIRE(isCannotPopulate(sender.send(std::array<uint64_t, 2>{}), 4096));
        return 0;
    }));
}

} // namespace
