// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a producer says about a raw buffer, against the caps and against the bytes there are.
// gst_video_frame_map() and the elements that use it believe a GstVideoMeta blindly, so nothing gets
// into one that would lead them out of the buffer.
#pragma once

#include "plugin/stream_wire.h"

#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <cstddef>
#include <optional>
#include <string>

namespace sharedring
{

// What caps say of the payload.
struct PayloadFormat {
    enum class Kind { Opaque, RawVideo, RawAudio, PlanarAudio };
    Kind kind = Kind::Opaque; // raw only in system memory: samples, and no format to be parsed
    GstVideoInfo video{};     // with RawVideo
    GstAudioInfo audio{};     // with PlanarAudio (each channel in a plane of its own); RawAudio: if valid
};

// nullopt: raw caps of a geometry that GStreamer itself does not accept. nullptr is Opaque.
std::optional<PayloadFormat> payloadFormatOf(const GstCaps *caps);

// Why the buffer is refused; nothing if it is as it should be. `size` is the payload's, in bytes.
std::optional<std::string> findFaultIn(const BufferFields &fields, const PayloadFormat &format, size_t size);

// For checked fields: whether a buffer without GstVideoMeta would look the same.
bool hasDefaultLayout(const VideoFields &fields, const GstVideoInfo &video);

// For checked fields: the meta, with its alignment where that is consistent.
void addVideoMeta(GstBuffer *buffer, const VideoFields &fields);

} // namespace sharedring
