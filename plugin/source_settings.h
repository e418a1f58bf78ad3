// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user sets on a sharedringsrc: plain values, copied when the element starts.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>

namespace sharedring
{

enum class OnDisconnect { Reconnect, EndOfStream, Error };
enum class PayloadMode { Auto, Map, Copy };

struct SourceSettings {
    std::string socket;
    int fd = -1;
    bool isLive = true;
    int numBuffers = -1; // -1: no end
    bool doTimestamp = false;
    OnDisconnect onDisconnect = OnDisconnect::Reconnect;
    GstClockTime connectionTimeout = GST_CLOCK_TIME_NONE; // ns
    PayloadMode payloadMode = PayloadMode::Auto;
    int64_t producerUid = -1;               // -1: any
    uint64_t maxMemory = uint64_t{1} << 30; // bytes
};

} // namespace sharedring
