// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is said about streams arrives as it left: a GstStream, a collection of them, the end of their
// group. No claim of a peer about it goes beyond a bound.
#include "plugin/event_codec.h"
#include "plugin/stream_codec.h"
#include "tests/codec_wire.h"

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

ObjectOwner<GstStream> videoStream(const char *id = "stream/1", const char *caps = "video/x-h264,width=2")
{
    const CapsOwner owned(gst_caps_from_string(caps));
    ObjectOwner<GstStream> stream(
        gst_stream_new(id, owned.get(), GST_STREAM_TYPE_VIDEO, GST_STREAM_FLAG_SELECT));
    const TagListOwner tags(gst_tag_list_new(GST_TAG_LANGUAGE_CODE, "en", nullptr));
    gst_stream_set_tags(stream.get(), tags.get());
    return stream;
}

void expectEqual(GstStream *sent, GstStream *received)
{
    const CapsOwner caps[] = {CapsOwner(gst_stream_get_caps(sent)), CapsOwner(gst_stream_get_caps(received))};
    const TagListOwner tags[] = {TagListOwner(gst_stream_get_tags(sent)),
                                 TagListOwner(gst_stream_get_tags(received))};
    EXPECT_STREQ(gst_stream_get_stream_id(sent), gst_stream_get_stream_id(received));
    EXPECT_EQ(gst_stream_get_stream_type(sent), gst_stream_get_stream_type(received));
    EXPECT_EQ(gst_stream_get_stream_flags(sent), gst_stream_get_stream_flags(received));
    ASSERT_TRUE(caps[1]);
    EXPECT_TRUE(gst_caps_is_strictly_equal(caps[0].get(), caps[1].get()));
    ASSERT_TRUE(tags[1]);
    EXPECT_TRUE(gst_tag_list_is_equal(tags[0].get(), tags[1].get()));
}

DecodedEvent crossed(GstEvent *made)
{
    const EventOwner sent(made);
    const auto encoded = encodeEvent(sent.get());
    return encoded ? decodeEvent(encoded->type, encoded->bytes) : DecodedEvent{};
}

bool streamDecodes(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    MessageBudget budget;
    return decodeStream(in, budget) != nullptr && in.atEnd();
}

bool collectionDecodes(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    MessageBudget budget;
    return decodeStreamCollection(in, budget) != nullptr && in.atEnd();
}

Hostile &bareStream(Hostile &out, std::string_view id = "s", uint8_t parts = 0)
{
    return out.text(id).number(uint32_t{0xffffffff}).number(uint32_t{0xffffffff}).number(parts);
}

TEST(Stream, ArrivesWithItsStreamStart)
{
    const auto stream = videoStream();
    GstEvent *sent = gst_event_new_stream_start("stream/1");
    gst_event_set_stream(sent, stream.get());
    const DecodedEvent received = crossed(sent);
    ASSERT_TRUE(received.event);
    GstStream *copy = nullptr;
    gst_event_parse_stream(received.event.get(), &copy);
    ASSERT_TRUE(copy);
    expectEqual(stream.get(), copy);
    gst_object_unref(copy);
}

TEST(Stream, LosesOnlyCapsThatDoNotCross)
{
    for (const char *caps : {"video/x-raw(memory:GLMemory),width=2", "video/x-raw,width=[1,2]"}) {
        const auto stream = videoStream("s", caps);
        GstEvent *sent = gst_event_new_stream_start("s");
        gst_event_set_stream(sent, stream.get());
        const DecodedEvent received = crossed(sent);
        ASSERT_TRUE(received.event) << caps;
        GstStream *copy = nullptr;
        gst_event_parse_stream(received.event.get(), &copy);
        ASSERT_TRUE(copy);
        EXPECT_FALSE(gst_stream_get_caps(copy));
        gst_object_unref(copy);
    }
}

TEST(StreamCollection, ArrivesWithAllItsStreams)
{
    for (const char *upstream : {static_cast<const char *>(nullptr), "upstream"}) {
        const ObjectOwner<GstStreamCollection> sent(gst_stream_collection_new(upstream));
        gst_stream_collection_add_stream(sent.get(), videoStream("one").release());
        gst_stream_collection_add_stream(sent.get(), videoStream("two").release());
        const DecodedEvent received = crossed(gst_event_new_stream_collection(sent.get()));
        ASSERT_TRUE(received.event);
        GstStreamCollection *parsed = nullptr;
        gst_event_parse_stream_collection(received.event.get(), &parsed);
        const ObjectOwner<GstStreamCollection> copy(parsed);
        EXPECT_STREQ(gst_stream_collection_get_upstream_id(copy.get()), upstream);
        ASSERT_EQ(gst_stream_collection_get_size(copy.get()), 2U);
        for (guint i = 0; i < 2; ++i)
            expectEqual(gst_stream_collection_get_stream(sent.get(), i),
                        gst_stream_collection_get_stream(copy.get(), i));
    }
}

TEST(StreamCollection, WriterRefusesWhatTheReaderWould)
{
    const ObjectOwner<GstStreamCollection> collection(gst_stream_collection_new(nullptr));
    for (uint32_t i = 0; i < kMaxStreams; ++i)
        gst_stream_collection_add_stream(collection.get(), videoStream().release());
    EXPECT_TRUE(crossed(gst_event_new_stream_collection(collection.get())).event);
    gst_stream_collection_add_stream(collection.get(), videoStream().release());
    EXPECT_FALSE(crossed(gst_event_new_stream_collection(collection.get())).event);

    const ObjectOwner<GstStreamCollection> longId(
        gst_stream_collection_new(std::string(kMaxStreamIdBytes + 1, 'u').c_str()));
    EXPECT_FALSE(crossed(gst_event_new_stream_collection(longId.get())).event);
}

TEST(StreamGroupDone, HandsOverTheProducersGroup)
{
    const DecodedEvent received = crossed(gst_event_new_stream_group_done(4711));
    ASSERT_TRUE(received.event);
    EXPECT_EQ(received.producerGroupId, 4711U);
}

TEST(HostileStreamGroupDone, OfNoGroupIsRefused)
{
    const auto done = [](uint32_t group) {
        return decodeEvent(WireEvent::StreamGroupDone, Hostile().number(uint32_t{1}).number(group).bytes())
                   .event != nullptr;
    };
    EXPECT_TRUE(done(1));
    EXPECT_FALSE(done(GST_GROUP_ID_INVALID));
}

TEST(HostileStreamStart, PresenceOfAStreamIsZeroOrOne)
{
    const auto start = [](uint8_t hasStream, bool bringsOne) {
        Hostile out = Hostile().number(uint32_t{1}).text("s").number(uint32_t{0});
        out.number(uint8_t{0}).number(uint32_t{0}).number(hasStream);
        if (bringsOne)
            bareStream(out);
        return decodeEvent(WireEvent::StreamStart, out.bytes()).event != nullptr;
    };
    EXPECT_TRUE(start(0, false));
    EXPECT_TRUE(start(1, true));
    EXPECT_FALSE(start(2, true));
    EXPECT_FALSE(start(2, false));
}

TEST(HostileStream, IdMustBeBoundedUtf8)
{
    const auto decodesWith = [](std::string_view id) {
        Hostile out;
        return streamDecodes(bareStream(out, id));
    };
    EXPECT_TRUE(decodesWith(std::string(kMaxStreamIdBytes, 's')));
    EXPECT_FALSE(decodesWith(std::string(kMaxStreamIdBytes + 1, 's')));
    EXPECT_FALSE(decodesWith(""));
    EXPECT_FALSE(decodesWith("\xff"));
}

TEST(HostileStream, FlagsAndTypesThatWeDoNotKnowAreDropped)
{
    Hostile out;
    bareStream(out);
    ringcore::ByteReader in(out.out.bytes());
    MessageBudget budget;
    const auto stream = decodeStream(in, budget);
    ASSERT_TRUE(stream);
    EXPECT_EQ(gst_stream_get_stream_flags(stream.get()), kKnownStreamFlags);
    EXPECT_LT(gst_stream_get_stream_type(stream.get()), GST_STREAM_TYPE_TEXT << 1);
}

TEST(HostileStream, PartsThatDoNotExistAreRefused)
{
    Hostile out;
    EXPECT_FALSE(streamDecodes(bareStream(out, "s", 4)));
}

Hostile capsOf(size_t bytes)
{
    Hostile caps = Hostile().number(uint32_t{0}).text("a/b").number(uint32_t{1}).text("f").kind(Buffer);
    caps.number(uint8_t{0});
    if (bytes > 0)
        caps.text(std::string(bytes - caps.out.size() - sizeof(uint32_t), 'x'));
    return caps;
}

TEST(HostileStream, CapsAreBoundedAndWhole)
{
    const auto with = [](const Bytes &caps) {
        Hostile out;
        bareStream(out, "s", 1).out.counted(caps);
        return streamDecodes(out);
    };
    EXPECT_TRUE(with(capsOf(kMaxStreamCapsBytes).bytes()));
    EXPECT_FALSE(with(capsOf(kMaxStreamCapsBytes + 1).bytes()));
    Bytes left = capsOf(100).bytes();
    left.push_back({});
    EXPECT_FALSE(with(left));
}

TEST(HostileStream, TagsAreBounded)
{
    const auto with = [](size_t bytes) {
        Hostile list = Hostile().number(uint8_t{0}).number(uint32_t{1});
        list.text("sharedring-nobody-has-this").number(uint32_t{1});
        list.text(std::string(bytes - list.out.size() - sizeof(uint32_t), 'x'));
        Hostile out;
        bareStream(out, "s", 2).out.counted(list.bytes());
        return streamDecodes(out);
    };
    EXPECT_TRUE(with(kMaxStreamTagBytes));
    EXPECT_FALSE(with(kMaxStreamTagBytes + 1));
}

TEST(HostileStreamCollection, CountAndIdAreBounded)
{
    const auto collection = [](std::string_view upstream, uint32_t streams) {
        return Hostile().text(upstream).number(streams).repeat(streams,
                                                               [](Hostile &out) { bareStream(out); });
    };
    EXPECT_TRUE(collectionDecodes(collection(std::string(kMaxStreamIdBytes, 'u'), kMaxStreams)));
    EXPECT_FALSE(collectionDecodes(collection("", kMaxStreams + 1)));
    EXPECT_FALSE(collectionDecodes(collection("\xff", 1)));
    EXPECT_FALSE(collectionDecodes(collection(std::string(kMaxStreamIdBytes + 1, 'u'), 1)));
    EXPECT_FALSE(collectionDecodes(Hostile().text("").number(UINT32_MAX)));
}

} // namespace
