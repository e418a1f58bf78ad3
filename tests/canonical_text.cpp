// SPDX-License-Identifier: LGPL-2.1-or-later
#include "canonical_text.h"

#include <cstdio>

namespace
{

std::string taken(gchar *text)
{
    std::string copy(text ? text : "none");
    g_free(text);
    return copy;
}

std::string bits(double number)
{
    char text[64];
    std::snprintf(text, sizeof text, "%a", number);
    return text;
}

template <typename Size, typename Entry>
std::string entriesOf(const GValue &values, Size size, Entry entry)
{
    std::string text = "{";
    for (guint i = 0; i < size(&values); i++)
        text += " " + textOf(*entry(&values, i));
    return text + " }";
}

std::string textOf(const GstDateTime &time)
{
    // const_cast: GStreamer's getters do not change it.
    auto *moment = const_cast<GstDateTime *>(&time);
    std::string text = taken(gst_date_time_to_iso8601_string(moment));
    if (gst_date_time_has_second(moment))
        text += " " + std::to_string(gst_date_time_get_microsecond(moment)) + "us";
    return text;
}

std::string textOfHeader(GstBuffer *buffer)
{
    if (!buffer)
        return "none";
    return textOfBytes(buffer) + (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER) ? " header" : "");
}

std::string textOf(GstSample &sample)
{
    const GstCaps *caps = gst_sample_get_caps(&sample);
    const GstStructure *info = gst_sample_get_info(&sample);
    return textOfHeader(gst_sample_get_buffer(&sample)) + " as " + (caps ? textOf(*caps) : "none") +
           " info " + (info ? textOf(*info) : "none");
}

std::string contentOf(const GValue &value)
{
    const GType type = G_VALUE_TYPE(&value);
    if (type == G_TYPE_STRING)
        return quoted(g_value_get_string(&value));
    if (type == G_TYPE_DOUBLE)
        return bits(g_value_get_double(&value));
    if (type == G_TYPE_FLOAT)
        return bits(static_cast<double>(g_value_get_float(&value)));
    if (type == GST_TYPE_LIST)
        return entriesOf(value, gst_value_list_get_size, gst_value_list_get_value);
    if (type == GST_TYPE_ARRAY)
        return entriesOf(value, gst_value_array_get_size, gst_value_array_get_value);
    if (g_type_is_a(type, G_TYPE_BOXED)) {
        auto *boxed = g_value_get_boxed(&value);
        if (!boxed)
            return "none";
        if (type == GST_TYPE_STRUCTURE)
            return textOf(*static_cast<GstStructure *>(boxed));
        if (type == GST_TYPE_CAPS)
            return textOf(*static_cast<GstCaps *>(boxed));
        if (type == GST_TYPE_BUFFER)
            return textOfHeader(static_cast<GstBuffer *>(boxed));
        if (type == GST_TYPE_SAMPLE)
            return textOf(*static_cast<GstSample *>(boxed));
        if (type == GST_TYPE_DATE_TIME)
            return textOf(*static_cast<GstDateTime *>(boxed));
        if (type == GST_TYPE_TAG_LIST)
            return textOf(*static_cast<GstTagList *>(boxed));
    }
    return taken(gst_value_serialize(&value));
}

} // namespace

std::string quoted(const char *text)
{
    return text ? "\"" + taken(g_strescape(text, nullptr)) + "\"" : "none";
}

std::string numberOrNone(guint64 number)
{
    return number == G_MAXUINT64 ? "none" : std::to_string(number);
}

std::string textOfBytes(GstBuffer *buffer)
{
    const gsize size = gst_buffer_get_size(buffer);
    std::string text = std::to_string(size);
    GstMapInfo map;
    if (size > 0 && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        text += " md5 " + taken(g_compute_checksum_for_data(G_CHECKSUM_MD5, map.data, map.size));
        gst_buffer_unmap(buffer, &map);
    }
    return text;
}

std::string textOf(const GValue &value)
{
    return std::string("(") + G_VALUE_TYPE_NAME(&value) + ")" + contentOf(value);
}

std::string textOf(const GstStructure &structure)
{
    std::string text = std::string("[") + gst_structure_get_name(&structure);
    for (gint i = 0; i < gst_structure_n_fields(&structure); i++) {
        const gchar *name = gst_structure_nth_field_name(&structure, static_cast<guint>(i));
        text += std::string(" ") + name + "=" + textOf(*gst_structure_get_value(&structure, name));
    }
    return text + "]";
}

std::string textOf(const GstCaps &caps)
{
    if (gst_caps_is_any(&caps))
        return "ANY";
    std::string text;
    for (guint i = 0; i < gst_caps_get_size(&caps); i++) {
        const GstCapsFeatures *features = gst_caps_get_features(&caps, i);
        // Caps without features are in system memory: two ways to say the same.
        text += (features ? taken(gst_caps_features_to_string(features)) : "memory:SystemMemory") + " " +
                textOf(*gst_caps_get_structure(&caps, i)) + ";";
    }
    return text;
}

std::string textOf(const GstTagList &tags)
{
    std::string text = gst_tag_list_get_scope(&tags) == GST_TAG_SCOPE_GLOBAL ? "global" : "stream";
    for (gint i = 0; i < gst_tag_list_n_tags(&tags); i++) {
        const gchar *name = gst_tag_list_nth_tag_name(&tags, static_cast<guint>(i));
        text += std::string(" ") + name + "=";
        for (guint k = 0; k < gst_tag_list_get_tag_size(&tags, name); k++)
            text += textOf(*gst_tag_list_get_value_index(&tags, name, k)) + ";";
    }
    return text;
}
