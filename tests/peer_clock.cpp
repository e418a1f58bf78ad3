// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_clock.h"

#include <gst/audio/gstaudioclock.h>
#include <gst/net/gstnet.h>

#include <chrono>
#include <cstdlib>

namespace
{

// What a sound card would have played, in a clock's own time.
GstClockTime played(GstClock *, gpointer ppm)
{
    const double now = static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count());
    return static_cast<GstClockTime>(now * (1 + *static_cast<double *>(ppm) * 1e-6));
}

} // namespace

GstClock *peerClock(const std::string &name)
{
    const std::string kind = name.substr(0, name.find(':'));
    const std::string value = name.size() > kind.size() ? name.substr(kind.size() + 1) : "";
    gpointer clock = nullptr;
    if (kind == "realtime")
        clock = g_object_new(GST_TYPE_SYSTEM_CLOCK, "name", "RealtimeClock", "clock-type",
                             GST_CLOCK_TYPE_REALTIME, nullptr);
    else if (kind == "audio")
        clock = gst_audio_clock_new("SoundCard", played, new double(std::strtod(value.c_str(), nullptr)),
                                    [](gpointer ppm) { delete static_cast<double *>(ppm); });
    else if (kind == "net")
        clock = gst_net_client_clock_new("Network", "127.0.0.1", std::atoi(value.c_str()), 0);
    if (!clock)
        return nullptr;
    gst_object_ref_sink(clock);
    if (kind == "net" && !gst_clock_wait_for_sync(GST_CLOCK(clock), 20 * GST_SECOND))
        g_clear_pointer(&clock, gst_object_unref);
    return static_cast<GstClock *>(clock);
}
