// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_values.h"

#include <gst/tag/tag.h>
#include <gst/video/video.h>

#include <algorithm>
#include <bit>
#include <cstring>

using namespace sharedring;

namespace
{

constexpr size_t kMaxEntries = 5;

int32_t randomInt(Dice &dice)
{
    const auto size = static_cast<int32_t>(dice.magnitude(G_MAXINT32));
    return dice.oneIn(3) ? -size : size;
}

double randomDouble(Dice &dice)
{
    return std::bit_cast<double>(dice.any() & ~(uint64_t{1} << 62)); // finite: below 2 in magnitude
}

GDate *randomDate(Dice &dice)
{
    return g_date_new_dmy(static_cast<GDateDay>(dice.between(1, 28)),
                          static_cast<GDateMonth>(dice.between(1, 12)),
                          static_cast<GDateYear>(dice.between(1, 9999)));
}

GstDateTime *randomDateTime(Dice &dice)
{
    const gint year = dice.between(2, 9998); // GStreamer has none whose UTC is beyond
    const gint month = dice.between(1, 12);
    const gint day = dice.between(1, 28);
    const gfloat zone = static_cast<gfloat>(dice.between(-23, 23)) / 2.0F; // hours
    switch (dice.below(5)) {
    case 0:
        return gst_date_time_new_y(year);
    case 1:
        return gst_date_time_new_ym(year, month);
    case 2:
        return gst_date_time_new_ymd(year, month, day);
    case 3:
        return gst_date_time_new(zone, year, month, day, dice.between(0, 23), dice.between(0, 59), -1);
    default:
        return gst_date_time_new(zone, year, month, day, dice.between(0, 23), dice.between(0, 59),
                                 static_cast<gdouble>(dice.between(0, 59999999)) / 1e6);
    }
}

BufferOwner randomHeader(Dice &dice)
{
    BufferOwner buffer = randomBytes(dice, dice.oneIn(20) ? dice.below(20000) : dice.below(60));
    if (dice.oneIn(2))
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    return buffer;
}

CapsOwner randomCaps(Dice &dice, int depth)
{
    CapsOwner caps(gst_caps_new_full(randomStructure(dice, "image/x-random", depth).release(), nullptr));
    if (dice.oneIn(3))
        gst_caps_set_features(caps.get(), 0,
                              gst_caps_features_new("memory:SystemMemory", "meta:Random", nullptr));
    return caps;
}

SampleOwner randomSample(Dice &dice, int depth)
{
    const BufferOwner bytes = randomHeader(dice);
    const CapsOwner caps = dice.oneIn(2) ? randomCaps(dice, depth) : nullptr;
    StructureOwner info = dice.oneIn(2) ? randomStructure(dice, "info", depth) : nullptr;
    return SampleOwner(gst_sample_new(bytes.get(), caps.get(), nullptr, info.release()));
}

void randomValue(Dice &dice, GValue &value, int depth, bool fixed);

// Entries of a list or an array are of one type, as GStreamer wants it, and so are theirs.
void fill(Dice &dice, GValue &values, int depth)
{
    const bool isList = G_VALUE_TYPE(&values) == GST_TYPE_LIST;
    GType type = G_TYPE_INVALID;
    for (size_t left = dice.below(kMaxEntries); left > 0; left--) {
        ValueOwner entry;
        randomValue(dice, *entry, depth, !isList); // arrays may stand in caps
        if (type == G_TYPE_INVALID)
            type = G_VALUE_TYPE(entry.get());
        else if (G_VALUE_TYPE(entry.get()) != type || type == GST_TYPE_LIST || type == GST_TYPE_ARRAY)
            continue;
        if (isList)
            gst_value_list_append_value(&values, entry.get());
        else
            gst_value_array_append_value(&values, entry.get());
    }
}

struct ValueKind {
    GType (*type)();
    void (*set)(Dice &dice, GValue &value, int depth);
    bool isNested = false; // contains other values
    bool isFixed = true;   // may stand in caps
};

const ValueKind kValueKinds[] = {
    {[]() -> GType { return G_TYPE_INT; },
     [](Dice &dice, GValue &value, int) { g_value_set_int(&value, randomInt(dice)); }},
    {[]() -> GType { return G_TYPE_UINT; },
     [](Dice &dice, GValue &value, int) {
         g_value_set_uint(&value, static_cast<guint>(dice.magnitude(G_MAXUINT)));
     }},
    {[]() -> GType { return G_TYPE_INT64; },
     [](Dice &dice, GValue &value, int) { g_value_set_int64(&value, static_cast<gint64>(dice.any())); }},
    {[]() -> GType { return G_TYPE_UINT64; },
     [](Dice &dice, GValue &value, int) { g_value_set_uint64(&value, dice.magnitude(G_MAXUINT64)); }},
    {[]() -> GType { return G_TYPE_BOOLEAN; },
     [](Dice &dice, GValue &value, int) { g_value_set_boolean(&value, dice.oneIn(2)); }},
    {[]() -> GType { return G_TYPE_DOUBLE; },
     [](Dice &dice, GValue &value, int) { g_value_set_double(&value, randomDouble(dice)); }},
    {[]() -> GType { return G_TYPE_FLOAT; },
     [](Dice &dice, GValue &value, int) {
         g_value_set_float(&value, static_cast<gfloat>(randomInt(dice)) / 64.0F);
     }},
    {[]() -> GType { return G_TYPE_STRING; },
     [](Dice &dice, GValue &value, int) {
         g_value_set_string(&value, dice.oneIn(8) ? "" : randomText(dice).c_str());
     }},
    {[]() -> GType { return GST_TYPE_FRACTION; },
     [](Dice &dice, GValue &value, int) {
         gst_value_set_fraction(&value, randomInt(dice), dice.between(1, G_MAXINT32));
     }},
    {[]() -> GType { return GST_TYPE_BITMASK; },
     [](Dice &dice, GValue &value, int) { gst_value_set_bitmask(&value, dice.magnitude(G_MAXUINT64)); }},
    {gst_video_multiview_flagset_get_type,
     [](Dice &dice, GValue &value, int) {
         gst_value_set_flagset(&value, static_cast<guint>(dice.below(64)),
                               static_cast<guint>(GST_FLAG_SET_MASK_EXACT));
     }},
    {[]() -> GType { return G_TYPE_UCHAR; },
     [](Dice &dice, GValue &value, int) { g_value_set_uchar(&value, static_cast<guchar>(dice.below(256))); }},
    {[]() -> GType { return GST_TYPE_FORMAT; },
     [](Dice &dice, GValue &value, int) {
         g_value_set_enum(&value, dice.between(int{GST_FORMAT_UNDEFINED}, int{GST_FORMAT_PERCENT}));
     },
     false, false},
    {[]() -> GType { return GST_TYPE_STREAM_FLAGS; },
     [](Dice &dice, GValue &value, int) { g_value_set_flags(&value, static_cast<guint>(dice.below(8))); },
     false, false},
    {[]() -> GType { return GST_TYPE_INT_RANGE; },
     [](Dice &dice, GValue &value, int) {
         const gint step = dice.between(1, 4);
         const gint least = dice.between(-1000, 1000) * step;
         gst_value_set_int_range_step(&value, least, least + step * dice.between(1, 1000), step);
     },
     false, false},
    {[]() -> GType { return GST_TYPE_INT64_RANGE; },
     [](Dice &dice, GValue &value, int) {
         const gint64 step = dice.between(1, 4);
         const gint64 least = dice.between(-1000, 1000) * step;
         gst_value_set_int64_range_step(&value, least, least + step * dice.between(1, G_MAXINT32), step);
     },
     false, false},
    {[]() -> GType { return GST_TYPE_DOUBLE_RANGE; },
     [](Dice &dice, GValue &value, int) {
         const double least = static_cast<double>(dice.between(-1000, 1000)) / 7;
         gst_value_set_double_range(&value, least, least + 0.1);
     },
     false, false},
    {[]() -> GType { return GST_TYPE_FRACTION_RANGE; },
     [](Dice &dice, GValue &value, int) {
         gst_value_set_fraction_range_full(&value, dice.between(0, 9), 7, dice.between(2, 90), 1);
     },
     false, false},
    {[]() -> GType { return GST_TYPE_LIST; }, fill, true, false},
    {[]() -> GType { return GST_TYPE_ARRAY; }, fill, true},
    {[]() -> GType { return GST_TYPE_BUFFER; },
     [](Dice &dice, GValue &value, int) { g_value_take_boxed(&value, randomHeader(dice).release()); }},
    {[]() -> GType { return GST_TYPE_STRUCTURE; },
     [](Dice &dice, GValue &value, int depth) {
         g_value_take_boxed(&value, randomStructure(dice, "inner", depth).release());
     },
     true, false},
    {[]() -> GType { return GST_TYPE_CAPS; },
     [](Dice &dice, GValue &value, int depth) {
         g_value_take_boxed(&value, randomCaps(dice, depth).release());
     },
     true, false},
    {[]() -> GType { return G_TYPE_DATE; },
     [](Dice &dice, GValue &value, int) { g_value_take_boxed(&value, randomDate(dice)); }},
    {[]() -> GType { return GST_TYPE_DATE_TIME; },
     [](Dice &dice, GValue &value, int) { g_value_take_boxed(&value, randomDateTime(dice)); }},
    {[]() -> GType { return GST_TYPE_SAMPLE; },
     [](Dice &dice, GValue &value, int depth) {
         g_value_take_boxed(&value, randomSample(dice, depth).release());
     },
     true, false},
};

// `fixed`: one that caps may have.
void randomValue(Dice &dice, GValue &value, int depth, bool fixed)
{
    const ValueKind *kind = nullptr;
    do
        kind = &dice.pick(kValueKinds);
    while ((kind->isNested && depth <= 0) || (fixed && !kind->isFixed));
    g_value_init(&value, kind->type());
    kind->set(dice, value, depth - 1);
}

// One tag of each type that there is, single and in numbers.
constexpr const char *kTags[] = {
    GST_TAG_TITLE,
    GST_TAG_ARTIST,
    GST_TAG_COMMENT,
    GST_TAG_EXTENDED_COMMENT,
    GST_TAG_LANGUAGE_CODE,
    GST_TAG_VIDEO_CODEC,
    GST_TAG_TRACK_NUMBER,
    GST_TAG_BITRATE,
    GST_TAG_DATE,
    GST_TAG_DATE_TIME,
    GST_TAG_DURATION,
    GST_TAG_TRACK_GAIN,
    GST_TAG_BEATS_PER_MINUTE,
    GST_TAG_IMAGE,
    GST_TAG_PREVIEW_IMAGE,
    GST_TAG_ATTACHMENT,
    GST_TAG_PRIVATE_DATA,
    GST_TAG_KEYWORDS,
    GST_TAG_GEO_LOCATION_LATITUDE,
    GST_TAG_IMAGE_ORIENTATION,
};

void randomTagValue(Dice &dice, GType type, GValue &value)
{
    for (const ValueKind &kind : kValueKinds) {
        if (kind.type() != type)
            continue;
        g_value_init(&value, type);
        do
            kind.set(dice, value, 1);
        while (type == G_TYPE_STRING && *g_value_get_string(&value) == '\0'); // no tag is empty
        return;
    }
    g_error("no random value for tags of type %s", g_type_name(type));
}

} // namespace

std::string randomText(Dice &dice)
{
    static constexpr const char *kParts[] = {"a", "B", "7", " ",  "-", "\"", "\\", ";",     "=",
                                             "{", "é", "ß", "日", "🎬", "\n", "x",  "(int)", ","};
    std::string text = dice.pick(kParts);
    for (uint64_t left = dice.below(20); left > 0; left--)
        text += dice.pick(kParts);
    return text;
}

GstClockTime randomTime(Dice &dice)
{
    switch (dice.below(6)) {
    case 0:
        return GST_CLOCK_TIME_NONE;
    case 1:
        return dice.magnitude(G_MAXINT64);
    default:
        return dice.below(3600 * GST_SECOND);
    }
}

BufferOwner randomBytes(Dice &dice, size_t size)
{
    if (size == 0)
        return BufferOwner(gst_buffer_new());
    auto *bytes = static_cast<guint8 *>(g_malloc(size));
    uint64_t word = dice.any() | 1;
    for (size_t at = 0; at < size; at += sizeof word) {
        word = word * 6364136223846793005U + 1442695040888963407U;
        std::memcpy(bytes + at, &word, std::min(sizeof word, size - at));
    }
    return BufferOwner(gst_buffer_new_wrapped(bytes, size));
}

StructureOwner randomStructure(Dice &dice, const std::string &name, int depth)
{
    const bool fixed = name.find('/') != std::string::npos; // of caps
    StructureOwner structure(gst_structure_new_empty(name.c_str()));
    for (uint64_t left = dice.below(kMaxEntries); left > 0; left--) {
        ValueOwner value;
        randomValue(dice, *value, depth, fixed);
        static constexpr const char *kFields[] = {"width", "a-field", "ratio", "x", "codec_data", "random-0"};
        gst_structure_take_value(structure.get(), dice.pick(kFields), value.get());
        value.forget();
    }
    return structure;
}

TagListOwner randomTags(Dice &dice)
{
    TagListOwner tags(gst_tag_list_new_empty());
    if (dice.oneIn(2))
        gst_tag_list_set_scope(tags.get(), GST_TAG_SCOPE_GLOBAL);
    for (size_t left = dice.between(1, 6); left > 0; left--) {
        const char *name = dice.pick(kTags);
        const size_t values = gst_tag_is_fixed(name) ? 1 : dice.between(1, 4);
        for (size_t i = 0; i < values; i++) {
            ValueOwner value;
            randomTagValue(dice, gst_tag_get_type(name), *value);
            gst_tag_list_add_value(tags.get(), GST_TAG_MERGE_APPEND, name, value.get());
        }
    }
    return tags;
}
