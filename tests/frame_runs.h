// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which of a producer's frames a consumer saw: a run without a gap, and how far it reaches.
#pragma once

#include "peer_process.h"

#include <gtest/gtest.h>

#include <algorithm>

inline bool isSameFrame(const LoggedBuffer &one, const LoggedBuffer &other)
{
    return one.pts == other.pts && one.md5 == other.md5 && one.size == other.size;
}

// The frames of `seen` are frames of `sent`, in order, with none left out between the first and the
// last of them. Producer and consumer with timestamps as they are (preserve, is-live=false).
inline testing::AssertionResult isRunOf(const TapLog &seen, const TapLog &sent)
{
    if (seen.buffers.empty())
        return testing::AssertionFailure() << "no frame was seen";
    const auto first = std::find_if(sent.buffers.begin(), sent.buffers.end(), [&](const LoggedBuffer &frame) {
        return isSameFrame(frame, seen.buffers.front());
    });
    if (first == sent.buffers.end())
        return testing::AssertionFailure()
               << "the first frame, at " << seen.buffers.front().pts << ", was never sent";
    auto expected = first;
    for (size_t i = 0; i < seen.buffers.size(); i++, ++expected) {
        const LoggedBuffer &frame = seen.buffers[i];
        if (expected == sent.buffers.end())
            return testing::AssertionFailure() << "more frames than were sent";
        if (!isSameFrame(frame, *expected))
            return testing::AssertionFailure()
                   << "frame " << i << " of " << seen.buffers.size() << ": at " << frame.pts << ", "
                   << frame.md5 << ", instead of " << expected->pts << ", " << expected->md5;
    }
    return testing::AssertionSuccess();
}

// A run that ends with the last frame that was sent.
inline testing::AssertionResult isRunToTheEndOf(const TapLog &seen, const TapLog &sent)
{
    if (auto run = isRunOf(seen, sent); !run)
        return run;
    if (!isSameFrame(seen.buffers.back(), sent.buffers.back()))
        return testing::AssertionFailure() << "the last frame seen is at " << seen.buffers.back().pts
                                           << ", the last one sent at " << sent.buffers.back().pts;
    return testing::AssertionSuccess();
}

// The names of the first lines of a log, up to the first buffer.
inline std::string whatCameBeforeTheFrames(const TapLog &log)
{
    std::string names;
    for (const std::string &line : log.lines) {
        const std::string name = line.substr(0, line.find(' '));
        if (name == "buffer")
            break;
        names += (names.empty() ? "" : " ") + name;
    }
    return names;
}
