// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A table of contents arrives as it left, at any depth, and no claim of a peer about it goes beyond a
// bound.
#include "plugin/event_codec.h"
#include "plugin/toc_codec.h"
#include "tests/codec_wire.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

struct Entry {
    int32_t type = GST_TOC_ENTRY_TYPE_CHAPTER;
    int32_t loop = GST_TOC_LOOP_NONE;
    int32_t repeatCount = 0;
    int64_t start = 0;
    int64_t stop = 1;
    std::string uid = "u";

    void write(Hostile &out, uint32_t subEntries = 0) const
    {
        out.number(type).number(loop).number(repeatCount).number(start).number(stop).text(uid);
        out.number(uint8_t{0}).number(subEntries);
    }
};

Hostile toc(uint32_t entries, uint8_t global = 1)
{
    return Hostile().number(global).number(uint8_t{0}).number(entries);
}

bool tocDecodes(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    MessageBudget budget;
    return decodeToc(in, budget) != nullptr && in.atEnd();
}

bool entryDecodes(const Entry &entry)
{
    Hostile out = toc(1);
    entry.write(out);
    return tocDecodes(out);
}

TocOwner crossed(const GstToc &sent)
{
    ringcore::ByteWriter out(kMaxTocBytes);
    MessageBudget writing;
    MessageBudget reading;
    if (!encodeToc(sent, out, writing))
        return nullptr;
    ringcore::ByteReader in(out.bytes());
    TocOwner received = decodeToc(in, reading);
    return in.atEnd() ? std::move(received) : nullptr;
}

void expectEqual(GList *sent, GList *received)
{
    ASSERT_EQ(g_list_length(sent), g_list_length(received));
    for (; sent; sent = sent->next, received = received->next) {
        const auto *a = static_cast<GstTocEntry *>(sent->data);
        const auto *b = static_cast<GstTocEntry *>(received->data);
        gint64 start[2] = {-1, -1};
        gint64 stop[2] = {-1, -1};
        GstTocLoopType loop[2] = {};
        gint repeats[2] = {};
        gst_toc_entry_get_start_stop_times(a, &start[0], &stop[0]);
        gst_toc_entry_get_start_stop_times(b, &start[1], &stop[1]);
        gst_toc_entry_get_loop(a, &loop[0], &repeats[0]);
        gst_toc_entry_get_loop(b, &loop[1], &repeats[1]);
        EXPECT_EQ(gst_toc_entry_get_entry_type(a), gst_toc_entry_get_entry_type(b));
        EXPECT_STREQ(gst_toc_entry_get_uid(a), gst_toc_entry_get_uid(b));
        EXPECT_EQ(start[0], start[1]);
        EXPECT_EQ(stop[0], stop[1]);
        EXPECT_EQ(loop[0], loop[1]);
        EXPECT_EQ(repeats[0], repeats[1]);
        ASSERT_EQ(!gst_toc_entry_get_tags(a), !gst_toc_entry_get_tags(b));
        if (gst_toc_entry_get_tags(a)) {
            EXPECT_TRUE(gst_tag_list_is_equal(gst_toc_entry_get_tags(a), gst_toc_entry_get_tags(b)));
        }
        expectEqual(gst_toc_entry_get_sub_entries(a), gst_toc_entry_get_sub_entries(b));
    }
}

GstTocEntry *chapter(const char *uid, gint64 start, gint64 stop)
{
    GstTocEntry *entry = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_CHAPTER, uid);
    gst_toc_entry_set_start_stop_times(entry, start, stop);
    gst_toc_entry_set_tags(entry, gst_tag_list_new(GST_TAG_TITLE, uid, nullptr));
    return entry;
}

TocOwner chaptersOfAnEdition(GstTocScope scope)
{
    TocOwner toc(gst_toc_new(scope));
    gst_toc_set_tags(toc.get(), gst_tag_list_new(GST_TAG_ALBUM, "of all", nullptr));
    GstTocEntry *edition = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_EDITION, "edition");
    gst_toc_entry_append_sub_entry(edition, chapter("one", 0, GST_SECOND));
    gst_toc_entry_append_sub_entry(edition, chapter("two", GST_SECOND, 5 * GST_SECOND));
    gst_toc_append_entry(toc.get(), edition);
    GstTocEntry *track = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_TRACK, "track");
    gst_toc_entry_set_loop(track, GST_TOC_LOOP_PING_PONG, GST_TOC_REPEAT_COUNT_INFINITE);
    gst_toc_append_entry(toc.get(), track);
    return toc;
}

TEST(Toc, ArrivesWithAllEntriesAndTags)
{
    for (const GstTocScope scope : {GST_TOC_SCOPE_GLOBAL, GST_TOC_SCOPE_CURRENT}) {
        const TocOwner sent = chaptersOfAnEdition(scope);
        const TocOwner received = crossed(*sent);
        ASSERT_TRUE(received);
        EXPECT_EQ(gst_toc_get_scope(received.get()), scope);
        EXPECT_TRUE(gst_tag_list_is_equal(gst_toc_get_tags(sent.get()), gst_toc_get_tags(received.get())));
        expectEqual(gst_toc_get_entries(sent.get()), gst_toc_get_entries(received.get()));
    }
}

TEST(Toc, EventSaysWhetherItIsAnUpdate)
{
    const TocOwner toc = chaptersOfAnEdition(GST_TOC_SCOPE_GLOBAL);
    for (const bool updated : {false, true}) {
        const EventOwner sent(gst_event_new_toc(toc.get(), updated));
        const auto encoded = encodeEvent(sent.get());
        ASSERT_TRUE(encoded);
        const DecodedEvent received = decodeEvent(encoded->type, encoded->bytes);
        ASSERT_TRUE(received.event);
        GstToc *parsed = nullptr;
        gboolean copy = !updated;
        gst_event_parse_toc(received.event.get(), &parsed, &copy);
        gst_toc_unref(parsed);
        EXPECT_EQ(copy != FALSE, updated);
    }
    const auto hostile = [](uint8_t updated) {
        Hostile out = Hostile().number(uint32_t{1}).number(updated);
        out.number(uint8_t{1}).number(uint8_t{0}).number(uint32_t{0});
        return decodeEvent(WireEvent::Toc, out.bytes()).event != nullptr;
    };
    EXPECT_TRUE(hostile(1));
    EXPECT_FALSE(hostile(2));
}

TEST(Toc, WriterRefusesWhatTheReaderWould)
{
    const TocOwner wide(gst_toc_new(GST_TOC_SCOPE_GLOBAL));
    for (uint32_t i = 0; i < kMaxTocEntries; ++i)
        gst_toc_append_entry(wide.get(), gst_toc_entry_new(GST_TOC_ENTRY_TYPE_TRACK, "u"));
    EXPECT_TRUE(crossed(*wide));
    gst_toc_append_entry(wide.get(), gst_toc_entry_new(GST_TOC_ENTRY_TYPE_TRACK, "u"));
    EXPECT_FALSE(crossed(*wide));

    const auto deep = [](uint32_t depth) {
        GstTocEntry *inner = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_CHAPTER, "u");
        for (uint32_t i = 1; i < depth; ++i) {
            GstTocEntry *outer = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_CHAPTER, "u");
            gst_toc_entry_append_sub_entry(outer, inner);
            inner = outer;
        }
        TocOwner toc(gst_toc_new(GST_TOC_SCOPE_GLOBAL));
        gst_toc_append_entry(toc.get(), inner);
        return toc;
    };
    EXPECT_TRUE(crossed(*deep(kMaxTocDepth)));
    EXPECT_FALSE(crossed(*deep(kMaxTocDepth + 1)));
}

TEST(Toc, TagsOfAnEntryBeyondTheirBytesAreLeftOut)
{
    const TocOwner sent(gst_toc_new(GST_TOC_SCOPE_GLOBAL));
    GstTocEntry *entry = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_TRACK, "u");
    const BufferOwner picture(gst_buffer_new_allocate(nullptr, kMaxTocTagBytes, nullptr));
    gst_buffer_memset(picture.get(), 0, 1, kMaxTocTagBytes);
    const SampleOwner sample(gst_sample_new(picture.get(), nullptr, nullptr, nullptr));
    gst_toc_entry_set_tags(entry, gst_tag_list_new(GST_TAG_IMAGE, sample.get(), GST_TAG_TITLE, "t", nullptr));
    gst_toc_append_entry(sent.get(), entry);

    const TocOwner received = crossed(*sent);

    ASSERT_TRUE(received);
    const auto *copy = static_cast<GstTocEntry *>(gst_toc_get_entries(received.get())->data);
    EXPECT_EQ(gst_tag_list_n_tags(gst_toc_entry_get_tags(copy)), 1);
}

TEST(HostileToc, ScopeAndPresenceOtherThanZeroOrOneAreRefused)
{
    EXPECT_TRUE(tocDecodes(toc(0, 0)));
    EXPECT_TRUE(tocDecodes(toc(0, 1)));
    EXPECT_FALSE(tocDecodes(toc(0, 2)));
    const auto withTags = [](uint8_t present) {
        Hostile list = Hostile().number(uint8_t{0}).number(uint32_t{0});
        Hostile out = Hostile().number(uint8_t{1}).number(present);
        out.out.counted(list.bytes());
        return tocDecodes(out.number(uint32_t{0}));
    };
    EXPECT_TRUE(withTags(1));
    EXPECT_FALSE(withTags(2));
}

TEST(HostileToc, EntryWithAFieldThatGStreamerDoesNotKnowIsRefused)
{
    EXPECT_TRUE(entryDecodes({}));
    EXPECT_TRUE(entryDecodes({.type = GST_TOC_ENTRY_TYPE_ANGLE, .start = -1, .stop = -1}));
    EXPECT_FALSE(entryDecodes({.type = GST_TOC_ENTRY_TYPE_INVALID}));
    EXPECT_FALSE(entryDecodes({.type = GST_TOC_ENTRY_TYPE_ANGLE - 1}));
    EXPECT_FALSE(entryDecodes({.type = GST_TOC_ENTRY_TYPE_CHAPTER + 1}));
    EXPECT_FALSE(entryDecodes({.loop = -1}));
    EXPECT_FALSE(entryDecodes({.loop = GST_TOC_LOOP_PING_PONG + 1}));
    EXPECT_FALSE(entryDecodes({.repeatCount = -2}));
    EXPECT_FALSE(entryDecodes({.start = -2}));
    EXPECT_FALSE(entryDecodes({.stop = -2}));
}

TEST(HostileToc, UidMustBeBoundedUtf8)
{
    EXPECT_TRUE(entryDecodes({.uid = std::string(kMaxTocUidBytes, 'u')}));
    EXPECT_FALSE(entryDecodes({.uid = std::string(kMaxTocUidBytes + 1, 'u')}));
    EXPECT_FALSE(entryDecodes({.uid = "\xff"}));
    EXPECT_FALSE(entryDecodes({.uid = std::string("a\0b", 3)}));
}

TEST(HostileToc, CountOfEntriesIsBoundedInAll)
{
    const auto wide = [](uint32_t entries) {
        return toc(entries).repeat(entries, [](Hostile &out) { Entry().write(out); });
    };
    EXPECT_TRUE(tocDecodes(wide(kMaxTocEntries)));
    EXPECT_FALSE(tocDecodes(wide(kMaxTocEntries + 1)));
    EXPECT_FALSE(tocDecodes(toc(UINT32_MAX)));
    // Each within the bound, their sum is not.
    const auto nested = [](uint32_t outer, uint32_t inner) {
        return toc(outer).repeat(outer, [&](Hostile &out) {
            Entry().write(out, inner);
            out.repeat(inner, [](Hostile &sub) { Entry().write(sub); });
        });
    };
    EXPECT_TRUE(tocDecodes(nested(4, kMaxTocEntries / 4 - 1)));
    EXPECT_FALSE(tocDecodes(nested(4, kMaxTocEntries / 4)));
}

TEST(HostileToc, DepthIsBounded)
{
    const auto deep = [](uint32_t depth) {
        Hostile out = toc(1).repeat(depth - 1, [](Hostile &level) { Entry().write(level, 1); });
        Entry().write(out);
        return out;
    };
    EXPECT_TRUE(tocDecodes(deep(kMaxTocDepth)));
    EXPECT_FALSE(tocDecodes(deep(kMaxTocDepth + 1)));
    EXPECT_FALSE(tocDecodes(deep(kMaxTocEntries)));
}

TEST(HostileToc, TagsOfAnEntryAreBounded)
{
    const auto tagged = [](size_t bytes) {
        Hostile list = Hostile().number(uint8_t{0}).number(uint32_t{1});
        list.text("sharedring-nobody-has-this").number(uint32_t{1});
        list.text(std::string(bytes - list.out.size() - sizeof(uint32_t), 'x'));
        const Bytes whole = list.bytes();
        Hostile out = toc(1);
        const Entry entry;
        out.number(entry.type).number(entry.loop).number(entry.repeatCount);
        out.number(entry.start).number(entry.stop).text(entry.uid).number(uint8_t{1});
        out.out.counted(whole);
        out.number(uint32_t{0});
        return out;
    };
    EXPECT_TRUE(tocDecodes(tagged(kMaxTocTagBytes)));
    EXPECT_FALSE(tocDecodes(tagged(kMaxTocTagBytes + 1)));
}

} // namespace
