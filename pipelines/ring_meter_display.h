// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How one waits for a ring: displays a meter's readings as they come, for those examples that do nothing else
// meanwhile. Those with an event loop are ring_meter_epoll.cpp and ring_meter_glib.cpp.
#pragma once

#include "ring_meter.h"

#include "ringcore/ring.h"

#include <cstdint>
#include <optional>
#include <stdexcept>

namespace meter
{

// Until the meter goes, or `wanted` readings; fewer of these are an exception.
inline void displayReadings(ringcore::Receiver<Reading> receiver, std::optional<uint64_t> wanted)
{
    Display display;
    while (!wanted || display.readings() < *wanted) {
        // Sleeps while the ring is empty, at no cost; a sender that is awake wakes us.
        const auto wake = orThrow(receiver.waitForItems(1, fromNow(kPatience)));
        if (wake == ringcore::Wake::TimedOut)
            throw std::runtime_error("The meter is there, but no reading comes");
        if (wake == ringcore::Wake::PeerGone) // and the ring is empty
            break;
        if (const auto reading = orThrow(receiver.receive()))
            display.show(*reading);
    }
    display.showSum();
    // That the meter went does not tell whether it had ended or was killed: if that matters, let an item say
    // it.
    if (wanted && display.readings() < *wanted)
        throw std::runtime_error("The meter went too early");
}

} // namespace meter
