// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout of a stream: id, type and flags as uint32_t, which parts there are as uint8_t, the caps as a
// counted message, the tags. Of a collection: the id of what is upstream of it ("" for none), the count
// of streams as uint32_t, and the streams.
#include "plugin/stream_codec.h"

#include "plugin/caps_codec.h"
#include "plugin/tag_codec.h"

#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr uint8_t kHasCaps = 1;
constexpr uint8_t kHasTags = 2;

constexpr uint32_t kKnownStreamTypes = GST_STREAM_TYPE_UNKNOWN | GST_STREAM_TYPE_AUDIO |
                                       GST_STREAM_TYPE_VIDEO | GST_STREAM_TYPE_CONTAINER |
                                       GST_STREAM_TYPE_TEXT;

// Empty: they do not cross.
std::vector<std::byte> encodedCaps(const GstCaps *caps, MessageBudget &budget)
{
    ByteWriter out(kMaxStreamCapsBytes);
    return caps && encodeCaps(*caps, out, budget) && !out.overflowed() ? out.take()
                                                                       : std::vector<std::byte>();
}

} // namespace

bool isStreamId(std::string_view id)
{
    return !id.empty() && id.size() <= kMaxStreamIdBytes &&
           g_utf8_validate_len(id.data(), id.size(), nullptr);
}

bool encodeStream(GstStream &stream, ByteWriter &out, MessageBudget &budget)
{
    const char *id = gst_stream_get_stream_id(&stream);
    if (id == nullptr || !isStreamId(id))
        return false;
    const CapsOwner caps(gst_stream_get_caps(&stream));
    const TagListOwner tags(gst_stream_get_tags(&stream));
    const auto capsBytes = encodedCaps(caps.get(), budget);

    out.counted(std::string_view(id));
    out.number(static_cast<uint32_t>(gst_stream_get_stream_type(&stream)) & kKnownStreamTypes);
    out.number(static_cast<uint32_t>(gst_stream_get_stream_flags(&stream)) & kKnownStreamFlags);
    out.number(static_cast<uint8_t>((capsBytes.empty() ? 0 : kHasCaps) | (tags ? kHasTags : 0)));
    if (!capsBytes.empty())
        out.counted(capsBytes);
    if (tags)
        encodeTagList(*tags, kMaxStreamTagBytes, out, budget);
    return !out.overflowed();
}

ObjectOwner<GstStream> decodeStream(ByteReader &in, MessageBudget &budget)
{
    const std::string id(in.text(kMaxStreamIdBytes));
    const auto type = in.number<uint32_t>() & kKnownStreamTypes;
    const auto flags = in.number<uint32_t>() & kKnownStreamFlags;
    const auto parts = in.number<uint8_t>();
    if (in.failed() || !isStreamId(id) || (parts & ~(kHasCaps | kHasTags)) != 0)
        return nullptr;
    CapsOwner caps;
    if ((parts & kHasCaps) != 0) {
        ByteReader message(in.counted(kMaxStreamCapsBytes));
        if (in.failed() || !(caps = decodeCaps(message, budget)) || !message.atEnd())
            return nullptr;
    }
    TagListOwner tags;
    if ((parts & kHasTags) != 0 && !(tags = decodeTagList(kMaxStreamTagBytes, in, budget)))
        return nullptr;
    ObjectOwner<GstStream> stream(gst_stream_new(id.c_str(), caps.get(), static_cast<GstStreamType>(type),
                                                 static_cast<GstStreamFlags>(flags)));
    if (tags)
        gst_stream_set_tags(stream.get(), tags.get());
    return stream;
}

bool encodeStreamCollection(GstStreamCollection &collection, ByteWriter &out, MessageBudget &budget)
{
    const char *upstreamId = gst_stream_collection_get_upstream_id(&collection);
    const std::string_view id = upstreamId ? upstreamId : "";
    const guint count = gst_stream_collection_get_size(&collection);
    if ((!id.empty() && !isStreamId(id)) || count > kMaxStreams)
        return false;
    out.counted(id);
    out.number(uint32_t{count});
    for (guint i = 0; i < count; ++i) {
        if (!encodeStream(*gst_stream_collection_get_stream(&collection, i), out, budget))
            return false;
    }
    return true;
}

ObjectOwner<GstStreamCollection> decodeStreamCollection(ByteReader &in, MessageBudget &budget)
{
    const std::string id(in.text(kMaxStreamIdBytes));
    const auto count = in.number<uint32_t>();
    if (in.failed() || (!id.empty() && !isStreamId(id)) || count > kMaxStreams)
        return nullptr;
    ObjectOwner<GstStreamCollection> collection(gst_stream_collection_new(id.empty() ? nullptr : id.c_str()));
    for (uint32_t i = 0; i < count; ++i) {
        ObjectOwner<GstStream> stream = decodeStream(in, budget);
        if (!stream)
            return nullptr;
        gst_stream_collection_add_stream(collection.get(), stream.release());
    }
    return collection;
}

} // namespace sharedring
