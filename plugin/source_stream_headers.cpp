// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who joins a stream that has begun missed the headers at its beginning. Where its caps have them, they
// come in front of its first buffer, as multifdsink does it.
#include "source_stream.h"

#include <algorithm>
#include <utility>

namespace sharedring
{

namespace
{

constexpr guint kMaxStreamHeaders = 32;

} // namespace

SourceStream::Next SourceStream::pushStreamHeaders()
{
    const GValue *headers =
        caps_ ? gst_structure_get_value(gst_caps_get_structure(caps_.get(), 0), "streamheader") : nullptr;
    if (!headers || !GST_VALUE_HOLDS_ARRAY(headers))
        return Next::Continue;
    const guint count = std::min(gst_value_array_get_size(headers), kMaxStreamHeaders);
    for (guint i = 0; i < count; i++) {
        const GValue *value = gst_value_array_get_value(headers, i);
        if (!GST_VALUE_HOLDS_BUFFER(value))
            continue;
        BufferOwner header(gst_buffer_copy(gst_value_get_buffer(value)));
        GST_BUFFER_FLAG_SET(header.get(), GST_BUFFER_FLAG_HEADER);
        if (std::exchange(discont_, false))
            GST_BUFFER_FLAG_SET(header.get(), GST_BUFFER_FLAG_DISCONT);
        if (handleFlow(gst_pad_push(port_.pad, header.release())) == Next::Finished)
            return Next::Finished;
    }
    return Next::Continue;
}

} // namespace sharedring
