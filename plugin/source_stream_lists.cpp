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

SourceStream::Next SourceStream::pushOrCollect(PayloadPath::Made made, ringcore::ListPlace place)
{
    if (place == ringcore::ListPlace::None)
        return handleFlow(gst_pad_push(port_.pad, made.buffer.release()));
    if (!list_) {
        list_.reset(gst_buffer_list_new());
        listCopies_ = 0;
    }
    if (made.copied)
        listCopies_ += gst_buffer_get_size(made.buffer.get());
    gst_buffer_list_add(list_.get(), made.buffer.release());
    const bool mayGoOn = place == ringcore::ListPlace::GoesOn && !isComplete() &&
                         gst_buffer_list_length(list_.get()) < kMaxListLength && listCopies_ < kMaxListCopies;
    return mayGoOn ? Next::Continue : pushList();
}

SourceStream::Next SourceStream::pushList()
{
    return list_ ? handleFlow(gst_pad_push_list(port_.pad, list_.release())) : Next::Continue;
}

} // namespace sharedring
