// SPDX-License-Identifier: LGPL-2.1-or-later
#include "payload_path.h"

#include "plugin/buffer_flags.h"
#include "plugin/planar_audio.h"
#include "plugin/ring_memory.h"

#include <utility>

namespace sharedring
{

namespace
{

// Both sides hold for the time of a copy, and are unmapped in the right order whatever happens.
class MappedFrame
{
public:
    MappedFrame(const GstVideoInfo &info, GstBuffer *buffer, GstMapFlags flags)
        : mapped_(gst_video_frame_map(&frame_, &info, buffer, flags))
    {
    }
    ~MappedFrame()
    {
        if (mapped_)
            gst_video_frame_unmap(&frame_);
    }
    MappedFrame(const MappedFrame &) = delete;
    MappedFrame &operator=(const MappedFrame &) = delete;

    explicit operator bool() const { return mapped_; }
    GstVideoFrame *operator&() { return &frame_; }

private:
    GstVideoFrame frame_{};
    bool mapped_;
};

BufferOwner copyOf(std::span<const std::byte> bytes)
{
    BufferOwner buffer(gst_buffer_new_allocate(nullptr, bytes.size(), nullptr));
    if (buffer)
        gst_buffer_fill(buffer.get(), 0, bytes.data(), bytes.size());
    return buffer;
}

} // namespace

bool PayloadPath::setCaps(const GstCaps *caps)
{
    const auto format = payloadFormatOf(caps);
    if (!format)
        return false;
    format_ = *format;
    metas_.forget();
    videoMetaUnderstood_ = true;
    return true;
}

void PayloadPath::askDownstream(GstPad *pad, GstCaps *caps)
{
    if (format_.kind != PayloadFormat::Kind::RawVideo)
        return;
    const QueryOwner query(gst_query_new_allocation(caps, FALSE));
    videoMetaUnderstood_ = gst_pad_peer_query(pad, query.get()) &&
                           gst_query_find_allocation_meta(query.get(), GST_VIDEO_META_API_TYPE, nullptr);
}

bool PayloadPath::mayMap(const ringcore::Delivery &delivery) const
{
    if (delivery.nearBound)
        return false;
    switch (mode_) {
    case PayloadMode::Map:
        return true;
    case PayloadMode::Copy:
        return false;
    case PayloadMode::Auto:
        break;
    }
    return format_.kind != PayloadFormat::Kind::Opaque;
}

BufferOwner PayloadPath::copyIntoDefaultLayout(const VideoFields &fields, GstBuffer *mapped) const
{
    // The part that the caps speak of: planes and strides as they lie, size as the caps have it.
    VideoFields visible = fields;
    visible.width = static_cast<uint32_t>(format_.video.width);
    visible.height = static_cast<uint32_t>(format_.video.height);
    addVideoMeta(mapped, visible);
    BufferOwner copy(gst_buffer_new_allocate(nullptr, format_.video.size, nullptr));
    if (!copy)
        return nullptr;
    MappedFrame from(format_.video, mapped, GST_MAP_READ);
    MappedFrame to(format_.video, copy.get(), GST_MAP_WRITE);
    if (!from || !to || !gst_video_frame_copy(&to, &from))
        return nullptr;
    return copy;
}

// What there is of pixels and samples, so that no meta speaks of more.
MetaTarget PayloadPath::targetFor(GstBuffer *buffer, const VideoFields *video, size_t size) const
{
    MetaTarget target{buffer};
    target.payloadSize = size;
    if (format_.kind == PayloadFormat::Kind::RawVideo) {
        target.frameWidth = video ? video->width : static_cast<uint32_t>(format_.video.width);
        target.frameHeight = video ? video->height : static_cast<uint32_t>(format_.video.height);
    }
    if (GST_AUDIO_INFO_IS_VALID(&format_.audio))
        target.audio = &format_.audio;
    return target;
}

PayloadPath::Made PayloadPath::make(const BufferFields &fields, ringcore::Delivery &delivery)
{
    Made made;
    ringcore::Lease lease = std::move(delivery.lease);
    const size_t size = delivery.payload.size();
    if (auto fault = findFaultIn(fields, format_, size)) {
        made.fault = std::move(*fault);
        return made;
    }
    const bool hasMetas = !delivery.extra.empty();
    if (hasMetas && !metas_.fetch(delivery.extra)) {
        made.fault = "metas of " + std::to_string(delivery.extra.size()) + " bytes";
        return made;
    }
    IncomingMetas::Layout layout;
    if (size == 0) {
        made.buffer.reset(gst_buffer_new());
    } else if (!videoMetaUnderstood_ && !hasDefaultLayout(fields.video, format_.video)) {
        const BufferOwner mapped(gst_buffer_new());
        gst_buffer_append_memory(mapped.get(), wrapPayload(delivery.payload, std::move(lease)).release());
        made.buffer = copyIntoDefaultLayout(fields.video, mapped.get());
        made.copied = true;
    } else {
        if (mayMap(delivery)) {
            made.buffer.reset(gst_buffer_new());
            gst_buffer_append_memory(made.buffer.get(),
                                     wrapPayload(delivery.payload, std::move(lease)).release());
        } else {
            made.buffer = copyOf(delivery.payload);
            made.copied = true;
        }
        layout.video = fields.video.present ? &fields.video : nullptr;
        layout.planes = format_.kind == PayloadFormat::Kind::PlanarAudio;
    }
    if (!made.buffer) {
        made.fault = "no memory for a copy of " + std::to_string(size) + " bytes";
        return made;
    }
    if (hasMetas) {
        if (auto fault =
                metas_.attach(targetFor(made.buffer.get(), layout.video, size), layout, made.metasLeft)) {
            made.buffer.reset();
            made.fault = std::move(*fault);
            return made;
        }
    } else {
        if (layout.video)
            addVideoMeta(made.buffer.get(), fields.video);
        if (layout.planes)
            addPlanes(made.buffer.get(), format_.audio, size);
    }
    // What appending memory sets is between GStreamer and its pools, and none of these buffers has one.
    GST_BUFFER_FLAG_UNSET(made.buffer.get(), GST_BUFFER_FLAG_TAG_MEMORY);
    GST_BUFFER_FLAG_SET(made.buffer.get(), fields.flags & kBufferFlagsThatCross);
    return made;
}

} // namespace sharedring
