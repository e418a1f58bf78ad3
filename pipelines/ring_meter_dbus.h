// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the two sides of the D-Bus example have in common: the names, and who may be trusted with a ring.
#pragma once

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <systemd/sd-bus.h>
#include <unistd.h>

namespace meter
{

inline constexpr const char *kBusName = "org.example.RingMeter";
inline constexpr const char *kObject = "/org/example/RingMeter";
inline constexpr const char *kInterface = "org.example.RingMeter";
// OpenRing() -> ah: the fds for Receiver<Reading>::open(kCapacity), in their order.
inline constexpr const char *kMethod = "OpenRing";

struct Unref {
    void operator()(sd_bus *bus) const { sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message *message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_creds *creds) const { sd_bus_creds_unref(creds); }
};

template <typename T>
using Owned = std::unique_ptr<T, Unref>;

// sd-bus returns errno, negative.
inline int orThrow(int result, const char *what)
{
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), what);
    return result;
}

inline Owned<sd_bus> sessionBus()
{
    sd_bus *bus = nullptr;
    orThrow(sd_bus_open_user(&bus), "session bus");
    return Owned<sd_bus>(bus);
}

// Whether a message comes from a process of our own user. The bus says so, which asked the kernel when that
// process connected; nothing that the message itself says is believed. Names of senders are not used twice.
inline bool isFromOurUser(sd_bus_message *message)
{
    sd_bus_creds *found = nullptr;
    if (sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &found) < 0)
        return false;
    const Owned<sd_bus_creds> creds(found);
    uid_t uid;
    return sd_bus_creds_get_euid(creds.get(), &uid) >= 0 && uid == ::geteuid();
}

} // namespace meter
