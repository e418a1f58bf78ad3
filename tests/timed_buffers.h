// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When buffers were due, and when they came, as the taps of two processes logged it.
#pragma once

#include "peer_process.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

constexpr int64_t kMillisecond = 1000000; // ns
constexpr int64_t kSecond = 1000 * kMillisecond;

struct TimedBuffer {
    LoggedBuffer buffer;
    int64_t now = 0;      // running time when it came
    std::string pts, dts; // running times; "none"
    int64_t zero = 0;     // CLOCK_MONOTONIC of running time 0

    // Not so for what a pipeline prerolls with.
    bool hasClock() const { return zero != 0; }
    int64_t due() const;       // CLOCK_MONOTONIC
    int64_t decodedAt() const; // likewise
    int64_t late() const;
};

// Of a tap with --times.
std::vector<TimedBuffer> timedBuffers(const TapLog &log);

// Calls `check` with what the producer and the consumer say of each buffer that both have; how many.
size_t forEachOfBoth(const PeerProcess &producer, const PeerProcess &consumer,
                     const std::function<void(const TimedBuffer &sent, const TimedBuffer &got)> &check);

// Launch lines: 50 small pictures a second, with the tap before the sink and behind the source.
std::string timedProducer(const std::string &socket, const std::string &source, const std::string &properties,
                          const std::string &more = "");
std::string timedConsumer(const std::string &socket, const std::string &properties = "",
                          const std::string &rest = "fakesink name=tap sync=false");
