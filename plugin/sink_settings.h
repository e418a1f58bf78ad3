// SPDX-License-Identifier: LGPL-2.1-or-later
//
// sharedringsink's properties as plain values with their defaults; copied when the element starts.
#pragma once

#include "ringcore/fan_out.h"

#include <gst/gst.h>

#include <cstdint>
#include <string>

namespace sharedring
{

enum class TimestampsChoice { Auto, Clock, Preserve };

struct SinkSettings {
    std::string socket; // empty: not set
    int fd = -1;
    guint perms = 0600;
    bool waitForConnection = false;
    guint maxClients = 16;
    guint maxClientsPerUid = 16;
    guint64 maxMemory = guint64{512} << 20;
    bool offerPool = true;
    bool negotiateFormats = true;
    guint maxBuffers = 16;
    ringcore::SlowClient slowClient = ringcore::SlowClient::Drop;
    guint64 slowClientTimeout = GST_CLOCK_TIME_NONE;
    TimestampsChoice timestamps = TimestampsChoice::Auto;
    std::string upstreamEvents = "GstForceKeyUnit";
};

} // namespace sharedring
