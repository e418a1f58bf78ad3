// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Both ends of a ring of items, made in each of the ways that there are; in one process or in two.
#pragma once

#include "ringcore/control_socket.h"
#include "ringcore/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ringtest
{

using Clock = std::chrono::steady_clock;

inline ringcore::Deadline within(std::chrono::milliseconds time)
{
    return Clock::now() + time;
}
inline constexpr std::chrono::seconds kPatience{30};

inline ringcore::PeerFault faultOf(const auto &result)
{
    if (result)
        return {};
    const auto *fault = std::get_if<ringcore::PeerFault>(&result.error());
    return fault ? *fault : ringcore::PeerFault{};
}

void expectFault(const auto &result, ringcore::FaultKind kind, uint64_t expected, uint64_t found)
{
    ASSERT_FALSE(result);
    const auto *fault = std::get_if<ringcore::PeerFault>(&result.error());
    ASSERT_NE(fault, nullptr) << ringcore::describe(result.error());
    EXPECT_EQ(fault->kind, kind) << ringcore::describe(*fault);
    EXPECT_EQ(fault->expected, expected);
    EXPECT_EQ(fault->found, found);
}

void expectMisuse(const auto &result, ringcore::MisuseKind kind, uint64_t bound, uint64_t given)
{
    ASSERT_FALSE(result);
    const auto *misuse = std::get_if<ringcore::Misuse>(&result.error());
    ASSERT_NE(misuse, nullptr) << ringcore::describe(result.error());
    EXPECT_EQ(misuse->kind, kind) << ringcore::describe(*misuse);
    EXPECT_EQ(misuse->bound, bound);
    EXPECT_EQ(misuse->given, given);
}

// Zeros that a child process shares.
class SharedZeros
{
public:
    explicit SharedZeros(size_t size)
        : size_(size), data_(static_cast<std::byte *>(
                           ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)))
    {
        EXPECT_NE(data_, MAP_FAILED);
    }
    ~SharedZeros() { ::munmap(data_, size_); }
    SharedZeros(const SharedZeros &) = delete;
    SharedZeros &operator=(const SharedZeros &) = delete;

    std::span<std::byte> span() const { return {data_, size_}; }
    template <typename T>
    T &at(size_t offset) const
    {
        return *reinterpret_cast<T *>(data_ + offset);
    }

private:
    size_t size_;
    std::byte *data_;
};

enum class Made { BySender, ByReceiver, BySenderShared, ByReceiverShared, Attached };
inline constexpr Made kEveryWay[] = {Made::BySender, Made::ByReceiver, Made::BySenderShared,
                                     Made::ByReceiverShared, Made::Attached};
inline constexpr Made kWaysWithASocket[] = {Made::BySender, Made::ByReceiver, Made::BySenderShared,
                                            Made::ByReceiverShared};

inline std::string nameOf(Made made)
{
    constexpr const char *kNames[] = {"SenderCreates", "ReceiverCreates", "SenderCreatesShared",
                                      "ReceiverCreatesShared", "Attached"};
    return kNames[static_cast<size_t>(made)];
}
inline void PrintTo(Made made, std::ostream *out)
{
    *out << nameOf(made);
}

// Where the two ends of a ring meet: made before there are two processes (or threads). The end that
// creates goes first, or the other one waits for it.
template <ringcore::RingItem T>
class Meeting
{
public:
    Meeting(Made made, uint32_t capacity)
        : made_(made), capacity_(capacity), memory_(ringcore::Sender<T>::attachedBytes(capacity))
    {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        creator_ = ringcore::ControlSocket(ringcore::UniqueFd(pair[0]));
        opener_ = ringcore::ControlSocket(ringcore::UniqueFd(pair[1]));
    }

    ringcore::Sender<T> sender() { return end<ringcore::Sender<T>>(senderCreates()); }
    ringcore::Receiver<T> receiver() { return end<ringcore::Receiver<T>>(!senderCreates()); }

    bool senderCreates() const { return made_ == Made::BySender || made_ == Made::BySenderShared; }
    bool attached() const { return made_ == Made::Attached; }
    const SharedZeros &memory() const { return memory_; }

private:
    template <typename End>
    End end(bool creates)
    {
        if (attached())
            return End::attach(capacity_, memory_.span()).value();
        ringcore::RingOptions options;
        if (made_ == Made::BySenderShared || made_ == Made::ByReceiverShared)
            options.exposure = ringcore::Exposure::Shared;
        if (!creates)
            return End::open(capacity_, receiveFds(), options).value();
        End created = End::create(capacity_, options).value();
        const auto fds = created.takeFdsForPeer().value();
        const std::byte greeting[1]{};
        EXPECT_TRUE(creator_.send(greeting, fds));
        return created;
    }

    std::vector<ringcore::UniqueFd> receiveFds() const
    {
        pollfd fd{opener_.fd(), POLLIN, 0};
        ::poll(&fd, 1, static_cast<int>(kPatience / std::chrono::milliseconds(1)));
        return std::move(opener_.receive(3).value().value().fds);
    }

    Made made_;
    uint32_t capacity_;
    SharedZeros memory_;
    ringcore::ControlSocket creator_{ringcore::UniqueFd()};
    ringcore::ControlSocket opener_{ringcore::UniqueFd()};
};

// Both ends in one process; either may be taken away.
template <ringcore::RingItem T>
struct Ends {
    explicit Ends(Made made, uint32_t capacity = 8) : meeting(made, capacity)
    {
        if (!meeting.senderCreates())
            receiver = meeting.receiver();
        sender = meeting.sender();
        if (meeting.senderCreates())
            receiver = meeting.receiver();
    }

    // A ring that has nothing to do with the faulty one, and its end: all of it works.
    void expectWorks()
    {
        const uint64_t first = ++number_;
        ASSERT_EQ(sender->send(T(first)).value(), true);
        EXPECT_EQ(receiver->waitForItems(1, within(kPatience)).value(), ringcore::Wake::Ready);
        EXPECT_EQ(receiver->receive().value(), T(first));
        EXPECT_EQ(sender->room().value(), sender->capacity());
    }

    Meeting<T> meeting;
    std::optional<ringcore::Sender<T>> sender;
    std::optional<ringcore::Receiver<T>> receiver;

private:
    uint64_t number_ = 0;
};

// `run` in a process of its own, which ends with what it returns; killed with its owner.
class Forked
{
public:
    template <typename F>
    explicit Forked(F &&run) : pid_(::fork())
    {
        if (pid_ == 0) {
            ::alarm(60);
            ::_exit(run());
        }
        EXPECT_GT(pid_, 0);
    }
    ~Forked()
    {
        if (pid_ > 0)
            kill();
    }
    Forked(const Forked &) = delete;
    Forked &operator=(const Forked &) = delete;

    // Its exit status, or -1.
    int wait()
    {
        int status = -1;
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    void kill()
    {
        ::kill(pid_, SIGKILL);
        wait();
    }

private:
    pid_t pid_;
};

// In a forked process, where gtest's failures are lost.
#define CHILD_REQUIRE(condition)                                                                             \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__, __LINE__, #condition);               \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (false)

// A thread that says when it sleeps in the kernel.
class Sleeper
{
public:
    template <typename F>
    explicit Sleeper(F &&run)
        : thread_([this, run = std::forward<F>(run)] {
              id_ = static_cast<pid_t>(::syscall(SYS_gettid));
              run();
          })
    {
    }
    ~Sleeper() { join(); }
    void join()
    {
        if (thread_.joinable())
            thread_.join();
    }

    bool awaitAsleep() const
    {
        const auto end = Clock::now() + kPatience;
        while (Clock::now() < end) {
            std::ifstream file("/proc/self/task/" + std::to_string(id_.load()) + "/stat");
            std::string stat;
            std::getline(file, stat);
            const size_t name = stat.rfind(')');
            if (id_ != 0 && name != std::string::npos && stat.size() > name + 2 && stat[name + 2] == 'S')
                return true;
            std::this_thread::yield();
        }
        return false;
    }

private:
    std::atomic<pid_t> id_{0};
    std::thread thread_;
};

// What poll() says of `fd` within the time: its events, or 0.
inline short polled(int fd, std::chrono::milliseconds time = std::chrono::milliseconds(0))
{
    pollfd wanted{fd, POLLIN, 0};
    return ::poll(&wanted, 1, static_cast<int>(time.count())) > 0 ? wanted.revents : short{0};
}

} // namespace ringtest
