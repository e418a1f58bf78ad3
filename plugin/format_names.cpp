// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: anyVideo and anyAudio as uint8_t each, then for video and for audio a count as uint8_t
// and that many names.
#include "plugin/format_names.h"

#include "ringcore/byte_codec.h"

#include <algorithm>
#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

template <typename Format>
void addOnce(std::vector<Format> &formats, Format format)
{
    if (std::find(formats.begin(), formats.end(), format) == formats.end())
        formats.push_back(format);
}

// What differs between the two media.
struct Video {
    using Format = GstVideoFormat;
    static constexpr const char *kMediaType = "video/x-raw";
    static Format parse(const char *name) { return gst_video_format_from_string(name); }
    static std::string_view name(Format format) { return gst_video_format_to_string(format); }
    static std::span<const Format> all()
    {
        guint count = 0;
        const Format *formats = gst_video_formats_raw(&count);
        return {formats, count};
    }
    static bool isCommon(Format format)
    {
        const GstVideoFormatInfo *info = gst_video_format_get_info(format);
        return GST_VIDEO_FORMAT_INFO_DEPTH(info, 0) <= 8;
    }
};

struct Audio {
    using Format = GstAudioFormat;
    static constexpr const char *kMediaType = "audio/x-raw";
    static Format parse(const char *name) { return gst_audio_format_from_string(name); }
    static std::string_view name(Format format) { return gst_audio_format_to_string(format); }
    static std::span<const Format> all()
    {
        guint count = 0;
        const Format *formats = gst_audio_formats_raw(&count);
        return {formats, count};
    }
    static bool isCommon(Format format)
    {
        return GST_AUDIO_FORMAT_INFO_WIDTH(gst_audio_format_get_info(format)) <= 32;
    }
};

// Formats whose samples a CPU can read: ENCODED, DMA_DRM and the like are names without a layout.
template <typename Media>
bool isRawFormat(typename Media::Format format)
{
    const auto all = Media::all();
    return std::find(all.begin(), all.end(), format) != all.end();
}

template <typename Media>
struct Accepted {
    bool any = false;
    std::vector<typename Media::Format> formats;

    void add(const GValue &name)
    {
        if (!G_VALUE_HOLDS_STRING(&name) || g_value_get_string(&name) == nullptr)
            return;
        const auto format = Media::parse(g_value_get_string(&name));
        if (isRawFormat<Media>(format))
            addOnce(formats, format);
    }

    void addStructure(const GstStructure &structure)
    {
        if (!gst_structure_has_name(&structure, Media::kMediaType))
            return;
        const GValue *format = gst_structure_get_value(&structure, "format");
        if (format == nullptr)
            any = true;
        else if (GST_VALUE_HOLDS_LIST(format))
            for (guint i = 0; i < gst_value_list_get_size(format); ++i)
                add(*gst_value_list_get_value(format, i));
        else
            add(*format);
    }

    void cutTo(size_t count)
    {
        any = any || formats.size() == Media::all().size();
        if (formats.size() <= count)
            return;
        std::stable_partition(formats.begin(), formats.end(), Media::isCommon);
        formats.resize(count);
    }

    void write(ByteWriter &out) const
    {
        out.number(static_cast<uint8_t>(formats.size()));
        for (const auto format : formats)
            out.counted(Media::name(format));
    }
};

template <typename Media>
void readFormats(ByteReader &in, size_t &room, std::vector<typename Media::Format> &formats)
{
    const auto count = in.number<uint8_t>();
    if (in.failed() || count > room) {
        in.fail();
        return;
    }
    room -= count;
    for (uint8_t i = 0; i < count; ++i) {
        const std::string name(in.text(kMaxFormatNameBytes));
        // A NUL inside would hide the rest of the name from GStreamer's comparison.
        if (in.failed() || name.find('\0') != std::string::npos) {
            in.fail();
            return;
        }
        const auto format = Media::parse(name.c_str());
        if (isRawFormat<Media>(format))
            addOnce(formats, format);
    }
}

template <typename Media>
bool acceptsFormat(const GstStructure &structure, bool any,
                   const std::vector<typename Media::Format> &formats)
{
    if (any)
        return true;
    const char *name = gst_structure_get_string(&structure, "format");
    return name != nullptr && std::find(formats.begin(), formats.end(), Media::parse(name)) != formats.end();
}

bool takesSystemMemory(const GstCaps &caps, guint index)
{
    const GstCapsFeatures *features = gst_caps_get_features(&caps, index);
    return gst_caps_features_is_any(features) ||
           gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
}

} // namespace

bool FormatNames::accepts(const GstCaps *fixedCaps) const
{
    if (fixedCaps == nullptr || gst_caps_get_size(fixedCaps) == 0)
        return true;
    const GstStructure &structure = *gst_caps_get_structure(fixedCaps, 0);
    if (gst_structure_has_name(&structure, Video::kMediaType))
        return acceptsFormat<Video>(structure, anyVideo, video);
    if (gst_structure_has_name(&structure, Audio::kMediaType))
        return acceptsFormat<Audio>(structure, anyAudio, audio);
    return true;
}

std::vector<std::byte> encodeFormatNames(const GstCaps *downstreamCaps)
{
    Accepted<Video> video;
    Accepted<Audio> audio;
    if (downstreamCaps == nullptr || gst_caps_is_any(downstreamCaps)) {
        video.any = audio.any = true;
    } else {
        for (guint i = 0; i < gst_caps_get_size(downstreamCaps); ++i) {
            if (!takesSystemMemory(*downstreamCaps, i))
                continue;
            video.addStructure(*gst_caps_get_structure(downstreamCaps, i));
            audio.addStructure(*gst_caps_get_structure(downstreamCaps, i));
        }
    }
    // Neither medium may push the other out: half of the room is audio's, if it has that many.
    video.cutTo(kMaxFormatNames - std::min(audio.formats.size(), kMaxFormatNames / 2));
    audio.cutTo(kMaxFormatNames - video.formats.size());

    ByteWriter out(kMaxFormatNames * (sizeof(uint32_t) + kMaxFormatNameBytes) + 4);
    out.number(static_cast<uint8_t>(video.any ? 1 : 0));
    out.number(static_cast<uint8_t>(audio.any ? 1 : 0));
    video.write(out);
    audio.write(out);
    return out.take();
}

std::optional<FormatNames> decodeFormatNames(std::span<const std::byte> bytes)
{
    ByteReader in(bytes);
    const auto anyVideo = in.number<uint8_t>();
    const auto anyAudio = in.number<uint8_t>();
    FormatNames names;
    size_t room = kMaxFormatNames;
    readFormats<Video>(in, room, names.video);
    readFormats<Audio>(in, room, names.audio);
    if (in.failed() || !in.atEnd() || anyVideo > 1 || anyAudio > 1)
        return std::nullopt;
    names.anyVideo = anyVideo == 1;
    names.anyAudio = anyAudio == 1;
    return names;
}

} // namespace sharedring
