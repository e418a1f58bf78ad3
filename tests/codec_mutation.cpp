// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Thousands of random and mutated messages into every decoder: none may crash it or reach a
// critical, and whatever it takes it can also write and read again.
#include "plugin/caps_codec.h"
#include "plugin/event_codec.h"
#include "plugin/format_names.h"
#include "plugin/incoming_metas.h"
#include "plugin/outgoing_metas.h"
#include "plugin/segment_codec.h"
#include "plugin/tag_codec.h"
#include "plugin/upstream_codec.h"
#include "tests/codec_wire.h"
#include "tests/meta_samples.h"
#include "tests/meta_text.h"

#include <gst/video/video.h>
#include <random>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

constexpr uint32_t kSeed = 20240229;
constexpr int kRandomMessages = 2000;
constexpr int kMutationsOfEach = 3000;

struct Decoder {
    const char *name;
    std::function<std::vector<Bytes>()> originals;
    // True if taken; then what was decoded has also been used a little.
    std::function<bool(std::span<const std::byte>)> decode;
};

void PrintTo(const Decoder &decoder, std::ostream *out)
{
    *out << decoder.name;
}

void look(gpointer object)
{
    gchar *text = gst_info_strdup_printf("%" GST_PTR_FORMAT, object); // walks through everything
    EXPECT_NE(text, nullptr);
    g_free(text);
}

Bytes capsBytes(const char *text)
{
    const CapsOwner caps(gst_caps_from_string(text));
    return encodeCaps(caps.get()).value();
}

bool decodeAnyCaps(std::span<const std::byte> bytes)
{
    const CapsOwner caps = decodeCaps(bytes);
    if (!caps)
        return false;
    look(caps.get());
    const auto again = encodeCaps(caps.get());
    EXPECT_TRUE(again);
    EXPECT_TRUE(again && decodeCaps(*again));
    return true;
}

Bytes tagBytes()
{
    const TagListOwner tags(gst_tag_list_new(GST_TAG_TITLE, "title", GST_TAG_TRACK_NUMBER, 3U, GST_TAG_ARTIST,
                                             "a", GST_TAG_REFERENCE_LEVEL, 1.0, nullptr));
    gst_tag_list_add(tags.get(), GST_TAG_MERGE_APPEND, GST_TAG_ARTIST, "b", nullptr);
    const DateTimeOwner when(gst_date_time_new(2.0F, 2020, 1, 31, 12, 0, 1.5));
    const BufferOwner buffer(gst_buffer_new_memdup("jpeg", 4));
    const CapsOwner caps(gst_caps_from_string("image/jpeg"));
    const SampleOwner image(
        gst_sample_new(buffer.get(), caps.get(), nullptr, gst_structure_new_empty("info")));
    gst_tag_list_add(tags.get(), GST_TAG_MERGE_APPEND, GST_TAG_DATE_TIME, when.get(), GST_TAG_IMAGE,
                     image.get(), nullptr);
    return encodeTagList(*tags);
}

bool decodeAnyTags(std::span<const std::byte> bytes)
{
    const TagListOwner tags = decodeTagList(bytes);
    if (!tags)
        return false;
    look(tags.get());
    EXPECT_TRUE(decodeTagList(encodeTagList(*tags)));
    return true;
}

EventOwner tocEvent()
{
    const TocOwner toc(gst_toc_new(GST_TOC_SCOPE_GLOBAL));
    gst_toc_set_tags(toc.get(), gst_tag_list_new(GST_TAG_TITLE, "t", nullptr));
    GstTocEntry *edition = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_EDITION, "e");
    GstTocEntry *chapter = gst_toc_entry_new(GST_TOC_ENTRY_TYPE_CHAPTER, "c");
    gst_toc_entry_set_start_stop_times(chapter, 1, 2);
    gst_toc_entry_append_sub_entry(edition, chapter);
    gst_toc_append_entry(toc.get(), edition);
    return EventOwner(gst_event_new_toc(toc.get(), TRUE));
}

EventOwner streamStart()
{
    const CapsOwner caps(gst_caps_from_string("video/x-h264"));
    const ObjectOwner<GstStream> stream(
        gst_stream_new("s", caps.get(), GST_STREAM_TYPE_VIDEO, GST_STREAM_FLAG_NONE));
    const TagListOwner tags(gst_tag_list_new(GST_TAG_TITLE, "t", nullptr));
    gst_stream_set_tags(stream.get(), tags.get());
    EventOwner event(gst_event_new_stream_start("s"));
    gst_event_set_stream(event.get(), stream.get());
    return event;
}

EventOwner streamCollection()
{
    const ObjectOwner<GstStreamCollection> collection(gst_stream_collection_new("u"));
    gst_stream_collection_add_stream(
        collection.get(), gst_stream_new("s", nullptr, GST_STREAM_TYPE_AUDIO, GST_STREAM_FLAG_NONE));
    gst_stream_collection_add_stream(
        collection.get(), gst_stream_new("t", nullptr, GST_STREAM_TYPE_TEXT, GST_STREAM_FLAG_SPARSE));
    return EventOwner(gst_event_new_stream_collection(collection.get()));
}

EventOwner sinkMessage()
{
    const MessageOwner message(
        gst_message_new_application(nullptr, gst_structure_new("s", "a", G_TYPE_INT, 1, nullptr)));
    return EventOwner(gst_event_new_sink_message("m", message.get()));
}

EventOwner protection()
{
    const BufferOwner data(gst_buffer_new_memdup("pssh", 4));
    return EventOwner(gst_event_new_protection("system", data.get(), "origin"));
}

std::vector<Bytes> eventMessages()
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    const CapsOwner caps(gst_caps_from_string("video/x-raw,format=NV12,width=2,height=2"));
    std::vector<Bytes> messages;
    for (GstEvent *made :
         {tocEvent().release(), streamStart().release(), streamCollection().release(),
          sinkMessage().release(), protection().release(),
          gst_event_new_instant_rate_change(2, GST_SEGMENT_FLAG_NONE), gst_event_new_stream_group_done(1),
          gst_event_new_stream_start("id"), gst_event_new_caps(caps.get()), gst_event_new_segment(&segment),
          gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "t", nullptr)), gst_event_new_gap(1, 2),
          gst_event_new_segment_done(GST_FORMAT_TIME, 3),
          gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                               gst_structure_new("s", "a", G_TYPE_INT, 1, nullptr))}) {
        const EventOwner event(made);
        const auto encoded = encodeEvent(made).value();
        ringcore::ByteWriter out(encoded.bytes.size() + 2);
        out.number(static_cast<uint16_t>(encoded.type));
        out.append(encoded.bytes.data(), encoded.bytes.size());
        messages.push_back(out.take());
    }
    return messages;
}

// The type is part of what is mutated here.
bool decodeAnyEvent(std::span<const std::byte> bytes)
{
    ringcore::ByteReader in(bytes);
    const auto type = in.number<uint16_t>();
    if (in.failed())
        return false;
    const DecodedEvent decoded = decodeEvent(static_cast<WireEvent>(type), bytes.subspan(2));
    if (!decoded.event)
        return false;
    look(decoded.event.get());
    EXPECT_TRUE(encodeEvent(decoded.event.get()));
    return true;
}

Bytes valueBytes()
{
    const StructureOwner s(gst_structure_new_from_string(
        "s, v=(structure)[ all, a=(int)1, b=(string)text, c=(fraction)1/2, d={ (int)1, (int)2 },"
        "e=< < (double)1 >, < (double)2 > >, f=(buffer)0102, g=(date)2020-01-31, "
        "h=(datetime)2020-01-31T12:00:00Z,"
        "i=(bitmask)0x3, j=(GstFlagSet)1:ffffffff, k=(boolean)true, l=(structure)[ inner, m=(gint64)1 ],"
        "n=(int)[ 2, 8, 2 ], o=(gint64)[ 1, 3 ], p=(double)[ 1, 2 ], q=(fraction)[ 1/2, 3/1 ],"
        "r=(GstFormat)bytes, s=(GstSeekFlags)flush ]"));
    ringcore::ByteWriter out(4096);
    MessageBudget budget;
    EXPECT_TRUE(encodeValue(*gst_structure_get_value(s.get(), "v"), out, budget));
    return out.take();
}

bool decodeAnyValue(std::span<const std::byte> bytes)
{
    ringcore::ByteReader in(bytes);
    MessageBudget budget;
    ValueOwner value;
    if (!decodeValue(in, *value, budget))
        return false;
    ValueOwner copy;
    EXPECT_TRUE(crosses(*value, *copy));
    g_free(gst_value_serialize(value.get()));
    return true;
}

bool decodeAnySegment(std::span<const std::byte> bytes)
{
    ringcore::ByteReader in(bytes);
    auto segment = decodeSegment(in);
    if (!segment)
        return false;
    guint64 running = 0;
    gst_segment_to_running_time_full(&*segment, segment->format, segment->start, &running);
    const EventOwner event(gst_event_new_segment(&*segment));
    return event != nullptr;
}

bool decodeAnyFormats(std::span<const std::byte> bytes)
{
    const auto names = decodeFormatNames(bytes);
    return names && names->video.size() + names->audio.size() <= kMaxFormatNames;
}

constexpr size_t kMetaRoom = 1024 * 1024;
constexpr size_t kSamples = 1024;

GstAudioInfo metaAudio()
{
    GstAudioInfo info;
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_S16, 48000, 2, nullptr);
    return info;
}

std::vector<Bytes> metaMessages()
{
    std::vector<Bytes> messages;
    for (const auto &add :
         {samples::addVideoMetas, samples::addAudioMetas, samples::addRegions, samples::addTimeCodes,
          samples::addOverlays, samples::addRtpSources, samples::addProtections}) {
        const BufferOwner buffer(gst_buffer_new());
        const GstAudioInfo audio = metaAudio();
        gst_buffer_add_audio_meta(buffer.get(), &audio, kSamples, nullptr);
        add(buffer.get());
        messages.push_back(OutgoingMetas(nullptr).encode(buffer.get(), kSamples * 4, kMetaRoom));
    }
    return messages;
}

bool decodeAnyMetas(std::span<const std::byte> bytes)
{
    IncomingMetas metas;
    const GstAudioInfo audio = metaAudio();
    const BufferOwner buffer(gst_buffer_new_allocate(nullptr, kSamples * 4, nullptr));
    unsigned left = 0;
    if (!metas.fetch(bytes) || metas.attach({buffer.get(), 64, 48, &audio, kSamples * 4}, {}, left))
        return false;
    const std::string text = metasOf(buffer.get());
    OutgoingMetas again(nullptr);
    const Bytes said = again.encode(buffer.get(), kSamples * 4, kMetaRoom);
    EXPECT_EQ(again.left(), 0u) << text;
    return true;
}

Bytes segmentBytes()
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.stop = GST_SECOND;
    ringcore::ByteWriter out(1024);
    EXPECT_TRUE(encodeSegment(segment, out));
    return out.take();
}

Bytes formatBytes()
{
    const CapsOwner caps(gst_caps_from_string("video/x-raw,format={I420,NV12};audio/x-raw,format=S16LE"));
    return encodeFormatNames(caps.get());
}

// The kind is part of what is mutated here.
std::vector<Bytes> upstreamMessages()
{
    std::vector<Bytes> messages;
    for (GstEvent *made : {gst_video_event_new_upstream_force_key_unit(1, TRUE, 2),
                           gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, 2, 3), gst_event_new_latency(4),
                           gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                gst_structure_new("s", "a", G_TYPE_INT, 1, nullptr))}) {
        const EventOwner event(made);
        const auto encoded = encodeUpstream(made, 0).value();
        ringcore::ByteWriter out(encoded.bytes.size() + 4);
        out.number(static_cast<uint32_t>(encoded.kind));
        out.append(encoded.bytes.data(), encoded.bytes.size());
        messages.push_back(out.take());
    }
    return messages;
}

bool decodeAnyUpstream(std::span<const std::byte> bytes)
{
    ringcore::ByteReader in(bytes);
    const auto kind = in.number<uint32_t>();
    if (in.failed())
        return false;
    const auto request = decodeUpstream(kind, bytes.subspan(4));
    if (request && std::holds_alternative<CustomRequest>(*request))
        look(std::get<CustomRequest>(*request).event.get());
    return request.has_value();
}

void mutate(Bytes &bytes, std::mt19937 &random)
{
    const auto pick = [&](size_t below) {
        return std::uniform_int_distribution<size_t>(0, below - 1)(random);
    };
    constexpr uint32_t kTelling[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 255, 256, 4097};
    for (size_t times = 1 + pick(3); times > 0 && !bytes.empty(); --times) {
        const size_t at = pick(bytes.size());
        const auto here = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        switch (pick(6)) {
        case 0:
            bytes[at] ^= static_cast<std::byte>(1U << pick(8));
            break;
        case 1:
            bytes[at] = static_cast<std::byte>(pick(256));
            break;
        case 2:
            bytes.resize(at);
            break;
        case 3: // a piece twice: more entries than were counted
            bytes.insert(here, bytes.begin(), here);
            break;
        case 4:
            bytes.erase(here, here + static_cast<std::ptrdiff_t>(pick(bytes.size() - at) + 1));
            break;
        default:
            if (bytes.size() - at >= sizeof(uint32_t))
                std::memcpy(&bytes[at], &kTelling[pick(std::size(kTelling))], sizeof(uint32_t));
            break;
        }
    }
}

class EveryDecoder : public testing::TestWithParam<Decoder>
{
};

TEST_P(EveryDecoder, SurvivesRandomBytes)
{
    std::mt19937 random(kSeed);
    for (int i = 0; i < kRandomMessages; ++i) {
        Bytes bytes(random() % 200);
        for (std::byte &byte : bytes)
            byte = static_cast<std::byte>(random() % (i % 2 == 0 ? 256 : 20)); // small ones get further
        GetParam().decode(bytes);
    }
}

TEST_P(EveryDecoder, SurvivesMutationsAndStillTakesTheOriginal)
{
    std::mt19937 random(kSeed);
    for (const Bytes &original : GetParam().originals()) {
        EXPECT_TRUE(GetParam().decode(original));
        int refused = 0;
        for (int i = 0; i < kMutationsOfEach; ++i) {
            // A block of its own size, so that AddressSanitizer sees a read past its end.
            Bytes mutated = original;
            mutate(mutated, random);
            mutated.shrink_to_fit();
            refused += GetParam().decode(mutated) ? 0 : 1;
        }
        EXPECT_GT(refused, 0);
        EXPECT_TRUE(GetParam().decode(original));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Codecs, EveryDecoder,
    testing::Values(
        Decoder{"caps",
                [] {
                    return std::vector<Bytes>{
                        capsBytes("video/x-h264,stream-format=(string)avc,codec_data=(buffer)0164001fff,"
                                  "framerate=(fraction)25/1"),
                        capsBytes("audio/x-opus,streamheader=(buffer)< 4f707573, 4f70 >,channels=(int)2"),
                        capsBytes("video/x-raw(format:Interlaced),format=(string)NV12,width=(int)2")};
                },
                decodeAnyCaps},
        Decoder{"tags", [] { return std::vector<Bytes>{tagBytes()}; }, decodeAnyTags},
        Decoder{"events", eventMessages, decodeAnyEvent},
        Decoder{"values", [] { return std::vector<Bytes>{valueBytes()}; }, decodeAnyValue},
        Decoder{"metas", metaMessages, decodeAnyMetas},
        Decoder{"segments", [] { return std::vector<Bytes>{segmentBytes()}; }, decodeAnySegment},
        Decoder{"upstream", upstreamMessages, decodeAnyUpstream},
        Decoder{"formats", [] { return std::vector<Bytes>{formatBytes()}; }, decodeAnyFormats}),
    [](const auto &tested) { return std::string(tested.param.name); });

} // namespace
