// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An hour of simulated drift between two clocks is followed, and the noise of readings is not passed on.
#include "plugin/clock_bridge.h"
#include "plugin/clock_offset.h"

#include "dice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <string>

using namespace sharedring;

namespace
{

constexpr int64_t kMicrosecond = 1'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kSettled = 3 * kSecond; // the first readings are an average of few

// The other clock, ns by CLOCK_MONOTONIC.
struct Drift {
    std::string name;
    double ppm = 0;                 // that it goes too fast
    double wander = 0;              // ppm more and less, to and fro in ten minutes
    int64_t tick = 1;               // it goes in steps of so much
    int64_t noise = 0;              // a reading of it is wrong by up to this
    int64_t sleep = 0;              // one reading in ten takes up to this, before or after the clock is read
    int64_t buffers = kSecond / 60; // from one to the next

    int64_t mostError = kMillisecond;      // of an offset
    int64_t mostJump = 200 * kMicrosecond; // of times from one buffer to the next, beyond the clock's own

    // What it shows, were it not for ticks and noise.
    int64_t at(int64_t now) const
    {
        constexpr double kTurn = 2 * std::numbers::pi / (600e9); // ns
        const double elapsed = static_cast<double>(now);
        const double ahead = elapsed * ppm + wander * (1 - std::cos(kTurn * elapsed)) / kTurn;
        return 777 * kSecond + now + std::llround(ahead * 1e-6);
    }

    ClockReading read(int64_t now, Dice &dice) const
    {
        const int64_t slept = sleep > 0 && dice.oneIn(10) ? dice.between<int64_t>(0, sleep) : 0;
        const int64_t then = now + kMicrosecond + (dice.oneIn(2) ? slept : 0);
        const int64_t time = at(then) / tick * tick + dice.between<int64_t>(-noise, noise);
        return {now, time, now + 2 * kMicrosecond + slept};
    }
};

class Hour : public testing::TestWithParam<Drift>
{
};

} // namespace

TEST_P(Hour, IsFollowedWithoutDriftOrJumps)
{
    const Drift &clock = GetParam();
    Dice dice(7);
    ClockOffset offset;
    int64_t worstError = 0;
    int64_t worstJump = 0;
    int64_t before = 0;
    for (int64_t now = kSecond; now < kHour; now += clock.buffers) {
        if (offset.wantsReading(now))
            offset.take(clock.read(now, dice));
        // What goes in ticks is half a tick behind, on average.
        const int64_t error = offset.value() - clock.tick / 2 - (now - clock.at(now));
        worstError = std::max<int64_t>(worstError, std::llabs(error));
        if (now > kSettled)
            worstJump = std::max<int64_t>(worstJump, std::llabs(error - before));
        before = error;
    }
    EXPECT_LE(worstError, clock.mostError);
    EXPECT_LE(worstJump, clock.mostJump);
    RecordProperty("worst_error_us", std::to_string(worstError / kMicrosecond));
    RecordProperty("worst_jump_us", std::to_string(worstJump / kMicrosecond));
}

INSTANTIATE_TEST_SUITE_P(
    Of, Hour,
    testing::Values(Drift{.name = "ACrystal", .ppm = 100},
                    Drift{.name = "ABadCrystal", .ppm = -500, .wander = 200},
                    Drift{.name = "ASoundCard",
                          .ppm = 100,
                          .wander = 50,
                          .tick = 10 * kMillisecond,
                          .mostError = 6 * kMillisecond,
                          .mostJump = 2 * kMillisecond},
                    Drift{.name = "ANetworkClock", .ppm = 50, .wander = 20, .noise = 300 * kMicrosecond},
                    Drift{.name = "ACrystalOnABusyMachine", .ppm = 100, .sleep = 60 * kMillisecond},
                    Drift{.name = "OnePictureASecond",
                          .ppm = -300,
                          .sleep = 60 * kMillisecond,
                          .buffers = kSecond,
                          .mostError = 2 * kMillisecond,
                          .mostJump = 2 * kMillisecond},
                    Drift{.name = "ASubtitleAMinute", .ppm = 500, .buffers = 60 * kSecond},
                    Drift{.name = "SmallSoundBuffers",
                          .ppm = 200,
                          .noise = 50 * kMicrosecond,
                          .buffers = 5 * kMillisecond}),
    [](const auto &one) { return one.param.name; });

TEST(ClockOffset, TakesAStepAtOnce)
{
    ClockOffset offset;
    offset.take({1000, 5000, 1000});
    EXPECT_EQ(offset.value(), -4000);
    const int64_t later = kSecond;
    ASSERT_TRUE(offset.wantsReading(later));
    offset.take({later, later + 4000 + 30 * kSecond, later});
    EXPECT_EQ(offset.value(), -4000 - 30 * kSecond);
}

TEST(ClockOffset, WantsNoReadingForEachBuffer)
{
    ClockOffset offset;
    EXPECT_TRUE(offset.wantsReading(0));
    offset.take({0, 0, 0});
    EXPECT_FALSE(offset.wantsReading(kMillisecond));
    EXPECT_TRUE(offset.wantsReading(100 * kMillisecond));
    offset.forget();
    EXPECT_TRUE(offset.wantsReading(kMillisecond));
}

TEST(ClockOffset, BelievesASleeperNoMoreThanItKnows)
{
    ClockOffset offset;
    offset.take({0, 0, 80 * kMillisecond}); // the first one: it may be anywhere in between
    EXPECT_EQ(offset.value(), 40 * kMillisecond);
    offset.take({kSecond, kSecond - 35 * kMillisecond, kSecond + 10 * kMillisecond}); // 35 ms to 45 ms
    EXPECT_EQ(offset.value(), 40 * kMillisecond);
    offset.take({2 * kSecond, 2 * kSecond, 2 * kSecond + 10 * kMillisecond}); // 0 to 10 ms
    EXPECT_EQ(offset.value(), 10 * kMillisecond);
    offset.take({3 * kSecond, 3 * kSecond - 90 * kMillisecond, 3 * kSecond + 5 * kMillisecond});
    EXPECT_EQ(offset.value(), 90 * kMillisecond);
}

// It is read only where it is not CLOCK_MONOTONIC, which may change.
TEST(ClockBridge, FollowsASystemClockThatIsSlaved)
{
    gst_init(nullptr, nullptr);
    const ObjectOwner<GstClock> clock(
        GST_CLOCK(gst_object_ref_sink(g_object_new(GST_TYPE_SYSTEM_CLOCK, nullptr))));
    ClockBridge bridge;
    EXPECT_EQ(bridge.toMonotonic(clock.get()), 0);
    const GstClockTime now = gst_clock_get_internal_time(clock.get());
    gst_clock_set_calibration(clock.get(), now, now + 5 * GST_SECOND, 1, 1);
    EXPECT_NEAR(static_cast<double>(bridge.toMonotonic(clock.get())), -5.0 * kSecond, 20.0 * kMillisecond);
    gst_clock_set_calibration(clock.get(), 0, 0, 1, 1);
    EXPECT_EQ(bridge.toMonotonic(clock.get()), 0);
    EXPECT_EQ(bridge.toMonotonic(nullptr), 0);
}
