// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the benchmarks of the elements share: a launch line, and a socket of this run.
#pragma once

#include "benchmark_measure.h"

#include <gst/gst.h>

#include <cstdlib>
#include <string>
#include <unistd.h>

namespace benchmark
{

inline GstElement *launch(const std::string &line)
{
    GError *error = nullptr;
    GstElement *bin = gst_parse_launch(line.c_str(), &error);
    if (error)
        fail(line + ": " + error->message);
    return bin;
}

// A path that no other run has.
inline std::string freshSocket()
{
    static int sockets = 0;
    const char *directory = std::getenv("TMPDIR");
    return std::string(directory ? directory : "/tmp") + "/benchmark-" + std::to_string(getpid()) + "-" +
           std::to_string(sockets++);
}

} // namespace benchmark
