// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_events.h"

#include "random_values.h"

#include <cmath>

using namespace sharedring;

namespace
{

double randomRate(Dice &dice)
{
    static constexpr double kRates[] = {1.0, 1.0, 1.0, 2.0, 0.5, -1.0, -0.25, 1e-3, 100.0, -7.7};
    return dice.pick(kRates);
}

GstSegment randomSegment(Dice &dice)
{
    static constexpr GstFormat kFormats[] = {GST_FORMAT_TIME,    GST_FORMAT_TIME,    GST_FORMAT_TIME,
                                             GST_FORMAT_BYTES,   GST_FORMAT_DEFAULT, GST_FORMAT_BUFFERS,
                                             GST_FORMAT_PERCENT, GST_FORMAT_TIME};
    constexpr uint64_t kLong = G_MAXINT64 / 8;
    GstSegment segment;
    gst_segment_init(&segment, dice.pick(kFormats));
    segment.flags = static_cast<GstSegmentFlags>(
        dice.oneIn(3) ? dice.any() & (GST_SEGMENT_FLAG_RESET | GST_SEGMENT_FLAG_TRICKMODE |
                                      GST_SEGMENT_FLAG_SEGMENT | GST_SEGMENT_FLAG_TRICKMODE_KEY_UNITS |
                                      GST_SEGMENT_FLAG_TRICKMODE_FORWARD_PREDICTED |
                                      GST_SEGMENT_FLAG_TRICKMODE_NO_AUDIO)
                      : 0);
    segment.rate = randomRate(dice);
    // GStreamer 1.22's queue cannot play bytes backwards: it asserts.
    if (segment.format != GST_FORMAT_TIME)
        segment.rate = std::abs(segment.rate);
    segment.applied_rate = dice.oneIn(3) ? randomRate(dice) : 1.0;
    segment.base = dice.oneIn(2) ? 0 : dice.magnitude(kLong);
    segment.start = dice.oneIn(2) ? 0 : dice.magnitude(kLong);
    if (segment.rate < 0 || dice.oneIn(2))
        segment.stop = segment.start + dice.magnitude(kLong);
    if (dice.oneIn(3))
        segment.offset =
            dice.magnitude(GST_CLOCK_TIME_IS_VALID(segment.stop) ? segment.stop - segment.start : kLong);
    segment.time = dice.oneIn(3) ? randomTime(dice) : segment.start;
    segment.position = dice.oneIn(3) ? randomTime(dice) : segment.start;
    segment.duration = randomTime(dice);
    return segment;
}

int64_t randomPosition(Dice &dice)
{
    return dice.oneIn(4) ? -1 : static_cast<int64_t>(dice.magnitude(G_MAXINT64));
}

GstEvent *randomCustomOf(Dice &dice, GstEventType type)
{
    // Pads keep one for each name, and no producer may have a client keep many.
    static constexpr const char *kNames[] = {"random/a", "random-b", "random-c", "random-d"};
    return gst_event_new_custom(type, randomStructure(dice, dice.pick(kNames)).release());
}

GstEvent *randomCustom(Dice &dice)
{
    return randomCustomOf(dice, GST_EVENT_CUSTOM_DOWNSTREAM);
}

GstEvent *randomStickyCustom(Dice &dice)
{
    return randomCustomOf(dice, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY);
}

GstEvent *randomCustomBoth(Dice &dice)
{
    return randomCustomOf(dice, GST_EVENT_CUSTOM_BOTH);
}

GstEvent *randomTagEvent(Dice &dice)
{
    return gst_event_new_tag(randomTags(dice).release());
}

GstTocEntry *randomTocEntry(Dice &dice, GstTocEntryType type, int depth)
{
    GstTocEntry *entry = gst_toc_entry_new(type, randomText(dice).c_str());
    if (dice.oneIn(2))
        gst_toc_entry_set_start_stop_times(entry, randomPosition(dice), randomPosition(dice));
    if (dice.oneIn(3))
        gst_toc_entry_set_loop(entry, GST_TOC_LOOP_PING_PONG, dice.between(-1, 9));
    if (dice.oneIn(2))
        gst_toc_entry_set_tags(entry, randomTags(dice).release());
    for (uint64_t left = depth > 0 ? dice.below(4) : 0; left > 0; left--)
        gst_toc_entry_append_sub_entry(entry, randomTocEntry(dice, GST_TOC_ENTRY_TYPE_CHAPTER, depth - 1));
    return entry;
}

GstEvent *randomToc(Dice &dice)
{
    const TocOwner toc(gst_toc_new(dice.oneIn(2) ? GST_TOC_SCOPE_GLOBAL : GST_TOC_SCOPE_CURRENT));
    if (dice.oneIn(2))
        gst_toc_set_tags(toc.get(), randomTags(dice).release());
    for (uint64_t left = dice.below(4); left > 0; left--)
        gst_toc_append_entry(toc.get(), randomTocEntry(dice, GST_TOC_ENTRY_TYPE_EDITION, 3));
    return gst_event_new_toc(toc.get(), dice.oneIn(2));
}

GstEvent *randomCollection(Dice &dice)
{
    const ObjectOwner<GstStreamCollection> collection(gst_stream_collection_new(randomText(dice).c_str()));
    for (uint64_t left = dice.below(5); left > 0; left--)
        gst_stream_collection_add_stream(collection.get(),
                                         randomStreamObject(dice, randomText(dice)).release());
    return gst_event_new_stream_collection(collection.get());
}

GstEvent *randomProtection(Dice &dice)
{
    static constexpr const char *kSystems[] = {"9a04f079-9840-4286-ab92-e65be0885f95", "another-system"};
    static constexpr const char *kOrigins[] = {"isobmff/moov", "dash/mpd", nullptr};
    const BufferOwner data = randomBytes(dice, dice.below(300) + 1);
    return gst_event_new_protection(dice.pick(kSystems), data.get(), dice.pick(kOrigins));
}

GstEvent *randomSinkMessage(Dice &dice)
{
    static constexpr const char *kNames[] = {"message-a", "message-b"};
    StructureOwner content = randomStructure(dice, "said");
    const MessageOwner message(dice.oneIn(2) ? gst_message_new_application(nullptr, content.release())
                                             : gst_message_new_element(nullptr, content.release()));
    return gst_event_new_sink_message(dice.pick(kNames), message.get());
}

constexpr GstEvent *(*kEvents[])(Dice &) = {
    randomTagEvent, randomTagEvent,   randomCustom,     randomStickyCustom, randomCustomBoth,
    randomToc,      randomCollection, randomProtection, randomSinkMessage,
};

} // namespace

ObjectOwner<GstStream> randomStreamObject(Dice &dice, const std::string &id)
{
    const CapsOwner caps(dice.oneIn(3)
                             ? nullptr
                             : gst_caps_new_full(randomStructure(dice, "video/x-random").release(), nullptr));
    GstStream *stream = gst_stream_new(id.c_str(), caps.get(), static_cast<GstStreamType>(dice.below(32)),
                                       static_cast<GstStreamFlags>(dice.below(8)));
    if (dice.oneIn(2)) {
        const TagListOwner tags = randomTags(dice);
        gst_stream_set_tags(stream, tags.get());
    }
    return ObjectOwner<GstStream>(stream);
}

GstEvent *randomSegmentEvent(Dice &dice)
{
    const GstSegment segment = randomSegment(dice);
    return gst_event_new_segment(&segment);
}

GstEvent *randomGap(Dice &dice)
{
    GstClockTime time = GST_CLOCK_TIME_NONE;
    while (!GST_CLOCK_TIME_IS_VALID(time))
        time = randomTime(dice);
    GstEvent *event = gst_event_new_gap(time, randomTime(dice));
    if (dice.oneIn(2))
        gst_event_set_gap_flags(event, GST_GAP_FLAG_MISSING_DATA);
    return event;
}

GstEvent *randomSegmentDone(Dice &dice)
{
    static constexpr GstFormat kFormats[] = {GST_FORMAT_TIME, GST_FORMAT_BYTES, GST_FORMAT_DEFAULT,
                                             GST_FORMAT_BUFFERS, GST_FORMAT_PERCENT};
    return gst_event_new_segment_done(dice.pick(kFormats), randomPosition(dice));
}

GstEvent *randomEvent(Dice &dice)
{
    return dice.pick(kEvents)(dice);
}
