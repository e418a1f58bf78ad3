// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: scope as uint8_t, count of tags as uint32_t, then for each tag its name, count of values
// as uint32_t, and each value as a counted string, so that a tag nobody knows can be stepped over.
#include "plugin/tag_codec.h"

#include "plugin/peer_names.h"
#include "plugin/value_codec.h"

#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr size_t kCountBytes = sizeof(uint32_t);

GstDebugCategory *category()
{
    static GstDebugCategory *const tagCodec = [] {
        GstDebugCategory *made = nullptr;
        GST_DEBUG_CATEGORY_INIT(made, "sharedringtags", 0, "tags across the shared ring");
        return made;
    }();
    return tagCodec;
}

struct EncodedTag {
    const char *name;
    std::vector<std::vector<std::byte>> values;
};

// What still fits into the message, shared by all its tags.
EncodedTag encodeTag(const GstTagList &tags, const char *name, size_t &room, MessageBudget &budget)
{
    EncodedTag encoded{name, {}};
    const std::string_view text(name);
    const size_t headBytes = kCountBytes + text.size() + kCountBytes;
    if (!isFieldName(text) || room < headBytes)
        return encoded;
    room -= headBytes;

    const guint count = gst_tag_list_get_tag_size(&tags, name);
    for (guint i = 0; i < count; ++i) {
        const GValue *value = gst_tag_list_get_value_index(&tags, name, i);
        ByteWriter out(room > kCountBytes ? room - kCountBytes : 0);
        if (encoded.values.size() >= kMaxValuesOfTag || !encodeValue(*value, out, budget) ||
            out.overflowed()) {
            GST_CAT_WARNING(category(), "leaving out a value of tag %s, of type %s", name,
                            G_VALUE_TYPE_NAME(value));
            continue;
        }
        room -= kCountBytes + out.size();
        encoded.values.push_back(out.take());
    }
    return encoded;
}

void addValue(GstTagList &tags, const std::string &tag, std::span<const std::byte> bytes,
              MessageBudget &budget, ByteReader &message)
{
    ByteReader in(bytes);
    ValueOwner value;
    if (!decodeValue(in, *value, budget) || !in.atEnd()) {
        message.fail();
        return;
    }
    // GStreamer warns about both of these on every use, which would let a peer fill our log.
    const bool wrongType = G_VALUE_TYPE(value.get()) != gst_tag_get_type(tag.c_str());
    if (wrongType || (G_VALUE_HOLDS_STRING(value.get()) && *g_value_get_string(value.get()) == '\0')) {
        GST_CAT_DEBUG(category(), "ignoring a value of tag %s, of type %s", tag.c_str(),
                      G_VALUE_TYPE_NAME(value.get()));
        return;
    }
    gst_tag_list_add_value(&tags, GST_TAG_MERGE_APPEND, tag.c_str(), value.get());
}

std::vector<std::byte> encoded(const GstTagList &tags, size_t limit, MessageBudget &budget)
{
    size_t room = limit - sizeof(uint8_t) - kCountBytes;
    std::vector<EncodedTag> carried;
    const auto count = static_cast<guint>(gst_tag_list_n_tags(&tags));
    for (guint i = 0; i < count && carried.size() < kMaxTags; ++i) {
        EncodedTag tag = encodeTag(tags, gst_tag_list_nth_tag_name(&tags, i), room, budget);
        if (!tag.values.empty())
            carried.push_back(std::move(tag));
    }
    if (count > carried.size())
        GST_CAT_INFO(category(), "%zu of %u tags can cross", carried.size(), count);

    ByteWriter out(limit);
    out.number(static_cast<uint8_t>(gst_tag_list_get_scope(&tags) == GST_TAG_SCOPE_GLOBAL ? 1 : 0));
    out.number(static_cast<uint32_t>(carried.size()));
    for (const EncodedTag &tag : carried) {
        out.counted(std::string_view(tag.name));
        out.number(static_cast<uint32_t>(tag.values.size()));
        for (const auto &value : tag.values)
            out.counted(value);
    }
    return out.take();
}

TagListOwner decoded(std::span<const std::byte> bytes, MessageBudget &budget)
{
    ByteReader in(bytes);
    const auto scope = in.number<uint8_t>();
    const auto count = in.number<uint32_t>();
    if (in.failed() || scope > 1 || count > kMaxTags)
        return nullptr;

    TagListOwner tags(gst_tag_list_new_empty());
    gst_tag_list_set_scope(tags.get(), scope == 1 ? GST_TAG_SCOPE_GLOBAL : GST_TAG_SCOPE_STREAM);
    for (uint32_t i = 0; i < count; ++i) {
        const std::string tag(in.text(kMaxNameBytes));
        const auto values = in.number<uint32_t>();
        if (in.failed() || !isFieldName(tag) || values > kMaxValuesOfTag)
            return nullptr;
        const bool known = gst_tag_exists(tag.c_str()) != FALSE;
        for (uint32_t k = 0; k < values && !in.failed(); ++k) {
            const auto value = in.counted(bytes.size());
            if (known && !in.failed())
                addValue(*tags, tag, value, budget, in);
        }
    }
    return !in.failed() && in.atEnd() ? std::move(tags) : nullptr;
}

} // namespace

std::vector<std::byte> encodeTagList(const GstTagList &tags)
{
    MessageBudget budget;
    return encoded(tags, kMaxTagListBytes, budget);
}

TagListOwner decodeTagList(std::span<const std::byte> bytes)
{
    MessageBudget budget;
    return bytes.size() <= kMaxTagListBytes ? decoded(bytes, budget) : nullptr;
}

void encodeTagList(const GstTagList &tags, size_t limit, ByteWriter &out, MessageBudget &budget)
{
    out.counted(encoded(tags, limit, budget));
}

TagListOwner decodeTagList(size_t limit, ByteReader &in, MessageBudget &budget)
{
    const auto bytes = in.counted(limit);
    return in.failed() ? nullptr : decoded(bytes, budget);
}

} // namespace sharedring
