// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring over a unix socket, the sending side: waits at SOCKET for a client, and sends it readings until the
// client goes, or READINGS of them.
//
//     ring-meter-server /tmp/meter [READINGS]
//     ring-meter-client /tmp/meter               # in another terminal; or ring-meter-epoll, ring-meter-glib
//
// Exit status: 0 the client went or got all readings; 1 an error, which is printed; 2 usage.
#include "ring_meter.h"

#include "ringcore/ring_socket.h"

#include <exception>
#include <thread>
#include <unistd.h>

namespace
{

using ringcore::Wake;

void serve(const char *path, uint64_t readings)
{
    ringcore::RingListener::Callbacks callbacks;
    // The kernel says who connects. Here the socket's permission bits (0600) keep out other users already,
    // but for root; a socket of 0666 would leave it to this.
    callbacks.authorize = [](const ringcore::PeerIdentity &peer) { return peer.uid == ::geteuid(); };
    callbacks.refused = [](const ringcore::PeerIdentity &peer, const ringcore::Error &error) {
        std::fprintf(stderr, "Process %d got no ring: %s\n", static_cast<int>(peer.pid),
                     ringcore::describe(error).c_str());
    };
    auto listener = meter::orThrow(ringcore::RingListener::listen(path, 0600, std::move(callbacks)));
    std::printf("Waiting for a client at %s\n", path);
    std::fflush(stdout);

    // A ring has two ends: for another client, accept() again. It makes the ring and hands the other end
    // over; from here on the socket is not needed any more.
    auto sender = meter::orThrow(listener.accept<ringcore::Sender<meter::Reading>>(meter::kCapacity));

    const auto begun = std::chrono::steady_clock::now();
    for (uint64_t number = 0; number < readings; number++) {
        std::this_thread::sleep_until(begun + number * meter::kInterval);
        // Returns at once while there is room. Who must never wait for a client calls send() alone and loses
        // the reading if that says false; ring_meter_dbus_server.cpp does.
        const Wake wake = meter::orThrow(sender.waitForRoom(1, meter::fromNow(meter::kPatience)));
        if (wake == Wake::TimedOut)
            throw std::runtime_error("The client takes nothing");
        // As long as there is room, sending to a client that is gone looks like sending to a slow one: ask.
        if (wake == Wake::PeerGone || sender.peerIsGone()) {
            std::printf("The client is gone after %" PRIu64 " readings\n", number);
            return;
        }
        meter::orThrow(sender.send(meter::readingOf(number)));
    }
    std::printf("Sent %" PRIu64 " readings\n", readings);
    // The client finds what is still in the ring, though the sender ends here.
}

} // namespace

int main(int argc, char **argv)
{
    const auto readings = argc == 3 ? meter::countFrom(argv[2]) : std::optional(UINT64_MAX);
    if (argc < 2 || argc > 3 || !readings) {
        std::fprintf(stderr, "Usage: %s SOCKET [READINGS]\n", argv[0]);
        return 2;
    }
    try {
        serve(argv[1], *readings);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
