// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crossing.h"

#include <gtest/gtest.h>

#include <algorithm>

Crossing::Crossing(const CrossingLines &lines, std::chrono::milliseconds patience)
    : producer_(lines.upstream + " ! sharedringsink name=tap socket=" + socket_ +
                    " sync=false slow-client=block wait-for-connection=true " + lines.sinkProperties,
                {"--whole"}),
      consumer_("sharedringsrc name=tap socket=" + socket_ + " " + lines.srcProperties + " ! " +
                    lines.downstream,
                {"--whole"})
{
    if (!producer_.waitFor("eos", patience))
        ADD_FAILURE() << "the producer saw no end: " << producer_.transcript() << consumer_.transcript();
    else if (!consumer_.waitFor("eos", patience))
        ADD_FAILURE() << "the consumer saw no end: " << producer_.transcript() << consumer_.transcript();
    sent_ = producer_.log();
    received_ = consumer_.log();
}

std::vector<std::string> streamOf(const TapLog &log)
{
    static const char *const kKinds[] = {"stream-start", "caps", "segment", "tag",
                                         "buffer",       "gap",  "whole",   "eos"};
    std::vector<std::string> lines;
    for (const std::string &line : log.lines) {
        if (std::none_of(std::begin(kKinds), std::end(kKinds),
                         [&](const char *kind) { return line.starts_with(kind); }))
            continue;
        lines.push_back(line);
        for (const char *place : {" arena", " readonly"}) {
            if (lines.back().ends_with(place))
                lines.back().erase(lines.back().rfind(place));
        }
    }
    return lines;
}

void expectSameStream(const TapLog &sent, const TapLog &received)
{
    const auto expected = streamOf(sent);
    const auto found = streamOf(received);
    EXPECT_EQ(expected.size(), found.size());
    const auto [left, right] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
    if (left != expected.end() || right != found.end())
        ADD_FAILURE() << "line " << left - expected.begin()
                      << "\n  sent:     " << (left != expected.end() ? *left : "nothing")
                      << "\n  received: " << (right != found.end() ? *right : "nothing");
}
