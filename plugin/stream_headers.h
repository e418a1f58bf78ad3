// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The headers that a stream's caps repeat ("streamheader"), for who was not there when they passed.
#pragma once

#include "plugin/gst_owner.h"

#include <vector>

namespace sharedring
{

inline constexpr guint kMaxStreamHeaders = 32;

// The first kMaxStreamHeaders of them; empty: there are none.
[[nodiscard]] std::vector<BufferOwner> streamHeadersOf(const GstCaps *caps);

// Whether `buffer` is this header or its beginning: a muxer writes in pieces what its caps have whole.
[[nodiscard]] bool beginsHeader(GstBuffer *buffer, GstBuffer *header);

// Whether a stream began with the headers that its caps repeat. Muxers repeat them in caps that come after.
class HeadersInBand
{
public:
    bool areInBand() const { return inBand_; }

    // Both return whether the answer changed.
    bool takeCaps(GstEvent *caps);
    bool takeBuffer(GstBuffer *buffer) { return awaited_ && takeFirst(buffer); }

private:
    bool takeFirst(GstBuffer *buffer);
    bool compare();

    BufferOwner header_; // of the caps, the first
    BufferOwner first_;  // a copy of the first buffer after a header that was new, as long as it is small
    bool awaited_ = true;
    bool inBand_ = false;
};

} // namespace sharedring
