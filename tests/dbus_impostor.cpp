// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Takes the name of the D-Bus example's meter and gives a ring to whoever asks: what the client gets when
// another user was there first.
#include "pipelines/ring_meter.h"
#include "pipelines/ring_meter_dbus.h"

#include "ringcore/ring.h"

namespace
{

using Sender = ringcore::Sender<meter::Reading>;

int openRing(sd_bus_message *call, void *sender, sd_bus_error *)
{
    const auto fds = static_cast<Sender *>(sender)->takeFdsForPeer().value();
    return sd_bus_reply_method_return(call, "ah", static_cast<int>(fds.size()), fds[0].get(), fds[1].get(),
                                      fds[2].get());
}

const sd_bus_vtable kMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD(meter::kMethod, "", "ah", openRing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

} // namespace

int main()
{
    auto sender = meter::orThrow(Sender::create(meter::kCapacity));
    meter::orThrow(sender.send(meter::readingOf(0)));
    const auto bus = meter::sessionBus();
    meter::orThrow(
        sd_bus_add_object_vtable(bus.get(), nullptr, meter::kObject, meter::kInterface, kMethods, &sender),
        "sd_bus_add_object_vtable");
    meter::orThrow(sd_bus_request_name(bus.get(), meter::kBusName, 0), meter::kBusName);
    std::printf("Waiting for a client\n");
    std::fflush(stdout);
    while (true) { // until it is killed
        if (meter::orThrow(sd_bus_process(bus.get(), nullptr), "sd_bus_process") == 0)
            meter::orThrow(sd_bus_wait(bus.get(), UINT64_MAX), "sd_bus_wait");
    }
}
