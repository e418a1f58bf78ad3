// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring between a process and its child, which gets its end over a socket pair:
//
//     c++ -std=c++20 ring.cpp $(pkg-config --cflags --libs ringcore) -o ring && ./ring
#include <ringcore/control_socket.h>
#include <ringcore/ring.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

using namespace ringcore;

constexpr uint32_t kCapacity = 256;
constexpr uint64_t kSamples = 100'000;

struct Sample {
    uint64_t number;
    float value;
    uint32_t sensor;
};

void send(const ControlSocket &child)
{
    auto sender = Sender<Sample>::create(kCapacity).value();
    const auto sent = child.send(std::array{std::byte{1}}, sender.takeFdsForPeer().value());
    if (!sent)
        throw tl::bad_expected_access(sent.error());
    for (uint64_t i = 0; i < kSamples; i++) {
        while (!sender.send({i, 21.5f, 1}).value()) {
            if (sender.waitForRoom().value() == Wake::PeerGone)
                return;
        }
    }
}

bool receive(const ControlSocket &parent)
{
    pollfd readable{parent.fd(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    auto message = parent.receive(fdsForPeer(Exposure::SingleWriter)).value();
    auto receiver = Receiver<Sample>::open(kCapacity, std::move(message.value().fds)).value();

    uint64_t received = 0;
    bool inOrder = true;
    while (receiver.waitForItems().value() == Wake::Ready)
        receiver.receiveEach([&](const Sample &sample) { inOrder &= sample.number == received++; }).value();
    std::printf("%" PRIu64 " samples, %s\n", received, inOrder ? "in order" : "not in order");
    return inOrder && received == kSamples;
}

} // namespace

int main()
try {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return 1;
    ControlSocket parentsEnd{UniqueFd(fds[0])};
    ControlSocket childsEnd{UniqueFd(fds[1])};
    if (::fork() == 0) {
        parentsEnd.close();
        return receive(childsEnd) ? 0 : 1;
    }
    childsEnd.close();
    send(parentsEnd);
    int status = 1;
    ::wait(&status);
    return status == 0 ? 0 : 1;
} catch (const tl::bad_expected_access<ringcore::Error> &bad) {
    std::fprintf(stderr, "%s\n", ringcore::describe(bad.error()).c_str());
    return 1;
}
