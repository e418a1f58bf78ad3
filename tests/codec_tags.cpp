// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Tags arrive with their scope and all their values; what cannot cross, or is not known here, costs
// only itself.
#include "plugin/peer_names.h"
#include "plugin/tag_codec.h"
#include "tests/codec_wire.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

SampleOwner image(size_t size)
{
    const BufferOwner buffer(gst_buffer_new_allocate(nullptr, size, nullptr));
    gst_buffer_memset(buffer.get(), 0, 0xa5, size);
    const CapsOwner caps(gst_caps_from_string("image/jpeg,width=(int)2,height=(int)2"));
    return SampleOwner(
        gst_sample_new(buffer.get(), caps.get(), nullptr,
                       gst_structure_new("GstTagImageInfo", "note", G_TYPE_STRING, "front", nullptr)));
}

TagListOwner crossed(const TagListOwner &sent)
{
    return decodeTagList(encodeTagList(*sent));
}

TEST(Tags, OfEveryTypeArriveAsTheyLeft)
{
    const TagListOwner sent(gst_tag_list_new(GST_TAG_TITLE, "Gr\303\274\303\237e", GST_TAG_TRACK_NUMBER, 7U,
                                             GST_TAG_DURATION, guint64{1} << 40, GST_TAG_REFERENCE_LEVEL,
                                             -14.5, nullptr));
    gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_ARTIST, "one", GST_TAG_ARTIST, "two",
                     GST_TAG_ARTIST, "three", nullptr);
    const DateTimeOwner when(gst_date_time_new_ym(1999, 12));
    gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_DATE_TIME, when.get(), nullptr);
    GDate *date = g_date_new_dmy(29, G_DATE_FEBRUARY, 2024);
    gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_DATE, date, nullptr);
    g_date_free(date);

    const TagListOwner received = crossed(sent);

    ASSERT_TRUE(received);
    EXPECT_TRUE(gst_tag_list_is_equal(sent.get(), received.get()));
    EXPECT_EQ(gst_tag_list_get_tag_size(received.get(), GST_TAG_ARTIST), 3U);
}

TEST(Tags, KeepTheirScope)
{
    for (const GstTagScope scope : {GST_TAG_SCOPE_STREAM, GST_TAG_SCOPE_GLOBAL}) {
        const TagListOwner sent(gst_tag_list_new(GST_TAG_TITLE, "t", nullptr));
        gst_tag_list_set_scope(sent.get(), scope);
        EXPECT_EQ(gst_tag_list_get_scope(crossed(sent).get()), scope);
    }
}

TEST(Tags, EmptyListArrivesEmpty)
{
    const TagListOwner received = crossed(TagListOwner(gst_tag_list_new_empty()));
    ASSERT_TRUE(received);
    EXPECT_TRUE(gst_tag_list_is_empty(received.get()));
}

TEST(Tags, ImageArrivesWithCapsAndInfo)
{
    const TagListOwner sent(gst_tag_list_new_empty());
    gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_IMAGE, image(100'000).get(), nullptr);

    const TagListOwner received = crossed(sent);

    GstSample *sample = nullptr;
    ASSERT_TRUE(gst_tag_list_get_sample(received.get(), GST_TAG_IMAGE, &sample));
    const SampleOwner owner(sample);
    EXPECT_EQ(gst_buffer_get_size(gst_sample_get_buffer(sample)), 100'000U);
    EXPECT_EQ(gst_buffer_memcmp(gst_sample_get_buffer(sample), 0, "\xa5\xa5\xa5\xa5", 4), 0);
    EXPECT_TRUE(gst_structure_has_name(gst_caps_get_structure(gst_sample_get_caps(sample), 0), "image/jpeg"));
    EXPECT_STREQ(gst_structure_get_string(gst_sample_get_info(sample), "note"), "front");
}

TEST(Tags, TooLargeAnImageIsLeftOutAndTheOthersArrive)
{
    const TagListOwner sent(gst_tag_list_new(GST_TAG_ARTIST, "a", nullptr));
    gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_IMAGE, image(kMaxValueBufferBytes + 1).get(),
                     nullptr);
    gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_TITLE, "t", nullptr);

    const TagListOwner received = crossed(sent);

    ASSERT_TRUE(received);
    EXPECT_EQ(gst_tag_list_n_tags(received.get()), 2);
    EXPECT_EQ(gst_tag_list_get_tag_size(received.get(), GST_TAG_IMAGE), 0U);
}

TEST(Tags, ThatTogetherExceedTheMessageAreCutToFit)
{
    const TagListOwner sent(gst_tag_list_new_empty());
    for (size_t i = 0; i < 3; ++i) // of different sizes: a list takes no two that are equal
        gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_IMAGE,
                         image(kMaxValueBufferBytes / 4 * 3 - i).get(), nullptr);
    const auto bytes = encodeTagList(*sent);
    EXPECT_LE(bytes.size(), kMaxTagListBytes);
    const TagListOwner received = decodeTagList(bytes);
    ASSERT_TRUE(received);
    EXPECT_EQ(gst_tag_list_get_tag_size(received.get(), GST_TAG_IMAGE), 2U);
}

TEST(Tags, MoreValuesOfOneTagThanTheBoundAreCut)
{
    const TagListOwner sent(gst_tag_list_new_empty());
    for (uint32_t i = 0; i < kMaxValuesOfTag + 5; ++i)
        gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, GST_TAG_ARTIST, std::to_string(i).c_str(),
                         nullptr);
    const TagListOwner received = crossed(sent);
    ASSERT_TRUE(received);
    EXPECT_EQ(gst_tag_list_get_tag_size(received.get(), GST_TAG_ARTIST), kMaxValuesOfTag);
}

Hostile list(uint32_t tags)
{
    return Hostile().number(uint8_t{0}).number(tags);
}

Hostile &textTag(Hostile &hostile, std::string_view tag, std::string_view value)
{
    return hostile.text(tag)
        .number(uint32_t{1})
        .number(static_cast<uint32_t>(5 + value.size()))
        .kind(String)
        .text(value);
}

TEST(HostileTags, OfUnregisteredNameAreIgnored)
{
    Hostile hostile = list(2);
    hostile.text("never-registered").number(uint32_t{1}).text("not even a value");
    textTag(hostile, GST_TAG_TITLE, "t");

    const TagListOwner received = decodeTagList(hostile.bytes());

    ASSERT_TRUE(received);
    EXPECT_EQ(gst_tag_list_n_tags(received.get()), 1);
    EXPECT_EQ(g_quark_try_string("never-registered"), 0U);
}

TEST(HostileTags, OfAnotherTypeThanRegisteredAreIgnored)
{
    Hostile hostile = list(2);
    textTag(hostile, GST_TAG_TRACK_NUMBER, "seven");
    // A list would slip past the check that GStreamer itself makes.
    hostile.text(GST_TAG_TITLE)
        .number(uint32_t{1})
        .number(uint32_t{10})
        .kind(List)
        .number(uint32_t{1})
        .kind(Int)
        .number(int32_t{1});

    const TagListOwner received = decodeTagList(hostile.bytes());

    ASSERT_TRUE(received);
    EXPECT_TRUE(gst_tag_list_is_empty(received.get()));
}

TEST(HostileTags, EmptyStringIsIgnored)
{
    Hostile hostile = list(1);
    textTag(hostile, GST_TAG_TITLE, "");
    const TagListOwner received = decodeTagList(hostile.bytes());
    ASSERT_TRUE(received);
    EXPECT_TRUE(gst_tag_list_is_empty(received.get()));
}

TEST(HostileTags, RepeatedTagThatHoldsOneValueKeepsTheFirst)
{
    Hostile hostile = list(3);
    for (int i = 0; i < 3; ++i)
        textTag(hostile, GST_TAG_ORGANIZATION, "x");
    EXPECT_TRUE(decodeTagList(hostile.bytes()));
}

TEST(HostileTags, CountOfTagsIsBounded)
{
    const auto tags = [](uint32_t count) {
        return list(count).repeat(count, [](Hostile &tag) { tag.text("t").number(uint32_t{0}); }).bytes();
    };
    EXPECT_TRUE(decodeTagList(tags(kMaxTags)));
    EXPECT_FALSE(decodeTagList(tags(kMaxTags + 1)));
}

TEST(HostileTags, CountOfValuesIsBounded)
{
    const auto values = [](uint32_t count) {
        return list(1).text("t").number(count).repeat(count, [](Hostile &value) { value.text(""); }).bytes();
    };
    EXPECT_TRUE(decodeTagList(values(kMaxValuesOfTag)));
    EXPECT_FALSE(decodeTagList(values(kMaxValuesOfTag + 1)));
}

TEST(HostileTags, ThatAreMalformedAreRefused)
{
    EXPECT_FALSE(decodeTagList(Hostile().number(uint8_t{2}).number(uint32_t{0}).bytes()));
    EXPECT_FALSE(decodeTagList(list(1).text("bad name").number(uint32_t{0}).bytes()));
    EXPECT_FALSE(
        decodeTagList(list(1).text(std::string(kMaxNameBytes + 1, 't')).number(uint32_t{0}).bytes()));
    EXPECT_FALSE(decodeTagList(list(1).text(GST_TAG_TITLE).number(uint32_t{1}).text("\xff").bytes()));
    EXPECT_FALSE(decodeTagList(list(0).number(uint8_t{0}).bytes()));
    // A value that is one byte shorter than its counted string.
    Hostile loose = list(1);
    loose.text(GST_TAG_TITLE)
        .number(uint32_t{1})
        .number(uint32_t{7})
        .kind(String)
        .text("t")
        .number(uint8_t{0});
    EXPECT_FALSE(decodeTagList(loose.bytes()));
}

TEST(HostileTags, BeyondTheirBytesAreRefused)
{
    const auto sized = [](size_t size) {
        return list(1).text("t").number(uint32_t{1}).text(std::string(size, 'x')).bytes();
    };
    const size_t frame = sized(0).size();
    EXPECT_TRUE(decodeTagList(sized(kMaxTagListBytes - frame)));
    EXPECT_FALSE(decodeTagList(sized(kMaxTagListBytes - frame + 1)));
}

} // namespace
