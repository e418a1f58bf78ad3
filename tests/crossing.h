// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A stream that goes from one process into another, from its beginning to its end and without a
// loss, with a tap at the sink's pad and one at the source's.
#pragma once

#include "peer_process.h"

#include <chrono>
#include <string>
#include <vector>

struct CrossingLines {
    std::string upstream;                               // of the sink
    std::string downstream = "fakesink sync=false";     // of the source
    std::string sinkProperties = "timestamps=preserve"; // beside those of a lossless stream
    std::string srcProperties = "is-live=false";
};

class Crossing
{
public:
    // Runs both processes until each has seen the end of the stream: or the test has failed.
    explicit Crossing(const CrossingLines &lines,
                      std::chrono::milliseconds patience = std::chrono::seconds(60));

    const TapLog &sent() const { return sent_; }
    const TapLog &received() const { return received_; }
    // Of ring-stats, after the end.
    uint64_t sinkStat(const std::string &field) { return producer_.stat(field, "tap"); }
    uint64_t srcStat(const std::string &field) { return consumer_.stat(field, "tap"); }

private:
    std::string socket_ = freshPath(".socket");
    PeerProcess producer_;
    PeerProcess consumer_;
    TapLog sent_;
    TapLog received_;
};

// The lines of a log that tell of the stream, in order, and not of where its bytes lie.
std::vector<std::string> streamOf(const TapLog &log);

// The same in both logs: buffers with their fields and bytes, caps, segments and tags, in one order.
void expectSameStream(const TapLog &sent, const TapLog &received);
