// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layouts. STREAM_START: id, flags as uint32_t, whether there is a group as uint8_t, the group as
// uint32_t, whether there is a GstStream as uint8_t, the stream. STREAM_GROUP_DONE: the group. The
// others: what they hold.
#include "plugin/event_bodies.h"

#include "plugin/caps_codec.h"
#include "plugin/stream_codec.h"

#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

bool encodeStreamStart(GstEvent *event, ByteWriter &out)
{
    const char *id = nullptr;
    GstStreamFlags flags = GST_STREAM_FLAG_NONE;
    guint group = 0;
    GstStream *parsed = nullptr;
    gst_event_parse_stream_start(event, &id);
    gst_event_parse_stream_flags(event, &flags);
    gst_event_parse_stream(event, &parsed);
    const ObjectOwner<GstStream> stream(parsed);
    const bool hasGroup = gst_event_parse_group_id(event, &group) != FALSE;
    if (id == nullptr || !isStreamId(id))
        return false;
    out.counted(std::string_view(id));
    out.number(static_cast<uint32_t>(flags) & kKnownStreamFlags);
    out.number(static_cast<uint8_t>(hasGroup ? 1 : 0));
    out.number(uint32_t{group});
    out.number(static_cast<uint8_t>(stream ? 1 : 0));
    MessageBudget budget;
    return !stream || encodeStream(*stream, out, budget);
}

DecodedEvent decodeStreamStart(ByteReader &in, GstObject *)
{
    const std::string id(in.text(kMaxStreamIdBytes));
    const auto flags = in.number<uint32_t>() & kKnownStreamFlags;
    const auto hasGroup = in.number<uint8_t>();
    const auto group = in.number<uint32_t>();
    const auto hasStream = in.number<uint8_t>();
    if (in.failed() || !isStreamId(id) || hasGroup > 1 || hasStream > 1)
        return {};
    ObjectOwner<GstStream> stream;
    MessageBudget budget;
    if (hasStream == 1 && !(stream = decodeStream(in, budget)))
        return {};
    DecodedEvent decoded = plain(gst_event_new_stream_start(id.c_str()));
    gst_event_set_stream_flags(decoded.event.get(), static_cast<GstStreamFlags>(flags));
    if (stream)
        gst_event_set_stream(decoded.event.get(), stream.get());
    if (hasGroup == 1)
        decoded.producerGroupId = group;
    return decoded;
}

bool encodeCollectionEvent(GstEvent *event, ByteWriter &out)
{
    GstStreamCollection *parsed = nullptr;
    gst_event_parse_stream_collection(event, &parsed);
    const ObjectOwner<GstStreamCollection> collection(parsed);
    MessageBudget budget;
    return collection && encodeStreamCollection(*collection, out, budget);
}

DecodedEvent decodeCollectionEvent(ByteReader &in, GstObject *)
{
    MessageBudget budget;
    const auto collection = decodeStreamCollection(in, budget);
    return plain(collection ? gst_event_new_stream_collection(collection.get()) : nullptr);
}

bool encodeGroupDone(GstEvent *event, ByteWriter &out)
{
    guint group = 0;
    gst_event_parse_stream_group_done(event, &group);
    out.number(uint32_t{group});
    return true;
}

// With the producer's group, which whoever pushes it replaces.
DecodedEvent decodeGroupDone(ByteReader &in, GstObject *)
{
    const auto group = in.number<uint32_t>();
    if (in.failed() || group == GST_GROUP_ID_INVALID)
        return {};
    return {EventOwner(gst_event_new_stream_group_done(group)), group};
}

bool encodeCapsEvent(GstEvent *event, ByteWriter &out)
{
    GstCaps *caps = nullptr;
    MessageBudget budget;
    gst_event_parse_caps(event, &caps);
    return caps != nullptr && encodeCaps(*caps, out, budget);
}

DecodedEvent decodeCapsEvent(ByteReader &in, GstObject *)
{
    MessageBudget budget;
    const CapsOwner caps = decodeCaps(in, budget);
    return plain(caps ? gst_event_new_caps(caps.get()) : nullptr);
}

} // namespace

const EventBody kStreamStartBody{encodeStreamStart, decodeStreamStart};
const EventBody kStreamCollectionBody{encodeCollectionEvent, decodeCollectionEvent};
const EventBody kStreamGroupDoneBody{encodeGroupDone, decodeGroupDone};
const EventBody kCapsBody{encodeCapsEvent, decodeCapsEvent};

} // namespace sharedring
