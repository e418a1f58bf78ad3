// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What all benchmarks share: clocks, processors, medians and the options of a command line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sched.h>
#include <string>
#include <vector>

namespace benchmark
{

[[noreturn]] inline void fail(const std::string &what)
{
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
}

// `what` is the system call; errno says why.
[[noreturn]] inline void systemFailed(const char *what)
{
    std::perror(what);
    std::exit(1);
}

// Nanoseconds. CLOCK_PROCESS_CPUTIME_ID: those that all threads of this process have computed.
inline uint64_t now(clockid_t clock = CLOCK_MONOTONIC)
{
    timespec time;
    ::clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

inline double secondsSince(uint64_t then, clockid_t clock = CLOCK_MONOTONIC)
{
    return static_cast<double>(now(clock) - then) / 1e9;
}

// The calling thread; a child process begins where its parent was.
inline void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ::sched_setaffinity(0, sizeof set, &set); // fails where there is only one: so be it
}

// The value below which `part` of them are. There is one at least.
inline double quantile(std::vector<double> values, double part)
{
    std::sort(values.begin(), values.end());
    const auto below = static_cast<size_t>(static_cast<double>(values.size()) * part);
    return values[std::min(below, values.size() - 1)];
}

inline double median(const std::vector<double> &values)
{
    return quantile(values, 0.5);
}

inline std::vector<std::string> split(const std::string &list)
{
    std::vector<std::string> parts;
    for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        parts.push_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    return parts;
}

inline uint64_t countOf(const std::string &value)
{
    return std::strtoull(value.c_str(), nullptr, 10);
}
// Of measurements: one at least.
inline uint64_t roundsOf(const std::string &value)
{
    return std::max<uint64_t>(countOf(value), 1);
}
inline double numberOf(const std::string &value)
{
    return std::strtod(value.c_str(), nullptr);
}

[[noreturn]] inline void explain(const std::string &usage, bool asked)
{
    std::fputs(usage.c_str(), asked ? stdout : stderr);
    std::exit(asked ? 0 : 2);
}

// Calls set(options, name, value) for each NAME=VALUE; it returns whether there is such an option.
template <typename Options>
void readOptions(int argc, char **argv, const std::string &usage, Options &options,
                 bool set(Options &, const std::string &, const std::string &))
{
    for (int i = 1; i < argc; i++) {
        const std::string argument = argv[i];
        const size_t equals = std::min(argument.find('='), argument.size());
        const std::string value = argument.substr(std::min(equals + 1, argument.size()));
        if (!set(options, argument.substr(0, equals), value))
            explain(usage, argument == "--help");
    }
}

} // namespace benchmark
