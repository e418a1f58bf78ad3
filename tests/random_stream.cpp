// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_stream.h"

#include "random_events.h"
#include "random_format.h"
#include "random_metas.h"
#include "random_values.h"

#include <optional>
#include <string>

using namespace sharedring;

namespace
{

constexpr size_t kUsualBytes = 3000;
constexpr size_t kManyBytes = 2000000;

constexpr guint kFlags[] = {
    GST_BUFFER_FLAG_LIVE,
    GST_BUFFER_FLAG_DECODE_ONLY,
    GST_BUFFER_FLAG_DISCONT,
    GST_BUFFER_FLAG_RESYNC,
    GST_BUFFER_FLAG_CORRUPTED,
    GST_BUFFER_FLAG_MARKER,
    GST_BUFFER_FLAG_HEADER,
    GST_BUFFER_FLAG_GAP,
    GST_BUFFER_FLAG_DROPPABLE,
    GST_BUFFER_FLAG_DELTA_UNIT,
    GST_BUFFER_FLAG_SYNC_AFTER,
    GST_BUFFER_FLAG_NON_DROPPABLE,
    GST_VIDEO_BUFFER_FLAG_INTERLACED,
    GST_VIDEO_BUFFER_FLAG_TFF,
    GST_VIDEO_BUFFER_FLAG_RFF,
    GST_VIDEO_BUFFER_FLAG_ONEFIELD,
    GST_VIDEO_BUFFER_FLAG_MULTIPLE_VIEW,
    GST_VIDEO_BUFFER_FLAG_FIRST_IN_BUNDLE,
};

class Maker
{
public:
    explicit Maker(uint64_t seed) : dice_(seed) {}

    std::vector<StreamItem> make(size_t least);

private:
    struct Kind {
        unsigned weight;
        void (Maker::*make)();
    };
    static const Kind kKinds[];

    void buffer();
    void list();
    void gap();
    void caps();
    void segment();
    void event();
    void segmentDone();
    void groupDone();
    void outOfBand();
    void flush();
    void startAndStopAFlush(bool resetTime);
    void endAndBeginAgain();

    void beginning();
    void streamStart();
    BufferOwner randomBuffer();
    void pushRandom();
    void push(GstMiniObject *object, bool isAlone = false);
    void push(GstEvent *event, bool isAlone = false) { push(GST_MINI_OBJECT_CAST(event), isAlone); }

    Dice dice_;
    std::vector<StreamItem> items_;
    std::vector<guint> groups_;
    std::optional<guint> group_; // of this stream
    RandomFormat format_;
    bool isWithoutCaps_ = false;
    bool isUnderWay_ = false; // a buffer came since the stream's start and the last flush
    GstClockTime now_ = 0;
};

const Maker::Kind Maker::kKinds[] = {
    {50, &Maker::buffer},   {8, &Maker::list},   {6, &Maker::gap},         {4, &Maker::caps},
    {4, &Maker::segment},   {28, &Maker::event}, {3, &Maker::segmentDone}, {1, &Maker::groupDone},
    {2, &Maker::outOfBand}, {2, &Maker::flush},  {2, &Maker::beginning},   {1, &Maker::endAndBeginAgain},
};

void Maker::push(GstMiniObject *object, bool isAlone)
{
    items_.push_back({decltype(StreamItem::object)(object), isAlone});
}

BufferOwner Maker::randomBuffer()
{
    BufferOwner buffer = format_.content(dice_, dice_.oneIn(40) ? kManyBytes : kUsualBytes);
    GstBuffer *made = buffer.get();
    addRandomMetas(dice_, format_, made);
    for (const guint flag : kFlags) {
        if (dice_.oneIn(8))
            GST_BUFFER_FLAG_SET(made, flag);
    }
    if (dice_.oneIn(2)) {
        now_ += dice_.below(GST_SECOND / 25);
        GST_BUFFER_PTS(made) = now_;
        GST_BUFFER_DTS(made) = now_;
        GST_BUFFER_DURATION(made) = dice_.below(GST_SECOND / 25);
    }
    for (GstClockTime *time : {&GST_BUFFER_PTS(made), &GST_BUFFER_DTS(made), &GST_BUFFER_DURATION(made)}) {
        if (dice_.oneIn(3))
            *time = randomTime(dice_);
    }
    for (guint64 *offset : {&GST_BUFFER_OFFSET(made), &GST_BUFFER_OFFSET_END(made)})
        *offset = dice_.oneIn(2) ? G_MAXUINT64 : dice_.magnitude(G_MAXUINT64);
    return buffer;
}

void Maker::buffer()
{
    push(GST_MINI_OBJECT_CAST(randomBuffer().release()));
    isUnderWay_ = true;
}

void Maker::list()
{
    GstBufferList *list = gst_buffer_list_new();
    for (uint64_t left = dice_.oneIn(10) ? dice_.between(20, 60) : dice_.between(1, 9); left > 0; left--)
        gst_buffer_list_add(list, randomBuffer().release());
    push(GST_MINI_OBJECT_CAST(list));
    isUnderWay_ = true;
}

void Maker::gap()
{
    push(randomGap(dice_));
}

void Maker::caps()
{
    if (isWithoutCaps_)
        return; // they would come behind the segment
    format_ = RandomFormat(dice_);
    push(gst_event_new_caps(format_.caps()));
}

void Maker::segment()
{
    push(randomSegmentEvent(dice_));
}

void Maker::event()
{
    push(randomEvent(dice_));
}

void Maker::segmentDone()
{
    push(randomSegmentDone(dice_));
}

void Maker::groupDone()
{
    if (group_)
        push(gst_event_new_stream_group_done(*group_));
}

void Maker::outOfBand()
{
    // Before the first buffer it waits with the others for that one.
    if (!isUnderWay_)
        return;
    push(gst_event_new_custom(dice_.oneIn(2) ? GST_EVENT_CUSTOM_DOWNSTREAM_OOB : GST_EVENT_CUSTOM_BOTH_OOB,
                              randomStructure(dice_, "random-oob").release()),
         true);
}

// Both are of one seek, and have its number.
void Maker::startAndStopAFlush(bool resetTime)
{
    GstEvent *start = gst_event_new_flush_start();
    GstEvent *stop = gst_event_new_flush_stop(resetTime);
    gst_event_set_seqnum(stop, gst_event_get_seqnum(start));
    push(start, true);
    push(stop, true);
}

void Maker::flush()
{
    // Before the first buffer there is nothing that could be flushed, and no order in which to say so.
    if (!isUnderWay_)
        return;
    // A pad that is flushed before it has returned from a sticky event gets that again. So the last
    // thing before the flush is none, and once it is seen all sticky ones are through.
    push(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("before-a-flush")));
    startAndStopAFlush(dice_.oneIn(2));
    isUnderWay_ = false;
    if (dice_.oneIn(3))
        caps();
    segment();
}

void Maker::streamStart()
{
    if (groups_.empty() || dice_.oneIn(2))
        groups_.push_back(gst_util_group_id_next());
    const std::string id = randomText(dice_);
    GstEvent *event = gst_event_new_stream_start(id.c_str());
    if (dice_.oneIn(3))
        gst_event_set_stream(event, randomStreamObject(dice_, id).get());
    gst_event_set_stream_flags(event, static_cast<GstStreamFlags>(dice_.below(8)));
    group_.reset();
    if (!dice_.oneIn(4))
        group_ = dice_.pick(groups_);
    if (group_)
        gst_event_set_group_id(event, *group_);
    push(event);
    isUnderWay_ = false;
}

void Maker::beginning()
{
    streamStart();
    if (dice_.oneIn(4))
        event();
    if (items_.size() < 5 && dice_.oneIn(6))
        isWithoutCaps_ = true;              // bytes, for good
    if (!dice_.oneIn(4) || !format_.caps()) // else as before
        caps();
    segment();
}

void Maker::endAndBeginAgain()
{
    if (!isUnderWay_)
        return;
    push(gst_event_new_eos(), true);
    // GStreamer 1.22's base sink takes nothing more without a flush.
    startAndStopAFlush(true);
    beginning();
}

void Maker::pushRandom()
{
    unsigned sum = 0;
    for (const Kind &kind : kKinds)
        sum += kind.weight;
    uint64_t left = dice_.below(sum);
    for (const Kind &kind : kKinds) {
        if (left < kind.weight)
            return (this->*kind.make)();
        left -= kind.weight;
    }
}

std::vector<StreamItem> Maker::make(size_t least)
{
    beginning();
    while (items_.size() < least)
        pushRandom();
    push(gst_event_new_eos());
    return std::move(items_);
}

} // namespace

std::vector<StreamItem> randomStream(uint64_t seed, size_t least)
{
    return Maker(seed).make(least);
}
