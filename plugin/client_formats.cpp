// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client_formats.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace sharedring
{

namespace
{

// What most video and audio sinks take, in the order in which conversion is cheapest for them.
constexpr const char *kCommonVideo[] = {"I420", "NV12", "YV12", "YUY2", "UYVY", "BGRx",
                                        "RGBx", "xRGB", "xBGR", "BGRA", "RGBA", "ARGB",
                                        "ABGR", "RGB",  "BGR",  "NV21", "GRAY8"};
constexpr const char *kCommonAudio[] = {"S16LE", "F32LE", "S32LE", "S24LE", "S24_32LE", "U8"};

bool isRaw(const GstStructure *structure)
{
    return gst_structure_has_name(structure, "video/x-raw") ||
           gst_structure_has_name(structure, "audio/x-raw");
}

bool isVideo(const GstStructure *structure)
{
    return gst_structure_has_name(structure, "video/x-raw");
}

// Payload is system memory: a structure of another kind could not be sent.
bool hasForeignMemory(const GstCapsFeatures *features)
{
    if (!features || gst_caps_features_is_any(features))
        return false;
    for (guint i = 0; i < gst_caps_features_get_size(features); i++) {
        const std::string_view name = gst_caps_features_get_nth(features, i);
        if (name.starts_with("memory:") && name != GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY)
            return true;
    }
    return false;
}

// The format names of a structure, in its order; empty where it leaves them open.
std::vector<std::string> formatsOf(const GstStructure *structure)
{
    std::vector<std::string> names;
    const GValue *format = gst_structure_get_value(structure, "format");
    if (!format)
        return names;
    if (G_VALUE_HOLDS_STRING(format)) {
        names.emplace_back(g_value_get_string(format));
    } else if (GST_VALUE_HOLDS_LIST(format)) {
        for (guint i = 0; i < gst_value_list_get_size(format); i++) {
            const GValue *one = gst_value_list_get_value(format, i);
            if (G_VALUE_HOLDS_STRING(one))
                names.emplace_back(g_value_get_string(one));
        }
    }
    return names;
}

CapsOwner capsOfFormat(bool video, const std::string &format)
{
    return CapsOwner(gst_caps_new_simple(video ? "video/x-raw" : "audio/x-raw", "format", G_TYPE_STRING,
                                         format.c_str(), nullptr));
}

// A structure like `model` with these formats, appended to `caps`.
void appendWithFormats(GstCaps *caps, const GstStructure *model, const GstCapsFeatures *features,
                       const std::vector<std::string> &formats)
{
    if (formats.empty())
        return;
    GstStructure *structure = gst_structure_copy(model);
    GValue list = G_VALUE_INIT;
    gst_value_list_init(&list, static_cast<guint>(formats.size()));
    for (const std::string &format : formats) {
        GValue one = G_VALUE_INIT;
        g_value_init(&one, G_TYPE_STRING);
        g_value_set_string(&one, format.c_str());
        gst_value_list_append_and_take_value(&list, &one);
    }
    if (formats.size() == 1)
        gst_structure_set_value(structure, "format", gst_value_list_get_value(&list, 0));
    else
        gst_structure_set_value(structure, "format", &list);
    g_value_unset(&list);
    gst_caps_append_structure_full(caps, structure, features ? gst_caps_features_copy(features) : nullptr);
}

} // namespace

void ClientFormats::set(uint32_t client, FormatNames formats)
{
    std::lock_guard guard(lock_);
    formats_.insert_or_assign(client, std::move(formats));
}

void ClientFormats::remove(uint32_t client)
{
    std::lock_guard guard(lock_);
    formats_.erase(client);
}

bool ClientFormats::allTake(const GstCaps *fixed) const
{
    return std::all_of(formats_.begin(), formats_.end(),
                       [&](const auto &entry) { return entry.second.accepts(fixed); });
}

CapsOwner ClientFormats::order(const GstCaps *filter) const
{
    std::lock_guard guard(lock_);
    CapsOwner preferred(gst_caps_new_empty());
    CapsOwner others(gst_caps_new_empty());
    for (guint i = 0; i < gst_caps_get_size(filter); i++) {
        const GstStructure *structure = gst_caps_get_structure(filter, i);
        const GstCapsFeatures *features = gst_caps_get_features(filter, i);
        if (hasForeignMemory(features))
            continue;
        const auto offered =
            negotiates() && isRaw(structure) ? formatsOf(structure) : std::vector<std::string>();
        if (offered.empty()) {
            gst_caps_append_structure_full(others.get(), gst_structure_copy(structure),
                                           features ? gst_caps_features_copy(features) : nullptr);
            continue;
        }
        const bool video = isVideo(structure);
        const auto common =
            video ? std::span<const char *const>(kCommonVideo) : std::span<const char *const>(kCommonAudio);
        std::vector<std::string> first;
        const auto wanted = [&](const std::string &format) {
            return formats_.empty() || allTake(capsOfFormat(video, format).get());
        };
        // Common ones in their own order, then (with clients) what else all of them take.
        for (const char *format : common) {
            if (std::find(offered.begin(), offered.end(), format) != offered.end() && wanted(format))
                first.emplace_back(format);
        }
        std::vector<std::string> rest;
        for (const std::string &format : offered) {
            if (std::find(first.begin(), first.end(), format) != first.end())
                continue;
            (!formats_.empty() && wanted(format) ? first : rest).push_back(format);
        }
        appendWithFormats(preferred.get(), structure, features, first);
        appendWithFormats(others.get(), structure, features, rest);
    }
    gst_caps_append(preferred.get(), others.release());
    return preferred;
}

bool ClientFormats::wouldHelp(uint32_t client, const GstCaps *current, const GstCaps *possible) const
{
    std::lock_guard guard(lock_);
    const auto known = formats_.find(client);
    if (known == formats_.end() || known->second.accepts(current))
        return false;
    const bool video = isVideo(gst_caps_get_structure(current, 0));
    if (gst_caps_is_any(possible))
        return true;
    for (guint i = 0; i < gst_caps_get_size(possible); i++) {
        const GstStructure *structure = gst_caps_get_structure(possible, i);
        if (!isRaw(structure) || isVideo(structure) != video ||
            hasForeignMemory(gst_caps_get_features(possible, i)))
            continue;
        for (const std::string &format : formatsOf(structure)) {
            if (allTake(capsOfFormat(video, format).get()))
                return true;
        }
    }
    return false;
}

} // namespace sharedring
