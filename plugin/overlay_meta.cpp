// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: count as uint32_t, then of each rectangle where it is shown, how, and its pixels.
#include "plugin/overlay_meta.h"

#include "plugin/gst_owner.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

using RectangleOwner = std::unique_ptr<GstVideoOverlayRectangle, OverlayRelease>;
using Held = std::shared_ptr<std::atomic<size_t>>;

constexpr int32_t kMaxPlace = kMaxMetaDimension;
constexpr uint32_t kBytesPerPixel = 4;
constexpr uint32_t kFlags =
    GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA | GST_VIDEO_OVERLAY_FORMAT_FLAG_GLOBAL_ALPHA;

enum class PixelFormat : uint8_t { Rgb = 1, Yuv = 2 };

struct Rectangle {
    int32_t x, y; // on the video
    uint32_t renderWidth, renderHeight;
    uint32_t flags;
    gfloat alpha;
    uint8_t format;
    uint32_t width, height; // of the pixels
};

bool isSane(const Rectangle &r)
{
    const auto isDimension = [](uint32_t size, uint32_t most) { return size >= 1 && size <= most; };
    return r.x >= -kMaxPlace && r.x <= kMaxPlace && r.y >= -kMaxPlace && r.y <= kMaxPlace &&
           isDimension(r.renderWidth, kMaxMetaDimension) && isDimension(r.renderHeight, kMaxMetaDimension) &&
           (r.flags & ~kFlags) == 0 && r.alpha >= 0 && r.alpha <= 1 && // not so for what is no number
           (r.format == static_cast<uint8_t>(PixelFormat::Rgb) ||
            r.format == static_cast<uint8_t>(PixelFormat::Yuv)) &&
           isDimension(r.width, kMaxOverlayDimension) && isDimension(r.height, kMaxOverlayDimension);
}

uint64_t renderedPixels(const Rectangle &r)
{
    return uint64_t{r.renderWidth} * r.renderHeight;
}

uint64_t pixelBytes(const Rectangle &r)
{
    return uint64_t{r.width} * r.height * kBytesPerPixel;
}

void put(const Rectangle &r, ByteWriter &out)
{
    for (const int32_t number : {r.x, r.y})
        out.number(number);
    for (const uint32_t number : {r.renderWidth, r.renderHeight, r.flags})
        out.number(number);
    out.number(r.alpha);
    out.number(r.format);
    for (const uint32_t number : {r.width, r.height})
        out.number(number);
}

Rectangle getRectangle(ByteReader &in)
{
    Rectangle r{};
    for (int32_t *number : {&r.x, &r.y})
        *number = in.number<int32_t>();
    for (uint32_t *number : {&r.renderWidth, &r.renderHeight, &r.flags})
        *number = in.number<uint32_t>();
    r.alpha = in.number<gfloat>();
    r.format = in.number<uint8_t>();
    for (uint32_t *number : {&r.width, &r.height})
        *number = in.number<uint32_t>();
    return r;
}

GstVideoFormat gstFormat(const Rectangle &r)
{
    return r.format == static_cast<uint8_t>(PixelFormat::Rgb) ? GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB
                                                              : GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_YUV;
}

GstBuffer *pixelsOf(GstVideoOverlayRectangle *rectangle)
{
    return gst_video_overlay_rectangle_get_pixels_unscaled_raw(
        rectangle, gst_video_overlay_rectangle_get_flags(rectangle));
}

// False: no pixels of a kind that we know.
bool describe(GstVideoOverlayRectangle *rectangle, const GstVideoMeta *meta, Rectangle &r)
{
    if (!meta || !gst_video_overlay_rectangle_get_render_rectangle(rectangle, &r.x, &r.y, &r.renderWidth,
                                                                   &r.renderHeight))
        return false;
    r.flags = static_cast<uint32_t>(gst_video_overlay_rectangle_get_flags(rectangle));
    r.alpha = gst_video_overlay_rectangle_get_global_alpha(rectangle);
    r.format = static_cast<uint8_t>(
        meta->format == GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB ? PixelFormat::Rgb : PixelFormat::Yuv);
    r.width = meta->width;
    r.height = meta->height;
    return meta->format == gstFormat(r);
}

bool putRows(GstBuffer *pixels, const GstVideoMeta &meta, ByteWriter &out)
{
    GstMapInfo map;
    if (!gst_buffer_map(pixels, &map, GST_MAP_READ))
        return false;
    const size_t row = size_t{meta.width} * kBytesPerPixel;
    const auto stride = static_cast<size_t>(std::max(meta.stride[0], 0));
    const size_t before = stride * (meta.height - 1);
    const bool fits = stride >= row && meta.offset[0] <= map.size && before <= map.size - meta.offset[0] &&
                      row <= map.size - meta.offset[0] - before;
    if (fits) {
        out.number(static_cast<uint32_t>(row * meta.height));
        for (guint y = 0; y < meta.height && !out.overflowed(); y++)
            out.append(map.data + meta.offset[0] + stride * y, row);
    }
    gst_buffer_unmap(pixels, &map);
    return fits;
}

struct Claim {
    Rectangle rectangle;
    std::span<const std::byte> pixels;
};

std::optional<std::vector<Claim>> getClaims(ByteReader &in)
{
    const auto count = in.number<uint32_t>();
    if (in.failed() || count > kMaxOverlayRectangles)
        return std::nullopt;
    std::vector<Claim> claims(count);
    uint64_t rendered = 0;
    for (Claim &claim : claims) {
        claim.rectangle = getRectangle(in);
        claim.pixels = in.counted(kMaxOverlayBytes);
        if (in.failed() || !isSane(claim.rectangle) || claim.pixels.size() != pixelBytes(claim.rectangle))
            return std::nullopt;
        rendered += renderedPixels(claim.rectangle);
    }
    return rendered <= kMaxRenderedPixels ? std::optional(std::move(claims)) : std::nullopt;
}

bool isSame(GstVideoOverlayRectangle *rectangle, const Claim &claim)
{
    GstBuffer *pixels = pixelsOf(rectangle);
    Rectangle here{};
    const Rectangle &there = claim.rectangle;
    return describe(rectangle, gst_buffer_get_video_meta(pixels), here) && here.x == there.x &&
           here.y == there.y && here.renderWidth == there.renderWidth &&
           here.renderHeight == there.renderHeight && here.flags == there.flags &&
           here.alpha == there.alpha && here.format == there.format && here.width == there.width &&
           here.height == there.height && gst_buffer_get_size(pixels) == claim.pixels.size() &&
           gst_buffer_memcmp(pixels, 0, claim.pixels.data(), claim.pixels.size()) == 0;
}

bool isSame(GstVideoOverlayComposition *overlay, const std::vector<Claim> &claims)
{
    if (gst_video_overlay_composition_n_rectangles(overlay) != claims.size())
        return false;
    for (guint i = 0; i < claims.size(); i++) {
        if (!isSame(gst_video_overlay_composition_get_rectangle(overlay, i), claims[i]))
            return false;
    }
    return true;
}

// Counted as held until the last reference goes.
struct Pixels {
    Held held;
    size_t size;
    gpointer data;
};

BufferOwner newPixels(const Claim &claim, const Held &held)
{
    const size_t size = claim.pixels.size();
    auto *pixels = new Pixels{held, size, g_memdup2(claim.pixels.data(), size)};
    held->fetch_add(size, std::memory_order_relaxed);
    BufferOwner buffer(gst_buffer_new_wrapped_full(
        static_cast<GstMemoryFlags>(0), pixels->data, size, 0, size, pixels, [](gpointer data) {
            const std::unique_ptr<Pixels> gone(static_cast<Pixels *>(data));
            gone->held->fetch_sub(gone->size, std::memory_order_relaxed);
            g_free(gone->data);
        }));
    gst_buffer_add_video_meta(buffer.get(), GST_VIDEO_FRAME_FLAG_NONE, gstFormat(claim.rectangle),
                              claim.rectangle.width, claim.rectangle.height);
    return buffer;
}

OverlayOwner newOverlay(const std::vector<Claim> &claims, const Held &held)
{
    OverlayOwner overlay(gst_video_overlay_composition_new(nullptr));
    for (const Claim &claim : claims) {
        const Rectangle &r = claim.rectangle;
        const BufferOwner pixels = newPixels(claim, held);
        const RectangleOwner rectangle(
            gst_video_overlay_rectangle_new_raw(pixels.get(), r.x, r.y, r.renderWidth, r.renderHeight,
                                                static_cast<GstVideoOverlayFormatFlags>(r.flags)));
        if (!rectangle)
            return nullptr;
        gst_video_overlay_rectangle_set_global_alpha(rectangle.get(), r.alpha);
        gst_video_overlay_composition_add_rectangle(overlay.get(), rectangle.get());
    }
    return overlay;
}

} // namespace

bool encodeOverlay(GstVideoOverlayComposition *overlay, ByteWriter &out)
{
    if (!overlay)
        return false;
    const guint count = gst_video_overlay_composition_n_rectangles(overlay);
    if (count > kMaxOverlayRectangles)
        return false;
    out.number(uint32_t{count});
    uint64_t rendered = 0;
    for (guint i = 0; i < count; i++) {
        GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle(overlay, i);
        GstBuffer *pixels = pixelsOf(rectangle);
        const GstVideoMeta *meta = pixels ? gst_buffer_get_video_meta(pixels) : nullptr;
        Rectangle r{};
        if (!describe(rectangle, meta, r) || !isSane(r) ||
            (rendered += renderedPixels(r)) > kMaxRenderedPixels)
            return false;
        put(r, out);
        if (!putRows(pixels, *meta, out))
            return false;
    }
    return !out.overflowed();
}

MetaVerdict OverlayDecoder::decode(ByteReader &in, const MetaTarget &target)
{
    const auto claims = getClaims(in);
    if (!claims)
        return MetaVerdict::Malformed;
    if (!last_ || !isSame(last_.get(), *claims)) {
        size_t bytes = 0;
        for (const Claim &claim : *claims)
            bytes += claim.pixels.size();
        last_.reset();
        if (bytes > mostHeld_ - std::min(heldBytes(), mostHeld_))
            return MetaVerdict::Left;
        last_ = newOverlay(*claims, held_);
        if (!last_)
            return MetaVerdict::Malformed;
    }
    gst_buffer_add_video_overlay_composition_meta(target.buffer, last_.get());
    return MetaVerdict::Attached;
}

} // namespace sharedring
