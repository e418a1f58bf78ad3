// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Dates and times arrive in the precision in which they left, and no field out of its range gets
// as far as GLib or GStreamer.
#include "tests/codec_wire.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

struct When {
    uint8_t precision = 5;
    uint16_t year = 2024;
    uint8_t month = 2, day = 29, hour = 23, minute = 59, second = 59;
    uint32_t microsecond = 999'999;
    int16_t zoneMinutes = 0;
};

Hostile claim(const When &w)
{
    return Hostile()
        .kind(DateTime)
        .number(w.precision)
        .number(w.year)
        .number(w.month)
        .number(w.day)
        .number(w.hour)
        .number(w.minute)
        .number(w.second)
        .number(w.microsecond)
        .number(w.zoneMinutes);
}

void expectRoundTrip(GstDateTime *made)
{
    const DateTimeOwner sent(made);
    ASSERT_TRUE(sent);
    ValueOwner value;
    ValueOwner copy;
    g_value_init(value.get(), GST_TYPE_DATE_TIME);
    g_value_set_boxed(value.get(), sent.get());

    ASSERT_TRUE(crosses(*value, *copy));

    auto *received = static_cast<GstDateTime *>(g_value_get_boxed(copy.get()));
    gchar *before = gst_date_time_to_iso8601_string(sent.get());
    gchar *after = gst_date_time_to_iso8601_string(received);
    EXPECT_STREQ(before, after);
    EXPECT_EQ(gst_date_time_has_second(sent.get()), gst_date_time_has_second(received));
    if (gst_date_time_has_second(sent.get())) {
        EXPECT_EQ(gst_date_time_get_microsecond(sent.get()), gst_date_time_get_microsecond(received));
    }
    if (gst_date_time_has_time(sent.get())) {
        EXPECT_FLOAT_EQ(gst_date_time_get_time_zone_offset(sent.get()),
                        gst_date_time_get_time_zone_offset(received));
    }
    g_free(before);
    g_free(after);
}

GstDateTime *atOffset(int minutes)
{
    GTimeZone *zone = g_time_zone_new_offset(minutes * 60);
    GDateTime *time = g_date_time_new(zone, 2024, 6, 15, 12, 30, 15.25);
    g_time_zone_unref(zone);
    return gst_date_time_new_from_g_date_time(time);
}

TEST(DateTime, KeepsEveryPrecision)
{
    expectRoundTrip(gst_date_time_new_y(1));
    expectRoundTrip(gst_date_time_new_y(9999));
    expectRoundTrip(gst_date_time_new_ym(2024, 12));
    expectRoundTrip(gst_date_time_new_ymd(2024, 2, 29));
    expectRoundTrip(gst_date_time_new(0, 2024, 2, 29, 0, 0, -1));
    expectRoundTrip(gst_date_time_new(0, 2024, 2, 29, 23, 59, 59.0));
}

TEST(DateTime, KeepsEveryTimeZoneThatThereIs)
{
    for (const int minutes : {-12 * 60, -210, -1, 0, 1, 20, 345, 12 * 60, 13 * 60 + 45, 14 * 60})
        expectRoundTrip(atOffset(minutes));
    for (const float hours : {-12.0F, -3.5F, 5.75F, 12.0F})
        expectRoundTrip(gst_date_time_new(hours, 2024, 6, 15, 12, 30, -1));
}

TEST(DateTime, KeepsMicroseconds)
{
    for (const int microsecond : {0, 1, 333'333, 500'000, 999'999}) {
        GDateTime *utc = g_date_time_new_utc(2024, 1, 1, 0, 0, 0);
        GDateTime *time = g_date_time_add(utc, microsecond + 59 * G_USEC_PER_SEC);
        g_date_time_unref(utc);
        expectRoundTrip(gst_date_time_new_from_g_date_time(time));
    }
}

class HostileDateTime : public testing::TestWithParam<When>
{
};

TEST_P(HostileDateTime, IsRefused)
{
    EXPECT_FALSE(decodes(claim(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(EachFieldOutOfRange, HostileDateTime,
                         testing::Values(When{.precision = 0}, When{.precision = 6}, When{.precision = 255},
                                         When{.precision = 1, .year = 0}, When{.precision = 1, .year = 10000},
                                         When{.precision = 2, .month = 0}, When{.precision = 2, .month = 13},
                                         When{.precision = 3, .day = 0}, When{.precision = 3, .day = 30},
                                         When{.precision = 3, .year = 2023, .day = 29},
                                         When{.precision = 4, .hour = 24}, When{.precision = 4, .minute = 60},
                                         When{.precision = 4, .zoneMinutes = 721},
                                         When{.precision = 4, .zoneMinutes = -721}, When{.second = 60},
                                         When{.microsecond = 1'000'000}, When{.microsecond = UINT32_MAX},
                                         When{.zoneMinutes = 841}, When{.zoneMinutes = -841},
                                         When{.zoneMinutes = INT16_MIN}));

TEST(HostileDateTime, WithAllFieldsAtTheirLimitsIsTaken)
{
    EXPECT_TRUE(decodes(claim({})));
    EXPECT_TRUE(decodes(claim({.precision = 4, .zoneMinutes = 720})));
    EXPECT_TRUE(decodes(claim({.year = 1, .month = 1, .day = 1, .hour = 0, .zoneMinutes = 840})));
    EXPECT_TRUE(decodes(claim({.year = 9999, .month = 12, .day = 31, .zoneMinutes = -840})));
}

TEST(HostileDate, ThatIsInNoCalendarIsRefused)
{
    const auto date = [](uint16_t year, uint8_t month, uint8_t day) {
        return Hostile().kind(Date).number(year).number(month).number(day);
    };
    EXPECT_TRUE(decodes(date(2024, 2, 29)));
    EXPECT_FALSE(decodes(date(2023, 2, 29)));
    EXPECT_FALSE(decodes(date(0, 1, 1)));
    EXPECT_FALSE(decodes(date(2024, 0, 1)));
    EXPECT_FALSE(decodes(date(2024, 13, 1)));
    EXPECT_FALSE(decodes(date(2024, 255, 255)));
    EXPECT_FALSE(decodes(date(2024, 1, 0)));
}

TEST(Date, ThatIsNotValidIsRefusedByTheWriter)
{
    ValueOwner value;
    g_value_init(value.get(), G_TYPE_DATE);
    g_value_take_boxed(value.get(), g_date_new());
    EXPECT_FALSE(encodes(*value));
}

} // namespace
