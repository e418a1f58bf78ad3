// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The flags of a buffer that mean something to another process. What is GStreamer's own business
// (locks, tagged memory) neither leaves nor enters.
#pragma once

#include <gst/video/video.h>

#include <cstdint>

namespace sharedring
{

inline constexpr uint32_t kBufferFlagsThatCross =
    GST_BUFFER_FLAG_LIVE | GST_BUFFER_FLAG_DECODE_ONLY | GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC |
    GST_BUFFER_FLAG_CORRUPTED | GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_HEADER | GST_BUFFER_FLAG_GAP |
    GST_BUFFER_FLAG_DROPPABLE | GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_SYNC_AFTER |
    GST_BUFFER_FLAG_NON_DROPPABLE | GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF |
    GST_VIDEO_BUFFER_FLAG_RFF | GST_VIDEO_BUFFER_FLAG_ONEFIELD | GST_VIDEO_BUFFER_FLAG_MULTIPLE_VIEW |
    GST_VIDEO_BUFFER_FLAG_FIRST_IN_BUNDLE;

} // namespace sharedring
