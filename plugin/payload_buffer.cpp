// SPDX-License-Identifier: LGPL-2.1-or-later
#include "payload_buffer.h"

#include "buffer_flags.h"
#include "payload_allocator.h"
#include "payload_pool.h"
#include "planar_audio.h"

#include <gst/video/gstvideometa.h>
#include <gst/video/video-frame.h>

namespace sharedring
{

namespace
{

constexpr size_t kCopyAlignment = 64;

ringcore::Keeper keepBuffer(GstBuffer *buffer)
{
    return {gst_buffer_ref(buffer), [](void *owner) { gst_buffer_unref(static_cast<GstBuffer *>(owner)); }};
}

ringcore::Keeper keepMemory(GstMemory *memory)
{
    return {memory, [](void *owner) { gst_memory_unref(static_cast<GstMemory *>(owner)); }};
}

// The lock makes the memory read-only for everybody until it is released; where somebody still
// writes it cannot be had.
std::optional<ringcore::Keeper> keepLockedMemory(GstMemory *memory)
{
    if (!gst_memory_lock(memory, GST_LOCK_FLAG_EXCLUSIVE))
        return std::nullopt;
    return ringcore::Keeper{gst_memory_ref(memory), [](void *owner) {
                                auto *held = static_cast<GstMemory *>(owner);
                                gst_memory_unlock(held, GST_LOCK_FLAG_EXCLUSIVE);
                                gst_memory_unref(held);
                            }};
}

std::optional<Payload> inPlace(GstBuffer *buffer, const ringcore::FanOut &stream)
{
    if (gst_buffer_n_memory(buffer) != 1)
        return std::nullopt;
    GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
    const auto place = payloadPlaceOf(memory, stream);
    if (!place)
        return std::nullopt;
    // A pool looks at nothing but the buffer's own reference count before it hands the memory out
    // again; a reference to the memory would not stop it.
    if (isPayloadPool(buffer->pool))
        return Payload{place->visible, place->charge, keepBuffer(buffer)};
    const auto keeper = keepLockedMemory(memory);
    if (!keeper)
        return std::nullopt;
    return Payload{place->visible, place->charge, *keeper};
}

VideoFields videoFieldsOf(GstBuffer *buffer)
{
    VideoFields fields{};
    const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
    if (!meta || meta->n_planes > GST_VIDEO_MAX_PLANES)
        return fields;
    fields.present = 1;
    fields.format = static_cast<uint32_t>(meta->format);
    fields.flags = static_cast<uint32_t>(meta->flags);
    fields.width = meta->width;
    fields.height = meta->height;
    fields.planes = meta->n_planes;
    for (guint plane = 0; plane < meta->n_planes; plane++) {
        fields.strides[plane] = meta->stride[plane];
        fields.offsets[plane] = meta->offset[plane];
        fields.strideAlign[plane] = meta->alignment.stride_align[plane];
    }
    fields.padding[0] = meta->alignment.padding_top;
    fields.padding[1] = meta->alignment.padding_bottom;
    fields.padding[2] = meta->alignment.padding_left;
    fields.padding[3] = meta->alignment.padding_right;
    return fields;
}

} // namespace

std::optional<Payload> payloadOf(GstBuffer *buffer, GstAllocator *allocator, const ringcore::FanOut &stream)
{
    const bool loose = hasLoosePlanes(buffer);
    const gsize size = loose ? bytesOfPlanes(buffer) : gst_buffer_get_size(buffer);
    if (size == 0)
        return Payload{};
    if (!loose) {
        if (auto payload = inPlace(buffer, stream))
            return payload;
    }
    GstMemory *memory = allocatePayload(allocator, size, kCopyAlignment);
    if (!memory)
        return std::nullopt;
    const auto place = payloadPlaceOf(memory, stream);
    std::byte *to = stream.arena().at(place->visible.offset);
    if (!loose || !copyPlanes(buffer, to))
        gst_buffer_extract(buffer, 0, to, size);
    return Payload{place->visible, place->charge, keepMemory(memory), true};
}

BufferFields fieldsOf(GstBuffer *buffer)
{
    BufferFields fields{};
    fields.pts = fields.dts = kNoTime;
    fields.duration = GST_BUFFER_DURATION(buffer);
    fields.offset = GST_BUFFER_OFFSET(buffer);
    fields.offsetEnd = GST_BUFFER_OFFSET_END(buffer);
    fields.flags = GST_BUFFER_FLAGS(buffer) & kBufferFlagsThatCross;
    fields.video = videoFieldsOf(buffer);
    return fields;
}

} // namespace sharedring
