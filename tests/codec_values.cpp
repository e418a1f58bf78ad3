// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every type of value arrives as it left, and no claim of a peer about sizes, counts, depth or
// contents goes beyond its bound.
#include "tests/codec_wire.h"

#include <gst/video/video.h>

#include <cmath>
#include <limits>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

class ValueRoundTrip : public testing::TestWithParam<const char *>
{
};

// Fields of one structure, in GStreamer's own notation.
TEST_P(ValueRoundTrip, KeepsTypeAndContents)
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

INSTANTIATE_TEST_SUITE_P(
    AllTypes, ValueRoundTrip,
    testing::Values("s,v=(int)-2147483648", "s,v=(int)2147483647", "s,v=(uint)4294967295",
                    "s,v=(gint64)-9223372036854775808", "s,v=(guint64)18446744073709551615",
                    "s,v=(boolean)true", "s,v=(boolean)false", "s,v=(double)-0.125", "s,v=(float)3.5",
                    "s,v=(string)\"\"", "s,v=(string)\"gr\303\274n \360\237\230\200\"",
                    "s,v=(fraction)30000/1001", "s,v=(fraction)0/1", "s,v=(fraction)-1/2147483647",
                    "s,v=(bitmask)0xffffffffffffffff", "s,v=(GstFlagSet)5:ffffffff", "s,v={ (int)1, (int)2 }",
                    "s,v=< (int)1, (int)2 >", "s,v=< >", "s,v=< < (int)1 >, < (int)2, (int)3 >, < > >",
                    "s,v=(buffer)0001feff", "s,v=(structure)[ inner, a=(int)1, b=(string)x ]",
                    "s,v=(date)2024-02-29", "s,v=(datetime)2024-02-29T23:59:59Z"));

TEST(Value, FlagsetKeepsItsRegisteredType)
{
    ValueOwner value;
    ValueOwner copy;
    g_value_init(value.get(), GST_TYPE_VIDEO_MULTIVIEW_FLAGSET);
    gst_value_set_flagset(value.get(), 3, GST_FLAG_SET_MASK_EXACT);

    ASSERT_TRUE(crosses(*value, *copy));

    EXPECT_EQ(G_VALUE_TYPE(copy.get()), GST_TYPE_VIDEO_MULTIVIEW_FLAGSET);
    EXPECT_EQ(gst_value_compare(value.get(), copy.get()), GST_VALUE_EQUAL);
}

TEST(Value, DoublesThatAreNoNumbersCross)
{
    for (const double number : {std::numeric_limits<double>::infinity(), std::nan("")}) {
        ValueOwner value;
        ValueOwner copy;
        g_value_init(value.get(), G_TYPE_DOUBLE);
        g_value_set_double(value.get(), number);
        ASSERT_TRUE(crosses(*value, *copy));
        EXPECT_EQ(std::isnan(g_value_get_double(copy.get())), std::isnan(number));
    }
}

TEST(Value, BufferKeepsItsHeaderFlagAndMayBeEmpty)
{
    for (const size_t size : {size_t{0}, size_t{7}}) {
        ValueOwner value;
        ValueOwner copy;
        GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
        gst_buffer_memset(buffer, 0, 0x5a, size);
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_HEADER);
        g_value_init(value.get(), GST_TYPE_BUFFER);
        gst_value_take_buffer(value.get(), buffer);

        ASSERT_TRUE(crosses(*value, *copy));

        GstBuffer *received = gst_value_get_buffer(copy.get());
        EXPECT_EQ(gst_value_compare(value.get(), copy.get()), GST_VALUE_EQUAL);
        EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(received, GST_BUFFER_FLAG_HEADER));
    }
}

TEST(Value, NestedCapsCross)
{
    ValueOwner value;
    ValueOwner copy;
    g_value_init(value.get(), GST_TYPE_CAPS);
    g_value_take_boxed(value.get(), gst_caps_from_string("video/x-raw,format=NV12,width=4,height=2"));

    ASSERT_TRUE(crosses(*value, *copy));

    EXPECT_TRUE(gst_caps_is_equal(gst_value_get_caps(value.get()), gst_value_get_caps(copy.get())));
}

TEST(Value, UnknownTypesAreRefusedByTheWriter)
{
    ValueOwner pointer;
    g_value_init(pointer.get(), G_TYPE_POINTER);
    EXPECT_FALSE(encodes(*pointer));

    ValueOwner type;
    g_value_init(type.get(), G_TYPE_GTYPE);
    EXPECT_FALSE(encodes(*type));
}

TEST(Value, NullsAreRefusedByTheWriter)
{
    for (const GType type : {G_TYPE_STRING, GST_TYPE_BUFFER, GST_TYPE_CAPS, GST_TYPE_STRUCTURE,
                             GST_TYPE_SAMPLE, GST_TYPE_DATE_TIME, G_TYPE_DATE}) {
        ValueOwner null;
        g_value_init(null.get(), type);
        EXPECT_FALSE(encodes(*null)) << g_type_name(type);
    }
}

// GStreamer makes them of texts, and of numbers and ranges, which it then cannot compare.
TEST(Value, ListsOfMixedTypesAreRefusedByTheWriter)
{
    for (const char *text :
         {"s, v={(int)1,[(int)3,5]}", "s, v=<(int)1,(string)x>", "s, v=<<(int)1>,<1.5>>"}) {
        const StructureOwner structure(gst_structure_from_string(text, nullptr));
        ringcore::ByteWriter out(1024);
        MessageBudget budget;
        ASSERT_TRUE(structure) << text;
        EXPECT_FALSE(encodeStructure(*structure, out, budget)) << text;
    }
    const StructureOwner same(gst_structure_from_string("s, v=<<>,<(int)1>,<2>>", nullptr));
    ringcore::ByteWriter out(1024);
    MessageBudget budget;
    EXPECT_TRUE(encodeStructure(*same, out, budget));
}

TEST(HostileValue, OfUnknownKindIsRefused)
{
    EXPECT_FALSE(decodes(Hostile().number(uint8_t{0}).number(uint64_t{0})));
    EXPECT_FALSE(decodes(Hostile().number(uint8_t{Flags + 1}).number(uint64_t{0})));
    EXPECT_FALSE(decodes(Hostile().number(uint8_t{255})));
}

TEST(HostileValue, BooleanOtherThanZeroOrOneIsRefused)
{
    EXPECT_TRUE(decodes(Hostile().kind(Boolean).number(uint8_t{1})));
    EXPECT_FALSE(decodes(Hostile().kind(Boolean).number(uint8_t{2})));
}

TEST(HostileValue, FractionThatGStreamerAssertsOnIsRefused)
{
    const auto fraction = [](int32_t numerator, int32_t denominator) {
        return Hostile().kind(Fraction).number(numerator).number(denominator);
    };
    EXPECT_TRUE(decodes(fraction(-INT32_MAX, INT32_MAX)));
    EXPECT_FALSE(decodes(fraction(1, 0)));
    EXPECT_FALSE(decodes(fraction(INT32_MIN, 1)));
    EXPECT_FALSE(decodes(fraction(1, INT32_MIN)));
}

TEST(HostileValue, StringMustBeBoundedUtf8WithoutNul)
{
    EXPECT_TRUE(decodes(Hostile().kind(String).text(std::string(kMaxStringBytes, 'a'))));
    EXPECT_FALSE(decodes(Hostile().kind(String).text(std::string(kMaxStringBytes + 1, 'a'))));
    EXPECT_FALSE(decodes(Hostile().kind(String).text("\xff")));
    EXPECT_FALSE(decodes(Hostile().kind(String).text("cut \xc3")));
    EXPECT_FALSE(decodes(Hostile().kind(String).text(std::string_view("a\0b", 3))));
}

TEST(HostileValue, LengthBeyondTheMessageIsRefused)
{
    EXPECT_FALSE(decodes(Hostile().kind(String).number(uint32_t{5}).number(uint32_t{0x41414141})));
    EXPECT_FALSE(decodes(Hostile().kind(Buffer).number(uint8_t{0}).number(UINT32_MAX)));
}

TEST(HostileValue, BufferBeyondItsBoundIsRefused)
{
    const auto buffer = [](size_t size) {
        return Hostile().kind(Buffer).number(uint8_t{0}).text(std::string(size, 'x'));
    };
    EXPECT_TRUE(decodes(buffer(kMaxValueBufferBytes)));
    EXPECT_FALSE(decodes(buffer(kMaxValueBufferBytes + 1)));
    EXPECT_FALSE(decodes(Hostile().kind(Buffer).number(uint8_t{2}).text("x")));
}

TEST(HostileValue, FlagsetOfATypeThatIsNoneIsRefused)
{
    const auto flagset = [](std::string_view type) {
        return Hostile().kind(Flagset).text(type).number(uint32_t{1}).number(uint32_t{1});
    };
    EXPECT_TRUE(decodes(flagset("GstFlagSet")));
    EXPECT_FALSE(decodes(flagset("gint")));
    EXPECT_FALSE(decodes(flagset("GstElement")));
    EXPECT_FALSE(decodes(flagset("NeverRegistered")));
    EXPECT_FALSE(decodes(flagset("")));
}

TEST(HostileValue, ListBeyondItsCountIsRefused)
{
    const auto list = [](Kind kind, uint32_t count) {
        return Hostile().kind(kind).number(count).repeat(
            count, [](Hostile &entry) { entry.kind(Int).number(int32_t{1}); });
    };
    for (const Kind kind : {List, Array}) {
        EXPECT_TRUE(decodes(list(kind, kMaxListValues)));
        EXPECT_FALSE(decodes(list(kind, kMaxListValues + 1)));
    }
    EXPECT_FALSE(decodes(Hostile().kind(List).number(UINT32_MAX)));
}

TEST(HostileValue, ListOfMixedTypesIsRefused)
{
    EXPECT_FALSE(decodes(Hostile()
                             .kind(List)
                             .number(uint32_t{2})
                             .kind(Int)
                             .number(int32_t{1})
                             .kind(Uint)
                             .number(uint32_t{1})));
    // GStreamer looks through nested arrays for the type, so these two are mixed as well.
    EXPECT_FALSE(decodes(Hostile()
                             .kind(Array)
                             .number(uint32_t{2})
                             .kind(Array)
                             .number(uint32_t{1})
                             .kind(Int)
                             .number(int32_t{1})
                             .kind(Array)
                             .number(uint32_t{1})
                             .kind(String)
                             .text("x")));
}

TEST(HostileValue, NestingBeyondTheDepthIsRefused)
{
    const auto nested = [](uint32_t depth) {
        return Hostile()
            .repeat(depth - 1, [](Hostile &level) { level.kind(Array).number(uint32_t{1}); })
            .kind(Int)
            .number(int32_t{1});
    };
    EXPECT_TRUE(decodes(nested(kMaxValueDepth)));
    EXPECT_FALSE(decodes(nested(kMaxValueDepth + 1)));
    EXPECT_FALSE(decodes(nested(1'000'000)));
}

TEST(HostileValue, NestedStructuresCountAsDepth)
{
    const auto nested = [](uint32_t depth) {
        return Hostile()
            .repeat(depth - 1,
                    [](Hostile &level) { level.kind(Structure).text("s").number(uint32_t{1}).text("f"); })
            .kind(Int)
            .number(int32_t{1});
    };
    EXPECT_TRUE(decodes(nested(kMaxValueDepth)));
    EXPECT_FALSE(decodes(nested(kMaxValueDepth + 1)));
}

TEST(HostileValue, TotalCountOfValuesIsBounded)
{
    // Each list is within its bound, their sum is not.
    const auto lists = [](uint32_t outer) {
        return Hostile().kind(Array).number(outer).repeat(outer, [](Hostile &list) {
            list.kind(Array).number(uint32_t{kMaxListValues}).repeat(kMaxListValues, [](Hostile &entry) {
                entry.kind(Boolean).number(uint8_t{0});
            });
        });
    };
    EXPECT_TRUE(decodes(lists(kMaxValuesInMessage / kMaxListValues - 1)));
    EXPECT_FALSE(decodes(lists(kMaxValuesInMessage / kMaxListValues)));
}

TEST(Value, WriterRefusesWhatTheReaderWould)
{
    ValueOwner tooDeep;
    g_value_init(tooDeep.get(), G_TYPE_INT);
    for (uint32_t i = 0; i < kMaxValueDepth; ++i) {
        ValueOwner outer;
        g_value_init(outer.get(), GST_TYPE_ARRAY);
        gst_value_array_append_and_take_value(outer.get(), tooDeep.get());
        tooDeep.forget();
        *tooDeep = *outer;
        outer.forget();
    }
    EXPECT_FALSE(encodes(*tooDeep));

    ValueOwner tooLong;
    g_value_init(tooLong.get(), G_TYPE_STRING);
    g_value_take_string(tooLong.get(), g_strnfill(kMaxStringBytes + 1, 'a'));
    EXPECT_FALSE(encodes(*tooLong));

    ValueOwner tooLarge;
    g_value_init(tooLarge.get(), GST_TYPE_BUFFER);
    gst_value_take_buffer(tooLarge.get(),
                          gst_buffer_new_allocate(nullptr, kMaxValueBufferBytes + 1, nullptr));
    EXPECT_FALSE(encodes(*tooLarge));
}

} // namespace
