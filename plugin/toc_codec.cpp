// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: whether it is of global scope as uint8_t, tags, entries. Tags: whether there are any as uint8_t,
// the list. Entries: their count as uint32_t, then for each type and loop type as int32_t, repeat count as
// int32_t, start and stop as int64_t, uid, tags, entries.
#include "plugin/toc_codec.h"

#include "plugin/tag_codec.h"

#include <optional>
#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr gint64 kNoTime = -1;

// On the way through one table.
struct Walk {
    MessageBudget &budget;
    uint32_t entriesLeft = kMaxTocEntries;
    uint32_t depth = 0;
};

bool isUid(std::string_view uid)
{
    return uid.size() <= kMaxTocUidBytes && g_utf8_validate_len(uid.data(), uid.size(), nullptr);
}

bool isEntryType(int32_t type)
{
    return type >= GST_TOC_ENTRY_TYPE_ANGLE && type <= GST_TOC_ENTRY_TYPE_CHAPTER &&
           type != GST_TOC_ENTRY_TYPE_INVALID;
}

bool isLoop(int32_t type, int32_t repeatCount)
{
    return type >= GST_TOC_LOOP_NONE && type <= GST_TOC_LOOP_PING_PONG &&
           repeatCount >= GST_TOC_REPEAT_COUNT_INFINITE;
}

void encodeTags(const GstTagList *tags, ByteWriter &out, MessageBudget &budget)
{
    out.number(static_cast<uint8_t>(tags ? 1 : 0));
    if (tags)
        encodeTagList(*tags, kMaxTocTagBytes, out, budget);
}

// Nothing: refused. nullptr: there are none.
std::optional<TagListOwner> decodeTags(ByteReader &in, MessageBudget &budget)
{
    const auto present = in.number<uint8_t>();
    if (in.failed() || present > 1)
        return std::nullopt;
    if (present == 0)
        return TagListOwner();
    TagListOwner tags = decodeTagList(kMaxTocTagBytes, in, budget);
    return tags ? std::optional(std::move(tags)) : std::nullopt;
}

bool encodeEntries(GList *entries, ByteWriter &out, Walk &walk);

bool encodeEntry(const GstTocEntry &entry, ByteWriter &out, Walk &walk)
{
    const auto type = static_cast<int32_t>(gst_toc_entry_get_entry_type(&entry));
    const char *uid = gst_toc_entry_get_uid(&entry);
    GstTocLoopType loop = GST_TOC_LOOP_NONE;
    gint repeatCount = 0;
    gint64 start = kNoTime;
    gint64 stop = kNoTime;
    gst_toc_entry_get_loop(&entry, &loop, &repeatCount);
    gst_toc_entry_get_start_stop_times(&entry, &start, &stop);
    if (!isEntryType(type) || uid == nullptr || !isUid(uid) || !isLoop(loop, repeatCount) ||
        start < kNoTime || stop < kNoTime)
        return false;
    out.number(type);
    out.number(static_cast<int32_t>(loop));
    out.number(int32_t{repeatCount});
    out.number(int64_t{start});
    out.number(int64_t{stop});
    out.counted(std::string_view(uid));
    encodeTags(gst_toc_entry_get_tags(&entry), out, walk.budget);
    return encodeEntries(gst_toc_entry_get_sub_entries(&entry), out, walk);
}

bool encodeEntries(GList *entries, ByteWriter &out, Walk &walk)
{
    const guint count = g_list_length(entries);
    if (count > walk.entriesLeft || (count > 0 && walk.depth >= kMaxTocDepth))
        return false;
    walk.entriesLeft -= count;
    walk.depth++;
    out.number(uint32_t{count});
    for (const GList *link = entries; link; link = link->next) {
        if (!encodeEntry(*static_cast<GstTocEntry *>(link->data), out, walk))
            return false;
    }
    walk.depth--;
    return !out.overflowed();
}

TocEntryOwner decodeEntry(ByteReader &in, Walk &walk);

// `take` gets each entry, with its reference.
template <typename Take>
bool decodeEntries(ByteReader &in, Walk &walk, Take take)
{
    const auto count = in.number<uint32_t>();
    if (in.failed() || count > walk.entriesLeft || (count > 0 && walk.depth >= kMaxTocDepth))
        return false;
    walk.entriesLeft -= count;
    walk.depth++;
    for (uint32_t i = 0; i < count; ++i) {
        TocEntryOwner entry = decodeEntry(in, walk);
        if (!entry)
            return false;
        take(entry.release());
    }
    walk.depth--;
    return true;
}

TocEntryOwner decodeEntry(ByteReader &in, Walk &walk)
{
    const auto type = in.number<int32_t>();
    const auto loop = in.number<int32_t>();
    const auto repeatCount = in.number<int32_t>();
    const auto start = in.number<int64_t>();
    const auto stop = in.number<int64_t>();
    const std::string uid(in.text(kMaxTocUidBytes));
    if (in.failed() || !isEntryType(type) || !isUid(uid) || !isLoop(loop, repeatCount) || start < kNoTime ||
        stop < kNoTime)
        return nullptr;
    TocEntryOwner entry(gst_toc_entry_new(static_cast<GstTocEntryType>(type), uid.c_str()));
    gst_toc_entry_set_loop(entry.get(), static_cast<GstTocLoopType>(loop), repeatCount);
    gst_toc_entry_set_start_stop_times(entry.get(), start, stop);

    auto tags = decodeTags(in, walk.budget);
    if (!tags)
        return nullptr;
    if (*tags)
        gst_toc_entry_set_tags(entry.get(), tags->release());
    const bool whole =
        decodeEntries(in, walk, [&](GstTocEntry *sub) { gst_toc_entry_append_sub_entry(entry.get(), sub); });
    return whole ? std::move(entry) : nullptr;
}

} // namespace

bool encodeToc(const GstToc &toc, ByteWriter &out, MessageBudget &budget)
{
    Walk walk{budget};
    out.number(static_cast<uint8_t>(gst_toc_get_scope(&toc) == GST_TOC_SCOPE_GLOBAL ? 1 : 0));
    encodeTags(gst_toc_get_tags(&toc), out, budget);
    return encodeEntries(gst_toc_get_entries(&toc), out, walk);
}

TocOwner decodeToc(ByteReader &in, MessageBudget &budget)
{
    Walk walk{budget};
    const auto global = in.number<uint8_t>();
    if (in.failed() || global > 1)
        return nullptr;
    TocOwner toc(gst_toc_new(global == 1 ? GST_TOC_SCOPE_GLOBAL : GST_TOC_SCOPE_CURRENT));
    auto tags = decodeTags(in, budget);
    if (!tags)
        return nullptr;
    if (*tags)
        gst_toc_set_tags(toc.get(), tags->release());
    const bool whole =
        decodeEntries(in, walk, [&](GstTocEntry *entry) { gst_toc_append_entry(toc.get(), entry); });
    return whole ? std::move(toc) : nullptr;
}

} // namespace sharedring
