// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Rings in an epoll loop: displays several meters in one thread, until all of them are gone.
//
//     ring-meter-epoll /tmp/meter /tmp/another   # after ring-meter-server /tmp/meter, and the other one
//
// Exit status: 0 all meters went; 1 an error, which is printed, or one of them broke the ring's rules; 2
// usage.
#include "ring_meter.h"

#include "ringcore/ring_socket.h"

#include <cerrno>
#include <exception>
#include <span>
#include <sys/epoll.h>
#include <system_error>
#include <vector>

namespace
{

using ringcore::Result;
using ringcore::UniqueFd;

struct Meter {
    const char *path;
    ringcore::Receiver<meter::Reading> receiver;
    meter::Display display = {};
    enum { Look, Asleep, Gone } state = Look; // Asleep: the epoll tells when to look
};

// One ring full at most, so that a busy meter does not keep us from the others.
Result<uint32_t> takeReadings(Meter &one)
{
    return one.receiver.receiveEach([&](const meter::Reading &reading) { one.display.show(reading); });
}

class Loop
{
public:
    void add(const char *path)
    {
        Meter one{path, meter::orThrow(ringcore::connectRing<ringcore::Receiver<meter::Reading>>(
                            path, meter::kCapacity, {}, meter::fromNow(meter::kPatience)))};
        epoll_event wanted{};
        wanted.events = EPOLLIN | EPOLLRDHUP; // EPOLLHUP comes unasked
        wanted.data.u64 = meters_.size();
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.receiver.pollFd(), &wanted) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
        meters_.push_back(std::move(one));
        left_++;
    }

    // False: a meter was dropped because it did not keep to the rules.
    bool run()
    {
        while (left_ > 0) {
            // 1. Take what is there. 2. Before polling, say so: a sender rings only for a receiver that says
            // that it sleeps. If something came in between we are told, and look again instead.
            int timeout = -1;
            for (Meter &one : meters_) {
                if (one.state != Meter::Look)
                    continue;
                const auto more =
                    takeReadings(one).and_then([&](uint32_t) { return one.receiver.prepareToPoll(); });
                if (!more) // what comes from the other process makes no sense: that costs it this ring
                    drop(one, ringcore::describe(more.error()).c_str());
                else if (*more)
                    timeout = 0;
                else
                    one.state = Meter::Asleep;
            }
            if (left_ == 0)
                break;

            // 3. Poll. Timers, sockets and so on would be in the same epoll.
            epoll_event events[16];
            const int count = ::epoll_wait(epoll_.get(), events, std::size(events), timeout);
            if (count < 0 && errno != EINTR)
                throw std::system_error(errno, std::generic_category(), "epoll_wait");

            // 4. Whoever is readable: finishPoll(), and only then look into the ring.
            for (const epoll_event &event :
                 std::span(events).first(count < 0 ? 0 : static_cast<size_t>(count))) {
                Meter &one = meters_[event.data.u64];
                one.receiver.finishPoll();
                one.state = Meter::Look;
                if (event.events & (EPOLLHUP | EPOLLRDHUP))
                    finish(one);
            }
        }
        return !broken_;
    }

private:
    // The sender hung up (or was killed): what it sent before that is still there, and nothing comes after
    // it.
    void finish(Meter &one)
    {
        if (const auto last = takeReadings(one); !last)
            return drop(one, ringcore::describe(last.error()).c_str());
        forget(one);
    }

    void drop(Meter &one, const char *reason)
    {
        std::fprintf(stderr, "%s: %s\n", one.path, reason);
        broken_ = true;
        forget(one);
    }

    void forget(Meter &one)
    {
        std::printf("%s: ", one.path);
        one.display.showSum();
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, one.receiver.pollFd(), nullptr);
        one.state = Meter::Gone;
        left_--;
    }

    UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
    std::vector<Meter> meters_;
    size_t left_ = 0; // of meters_, those that are not gone
    bool broken_ = false;
};

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2) {
        std::fprintf(stderr, "Usage: %s SOCKET...\n", argv[0]);
        return 2;
    }
    try {
        Loop loop;
        for (int i = 1; i < argc; i++)
            loop.add(argv[i]);
        return loop.run() ? 0 : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
