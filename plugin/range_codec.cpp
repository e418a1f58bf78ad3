// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: least and most, and for whole numbers the step.
#include "plugin/range_codec.h"

#include <cstdint>
#include <limits>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

template <typename T>
bool isStepped(T least, T most, T step)
{
    return least < most && step > 0 && least % step == 0 && most % step == 0;
}

} // namespace

bool isFraction(int32_t numerator, int32_t denominator)
{
    constexpr int32_t kUnsignable = std::numeric_limits<int32_t>::min();
    return denominator != 0 && numerator != kUnsignable && denominator != kUnsignable;
}

void encodeIntRange(const GValue &value, ByteWriter &out)
{
    out.number(int32_t{gst_value_get_int_range_min(&value)});
    out.number(int32_t{gst_value_get_int_range_max(&value)});
    out.number(int32_t{gst_value_get_int_range_step(&value)});
}

bool decodeIntRange(ByteReader &in, GValue &value)
{
    const auto least = in.number<int32_t>();
    const auto most = in.number<int32_t>();
    const auto step = in.number<int32_t>();
    if (in.failed() || !isStepped(least, most, step))
        return false;
    g_value_init(&value, GST_TYPE_INT_RANGE);
    gst_value_set_int_range_step(&value, least, most, step);
    return true;
}

void encodeInt64Range(const GValue &value, ByteWriter &out)
{
    out.number(int64_t{gst_value_get_int64_range_min(&value)});
    out.number(int64_t{gst_value_get_int64_range_max(&value)});
    out.number(int64_t{gst_value_get_int64_range_step(&value)});
}

bool decodeInt64Range(ByteReader &in, GValue &value)
{
    const auto least = in.number<int64_t>();
    const auto most = in.number<int64_t>();
    const auto step = in.number<int64_t>();
    if (in.failed() || !isStepped(least, most, step))
        return false;
    g_value_init(&value, GST_TYPE_INT64_RANGE);
    gst_value_set_int64_range_step(&value, least, most, step);
    return true;
}

void encodeDoubleRange(const GValue &value, ByteWriter &out)
{
    out.number(double{gst_value_get_double_range_min(&value)});
    out.number(double{gst_value_get_double_range_max(&value)});
}

bool decodeDoubleRange(ByteReader &in, GValue &value)
{
    const auto least = in.number<double>();
    const auto most = in.number<double>();
    if (in.failed() || !(least < most)) // nor is NaN
        return false;
    g_value_init(&value, GST_TYPE_DOUBLE_RANGE);
    gst_value_set_double_range(&value, least, most);
    return true;
}

void encodeFractionRange(const GValue &value, ByteWriter &out)
{
    for (const GValue *end :
         {gst_value_get_fraction_range_min(&value), gst_value_get_fraction_range_max(&value)}) {
        out.number(int32_t{gst_value_get_fraction_numerator(end)});
        out.number(int32_t{gst_value_get_fraction_denominator(end)});
    }
}

bool decodeFractionRange(ByteReader &in, GValue &value)
{
    const auto leastNumerator = in.number<int32_t>();
    const auto leastDenominator = in.number<int32_t>();
    const auto mostNumerator = in.number<int32_t>();
    const auto mostDenominator = in.number<int32_t>();
    // A negative denominator would be turned after we compared.
    if (in.failed() || !isFraction(leastNumerator, leastDenominator) ||
        !isFraction(mostNumerator, mostDenominator) || leastDenominator < 0 || mostDenominator < 0 ||
        gst_util_fraction_compare(leastNumerator, leastDenominator, mostNumerator, mostDenominator) >= 0)
        return false;
    g_value_init(&value, GST_TYPE_FRACTION_RANGE);
    gst_value_set_fraction_range_full(&value, leastNumerator, leastDenominator, mostNumerator,
                                      mostDenominator);
    return true;
}

} // namespace sharedring
