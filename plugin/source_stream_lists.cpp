// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The lists of a SourceStream: what came as one goes out as one, and a producer that never ends one
// makes us hold no more than our own bounds say.
#include "source_stream.h"

namespace sharedring
{

namespace
{

// What is longer goes out in parts. What is mapped is bounded by what the producer lets us hold.
constexpr guint kMaxListLength = 256;
constexpr size_t kMaxListCopies = size_t{64} << 20;

} // namespace

// A buffer of a list, of which so many bytes are a copy.
SourceStream::Next SourceStream::collect(BufferOwner buffer, size_t copied, ringcore::ListPlace place)
{
    if (!list_) {
        list_.reset(gst_buffer_list_new());
        listCopies_ = 0;
    }
    listCopies_ += copied;
    gst_buffer_list_add(list_.get(), buffer.release());
    const bool mayGoOn = place == ringcore::ListPlace::GoesOn &&
                         gst_buffer_list_length(list_.get()) < kMaxListLength && listCopies_ < kMaxListCopies;
    return mayGoOn ? Next::Continue : pushList();
}

SourceStream::Next SourceStream::pushList()
{
    return list_ ? handleFlow(gst_pad_push_list(port_.pad, list_.release())) : Next::Continue;
}

} // namespace sharedring
