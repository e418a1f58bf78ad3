// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Names from a peer are checked and rationed before GStreamer sees them.
#include "plugin/peer_names.h"
#include "tests/codec_wire.h"

#include <cstdlib>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

Hostile emptyStructure(std::string_view name)
{
    return Hostile().text(name).number(uint32_t{0});
}
Hostile oneField(std::string_view field)
{
    return Hostile().text("s").number(uint32_t{1}).text(field).kind(Int).number(int32_t{1});
}

TEST(Structure, ArrivesWithItsNameAndFields)
{
    const StructureOwner sent(
        gst_structure_new_from_string("Gst/Video-Force_Key.Unit:v+1, timestamp=(guint64)5, "
                                      "all-headers=(boolean)true, n=(structure)[ i, a=(int)1 ]"));
    ASSERT_TRUE(sent);
    ringcore::ByteWriter out(4096);
    MessageBudget writing;
    MessageBudget reading;
    ASSERT_TRUE(encodeStructure(*sent, out, writing));
    ringcore::ByteReader in(out.bytes());

    const StructureOwner received = decodeStructure(in, reading);

    ASSERT_TRUE(received);
    EXPECT_TRUE(in.atEnd());
    EXPECT_TRUE(gst_structure_is_equal(sent.get(), received.get()));
}

TEST(Structure, LosesOnlyFieldsThatAreNull)
{
    const StructureOwner sent(
        gst_structure_new("s", "null", G_TYPE_STRING, nullptr, "a", G_TYPE_INT, 1, nullptr));
    ringcore::ByteWriter out(4096);
    MessageBudget writing;
    MessageBudget reading;
    ASSERT_TRUE(encodeStructure(*sent, out, writing));
    ringcore::ByteReader in(out.bytes());

    const StructureOwner received = decodeStructure(in, reading);

    ASSERT_TRUE(received);
    EXPECT_EQ(gst_structure_n_fields(received.get()), 1);
    EXPECT_TRUE(gst_structure_has_field(received.get(), "a"));
}

TEST(Structure, WithAValueOfUnknownTypeIsRefusedByTheWriter)
{
    const StructureOwner sent(gst_structure_new("s", "p", G_TYPE_POINTER, &typeid(int), nullptr));
    ringcore::ByteWriter out(4096);
    MessageBudget budget;
    EXPECT_FALSE(encodeStructure(*sent, out, budget));
}

class MalformedName : public testing::TestWithParam<std::string_view>
{
};

TEST_P(MalformedName, IsRefusedForStructureAndField)
{
    EXPECT_FALSE(structureDecodes(emptyStructure(GetParam())));
    EXPECT_FALSE(structureDecodes(oneField(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(Names, MalformedName,
                         testing::Values("", "1a", "-a", " a", "a b", "a,b", "a=b", "a;", "a\"", "a\n", "a%s",
                                         "\xc3\xa4", "a\xc3\xa4", std::string_view("a\0b", 3),
                                         std::string_view("a\0", 2)));

TEST(HostileStructure, OfTheOldRawVideoNameIsRefused)
{
    EXPECT_TRUE(structureDecodes(emptyStructure("video/x-raw")));
    EXPECT_FALSE(structureDecodes(emptyStructure("video/x-raw-yuv")));
    EXPECT_FALSE(structureDecodes(emptyStructure("audio/x-raw-int")));
}

TEST(HostileStructure, NamesAreBounded)
{
    EXPECT_TRUE(structureDecodes(emptyStructure(std::string(kMaxNameBytes, 'n'))));
    EXPECT_FALSE(structureDecodes(emptyStructure(std::string(kMaxNameBytes + 1, 'n'))));
    EXPECT_TRUE(structureDecodes(oneField(std::string(kMaxNameBytes, 'f'))));
    EXPECT_FALSE(structureDecodes(oneField(std::string(kMaxNameBytes + 1, 'f'))));
}

TEST(HostileStructure, CountOfFieldsIsBounded)
{
    const auto fields = [](uint32_t count) {
        Hostile hostile;
        hostile.text("s").number(count);
        for (uint32_t i = 0; i < count; ++i)
            hostile.text("f" + std::to_string(i)).kind(Int).number(int32_t{1});
        return hostile;
    };
    EXPECT_TRUE(structureDecodes(fields(kMaxFields)));
    EXPECT_FALSE(structureDecodes(fields(kMaxFields + 1)));
    EXPECT_FALSE(structureDecodes(Hostile().text("s").number(UINT32_MAX)));
}

TEST(HostileStructure, WithOneFieldTwiceIsRefused)
{
    EXPECT_FALSE(structureDecodes(Hostile()
                                      .text("s")
                                      .number(uint32_t{2})
                                      .text("f")
                                      .kind(Int)
                                      .number(int32_t{1})
                                      .text("f")
                                      .kind(Int)
                                      .number(int32_t{2})));
}

// In a process of its own: what it uses up stays used up.
void exhaustTheRation()
{
    bool fine = structureDecodes(oneField("known-before"));
    for (size_t i = 0; i < kMaxNewNames; ++i)
        (void)admitPeerName("invented" + std::to_string(i));
    fine = fine && !structureDecodes(oneField("one-too-many"));
    fine = fine && !structureDecodes(emptyStructure("OneTooMany"));
    fine = fine && g_quark_try_string("one-too-many") == 0 && g_quark_try_string("OneTooMany") == 0;
    fine = fine && structureDecodes(oneField("known-before"));
    std::_Exit(fine ? 0 : 1); // at exit(), GLib's table of names looks like a leak
}

TEST(HostileStructure, InventedNamesRunOutAndKnownOnesKeepWorking)
{
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(exhaustTheRation(), testing::ExitedWithCode(0), "");
}

} // namespace
