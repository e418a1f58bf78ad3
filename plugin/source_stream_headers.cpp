// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who joins a stream that has begun, or was paused then, missed the headers at its beginning. Where the
// stream had them among its buffers, and its caps repeat them, they come in front of its first buffer, as
// multifdsink does it.
#include "source_stream.h"

#include "plugin/stream_headers.h"

#include <utility>

namespace sharedring
{

// `first`: its first buffer, which an encoder that was asked for all headers may have begun with them.
SourceStream::Next SourceStream::pushStreamHeaders(GstBuffer *first)
{
    const auto headers = streamHeadersOf(caps_.get());
    if (!headersInBand_ || headers.empty() || beginsHeader(first, headers.front().get()))
        return Next::Continue;
    for (const BufferOwner &header : headers) {
        BufferOwner copy(gst_buffer_copy(header.get()));
        GST_BUFFER_FLAG_SET(copy.get(), GST_BUFFER_FLAG_HEADER);
        if (std::exchange(discont_, false))
            GST_BUFFER_FLAG_SET(copy.get(), GST_BUFFER_FLAG_DISCONT);
        if (handleFlow(gst_pad_push(port_.pad, copy.release())) == Next::Finished)
            return Next::Finished;
    }
    return Next::Continue;
}

} // namespace sharedring
