// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Asks a meter on the session bus for a ring, and displays its readings: until the meter goes, or READINGS of
// them.
//
//     ring-meter-dbus-client [READINGS]          # after ring-meter-dbus-server
//
// Exit status: 0 it got what it asked for, or did not ask and the meter went; 1 an error, which is printed;
// 2 usage.
#include "ring_meter_dbus.h"
#include "ring_meter_display.h"

#include "ringcore/ring.h"

#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <utility>
#include <vector>

namespace
{

using ringcore::UniqueFd;

std::vector<UniqueFd> askForFds()
{
    const auto bus = meter::sessionBus();
    meter::orThrow(
        sd_bus_set_method_call_timeout(bus.get(), std::chrono::microseconds(meter::kPatience).count()),
        "sd_bus_set_method_call_timeout");
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *answer = nullptr;
    if (sd_bus_call_method(bus.get(), meter::kBusName, meter::kObject, meter::kInterface, meter::kMethod,
                           &error, &answer, "") < 0) {
        const std::string said = std::string(error.name) + ": " + (error.message ? error.message : "");
        sd_bus_error_free(&error);
        throw std::runtime_error(said);
    }
    const meter::Owned<sd_bus_message> reply(answer);
    // Anybody on the bus may have taken the meter's name.
    if (!meter::isFromOurUser(reply.get()))
        throw std::runtime_error("This is not a meter of our own user");

    std::vector<UniqueFd> fds;
    meter::orThrow(sd_bus_message_enter_container(reply.get(), 'a', "h"), "reply");
    int fd = -1; // the message's, which closes it
    while (meter::orThrow(sd_bus_message_read_basic(reply.get(), 'h', &fd), "reply") > 0)
        fds.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return fds; // D-Bus has done its part
}

} // namespace

int main(int argc, char **argv)
{
    const auto readings = argc == 2 ? meter::countFrom(argv[1]) : std::nullopt;
    if (argc > 2 || (argc == 2 && !readings)) {
        std::fprintf(stderr, "Usage: %s [READINGS]\n", argv[0]);
        return 2;
    }
    try {
        // What the fds are, and how many, is for open() to check.
        auto receiver =
            meter::orThrow(ringcore::Receiver<meter::Reading>::open(meter::kCapacity, askForFds()));
        meter::displayReadings(std::move(receiver), readings);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
