// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: the type's name, then the number (int32_t for an enumeration, uint32_t for flags), or the
// flags and the mask of a set, each as uint32_t.
#include "plugin/named_type_codec.h"

#include "plugin/peer_names.h"

#include <gst/video/video.h>

#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

bool encodeTypeName(const GValue &value, ByteWriter &out)
{
    const std::string_view name = G_VALUE_TYPE_NAME(&value);
    out.counted(name);
    return name.size() <= kMaxNameBytes;
}

// g_type_from_name() looks up and never registers; G_TYPE_INVALID if there is none.
GType decodeTypeName(ByteReader &in)
{
    const std::string name(in.text(kMaxNameBytes));
    return in.failed() ? G_TYPE_INVALID : g_type_from_name(name.c_str());
}

// Abstract ones have no class to check against.
bool isConcrete(GType type, GType fundamental)
{
    return G_TYPE_FUNDAMENTAL(type) == fundamental && type != fundamental;
}

// Both are false also where nobody registered the type here. A peer with newer libraries is honest: what we
// have no name for is a number.
bool hasValue(GType type, int32_t number)
{
    if (type == G_TYPE_INVALID)
        return false;
    auto *known = static_cast<GEnumClass *>(g_type_class_ref(type));
    const bool isValue = g_enum_get_value(known, number) != nullptr;
    g_type_class_unref(known);
    return isValue;
}

bool hasFlags(GType type, uint32_t flags)
{
    if (type == G_TYPE_INVALID)
        return false;
    auto *known = static_cast<GFlagsClass *>(g_type_class_ref(type));
    const bool areKnown = (flags & ~known->mask) == 0;
    g_type_class_unref(known);
    return areKnown;
}

} // namespace

bool encodeEnum(const GValue &value, ByteWriter &out)
{
    if (!encodeTypeName(value, out))
        return false;
    out.number(int32_t{g_value_get_enum(&value)});
    return true;
}

bool decodeEnum(ByteReader &in, GValue &value)
{
    const GType type = decodeTypeName(in);
    const auto number = in.number<int32_t>();
    if (in.failed() || (type != G_TYPE_INVALID && !isConcrete(type, G_TYPE_ENUM)))
        return false;
    if (!hasValue(type, number)) {
        g_value_init(&value, G_TYPE_INT);
        g_value_set_int(&value, number);
        return true;
    }
    g_value_init(&value, type);
    g_value_set_enum(&value, number);
    return true;
}

bool encodeFlags(const GValue &value, ByteWriter &out)
{
    if (!encodeTypeName(value, out))
        return false;
    out.number(uint32_t{g_value_get_flags(&value)});
    return true;
}

bool decodeFlags(ByteReader &in, GValue &value)
{
    const GType type = decodeTypeName(in);
    const auto flags = in.number<uint32_t>();
    if (in.failed() || (type != G_TYPE_INVALID && !isConcrete(type, G_TYPE_FLAGS)))
        return false;
    if (!hasFlags(type, flags)) {
        g_value_init(&value, G_TYPE_UINT);
        g_value_set_uint(&value, flags);
        return true;
    }
    g_value_init(&value, type);
    g_value_set_flags(&value, flags);
    return true;
}

bool encodeFlagset(const GValue &value, ByteWriter &out)
{
    if (!encodeTypeName(value, out))
        return false;
    out.number(uint32_t{gst_value_get_flagset_flags(&value)});
    out.number(uint32_t{gst_value_get_flagset_mask(&value)});
    return true;
}

bool decodeFlagset(ByteReader &in, GValue &value)
{
    // The one flagset that caps have is registered at its first use, which may be this one.
    gst_video_multiview_flagset_get_type();
    const GType type = decodeTypeName(in);
    const auto flags = in.number<uint32_t>();
    const auto mask = in.number<uint32_t>();
    if (in.failed() || type == G_TYPE_INVALID || G_TYPE_FUNDAMENTAL(type) != GST_TYPE_FLAG_SET)
        return false;
    g_value_init(&value, type);
    gst_value_set_flagset(&value, flags, mask);
    return true;
}

} // namespace sharedring
