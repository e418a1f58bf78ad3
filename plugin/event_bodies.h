// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The body of each type of event: what follows the sequence number. For event_codec, which bounds the
// whole, and checks that nothing is left over.
#pragma once

#include "plugin/event_codec.h"
#include "ringcore/byte_codec.h"

namespace sharedring
{

// One type. encode: false if this one does not cross. decode: no event if it is refused.
struct EventBody {
    bool (*encode)(GstEvent *event, ringcore::ByteWriter &out);
    DecodedEvent (*decode)(ringcore::ByteReader &in, GstObject *messageSource);
};

// One that belongs to no group; nullptr: refused.
inline DecodedEvent plain(GstEvent *event)
{
    return {EventOwner(event), std::nullopt};
}

// stream_event_bodies.cpp: what the stream is.
extern const EventBody kStreamStartBody;
extern const EventBody kStreamCollectionBody;
extern const EventBody kStreamGroupDoneBody;
extern const EventBody kCapsBody;

// time_event_bodies.cpp: where in it we are.
extern const EventBody kSegmentBody;
extern const EventBody kSegmentDoneBody;
extern const EventBody kGapBody;
extern const EventBody kInstantRateChangeBody;

// content_event_bodies.cpp: what else is to be known about it.
extern const EventBody kTagBody;
extern const EventBody kTocBody;
extern const EventBody kProtectionBody;
extern const EventBody kSinkMessageBody;
extern const EventBody kCustomDownstreamBody;
extern const EventBody kCustomDownstreamStickyBody;
extern const EventBody kCustomDownstreamOobBody;
extern const EventBody kCustomBothBody;
extern const EventBody kCustomBothOobBody;

} // namespace sharedring
