// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugin/stream_headers.h"

#include <algorithm>
#include <utility>

namespace sharedring
{

namespace
{

constexpr gsize kMaxFirst = 64 * 1024; // a larger buffer is no header

} // namespace

std::vector<BufferOwner> streamHeadersOf(const GstCaps *caps)
{
    std::vector<BufferOwner> headers;
    if (!caps || gst_caps_get_size(caps) != 1)
        return headers;
    const GValue *array = gst_structure_get_value(gst_caps_get_structure(caps, 0), "streamheader");
    if (!array || !GST_VALUE_HOLDS_ARRAY(array))
        return headers;
    for (guint i = 0; i < std::min(gst_value_array_get_size(array), kMaxStreamHeaders); i++) {
        const GValue *value = gst_value_array_get_value(array, i);
        if (GST_VALUE_HOLDS_BUFFER(value) && gst_value_get_buffer(value))
            headers.emplace_back(gst_buffer_ref(gst_value_get_buffer(value)));
    }
    return headers;
}

bool beginsHeader(GstBuffer *buffer, GstBuffer *header)
{
    const gsize size = gst_buffer_get_size(buffer);
    GstMapInfo map;
    if (size == 0 || size > gst_buffer_get_size(header) || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return false;
    const bool does = gst_buffer_memcmp(header, 0, map.data, size) == 0;
    gst_buffer_unmap(buffer, &map);
    return does;
}

bool HeadersInBand::takeCaps(GstEvent *event)
{
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    auto headers = streamHeadersOf(caps);
    header_ = headers.empty() ? nullptr : std::move(headers.front());
    const bool changed = compare();
    awaited_ = !inBand_;
    return changed;
}

bool HeadersInBand::takeFirst(GstBuffer *buffer)
{
    awaited_ = false;
    first_.reset(gst_buffer_get_size(buffer) <= kMaxFirst ? gst_buffer_copy_deep(buffer) : nullptr);
    return compare();
}

bool HeadersInBand::compare()
{
    const bool now = header_ && first_ && beginsHeader(first_.get(), header_.get());
    return std::exchange(inBand_, now) != now;
}

} // namespace sharedring
