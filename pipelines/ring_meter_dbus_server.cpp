// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring whose fds are handed over by a method on the session bus, to a process of the same user. D-Bus
// carries nothing else: the readings go through the ring. Ends when the client goes, or after READINGS of
// them.
//
//     ring-meter-dbus-server [READINGS]
//     ring-meter-dbus-client                     # in another terminal of the same session
//
// Exit status: 0 the client went or got its readings; 1 an error, which is printed; 2 usage.
#include "ring_meter.h"
#include "ring_meter_dbus.h"

#include "ringcore/ring.h"

#include <algorithm>
#include <exception>

namespace
{

using std::chrono::steady_clock;
using Sender = ringcore::Sender<meter::Reading>;

// sd-bus calls it: no exception may leave it. `client` is where the main loop finds the new client.
int openRing(sd_bus_message *call, void *client, sd_bus_error *error)
{
    // First who asks, then what for. On the session bus sd-bus itself lets everybody call.
    if (!meter::isFromOurUser(call))
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "This meter is for its own user only");
    auto &sender = *static_cast<std::optional<Sender> *>(client);
    if (sender)
        return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "This meter has a client already");

    auto made = Sender::create(meter::kCapacity);
    if (!made)
        return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, ringcore::describe(made.error()).c_str());
    // The reply has copies of its own. Ours are closed at the end of this function: if we kept the other side
    // of the ring open we would never hear that the client is gone.
    const auto fds = made->takeFdsForPeer();
    if (!fds)
        return sd_bus_error_set(error, SD_BUS_ERROR_FAILED, ringcore::describe(fds.error()).c_str());
    const int sent =
        sd_bus_reply_method_return(call, "ah", 3, (*fds)[0].get(), (*fds)[1].get(), (*fds)[2].get());
    if (sent >= 0)
        sender = std::move(*made);
    return sent;
}

const sd_bus_vtable kMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD(meter::kMethod, "", "ah", openRing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

void serve(uint64_t readings)
{
    std::optional<Sender> client;
    const auto bus = meter::sessionBus();
    meter::orThrow(
        sd_bus_add_object_vtable(bus.get(), nullptr, meter::kObject, meter::kInterface, kMethods, &client),
        "sd_bus_add_object_vtable");
    meter::orThrow(sd_bus_request_name(bus.get(), meter::kBusName, 0), meter::kBusName);
    std::printf("Waiting for a client of %s\n", meter::kBusName);
    std::fflush(stdout);

    // sd-bus does without threads: its messages are processed here, between two readings.
    uint64_t number = 0;
    steady_clock::time_point due;
    while (number < readings) {
        const bool mayBeMore = meter::orThrow(sd_bus_process(bus.get(), nullptr), "sd_bus_process") > 0;
        if (!client) {
            if (!mayBeMore)
                meter::orThrow(sd_bus_wait(bus.get(), UINT64_MAX), "sd_bus_wait");
            due = steady_clock::now(); // the first one, if that was our client
            continue;
        }
        if (client->peerIsGone()) {
            std::printf("The client is gone after %" PRIu64 " readings\n", number);
            return;
        }
        if (const auto now = steady_clock::now(); now < due) {
            const auto left = std::chrono::ceil<std::chrono::microseconds>(due - now).count();
            if (!mayBeMore)
                meter::orThrow(sd_bus_wait(bus.get(), static_cast<uint64_t>(left)), "sd_bus_wait");
            continue;
        }
        // This side has others to serve and does not wait for the client: if the ring is full, the reading is
        // lost. Its number will be missing.
        meter::orThrow(client->send(meter::readingOf(number)));
        number++;
        due += meter::kInterval;
    }
    std::printf("Sent %" PRIu64 " readings\n", readings);
}

} // namespace

int main(int argc, char **argv)
{
    const auto readings = argc == 2 ? meter::countFrom(argv[1]) : std::optional(UINT64_MAX);
    if (argc > 2 || !readings) {
        std::fprintf(stderr, "Usage: %s [READINGS]\n", argv[0]);
        return 2;
    }
    try {
        serve(*readings);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
