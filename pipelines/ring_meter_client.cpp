// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring over a unix socket, the receiving side, which waits for each reading: until the meter goes, or
// READINGS of them.
//
//     ring-meter-client /tmp/meter [READINGS]    # after ring-meter-server /tmp/meter
//
// Exit status: 0 it got what it asked for, or did not ask and the meter went; 1 an error, which is printed;
// 2 usage.
#include "ring_meter_display.h"

#include "ringcore/ring_socket.h"

#include <cstdio>
#include <exception>
#include <utility>

int main(int argc, char **argv)
{
    const auto readings = argc == 3 ? meter::countFrom(argv[2]) : std::nullopt;
    if (argc < 2 || argc > 3 || (argc == 3 && !readings)) {
        std::fprintf(stderr, "Usage: %s SOCKET [READINGS]\n", argv[0]);
        return 2;
    }
    try {
        auto receiver = meter::orThrow(ringcore::connectRing<ringcore::Receiver<meter::Reading>>(
            argv[1], meter::kCapacity, {}, meter::fromNow(meter::kPatience)));
        meter::displayReadings(std::move(receiver), readings);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
