// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_clock.h"

#include "ringcore/monotonic_time.h"

#include <gst/audio/gstaudioclock.h>
#include <gst/net/gstnet.h>
#include <gst/net/gstptpclock.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

namespace
{

// What a sound card would have played, in a clock's own time.
GstClockTime played(GstClock *, gpointer ppm)
{
    return static_cast<GstClockTime>(static_cast<double>(ringcore::monotonicNow()) *
                                     (1 + *static_cast<double *>(ppm) * 1e-6));
}

GstClock *ptpClock()
{
    std::string interface = "ptp0";
    gchar *interfaces[] = {interface.data(), nullptr};
    return gst_ptp_init(GST_PTP_CLOCK_ID_NONE, interfaces) ? gst_ptp_clock_new("PrecisionTime", 0) : nullptr;
}

// A clock that learns the time from the network takes a while: until it keeps in step with CLOCK_MONOTONIC.
bool settles(GstClock *clock)
{
    constexpr int64_t kPace = 50 * GST_MSECOND;
    constexpr int64_t kSteady = GST_MSECOND / 2; // 1 %
    if (!gst_clock_wait_for_sync(clock, 20 * GST_SECOND))
        return false;
    const auto ahead = [&] {
        return static_cast<int64_t>(gst_clock_get_time(clock) - ringcore::monotonicNow());
    };
    int64_t before = ahead();
    for (int steady = 0, looks = 0; steady < 20; looks++) {
        if (looks == 400)
            return false;
        std::this_thread::sleep_for(std::chrono::nanoseconds(kPace));
        const int64_t now = ahead();
        steady = std::llabs(now - std::exchange(before, now)) < kSteady ? steady + 1 : 0;
    }
    return true;
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
    else if (kind == "ptp")
        clock = ptpClock();
    if (!clock)
        return nullptr;
    gst_object_ref_sink(clock);
    if ((kind == "net" || kind == "ptp") && !settles(GST_CLOCK(clock)))
        g_clear_pointer(&clock, gst_object_unref);
    return static_cast<GstClock *>(clock);
}
