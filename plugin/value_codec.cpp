// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: the kind as uint8_t, then what that kind needs. A kind's number is part of the wire and
// never changes its meaning.
#include "plugin/value_codec.h"

#include "plugin/caps_codec.h"
#include "plugin/date_time_codec.h"
#include "plugin/named_type_codec.h"
#include "plugin/range_codec.h"
#include "plugin/sample_codec.h"
#include "plugin/structure_codec.h"

#include <string_view>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

enum class Kind : uint8_t {
    Int = 1,
    Uint,
    Int64,
    Uint64,
    Boolean,
    Double,
    Float,
    String,
    Fraction,
    Bitmask,
    Flagset,
    List,
    Array,
    Buffer,
    Structure,
    Caps,
    Date,
    DateTime,
    Sample,
    IntRange,
    Int64Range,
    DoubleRange,
    FractionRange,
    Uchar,
    Enum,
    Flags,
};

template <typename T>
bool put(ByteWriter &out, Kind kind, T value)
{
    out.number(static_cast<uint8_t>(kind));
    out.number(value);
    return true;
}

// For kinds that are a boxed pointer, which may be NULL: a NULL does not cross.
template <typename T, typename Encode>
bool putBoxed(ByteWriter &out, Kind kind, const GValue &value, Encode encode)
{
    auto *boxed = static_cast<T *>(g_value_get_boxed(&value));
    out.number(static_cast<uint8_t>(kind));
    return boxed != nullptr && encode(*boxed);
}

bool isText(std::string_view text)
{
    return text.size() <= kMaxStringBytes && g_utf8_validate_len(text.data(), text.size(), nullptr);
}

bool encodeString(const GValue &value, ByteWriter &out)
{
    const char *text = g_value_get_string(&value);
    if (text == nullptr || !isText(text))
        return false;
    out.number(static_cast<uint8_t>(Kind::String));
    out.counted(std::string_view(text));
    return true;
}

// For kinds whose body any value of their type has.
bool putRange(ByteWriter &out, Kind kind, const GValue &value, void (*encode)(const GValue &, ByteWriter &))
{
    out.number(static_cast<uint8_t>(kind));
    encode(value, out);
    return true;
}

bool putNamed(ByteWriter &out, Kind kind, const GValue &value, bool (*encode)(const GValue &, ByteWriter &))
{
    out.number(static_cast<uint8_t>(kind));
    return encode(value, out);
}

bool isList(const GValue &value)
{
    return G_VALUE_TYPE(&value) == GST_TYPE_LIST;
}
bool isArray(const GValue &value)
{
    return G_VALUE_TYPE(&value) == GST_TYPE_ARRAY;
}

guint sizeOf(const GValue &values)
{
    return isList(values) ? gst_value_list_get_size(&values) : gst_value_array_get_size(&values);
}

const GValue &entryOf(const GValue &values, guint index)
{
    return isList(values) ? *gst_value_list_get_value(&values, index)
                          : *gst_value_array_get_value(&values, index);
}

// The type of the first thing that is neither list nor array, 0 where there is none. GStreamer
// asserts that all entries agree in it.
GType leafType(const GValue &value)
{
    const GValue *leaf = &value;
    while (isList(*leaf) || isArray(*leaf)) {
        if (sizeOf(*leaf) == 0)
            return 0;
        leaf = &entryOf(*leaf, 0);
    }
    return G_VALUE_TYPE(leaf);
}

// GStreamer's own parser of texts makes others, which no reader could put together again. It also puts
// numbers beside ranges of them, in caps that are not fixed, but has a critical for who compares such lists.
bool entriesAgree(const GValue &values)
{
    const GType first = leafType(values);
    for (guint i = 0; i < sizeOf(values); ++i) {
        const GType type = leafType(entryOf(values, i));
        if (type != 0 && first != 0 && type != first)
            return false;
    }
    return true;
}

bool encodeEntries(const GValue &values, ByteWriter &out, MessageBudget &budget)
{
    const guint count = sizeOf(values);
    if (count > kMaxListValues || !entriesAgree(values))
        return false;
    put(out, isList(values) ? Kind::List : Kind::Array, uint32_t{count});
    for (guint i = 0; i < count; ++i) {
        if (!encodeValue(entryOf(values, i), out, budget))
            return false;
    }
    return true;
}

bool decodeEntries(ByteReader &in, GValue &values, MessageBudget &budget)
{
    const auto count = in.number<uint32_t>();
    if (in.failed() || count > kMaxListValues)
        return false;
    for (uint32_t i = 0; i < count; ++i) {
        ValueOwner entry;
        if (!decodeValue(in, *entry, budget))
            return false;
        const GType type = leafType(*entry);
        const GType before = leafType(values);
        if (type != 0 && before != 0 && type != before)
            return false;
        if (isList(values))
            gst_value_list_append_and_take_value(&values, entry.get());
        else
            gst_value_array_append_and_take_value(&values, entry.get());
        entry.forget();
    }
    return true;
}

bool decodeString(ByteReader &in, GValue &value)
{
    const std::string_view text = in.text(kMaxStringBytes);
    if (in.failed() || !isText(text))
        return false;
    g_value_take_string(&value, g_strndup(text.data(), text.size()));
    return true;
}

bool decodeFraction(ByteReader &in, GValue &value)
{
    const auto numerator = in.number<int32_t>();
    const auto denominator = in.number<int32_t>();
    if (in.failed() || !isFraction(numerator, denominator))
        return false;
    gst_value_set_fraction(&value, numerator, denominator);
    return true;
}

template <typename Owner>
bool take(GValue &value, GType type, Owner owner)
{
    if (!owner)
        return false;
    g_value_init(&value, type);
    g_value_take_boxed(&value, owner.release());
    return true;
}

} // namespace

bool encodeBuffer(GstBuffer &buffer, ByteWriter &out)
{
    GstMapInfo map;
    if (gst_buffer_get_size(&buffer) > kMaxValueBufferBytes || !gst_buffer_map(&buffer, &map, GST_MAP_READ))
        return false;
    out.number(static_cast<uint8_t>(GST_BUFFER_FLAG_IS_SET(&buffer, GST_BUFFER_FLAG_HEADER) ? 1 : 0));
    out.counted(std::as_bytes(std::span(map.data, map.size)));
    gst_buffer_unmap(&buffer, &map);
    return true;
}

BufferOwner decodeBuffer(ByteReader &in)
{
    const auto header = in.number<uint8_t>();
    const auto bytes = in.counted(kMaxValueBufferBytes);
    if (in.failed() || header > 1)
        return nullptr;
    BufferOwner buffer(bytes.empty() ? gst_buffer_new() : gst_buffer_new_memdup(bytes.data(), bytes.size()));
    if (header == 1)
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    return buffer;
}

bool encodeValue(const GValue &value, ByteWriter &out, MessageBudget &budget)
{
    const MessageBudget::Level level(budget);
    if (!level.entered() || out.overflowed())
        return false;

    const GType type = G_VALUE_TYPE(&value);
    if (type == G_TYPE_INT)
        return put(out, Kind::Int, int32_t{g_value_get_int(&value)});
    if (type == G_TYPE_UINT)
        return put(out, Kind::Uint, uint32_t{g_value_get_uint(&value)});
    if (type == G_TYPE_INT64)
        return put(out, Kind::Int64, int64_t{g_value_get_int64(&value)});
    if (type == G_TYPE_UINT64)
        return put(out, Kind::Uint64, uint64_t{g_value_get_uint64(&value)});
    if (type == G_TYPE_BOOLEAN)
        return put(out, Kind::Boolean, static_cast<uint8_t>(g_value_get_boolean(&value) ? 1 : 0));
    if (type == G_TYPE_DOUBLE)
        return put(out, Kind::Double, g_value_get_double(&value));
    if (type == G_TYPE_FLOAT)
        return put(out, Kind::Float, g_value_get_float(&value));
    if (type == G_TYPE_STRING)
        return encodeString(value, out);
    if (type == GST_TYPE_FRACTION) {
        put(out, Kind::Fraction, int32_t{gst_value_get_fraction_numerator(&value)});
        out.number(int32_t{gst_value_get_fraction_denominator(&value)});
        return true;
    }
    if (type == GST_TYPE_BITMASK)
        return put(out, Kind::Bitmask, uint64_t{gst_value_get_bitmask(&value)});
    if (G_TYPE_FUNDAMENTAL(type) == GST_TYPE_FLAG_SET)
        return putNamed(out, Kind::Flagset, value, encodeFlagset);
    if (G_TYPE_FUNDAMENTAL(type) == G_TYPE_ENUM)
        return putNamed(out, Kind::Enum, value, encodeEnum);
    if (G_TYPE_FUNDAMENTAL(type) == G_TYPE_FLAGS)
        return putNamed(out, Kind::Flags, value, encodeFlags);
    if (type == GST_TYPE_INT_RANGE)
        return putRange(out, Kind::IntRange, value, encodeIntRange);
    if (type == GST_TYPE_INT64_RANGE)
        return putRange(out, Kind::Int64Range, value, encodeInt64Range);
    if (type == GST_TYPE_DOUBLE_RANGE)
        return putRange(out, Kind::DoubleRange, value, encodeDoubleRange);
    if (type == GST_TYPE_FRACTION_RANGE)
        return putRange(out, Kind::FractionRange, value, encodeFractionRange);
    if (type == G_TYPE_UCHAR)
        return put(out, Kind::Uchar, uint8_t{g_value_get_uchar(&value)});
    if (isList(value) || isArray(value))
        return encodeEntries(value, out, budget);
    if (type == GST_TYPE_BUFFER)
        return putBoxed<GstBuffer>(out, Kind::Buffer, value,
                                   [&](GstBuffer &b) { return encodeBuffer(b, out); });
    if (type == GST_TYPE_STRUCTURE)
        return putBoxed<GstStructure>(out, Kind::Structure, value,
                                      [&](GstStructure &s) { return encodeStructure(s, out, budget); });
    if (type == GST_TYPE_CAPS)
        return putBoxed<GstCaps>(out, Kind::Caps, value,
                                 [&](GstCaps &c) { return encodeCaps(c, out, budget); });
    if (type == G_TYPE_DATE)
        return putBoxed<GDate>(out, Kind::Date, value, [&](GDate &d) { return encodeDate(d, out); });
    if (type == GST_TYPE_DATE_TIME)
        return putBoxed<GstDateTime>(out, Kind::DateTime, value,
                                     [&](GstDateTime &d) { return encodeDateTime(d, out); });
    if (type == GST_TYPE_SAMPLE)
        return putBoxed<GstSample>(out, Kind::Sample, value,
                                   [&](GstSample &s) { return encodeSample(s, out, budget); });
    return false;
}

bool decodeValue(ByteReader &in, GValue &value, MessageBudget &budget)
{
    const MessageBudget::Level level(budget);
    const auto kind = static_cast<Kind>(in.number<uint8_t>());
    if (!level.entered() || in.failed())
        return false;

    switch (kind) {
    case Kind::Int:
        g_value_init(&value, G_TYPE_INT);
        g_value_set_int(&value, in.number<int32_t>());
        return !in.failed();
    case Kind::Uint:
        g_value_init(&value, G_TYPE_UINT);
        g_value_set_uint(&value, in.number<uint32_t>());
        return !in.failed();
    case Kind::Int64:
        g_value_init(&value, G_TYPE_INT64);
        g_value_set_int64(&value, in.number<int64_t>());
        return !in.failed();
    case Kind::Uint64:
        g_value_init(&value, G_TYPE_UINT64);
        g_value_set_uint64(&value, in.number<uint64_t>());
        return !in.failed();
    case Kind::Boolean: {
        const auto truth = in.number<uint8_t>();
        g_value_init(&value, G_TYPE_BOOLEAN);
        g_value_set_boolean(&value, truth == 1);
        return !in.failed() && truth <= 1;
    }
    case Kind::Double:
        g_value_init(&value, G_TYPE_DOUBLE);
        g_value_set_double(&value, in.number<double>());
        return !in.failed();
    case Kind::Float:
        g_value_init(&value, G_TYPE_FLOAT);
        g_value_set_float(&value, in.number<float>());
        return !in.failed();
    case Kind::String:
        g_value_init(&value, G_TYPE_STRING);
        return decodeString(in, value);
    case Kind::Fraction:
        g_value_init(&value, GST_TYPE_FRACTION);
        return decodeFraction(in, value);
    case Kind::Bitmask:
        g_value_init(&value, GST_TYPE_BITMASK);
        gst_value_set_bitmask(&value, in.number<uint64_t>());
        return !in.failed();
    case Kind::Flagset:
        return decodeFlagset(in, value);
    case Kind::List:
        g_value_init(&value, GST_TYPE_LIST);
        return decodeEntries(in, value, budget);
    case Kind::Array:
        g_value_init(&value, GST_TYPE_ARRAY);
        return decodeEntries(in, value, budget);
    case Kind::Buffer:
        return take(value, GST_TYPE_BUFFER, decodeBuffer(in));
    case Kind::Structure:
        return take(value, GST_TYPE_STRUCTURE, decodeStructure(in, budget));
    case Kind::Caps:
        return take(value, GST_TYPE_CAPS, decodeCaps(in, budget));
    case Kind::Date:
        return decodeDate(in, value);
    case Kind::DateTime:
        return take(value, GST_TYPE_DATE_TIME, decodeDateTime(in));
    case Kind::Sample:
        return take(value, GST_TYPE_SAMPLE, decodeSample(in, budget));
    case Kind::IntRange:
        return decodeIntRange(in, value);
    case Kind::Int64Range:
        return decodeInt64Range(in, value);
    case Kind::DoubleRange:
        return decodeDoubleRange(in, value);
    case Kind::FractionRange:
        return decodeFractionRange(in, value);
    case Kind::Uchar:
        g_value_init(&value, G_TYPE_UCHAR);
        g_value_set_uchar(&value, in.number<uint8_t>());
        return !in.failed();
    case Kind::Enum:
        return decodeEnum(in, value);
    case Kind::Flags:
        return decodeFlags(in, value);
    }
    return false; // a kind that we do not know
}

} // namespace sharedring
