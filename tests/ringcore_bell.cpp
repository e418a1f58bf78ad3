// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Waiting by a bell that another process owns: it wakes, it can be stopped whatever that process
// does to it, and it works where futex_waitv does not.
#include "ringcore/bell.h"
#include "ringcore/mapping.h"
#include "ringcore/sealed_memfd.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace ringcore;
using namespace std::chrono_literals;

namespace
{

using Clock = std::chrono::steady_clock;

#ifdef SYS_futex_waitv
constexpr long kFutexWaitv = SYS_futex_waitv;
#else
constexpr long kFutexWaitv = 449;
#endif

// A bell in shared memory, mapped once for writing and once, as a peer has it, for reading.
struct SharedBell {
    SealedMemfd memfd = SealedMemfd::createOwned("bell", 4096).value();
    Mapping theirs = Mapping::create(memfd.fd(), 4096, Mapping::Access::ReadOnly).value();

    std::atomic<uint32_t> &owned() { return *memfd.mapping().at<std::atomic<uint32_t>>(0); }
    std::atomic<uint32_t> &sleepFlag() { return *memfd.mapping().at<std::atomic<uint32_t>>(64); }
    // Another futex word, to requeue waiters to.
    std::atomic<uint32_t> &other() { return *memfd.mapping().at<std::atomic<uint32_t>>(128); }
    const std::atomic<uint32_t> &seenByPeer() { return *theirs.at<const std::atomic<uint32_t>>(0); }
};

// Waits for evidence that the thread sleeps in the kernel.
bool waitUntilAsleep(pid_t thread)
{
    const auto end = Clock::now() + 10s;
    while (Clock::now() < end) {
        std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
        std::string stat;
        std::getline(file, stat);
        const size_t name = stat.rfind(')');
        if (name != std::string::npos && stat.size() > name + 2 && stat[name + 2] == 'S')
            return true;
        std::this_thread::yield();
    }
    return false;
}

// A waiter in a thread of its own, until `done` says so.
class Waiter
{
public:
    Waiter(const std::atomic<uint32_t> &bell, const StopWord &stop)
        : thread_([this, &bell, &stop, bellSeen = bell.load(), stopSeen = stop.value()] {
              id_ = static_cast<pid_t>(::syscall(SYS_gettid));
              while (bell.load() == bellSeen && stop.value() == stopSeen)
                  waitForBell(bell, bellSeen, stop, stopSeen, std::nullopt);
              awake_ = true;
          })
    {
        while (id_ == 0)
            std::this_thread::yield();
    }
    ~Waiter() { thread_.join(); }

    bool asleep() const { return waitUntilAsleep(id_); }
    bool awakeWithin(std::chrono::milliseconds time) const
    {
        const auto end = Clock::now() + time;
        while (!awake_ && Clock::now() < end)
            std::this_thread::yield();
        return awake_;
    }

private:
    std::atomic<pid_t> id_{0};
    std::atomic<bool> awake_{false};
    std::thread thread_;
};

// From here on futex_waitv answers `number` in this process.
bool refuseWaitv(int number)
{
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(kFutexWaitv), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (static_cast<uint32_t>(number) & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{4, filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int inChild(int (*run)())
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(run());
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

enum : int { kGood = 0, kSkipped = 77 };

// In a process where futex_waitv is refused.
template <int Number>
int worksWithoutWaitv()
{
    if (!refuseWaitv(Number))
        return kSkipped;
    errno = 0;
    if (::syscall(kFutexWaitv, nullptr, 0, 0, nullptr, 0) != -1 || errno != Number)
        return 1;
    SharedBell shared;
    StopWord stop;
    {
        Waiter waiter(shared.seenByPeer(), stop);
        waiter.asleep();
        ring(shared.owned());
        if (!waiter.awakeWithin(5s))
            ::_exit(2);
    }
    {
        Waiter waiter(shared.seenByPeer(), stop);
        waiter.asleep();
        const auto begin = Clock::now();
        stop.poke(); // not seen by the futex that it waits on, but at the next step
        if (!waiter.awakeWithin(5s))
            ::_exit(3);
        if (Clock::now() - begin > 2 * kFallbackStep + 100ms)
            return 4;
    }
    // Time passes while it waits.
    const auto begin = Clock::now();
    const auto deadline = begin + 20ms;
    while (Clock::now() < deadline)
        waitForBell(shared.seenByPeer(), shared.owned().load(), stop, stop.value(), deadline);
    return Clock::now() - begin < 15ms ? 5 : kGood;
}

} // namespace

TEST(Bell, WakesASleeperThatHasOnlyAReadOnlyMapping)
{
    SharedBell shared;
    StopWord stop;
    Waiter waiter(shared.seenByPeer(), stop);
    EXPECT_TRUE(waiter.asleep());
    ring(shared.owned());
    EXPECT_TRUE(waiter.awakeWithin(5s));
}

TEST(Bell, WakesASleeperInAnotherProcess)
{
    SharedBell shared;
    StopWord stop;
    const pid_t child = ::fork();
    if (child == 0) {
        const auto end = Clock::now() + 10s;
        while (shared.seenByPeer().load() == 0 && Clock::now() < end)
            waitForBell(shared.seenByPeer(), 0, stop, stop.value(), end);
        ::_exit(shared.seenByPeer().load() == 1 && Clock::now() < end ? 0 : 1);
    }
    std::this_thread::yield();
    ring(shared.owned());
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(Bell, DoesNotSleepOnAValueThatIsOld)
{
    SharedBell shared;
    StopWord stop;
    const uint32_t seen = shared.owned().load();
    ring(shared.owned());
    waitForBell(shared.seenByPeer(), seen, stop, stop.value(), std::nullopt); // would hang
    const uint32_t stopSeen = stop.value();
    stop.poke();
    waitForBell(shared.seenByPeer(), shared.owned().load(), stop, stopSeen, std::nullopt);
    waitForStop(stop, stopSeen, std::nullopt);
}

TEST(Bell, RingsOnlyForOneThatSleeps)
{
    SharedBell shared;
    const uint32_t before = shared.owned().load();
    EXPECT_FALSE(ringIfAsleep(shared.sleepFlag(), shared.owned()));
    EXPECT_EQ(shared.owned().load(), before);
    shared.sleepFlag() = 1;
    EXPECT_TRUE(ringIfAsleep(shared.sleepFlag(), shared.owned()));
    EXPECT_EQ(shared.owned().load(), before + 1);
    shared.sleepFlag() = UINT32_MAX; // any claim but 0
    EXPECT_TRUE(ringIfAsleep(shared.sleepFlag(), shared.owned()));
}

TEST(Bell, KeepsItsDeadline)
{
    SharedBell shared;
    StopWord stop;
    const auto begin = Clock::now();
    while (Clock::now() < begin + 30ms)
        waitForBell(shared.seenByPeer(), shared.owned().load(), stop, stop.value(), begin + 30ms);
    EXPECT_GE(Clock::now() - begin, 30ms);
    waitForStop(stop, stop.value(), Clock::now() + 10ms);
}

TEST(StopWord, EndsAWaitThoughTheBellIsSilent)
{
    SharedBell shared;
    StopWord stop;
    Waiter waiter(shared.seenByPeer(), stop);
    EXPECT_TRUE(waiter.asleep());
    stop.poke();
    EXPECT_TRUE(waiter.awakeWithin(5s));
}

// A peer moves our waiters to a futex where nobody will ever wake them.
TEST(StopWord, ReachesAWaiterThatAPeerRequeuedAway)
{
    SharedBell shared;
    StopWord stop;
    Waiter waiter(shared.seenByPeer(), stop);
    EXPECT_TRUE(waiter.asleep());

    const pid_t attacker = ::fork();
    if (attacker == 0) {
        const long moved =
            ::syscall(SYS_futex, &shared.seenByPeer(), FUTEX_REQUEUE, 0, INT32_MAX, &shared.other(), 0);
        ::_exit(moved > 0 ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(attacker, &status, 0), attacker);
    const bool wasMoved = status == 0;

    stop.poke();
    EXPECT_TRUE(waiter.awakeWithin(5s));
    if (!wasMoved)
        GTEST_SKIP() << "the kernel did not let it requeue";
}

TEST(Fallback, WorksWhereWaitvIsUnknown)
{
    const int result = inChild(worksWithoutWaitv<ENOSYS>);
    if (result == kSkipped)
        GTEST_SKIP() << "no seccomp filter here";
    EXPECT_EQ(result, kGood);
}

TEST(Fallback, WorksWhereWaitvIsForbidden)
{
    const int result = inChild(worksWithoutWaitv<EPERM>);
    if (result == kSkipped)
        GTEST_SKIP() << "no seccomp filter here";
    EXPECT_EQ(result, kGood);
}
