// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format_complaint.h"

#include "plugin/format_names.h"
#include "plugin/gst_owner.h"

#include <memory>

namespace sharedring
{

namespace
{

constexpr size_t kNamesShown = 8;
constexpr size_t kCapsShown = 200; // characters

struct GFree {
    void operator()(char *text) const { g_free(text); }
};

std::string shortened(const GstCaps *caps)
{
    const std::unique_ptr<char, GFree> text(gst_caps_to_string(caps));
    std::string shown(text.get());
    if (shown.size() > kCapsShown)
        shown = shown.substr(0, kCapsShown) + "...";
    return shown;
}

template <typename Format, typename Name>
std::string listOf(const std::vector<Format> &formats, Name name)
{
    std::string list;
    for (size_t i = 0; i < formats.size() && i < kNamesShown; i++)
        list += (i > 0 ? ", " : "") + std::string(name(formats[i]));
    return formats.size() > kNamesShown ? list + ", ..." : list;
}

std::string formatIn(const GstCaps *caps)
{
    const char *format = gst_structure_get_string(gst_caps_get_structure(caps, 0), "format");
    return format ? format : "";
}

} // namespace

bool downstreamAccepts(GstPad *pad, GstCaps *caps)
{
    return !gst_pad_is_linked(pad) || gst_pad_peer_query_accept_caps(pad, caps);
}

std::string complainAboutFormat(GstPad *pad, const GstCaps *caps)
{
    const CapsOwner taken(gst_pad_peer_query_caps(pad, nullptr));
    const auto names = decodeFormatNames(encodeFormatNames(taken.get()));
    const bool isVideo = gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-raw");
    const bool isAudio = gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw");
    if (names && isVideo && !names->video.empty() && !names->accepts(caps))
        return "The producer sends " + formatIn(caps) + " video, downstream takes " +
               listOf(names->video, gst_video_format_to_string) + "; put videoconvert in between";
    if (names && isAudio && !names->audio.empty() && !names->accepts(caps))
        return "The producer sends " + formatIn(caps) + " audio, downstream takes " +
               listOf(names->audio, gst_audio_format_to_string) + "; put audioconvert in between";
    std::string text =
        "The producer sends " + shortened(caps) + ", downstream takes " + shortened(taken.get());
    if (isVideo)
        text += "; put videoconvert (and videoscale, videorate) in between";
    if (isAudio)
        text += "; put audioconvert and audioresample in between";
    return text;
}

} // namespace sharedring
