// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Ranges, and numbers whose type has a name, arrive as they left; what GStreamer would assert on is
// refused.
#include "tests/codec_wire.h"

#include <gst/video/video.h>

#include <cmath>
#include <limits>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

class RangeRoundTrip : public testing::TestWithParam<const char *>
{
};

TEST_P(RangeRoundTrip, KeepsTypeAndContents)
{
    const StructureOwner sent(gst_structure_new_from_string(GetParam()));
    ASSERT_TRUE(sent);
    const GValue *value = gst_structure_get_value(sent.get(), "v");
    ASSERT_TRUE(value);
    ValueOwner copy;
    ASSERT_TRUE(crosses(*value, *copy));
    EXPECT_EQ(G_VALUE_TYPE(value), G_VALUE_TYPE(copy.get()));
    EXPECT_EQ(gst_value_compare(value, copy.get()), GST_VALUE_EQUAL);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, RangeRoundTrip,
                         testing::Values("s,v=(int)[-2147483648,2147483647]", "s,v=(int)[16,4096,16]",
                                         "s,v=(gint64)[-5,9223372036854775807]", "s,v=(gint64)[0,100,10]",
                                         "s,v=(double)[-0.5,1e300]", "s,v=(fraction)[0/1,2147483647/1]",
                                         "s,v={ [1,2], [4,8] }"));

TEST(NamedType, OfARegisteredTypeArrivesInIt)
{
    ValueOwner number;
    ValueOwner flags;
    ValueOwner uchar;
    g_value_init(number.get(), GST_TYPE_FORMAT);
    g_value_set_enum(number.get(), GST_FORMAT_BYTES);
    g_value_init(flags.get(), GST_TYPE_SEEK_FLAGS);
    g_value_set_flags(flags.get(), GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE);
    g_value_init(uchar.get(), G_TYPE_UCHAR);
    g_value_set_uchar(uchar.get(), 255);
    ValueOwner copies[3];
    ASSERT_TRUE(crosses(*number, *copies[0]));
    ASSERT_TRUE(crosses(*flags, *copies[1]));
    ASSERT_TRUE(crosses(*uchar, *copies[2]));
    ASSERT_EQ(G_VALUE_TYPE(copies[0].get()), GST_TYPE_FORMAT);
    EXPECT_EQ(g_value_get_enum(copies[0].get()), GST_FORMAT_BYTES);
    ASSERT_EQ(G_VALUE_TYPE(copies[1].get()), GST_TYPE_SEEK_FLAGS);
    EXPECT_EQ(g_value_get_flags(copies[1].get()), g_value_get_flags(flags.get()));
    EXPECT_EQ(g_value_get_uchar(copies[2].get()), 255);
}

// What `hostile` becomes, G_TYPE_INVALID if it is refused.
GType typeOf(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    MessageBudget budget;
    ValueOwner value;
    return decodeValue(in, *value, budget) && in.atEnd() ? G_VALUE_TYPE(value.get()) : G_TYPE_INVALID;
}

TEST(NamedType, ThatNobodyRegisteredHereArrivesAsANumber)
{
    EXPECT_EQ(typeOf(Hostile().kind(Enum).text("NobodysEnum").number(int32_t{-1})), G_TYPE_INT);
    EXPECT_EQ(typeOf(Hostile().kind(Flags).text("NobodysFlags").number(UINT32_MAX)), G_TYPE_UINT);
}

TEST(NamedType, ThatHasNoSuchNumberHereArrivesAsANumber)
{
    GST_TYPE_FORMAT; // registered
    GST_TYPE_SEEK_FLAGS;
    EXPECT_EQ(typeOf(Hostile().kind(Enum).text("GstFormat").number(int32_t{4711})), G_TYPE_INT);
    EXPECT_EQ(typeOf(Hostile().kind(Flags).text("GstSeekFlags").number(1U << 31)), G_TYPE_UINT);
}

TEST(HostileNamedType, ThatIsNoneIsRefused)
{
    const auto number = [](std::string_view type, int32_t value) {
        return typeOf(Hostile().kind(Enum).text(type).number(value));
    };
    const auto flags = [](std::string_view type, uint32_t value) {
        return typeOf(Hostile().kind(Flags).text(type).number(value));
    };
    GST_TYPE_FORMAT; // registered
    EXPECT_EQ(number("GstFormat", GST_FORMAT_TIME), GST_TYPE_FORMAT);
    EXPECT_EQ(number("GstElement", 0), G_TYPE_INVALID);
    EXPECT_EQ(number("GEnum", 0), G_TYPE_INVALID);
    EXPECT_EQ(number("GstSeekFlags", 0), G_TYPE_INVALID);
    EXPECT_EQ(number(std::string(1000, 'n'), 0), G_TYPE_INVALID);
    EXPECT_EQ(flags("GstSeekFlags", GST_SEEK_FLAG_FLUSH), GST_TYPE_SEEK_FLAGS);
    EXPECT_EQ(flags("GstElement", 0), G_TYPE_INVALID);
    EXPECT_EQ(flags("GFlags", 0), G_TYPE_INVALID);
    EXPECT_EQ(flags(std::string(1000, 'n'), 0), G_TYPE_INVALID);
}

template <typename T>
Hostile whole(Kind kind, T least, T most, T step)
{
    return Hostile().kind(kind).number(least).number(most).number(step);
}

TEST(HostileRange, OfWholeNumbersThatGStreamerAssertsOnIsRefused)
{
    EXPECT_TRUE(decodes(whole<int32_t>(IntRange, -4, 8, 4)));
    EXPECT_FALSE(decodes(whole<int32_t>(IntRange, 8, 8, 4)));
    EXPECT_FALSE(decodes(whole<int32_t>(IntRange, 8, 4, 4)));
    EXPECT_FALSE(decodes(whole<int32_t>(IntRange, 4, 8, 0)));
    EXPECT_FALSE(decodes(whole<int32_t>(IntRange, 4, 8, -4)));
    EXPECT_FALSE(decodes(whole<int32_t>(IntRange, 5, 8, 4)));
    EXPECT_FALSE(decodes(whole<int32_t>(IntRange, 4, 9, 4)));
    EXPECT_TRUE(decodes(whole<int64_t>(Int64Range, INT64_MIN, INT64_MAX, 1)));
    EXPECT_FALSE(decodes(whole<int64_t>(Int64Range, 8, 8, 4)));
    EXPECT_FALSE(decodes(whole<int64_t>(Int64Range, 4, 8, 0)));
    EXPECT_FALSE(decodes(whole<int64_t>(Int64Range, 5, 8, 4)));
}

TEST(HostileRange, OfDoublesMustBeOne)
{
    const auto range = [](double least, double most) {
        return decodes(Hostile().kind(DoubleRange).number(least).number(most));
    };
    EXPECT_TRUE(range(-1, std::numeric_limits<double>::infinity()));
    EXPECT_FALSE(range(1, 1));
    EXPECT_FALSE(range(2, 1));
    EXPECT_FALSE(range(std::nan(""), 1));
    EXPECT_FALSE(range(1, std::nan("")));
}

TEST(HostileRange, OfFractionsMustBeOne)
{
    const auto range = [](int32_t a, int32_t b, int32_t c, int32_t d) {
        return decodes(Hostile().kind(FractionRange).number(a).number(b).number(c).number(d));
    };
    EXPECT_TRUE(range(-1, 3, INT32_MAX, 1));
    EXPECT_FALSE(range(1, 2, 2, 4));
    EXPECT_FALSE(range(1, 2, 1, 3));
    EXPECT_FALSE(range(1, 0, 2, 1));
    EXPECT_FALSE(range(1, 2, 2, 0));
    EXPECT_FALSE(range(INT32_MIN, 1, 2, 1));
    EXPECT_FALSE(range(1, 1, INT32_MIN, 1));
    EXPECT_FALSE(range(1, -2, 1, 2)); // GStreamer's comparison looks at no sign of a denominator
    EXPECT_FALSE(range(-1, 2, -1, -3));
}

} // namespace
