// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events arrive as they left, with their sequence number, but for what has no meaning
// in another process.
#include "plugin/caps_codec.h"
#include "plugin/event_codec.h"
#include "plugin/peer_names.h"
#include "plugin/segment_codec.h"
#include "plugin/stream_codec.h"
#include "plugin/tag_codec.h"

#include "tests/codec_wire.h"
#include <cmath>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

DecodedEvent crossed(GstEvent *made)
{
    const EventOwner sent(made);
    const auto encoded = encodeEvent(sent.get());
    if (!encoded)
        return {};
    DecodedEvent decoded = decodeEvent(encoded->type, encoded->bytes);
    if (decoded.event) {
        EXPECT_EQ(GST_EVENT_TYPE(decoded.event.get()), GST_EVENT_TYPE(sent.get()));
        EXPECT_EQ(gst_event_get_seqnum(decoded.event.get()), gst_event_get_seqnum(sent.get()));
    }
    return decoded;
}

bool decodes(WireEvent type, const Hostile &hostile)
{
    return decodeEvent(type, hostile.bytes()).event != nullptr;
}
Hostile seqnum(uint32_t number = 1)
{
    return Hostile().number(number);
}

TEST(StreamStart, KeepsIdAndFlags)
{
    GstEvent *sent = gst_event_new_stream_start("camera/001");
    gst_event_set_stream_flags(sent, GST_STREAM_FLAG_SPARSE);
    const DecodedEvent received = crossed(sent);
    ASSERT_TRUE(received.event);

    const char *id = nullptr;
    GstStreamFlags flags = GST_STREAM_FLAG_NONE;
    gst_event_parse_stream_start(received.event.get(), &id);
    gst_event_parse_stream_flags(received.event.get(), &flags);
    EXPECT_STREQ(id, "camera/001");
    EXPECT_EQ(flags, GST_STREAM_FLAG_SPARSE);
    EXPECT_FALSE(received.producerGroupId);
}

TEST(StreamStart, GroupIdIsHandedOverAndNotSet)
{
    GstEvent *sent = gst_event_new_stream_start("s");
    gst_event_set_group_id(sent, 4711);
    const DecodedEvent received = crossed(sent);
    ASSERT_TRUE(received.event);

    guint group = 0;
    EXPECT_EQ(received.producerGroupId, 4711U);
    EXPECT_FALSE(gst_event_parse_group_id(received.event.get(), &group));
}

TEST(HostileStreamStart, IdMustBeBoundedUtf8)
{
    const auto start = [](std::string_view id, uint8_t hasGroup = 0) {
        return seqnum()
            .text(id)
            .number(uint32_t{0xffffffff})
            .number(hasGroup)
            .number(uint32_t{0})
            .number(uint8_t{0});
    };
    EXPECT_TRUE(decodes(WireEvent::StreamStart, start(std::string(kMaxStreamIdBytes, 's'))));
    EXPECT_FALSE(decodes(WireEvent::StreamStart, start(std::string(kMaxStreamIdBytes + 1, 's'))));
    EXPECT_FALSE(decodes(WireEvent::StreamStart, start("")));
    EXPECT_FALSE(decodes(WireEvent::StreamStart, start("\xff")));
    EXPECT_FALSE(decodes(WireEvent::StreamStart, start(std::string_view("a\0b", 3))));
    EXPECT_FALSE(decodes(WireEvent::StreamStart, start("s", 2)));
}

TEST(CapsEvent, KeepsItsCaps)
{
    const CapsOwner caps(gst_caps_from_string("video/x-raw,format=NV12,width=2,height=2"));
    const DecodedEvent received = crossed(gst_event_new_caps(caps.get()));
    ASSERT_TRUE(received.event);
    GstCaps *copy = nullptr;
    gst_event_parse_caps(received.event.get(), &copy);
    EXPECT_TRUE(gst_caps_is_strictly_equal(caps.get(), copy));
}

TEST(CapsEvent, OfForeignMemoryIsRefused)
{
    const CapsOwner caps(gst_caps_from_string("video/x-raw(memory:GLMemory),width=2"));
    EXPECT_FALSE(crossed(gst_event_new_caps(caps.get())).event);
}

TEST(SegmentEvent, KeepsItsSegment)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = GST_SECOND;
    const DecodedEvent received = crossed(gst_event_new_segment(&segment));
    ASSERT_TRUE(received.event);
    const GstSegment *copy = nullptr;
    gst_event_parse_segment(received.event.get(), &copy);
    EXPECT_TRUE(gst_segment_is_equal(&segment, copy));
}

TEST(TagEvent, KeepsTagsAndScope)
{
    GstTagList *tags = gst_tag_list_new(GST_TAG_TITLE, "t", nullptr);
    gst_tag_list_set_scope(tags, GST_TAG_SCOPE_GLOBAL);
    const DecodedEvent received = crossed(gst_event_new_tag(tags));
    ASSERT_TRUE(received.event);
    GstTagList *copy = nullptr;
    gst_event_parse_tag(received.event.get(), &copy);
    EXPECT_EQ(gst_tag_list_get_scope(copy), GST_TAG_SCOPE_GLOBAL);
    EXPECT_EQ(gst_tag_list_get_tag_size(copy, GST_TAG_TITLE), 1U);
}

TEST(GapEvent, KeepsTimesAndFlags)
{
    for (const GstClockTime duration : {GstClockTime{GST_SECOND}, GST_CLOCK_TIME_NONE}) {
        GstEvent *sent = gst_event_new_gap(5, duration);
        gst_event_set_gap_flags(sent, GST_GAP_FLAG_MISSING_DATA);
        const DecodedEvent received = crossed(sent);
        ASSERT_TRUE(received.event);
        GstClockTime timestamp = 0;
        GstClockTime copy = 0;
        auto flags = static_cast<GstGapFlags>(0);
        gst_event_parse_gap(received.event.get(), &timestamp, &copy);
        gst_event_parse_gap_flags(received.event.get(), &flags);
        EXPECT_EQ(timestamp, 5U);
        EXPECT_EQ(copy, duration);
        EXPECT_EQ(flags, GST_GAP_FLAG_MISSING_DATA);
    }
}

TEST(HostileGap, WithoutATimeIsRefused)
{
    const auto gap = [](uint64_t timestamp, uint64_t duration) {
        return seqnum().number(timestamp).number(duration).number(uint32_t{0xffffffff});
    };
    EXPECT_TRUE(decodes(WireEvent::Gap, gap(G_MAXINT64, GST_CLOCK_TIME_NONE)));
    EXPECT_FALSE(decodes(WireEvent::Gap, gap(GST_CLOCK_TIME_NONE, 0)));
    EXPECT_FALSE(decodes(WireEvent::Gap, gap(uint64_t{G_MAXINT64} + 1, 0)));
    EXPECT_FALSE(decodes(WireEvent::Gap, gap(0, GST_CLOCK_TIME_NONE - 1)));
}

TEST(SegmentDone, KeepsFormatAndPosition)
{
    const DecodedEvent received = crossed(gst_event_new_segment_done(GST_FORMAT_TIME, 77));
    ASSERT_TRUE(received.event);
    GstFormat format = GST_FORMAT_UNDEFINED;
    gint64 position = 0;
    gst_event_parse_segment_done(received.event.get(), &format, &position);
    EXPECT_EQ(format, GST_FORMAT_TIME);
    EXPECT_EQ(position, 77);
}

TEST(HostileSegmentDone, OfUnknownFormatOrPositionIsRefused)
{
    const auto done = [](int32_t format, int64_t position) {
        return seqnum().number(format).number(position);
    };
    EXPECT_TRUE(decodes(WireEvent::SegmentDone, done(GST_FORMAT_TIME, -1)));
    EXPECT_FALSE(decodes(WireEvent::SegmentDone, done(GST_FORMAT_UNDEFINED, 0)));
    EXPECT_FALSE(decodes(WireEvent::SegmentDone, done(GST_FORMAT_PERCENT + 1, 0)));
    EXPECT_FALSE(decodes(WireEvent::SegmentDone, done(-1, 0)));
    EXPECT_FALSE(decodes(WireEvent::SegmentDone, done(GST_FORMAT_TIME, -2)));
}

TEST(CustomEvent, KeepsItsStructure)
{
    for (const GstEventType type :
         {GST_EVENT_CUSTOM_DOWNSTREAM, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, GST_EVENT_CUSTOM_DOWNSTREAM_OOB,
          GST_EVENT_CUSTOM_BOTH, GST_EVENT_CUSTOM_BOTH_OOB}) {
        const StructureOwner structure(gst_structure_new_from_string(
            "GstForceKeyUnit, timestamp=(guint64)5, all-headers=(boolean)true"));
        const DecodedEvent received =
            crossed(gst_event_new_custom(type, gst_structure_copy(structure.get())));
        ASSERT_TRUE(received.event);
        EXPECT_TRUE(gst_structure_is_equal(structure.get(), gst_event_get_structure(received.event.get())));
    }
}

TEST(CustomEvent, WithoutAStructureIsRefusedByTheWriter)
{
    EXPECT_FALSE(crossed(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, nullptr)).event);
}

TEST(SinkMessage, ArrivesAsAMessageOfTheElementHere)
{
    const ObjectOwner<GstElement> element(
        GST_ELEMENT(gst_object_ref_sink(gst_bin_new(nullptr)))); // any object
    for (const GstMessageType type : {GST_MESSAGE_APPLICATION, GST_MESSAGE_ELEMENT}) {
        const MessageOwner message(gst_message_new_custom(
            type, nullptr, gst_structure_new("said", "number", G_TYPE_INT, 7, nullptr)));
        const EventOwner sent(gst_event_new_sink_message("in-sync", message.get()));
        const auto encoded = encodeEvent(sent.get());
        ASSERT_TRUE(encoded);
        const DecodedEvent received =
            decodeEvent(encoded->type, encoded->bytes, GST_OBJECT_CAST(element.get()));
        ASSERT_TRUE(received.event);
        EXPECT_TRUE(gst_event_has_name(received.event.get(), "in-sync"));
        GstMessage *parsed = nullptr;
        gst_event_parse_sink_message(received.event.get(), &parsed);
        const MessageOwner copy(parsed);
        EXPECT_EQ(GST_MESSAGE_TYPE(copy.get()), type);
        EXPECT_EQ(GST_MESSAGE_SRC(copy.get()), GST_OBJECT_CAST(element.get()));
        EXPECT_EQ(gst_message_get_seqnum(copy.get()), gst_message_get_seqnum(message.get()));
        EXPECT_TRUE(gst_structure_is_equal(gst_message_get_structure(copy.get()),
                                           gst_message_get_structure(message.get())));
    }
}

TEST(SinkMessage, ThatTellsOfThisProcessIsRefused)
{
    const MessageOwner end(gst_message_new_eos(nullptr));
    EXPECT_FALSE(crossed(gst_event_new_sink_message("m", end.get())).event);
    const auto message = [](std::string_view name, uint32_t type) {
        return seqnum().text(name).number(type).number(uint32_t{5}).text("s").number(uint32_t{0});
    };
    EXPECT_TRUE(decodes(WireEvent::SinkMessage, message("m", GST_MESSAGE_ELEMENT)));
    for (const GstMessageType type : {GST_MESSAGE_EOS, GST_MESSAGE_ERROR, GST_MESSAGE_STATE_CHANGED,
                                      GST_MESSAGE_REQUEST_STATE, GST_MESSAGE_UNKNOWN, GST_MESSAGE_ANY})
        EXPECT_FALSE(decodes(WireEvent::SinkMessage, message("m", static_cast<uint32_t>(type))));
    EXPECT_FALSE(decodes(WireEvent::SinkMessage, message("", GST_MESSAGE_ELEMENT)));
    EXPECT_FALSE(decodes(WireEvent::SinkMessage, message("no name", GST_MESSAGE_ELEMENT)));
    EXPECT_FALSE(decodes(WireEvent::SinkMessage, message("video/x-raw-rgb", GST_MESSAGE_ELEMENT)));
}

// Players open the address of a "redirect", and hand windows to who asks for one.
TEST(SinkMessage, ThatApplicationsObeyDoesNotCross)
{
    const auto named = [](const char *name) {
        return seqnum()
            .text("m")
            .number(static_cast<uint32_t>(GST_MESSAGE_ELEMENT))
            .number(uint32_t{5})
            .text(name)
            .number(uint32_t{0});
    };
    EXPECT_TRUE(decodes(WireEvent::SinkMessage, named("said")));
    for (const char *order : {"redirect", "missing-plugin", "prepare-window-handle", "have-window-handle"}) {
        EXPECT_FALSE(decodes(WireEvent::SinkMessage, named(order))) << order;
        const MessageOwner message(
            gst_message_new_custom(GST_MESSAGE_ELEMENT, nullptr, gst_structure_new_empty(order)));
        const EventOwner event(gst_event_new_sink_message("m", message.get()));
        EXPECT_FALSE(encodeEvent(event.get())) << order;
    }
}

TEST(Protection, KeepsSystemOriginAndData)
{
    for (const char *origin : {static_cast<const char *>(nullptr), "isobmff/moov"}) {
        const BufferOwner data(gst_buffer_new_memdup("pssh", 4));
        const DecodedEvent received =
            crossed(gst_event_new_protection("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", data.get(), origin));
        ASSERT_TRUE(received.event);
        const char *system = nullptr;
        const char *copiedOrigin = nullptr;
        GstBuffer *copy = nullptr;
        gst_event_parse_protection(received.event.get(), &system, &copy, &copiedOrigin);
        EXPECT_STREQ(system, "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed");
        EXPECT_STREQ(copiedOrigin, origin);
        EXPECT_EQ(gst_buffer_memcmp(copy, 0, "pssh", 4), 0);
    }
}

TEST(HostileProtection, NamesMustBeWordsAndDataBounded)
{
    const auto protection = [](std::string_view system, std::string_view origin, size_t size = 4) {
        return seqnum().text(system).text(origin).number(uint8_t{0}).text(std::string(size, 'x'));
    };
    EXPECT_TRUE(decodes(WireEvent::Protection, protection("s", "o")));
    EXPECT_FALSE(decodes(WireEvent::Protection, protection("", "o")));
    EXPECT_FALSE(decodes(WireEvent::Protection, protection("s s", "o")));
    EXPECT_FALSE(decodes(WireEvent::Protection, protection("s", "\xff")));
    EXPECT_FALSE(decodes(WireEvent::Protection, protection(std::string(kMaxNameBytes, 's'), "")));
    const size_t frame = protection("s", "", 0).out.size();
    const size_t room = maxEventBytes(WireEvent::Protection) - frame;
    EXPECT_TRUE(decodes(WireEvent::Protection, protection("s", "", room)));
    EXPECT_FALSE(decodes(WireEvent::Protection, protection("s", "", room + 1)));
}

TEST(InstantRateChange, KeepsMultiplierAndFlags)
{
    const DecodedEvent received =
        crossed(gst_event_new_instant_rate_change(1.5, GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO));
    ASSERT_TRUE(received.event);
    gdouble multiplier = 0;
    GstSegmentFlags flags = GST_SEGMENT_FLAG_NONE;
    gst_event_parse_instant_rate_change(received.event.get(), &multiplier, &flags);
    EXPECT_EQ(multiplier, 1.5);
    EXPECT_EQ(flags, GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO);
}

TEST(HostileInstantRateChange, MultiplierIsBoundedAndFlagsAreKnown)
{
    const auto change = [](double multiplier) {
        return seqnum().number(multiplier).number(uint32_t{0xffffffff});
    };
    EXPECT_TRUE(decodes(WireEvent::InstantRateChange, change(kMaxRate)));
    for (const double multiplier : {0.0, -1.0, kMinRate / 2, kMaxRate * 2, std::nan("")})
        EXPECT_FALSE(decodes(WireEvent::InstantRateChange, change(multiplier))) << multiplier;
    const DecodedEvent received = decodeEvent(WireEvent::InstantRateChange, change(1).bytes());
    GstSegmentFlags flags = GST_SEGMENT_FLAG_NONE;
    gst_event_parse_instant_rate_change(received.event.get(), nullptr, &flags);
    EXPECT_EQ(flags & ~GST_SEGMENT_INSTANT_FLAGS, 0);
}

TEST(Event, ThatTravelsElsewhereIsRefusedByTheWriter)
{
    EXPECT_FALSE(crossed(gst_event_new_eos()).event);
    EXPECT_FALSE(crossed(gst_event_new_flush_start()).event);
    EXPECT_FALSE(crossed(gst_event_new_latency(0)).event);
    EXPECT_FALSE(crossed(gst_event_new_reconfigure()).event);
    EXPECT_FALSE(crossed(gst_event_new_buffer_size(GST_FORMAT_BYTES, 1, 2, FALSE)).event);
}

TEST(HostileEvent, SeqnumZeroIsNotSet)
{
    const DecodedEvent received = decodeEvent(
        WireEvent::SegmentDone, seqnum(0).number(int32_t{GST_FORMAT_TIME}).number(int64_t{0}).bytes());
    ASSERT_TRUE(received.event);
    EXPECT_NE(gst_event_get_seqnum(received.event.get()), GST_SEQNUM_INVALID);
}

TEST(HostileEvent, OfUnknownTypeIsRefused)
{
    for (const uint16_t type : {uint16_t{0}, uint16_t{18}, uint16_t{0xffff}}) {
        EXPECT_EQ(maxEventBytes(static_cast<WireEvent>(type)), 0U);
        EXPECT_FALSE(decodes(static_cast<WireEvent>(type), Hostile()));
        EXPECT_FALSE(decodes(static_cast<WireEvent>(type), seqnum()));
    }
}

TEST(HostileEvent, BeyondItsBytesIsRefused)
{
    const auto custom = [](size_t size) {
        Hostile hostile = seqnum();
        hostile.text("s")
            .number(uint32_t{1})
            .text("f")
            .kind(Buffer)
            .number(uint8_t{0})
            .text(std::string(size, 'x'));
        return hostile;
    };
    const size_t frame = custom(0).out.size();
    const size_t room = maxEventBytes(WireEvent::CustomDownstream) - frame;
    for (const WireEvent type :
         {WireEvent::CustomDownstream, WireEvent::CustomDownstreamSticky, WireEvent::CustomDownstreamOob,
          WireEvent::CustomBoth, WireEvent::CustomBothOob}) {
        EXPECT_TRUE(decodes(type, custom(room)));
        EXPECT_FALSE(decodes(type, custom(room + 1)));
    }
}

TEST(HostileEvent, CutShortOrWithBytesLeftOverIsRefused)
{
    const EventOwner sent(gst_event_new_gap(1, 2));
    Bytes bytes = encodeEvent(sent.get())->bytes;
    for (size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decodeEvent(WireEvent::Gap, std::span(bytes).first(size)).event);
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(decodeEvent(WireEvent::Gap, bytes).event);
}

} // namespace
