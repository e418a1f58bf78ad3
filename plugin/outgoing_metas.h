// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas of a sink's buffers on their way out. What cannot be carried is counted, and logged once
// for each kind.
#pragma once

#include "overlay_meta.h"

#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <set>
#include <vector>

namespace sharedring
{

// The streaming thread, but for what says otherwise.
class OutgoingMetas
{
public:
    explicit OutgoingMetas(GstElement *element) : element_(element) {}

    // What goes into the record's extra block, at most `limit` bytes of it. Empty for a buffer that says
    // no more than its layout, which BufferFields and the caps have.
    std::vector<std::byte> encode(GstBuffer *buffer, size_t payloadSize, size_t limit)
    {
        return saysMore(buffer) ? encodeAll(buffer, payloadSize, limit) : std::vector<std::byte>{};
    }
    // Most have none: cheaper than anything else here.
    static bool hasAny(GstBuffer *buffer)
    {
        gpointer state = nullptr;
        return gst_buffer_iterate_meta(buffer, &state) != nullptr;
    }

    uint64_t left() const { return left_.load(std::memory_order_relaxed); } // any thread

private:
    static bool saysMore(GstBuffer *buffer);
    std::vector<std::byte> encodeAll(GstBuffer *buffer, size_t payloadSize, size_t limit);
    bool addOverlay(const GstVideoOverlayCompositionMeta &meta, MetaWriter &metas);
    void leave(const GstMeta &meta);

    GstElement *const element_;
    std::set<GType> logged_;
    std::atomic<uint64_t> left_{0};

    // As bytes, for the frames that show the same one. Our reference keeps it from being changed.
    OverlayOwner lastOverlay_;
    std::vector<std::byte> lastOverlayBytes_;
};

} // namespace sharedring
