// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GstVideoOverlayCompositionMeta to bytes and back: rectangles with their pixels, whose rows arrive
// without what padded them.
#pragma once

#include "plugin/meta_codec.h"

#include <gst/video/video.h>

#include <atomic>
#include <memory>

namespace sharedring
{

inline constexpr uint32_t kMaxOverlayRectangles = 64;
inline constexpr uint32_t kMaxOverlayDimension = 1u << 14; // of the pixels
// Pixels of a composition once it is scaled as it says: whoever shows it allocates them.
inline constexpr uint64_t kMaxRenderedPixels = uint64_t{8192} * 4320;
// Private pixels that downstream may hold of one stream. Queues count a buffer's payload, not its metas.
inline constexpr size_t kMaxHeldOverlayBytes = 128 * 1024 * 1024;

struct OverlayRelease {
    void operator()(GstVideoOverlayComposition *overlay) const
    {
        gst_video_overlay_composition_unref(overlay);
    }
    void operator()(GstVideoOverlayRectangle *rectangle) const
    {
        gst_video_overlay_rectangle_unref(rectangle);
    }
};
using OverlayOwner = std::unique_ptr<GstVideoOverlayComposition, OverlayRelease>;

// `out` is limited to kMaxOverlayBytes by its maker.
[[nodiscard]] bool encodeOverlay(GstVideoOverlayComposition *overlay, ringcore::ByteWriter &out);

// Remembers the last one: as long as it stays the same, buffers share it as they did at the sender, and
// sinks need not upload its pixels again. One thread at a time.
class OverlayDecoder
{
public:
    explicit OverlayDecoder(size_t mostHeld = kMaxHeldOverlayBytes) : mostHeld_(mostHeld) {}

    // Left: downstream holds all that it may.
    [[nodiscard]] MetaVerdict decode(ringcore::ByteReader &in, const MetaTarget &target);
    void forget() { last_.reset(); }

    size_t heldBytes() const { return held_->load(std::memory_order_relaxed); }

private:
    const size_t mostHeld_;
    OverlayOwner last_;
    // Outlives us with each of the pixels.
    const std::shared_ptr<std::atomic<size_t>> held_ = std::make_shared<std::atomic<size_t>>(0);
};

} // namespace sharedring
