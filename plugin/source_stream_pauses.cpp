// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A live source hands on what is made while it plays. What came while it was paused is old when it plays
// again: it would be shown late, or keep what is new waiting.
#include "source_stream.h"

#include "plugin/upstream_codec.h"

#include <gst/video/video.h>

#include <utility>

namespace sharedring
{

// It is the producer who says when it published: a lie costs it its own buffers.
bool SourceStream::cameBeforePlaying(const ringcore::Delivery &delivery) const
{
    return static_cast<int64_t>(delivery.record.head.publishedAt) <
           port_.playsFrom.load(std::memory_order_relaxed);
}

// Whether a buffer is not to be pushed: it came before, or builds on one that did.
bool SourceStream::isMissed(const ringcore::Delivery &delivery, bool isDelta)
{
    seenKeyUnit_ = seenKeyUnit_ || !isDelta;
    if (cameBeforePlaying(delivery)) {
        missed_ = true;
        return true;
    }
    if (!missed_)
        return false;
    if (isDelta && seenKeyUnit_) { // some streams have deltas only
        if (!std::exchange(askedForKeyUnit_, true))
            askForKeyUnit();
        return true;
    }
    missed_ = askedForKeyUnit_ = false;
    return false;
}

void SourceStream::askForKeyUnit()
{
    const EventOwner event(gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, FALSE, 0));
    if (auto request = encodeUpstream(event.get(), std::nullopt))
        (void)subscriber_.request(static_cast<uint32_t>(request->kind), std::move(request->bytes),
                                  request->replacesWaiting);
}

// The producer's times went on, and running time here did not.
void SourceStream::goOnAfterPause()
{
    const int64_t from = port_.playsFrom.load(std::memory_order_relaxed);
    if (std::exchange(playsFrom_, from) != from)
        times_.beginAgain();
}

} // namespace sharedring
