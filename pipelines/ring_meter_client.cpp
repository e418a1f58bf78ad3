// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring over a unix socket, the receiving side, which waits for each reading: until the meter goes, or
// READINGS of them.
//
//     ring-meter-client /tmp/meter [READINGS]    # after ring-meter-server /tmp/meter
//
// Exit status: 0 it got what it asked for, or did not ask and the meter went; 1 an error, which is printed;
// 2 usage.
#include "ring_meter.h"

#include "ringcore/ring_socket.h"

#include <exception>

namespace
{

using ringcore::Wake;

void display(const char *path, std::optional<uint64_t> wanted)
{
    auto receiver = meter::orThrow(ringcore::connectRing<ringcore::Receiver<meter::Reading>>(
        path, meter::kCapacity, {}, meter::fromNow(meter::kPatience)));

    meter::Display display;
    while (!wanted || display.readings() < *wanted) {
        // Sleeps while the ring is empty, at no cost; a sender that is awake wakes us.
        const Wake wake = meter::orThrow(receiver.waitForItems(1, meter::fromNow(meter::kPatience)));
        if (wake == Wake::TimedOut)
            throw std::runtime_error("The meter is there, but no reading comes");
        if (wake == Wake::PeerGone) // and the ring is empty
            break;
        if (const auto reading = meter::orThrow(receiver.receive()))
            display.show(*reading);
    }
    display.showSum();
    // That the meter went does not tell whether it had ended or was killed: if that matters, let an item say
    // it.
    if (wanted && display.readings() < *wanted)
        throw std::runtime_error("The meter went too early");
}

} // namespace

int main(int argc, char **argv)
{
    const auto readings = argc == 3 ? meter::countFrom(argv[2]) : std::nullopt;
    if (argc < 2 || argc > 3 || (argc == 3 && !readings)) {
        std::fprintf(stderr, "Usage: %s SOCKET [READINGS]\n", argv[0]);
        return 2;
    }
    try {
        display(argv[1], readings);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
