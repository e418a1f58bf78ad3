// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every message has all the fields; those beyond the precision are 0.
#include "plugin/date_time_codec.h"

#include <cmath>
#include <cstdlib>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr int kMaxYear = 9999;           // GstDateTime's own
constexpr int kMaxZoneMinutes = 14 * 60; // Kiribati
constexpr int kMaxZoneMinutesWithoutSeconds = 12 * 60;

enum class Precision : uint8_t { Year = 1, Month, Day, Minute, Microsecond };

struct Fields {
    Precision precision = Precision::Year;
    uint16_t year = 0;
    uint8_t month = 0, day = 0, hour = 0, minute = 0, second = 0;
    uint32_t microsecond = 0;
    int16_t zoneMinutes = 0;
};

bool isValidDay(uint16_t year, uint8_t month, uint8_t day)
{
    return month >= 1 && month <= 12 && // before the cast: GDateMonth has no other values
           g_date_valid_dmy(day, static_cast<GDateMonth>(month), year);
}

bool isValid(const Fields &f)
{
    if (f.year < 1 || f.year > kMaxYear)
        return false;
    if (f.precision >= Precision::Month && (f.month < 1 || f.month > 12))
        return false;
    if (f.precision >= Precision::Day && !isValidDay(f.year, f.month, f.day))
        return false;
    if (f.precision >= Precision::Minute) {
        const int zoneLimit =
            f.precision == Precision::Minute ? kMaxZoneMinutesWithoutSeconds : kMaxZoneMinutes;
        if (f.hour > 23 || f.minute > 59 || std::abs(int{f.zoneMinutes}) > zoneLimit)
            return false;
    }
    return f.precision < Precision::Microsecond || (f.second <= 59 && f.microsecond <= 999'999);
}

// gst_date_time_new() cuts the hours it is given to whole minutes: lean away from zero, so that
// it does not cut off one of ours. Whole hours are exact, and 12 must not become more than 12.
float zoneHours(int minutes)
{
    const float lean = minutes % 60 == 0 ? 0.0F : minutes > 0 ? 0.25F : -0.25F;
    return (static_cast<float>(minutes) + lean) / 60.0F;
}

GstDateTime *makeToTheMicrosecond(const Fields &f)
{
    GTimeZone *zone = g_time_zone_new_offset(f.zoneMinutes * 60);
    // Half a microsecond more, because GLib cuts the product of this and a million.
    const double seconds = f.second + (f.microsecond + 0.5) / 1e6;
    GDateTime *time = g_date_time_new(zone, f.year, f.month, f.day, f.hour, f.minute, seconds);
    g_time_zone_unref(zone);
    return gst_date_time_new_from_g_date_time(time); // takes it; nullptr stays nullptr
}

} // namespace

bool encodeDate(const GDate &date, ByteWriter &out)
{
    if (!g_date_valid(&date))
        return false;
    out.number(static_cast<uint16_t>(g_date_get_year(&date)));
    out.number(static_cast<uint8_t>(g_date_get_month(&date)));
    out.number(static_cast<uint8_t>(g_date_get_day(&date)));
    return true;
}

bool decodeDate(ByteReader &in, GValue &value)
{
    const auto year = in.number<uint16_t>();
    const auto month = in.number<uint8_t>();
    const auto day = in.number<uint8_t>();
    if (in.failed() || !isValidDay(year, month, day))
        return false;
    g_value_init(&value, G_TYPE_DATE);
    g_value_take_boxed(&value, g_date_new_dmy(day, static_cast<GDateMonth>(month), year));
    return true;
}

bool encodeDateTime(const GstDateTime &dateTime, ByteWriter &out)
{
    const GstDateTime *t = &dateTime;
    Fields f;
    f.year = static_cast<uint16_t>(gst_date_time_get_year(t));
    if (gst_date_time_has_month(t)) {
        f.precision = Precision::Month;
        f.month = static_cast<uint8_t>(gst_date_time_get_month(t));
    }
    if (gst_date_time_has_day(t)) {
        f.precision = Precision::Day;
        f.day = static_cast<uint8_t>(gst_date_time_get_day(t));
    }
    if (gst_date_time_has_time(t)) {
        f.precision = Precision::Minute;
        f.hour = static_cast<uint8_t>(gst_date_time_get_hour(t));
        f.minute = static_cast<uint8_t>(gst_date_time_get_minute(t));
        f.zoneMinutes = static_cast<int16_t>(std::lround(gst_date_time_get_time_zone_offset(t) * 60.0F));
    }
    if (gst_date_time_has_second(t)) {
        f.precision = Precision::Microsecond;
        f.second = static_cast<uint8_t>(gst_date_time_get_second(t));
        f.microsecond = static_cast<uint32_t>(gst_date_time_get_microsecond(t));
    }
    if (!isValid(f))
        return false;

    out.number(static_cast<uint8_t>(f.precision));
    out.number(f.year);
    for (const uint8_t field : {f.month, f.day, f.hour, f.minute, f.second})
        out.number(field);
    out.number(f.microsecond);
    out.number(f.zoneMinutes);
    return true;
}

DateTimeOwner decodeDateTime(ByteReader &in)
{
    Fields f;
    f.precision = static_cast<Precision>(in.number<uint8_t>());
    f.year = in.number<uint16_t>();
    for (uint8_t *field : {&f.month, &f.day, &f.hour, &f.minute, &f.second})
        *field = in.number<uint8_t>();
    f.microsecond = in.number<uint32_t>();
    f.zoneMinutes = in.number<int16_t>();
    if (in.failed() || !isValid(f))
        return nullptr;

    switch (f.precision) {
    case Precision::Year:
        return DateTimeOwner(gst_date_time_new_y(f.year));
    case Precision::Month:
        return DateTimeOwner(gst_date_time_new_ym(f.year, f.month));
    case Precision::Day:
        return DateTimeOwner(gst_date_time_new_ymd(f.year, f.month, f.day));
    case Precision::Minute:
        return DateTimeOwner(
            gst_date_time_new(zoneHours(f.zoneMinutes), f.year, f.month, f.day, f.hour, f.minute, -1));
    case Precision::Microsecond:
        return DateTimeOwner(makeToTheMicrosecond(f));
    }
    return nullptr; // a precision that we do not know
}

} // namespace sharedring
