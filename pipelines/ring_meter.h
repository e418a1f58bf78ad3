// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the ring_meter examples are about: a meter that reads the mains voltage a thousand times a second in
// one process, and a display of it in another. Both ends of a ring are compiled with this.
#pragma once

#include "ringcore/error.h"
#include "ringcore/ring_item.h"

#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace meter
{

// An item is copied byte by byte into another process: no pointers, no padding (ringcore::RingItem).
struct Reading {
    uint64_t number; // counts up from 0, so that a gap shows
    double volts;
};
static_assert(ringcore::RingItem<Reading>);

// Both sides are to name the same capacity and item; opening a ring fails if they differ.
inline constexpr uint32_t kCapacity = 1024; // about a second

inline constexpr std::chrono::milliseconds kInterval{1};
inline constexpr std::chrono::seconds kPatience{5}; // with a peer from which nothing comes

// The ring's deadlines are times of the steady clock.
inline std::chrono::steady_clock::time_point fromNow(std::chrono::nanoseconds time)
{
    return std::chrono::steady_clock::now() + time;
}

// 230 V at 50 Hz.
inline Reading readingOf(uint64_t number)
{
    constexpr double kPeak = 230 * std::numbers::sqrt2;
    constexpr uint64_t kReadingsOfAPeriod = 20;
    const double turn = static_cast<double>(number % kReadingsOfAPeriod) / kReadingsOfAPeriod;
    return {number, kPeak * std::sin(2 * std::numbers::pi * turn)};
}

// Prints the effective voltage of each 100 readings. What comes from another process is a claim: any number
// and any voltage is one that this can be told.
class Display
{
public:
    void show(const Reading &reading)
    {
        lost_ += reading.number - expected_; // wraps, if the meter lies; only ever printed
        expected_ = reading.number + 1;
        squares_ += reading.volts * reading.volts;
        if (++readings_ % kReadingsOfALine != 0)
            return;
        std::printf("%.1f V\n", std::sqrt(squares_ / kReadingsOfALine));
        std::fflush(stdout);
        squares_ = 0;
    }

    void showSum() const { std::printf("%" PRIu64 " readings, %" PRIu64 " lost\n", readings_, lost_); }

    uint64_t readings() const { return readings_; }

private:
    static constexpr uint64_t kReadingsOfALine = 100;

    uint64_t readings_ = 0;
    uint64_t expected_ = 0;
    uint64_t lost_ = 0;
    double squares_ = 0;
};

// The value, or an exception that says what went wrong. An exception rather than exit(): on its way to
// main() it ends the listener, which takes its socket out of the file system.
template <typename T>
T orThrow(ringcore::Result<T> result)
{
    if (!result)
        throw std::runtime_error(ringcore::describe(result.error()));
    return std::move(*result);
}

// How many readings an argument asks for; none: it is no number.
inline std::optional<uint64_t> countFrom(std::string_view argument)
{
    uint64_t count = 0;
    const char *const end = argument.data() + argument.size();
    const auto [stop, error] = std::from_chars(argument.data(), end, count);
    return error == std::errc() && stop == end ? std::optional(count) : std::nullopt;
}

} // namespace meter
