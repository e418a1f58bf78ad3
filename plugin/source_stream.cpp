// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source_stream.h"

#include "plugin/format_complaint.h"

#include <algorithm>
#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug);
#define GST_CAT_DEFAULT gst_shared_ring_src_debug

namespace sharedring
{

namespace
{

using ringcore::Delivery;
using ringcore::Loss;
using ringcore::Received;

// More than any pipeline needs, and a producer cannot make us wait longer.
constexpr GstClockTime kMostLatency = 10 * GST_SECOND;
// A change of it, for which an application asks its whole pipeline, counts as so many events.
constexpr int64_t kLatencyEvents = 100;
// How long a newcomer that does not take the present format waits for the producer to change it.
constexpr int64_t kFormatPatience = 2 * GST_SECOND;
constexpr unsigned kFormatPatienceBuffers = 3;

template <typename T>
std::optional<T> plainInline(const Delivery &delivery)
{
    if (delivery.inlineBytes.size() != sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, delivery.inlineBytes.data(), sizeof value);
    return value;
}

// Whether a list that has begun is not ended by this. (At a FlushStop the pad still flushes, and what is
// pushed is thrown away.)
bool mayGoOn(Received received, const Delivery &delivery)
{
    return received == Received::Interrupted ||
           (received == Received::Record && delivery.list != ringcore::ListPlace::None &&
            delivery.record.head.kind == kKindBuffer);
}

} // namespace

SourceStream::SourceStream(SourcePort &port, const SourceSettings &settings, ringcore::Subscriber &subscriber)
    : port_(port), settings_(settings), subscriber_(subscriber), payload_(settings.payloadMode),
      times_(settings.isLive)
{
}

SourceStream::Next SourceStream::handle(Received received, Delivery &delivery)
{
    if (list_ && !mayGoOn(received, delivery) && pushList() == Next::Finished)
        return Next::Finished;
    switch (received) {
    case Received::Record:
        return handleRecord(delivery);
    case Received::EndOfStream:
        endStream(delivery.number);
        break;
    case Received::FlushStop:
        endFlush(delivery.resetTime, delivery.number);
        break;
    case Received::Joined:
        join(delivery);
        break;
    case Received::Lost:
        return handleLoss(delivery.loss);
    case Received::Interrupted:
        break;
    }
    return Next::Continue;
}

SourceStream::Next SourceStream::handleRecord(Delivery &delivery)
{
    const uint32_t kind = delivery.record.head.kind;
    if (kind == kKindBuffer)
        return pushBuffer(delivery);
    if (kind == kKindStreamInfo)
        takeStreamInfo(delivery);
    else if (kind > kKindEvent)
        takeEvent(delivery);
    else
        refuse("record of unknown kind " + std::to_string(kind));
    return Next::Continue;
}

void SourceStream::join(const Delivery &delivery)
{
    GST_INFO_OBJECT(port_.element, "joined the producer with pid %d, uid %u",
                    static_cast<int>(delivery.producer.pid), delivery.producer.uid);
    held_.clear();
    times_.join();
    for (const WireEvent type : {WireEvent::Caps, WireEvent::Segment})
        sticky_.forget(type);
    caps_.reset();
    capsAccepted_ = true;
    (void)payload_.setCaps(nullptr);
    discont_ = true;
    isFirst_ = true;
    missedBeginning_ = false;
    missed_ = seenKeyUnit_ = askedForKeyUnit_ = false;
    pauses_.reset();
}

SourceStream::Next SourceStream::handleLoss(const Loss &loss)
{
    if (loss.afterEndOfStream || atEnd_) {
        GST_INFO_OBJECT(port_.element, "the producer went after the end of its stream");
        return Next::Continue;
    }
    if (loss.retrying) {
        GST_ELEMENT_WARNING(port_.element, RESOURCE, READ, ("%s", loss.text.c_str()),
                            ("waiting for a producer again"));
        return Next::Continue;
    }
    const bool isAbsence = loss.cause == Loss::Cause::Absent || loss.cause == Loss::Cause::Gone ||
                           loss.cause == Loss::Cause::Disconnected;
    if (isAbsence && port_.choices.onDisconnect.load(std::memory_order_relaxed) == OnDisconnect::EndOfStream)
        GST_INFO_OBJECT(port_.element, "%s", loss.text.c_str());
    else
        say(loss);
    finish(nullptr);
    return Next::Finished;
}

void SourceStream::say(const Loss &loss) const
{
    switch (loss.cause) {
    case Loss::Cause::Absent:
    case Loss::Cause::TimedOut:
        GST_ELEMENT_ERROR(port_.element, RESOURCE, NOT_FOUND, ("%s", loss.text.c_str()), (nullptr));
        break;
    case Loss::Cause::Refused:
    case Loss::Cause::Unwanted:
        GST_ELEMENT_ERROR(port_.element, RESOURCE, NOT_AUTHORIZED, ("%s", loss.text.c_str()), (nullptr));
        break;
    case Loss::Cause::System:
        GST_ELEMENT_ERROR(port_.element, RESOURCE, OPEN_READ, ("%s", loss.text.c_str()), (nullptr));
        break;
    case Loss::Cause::Gone:
    case Loss::Cause::Disconnected:
    case Loss::Cause::Faulty:
        GST_ELEMENT_ERROR(port_.element, RESOURCE, READ, ("%s", loss.text.c_str()), (nullptr));
        break;
    }
}

void SourceStream::finish(EventOwner eos)
{
    if (!atEnd_) {
        if (list_) // had come before
            gst_pad_push_list(port_.pad, list_.release());
        pushOwnStart();
        atEnd_ = true;
        gst_pad_push_event(port_.pad, eos ? eos.release() : gst_event_new_eos());
    }
    // A producer that waits for its slow clients need not wait for one that is through.
    subscriber_.stop();
}

void SourceStream::endStream(guint32 seqnum)
{
    if (atEnd_)
        return;
    pushOwnStart();
    GST_DEBUG_OBJECT(port_.element, "end of the producer's stream");
    atEnd_ = true;
    gst_pad_push_event(port_.pad, numbered(EventOwner(gst_event_new_eos()), seqnum).release());
}

void SourceStream::endFlush(bool producerResetsTime, guint32 seqnum)
{
    allowance_.spend(0, monotonicNow());
    held_.clear();
    // These are what the flush removes from pads.
    for (const WireEvent type : {WireEvent::Segment, WireEvent::StreamGroupDone})
        sticky_.forget(type);
    atEnd_ = false;
    discont_ = true;
    const bool reset = times_.flushed(producerResetsTime);
    gst_pad_push_event(port_.pad, numbered(EventOwner(gst_event_new_flush_stop(reset)), seqnum).release());
}

void SourceStream::takeStreamInfo(const Delivery &delivery)
{
    allowance_.spend(delivery.inlineBytes.size(), monotonicNow());
    const auto info = plainInline<StreamInfo>(delivery);
    const auto timestamps = info ? static_cast<Timestamps>(info->timestamps) : Timestamps{};
    if (timestamps != Timestamps::Clock && timestamps != Timestamps::Preserve) {
        refuse("stream info of " + std::to_string(delivery.inlineBytes.size()) + " bytes, timestamps " +
               std::to_string(static_cast<uint32_t>(timestamps)));
        return;
    }
    times_.setTimestamps(timestamps);
    if (pauses_ && pauses_ != info->pauses)
        times_.beginAgain();
    pauses_ = info->pauses;
    headersInBand_ = (info->flags & kHeadersInBand) != 0;
    port_.clockStream.store(timestamps == Timestamps::Clock, std::memory_order_relaxed);
    if (timestamps == Timestamps::Clock && !port_.isLive && !warnedOfClockStream_) {
        warnedOfClockStream_ = true;
        GST_ELEMENT_WARNING(port_.element, STREAM, FAILED,
                            ("The producer's timestamps are tied to its clock: is-live=false acts as true"),
                            (nullptr));
    }
    const GstClockTime latency = std::min<uint64_t>(info->minimumLatency, kMostLatency);
    if (port_.latency.exchange(latency, std::memory_order_relaxed) != latency) {
        allowance_.spend(0, monotonicNow(), kLatencyEvents);
        gst_element_post_message(port_.element, gst_message_new_latency(GST_OBJECT(port_.element)));
    }
}

SourceStream::Next SourceStream::pushBuffer(Delivery &delivery)
{
    const auto receivedAt = static_cast<uint64_t>(monotonicNow());
    const auto fields = plainInline<BufferFields>(delivery);
    if (!fields) {
        refuse("buffer with " + std::to_string(delivery.inlineBytes.size()) + " bytes of fields");
        return Next::Continue;
    }
    if (!started_ || (!times_.hasSegment() && !times_.owesSegment())) {
        refuse(started_ ? "buffer before any segment" : "buffer before any stream-start");
        return Next::Continue;
    }
    if (isMissed(delivery, (fields->flags & GST_BUFFER_FLAG_DELTA_UNIT) != 0)) {
        port_.counters.drops.fetch_add(1, std::memory_order_relaxed);
        discont_ = true;
        missedBeginning_ = missedBeginning_ || isFirst_;
        return pushList(); // what came of its list before the pause
    }
    goOnAfterPause();
    adaptToDownstream();
    if (!capsAccepted_)
        return dropUnacceptable();

    const size_t size = delivery.payload.size();
    payload_.setMode(port_.choices.payloadMode.load(std::memory_order_relaxed));
    auto made = payload_.make(*fields, delivery);
    if (!made.buffer) {
        refuse(made.fault);
        return Next::Continue;
    }
    if (times_.owesSegment())
        pushOwedSegment(fields->pts != kNoTime ? fields->pts : fields->dts);
    if (std::exchange(isFirst_, false) &&
        (missedBeginning_ || (delivery.record.head.flags & ringcore::kRecordIsMidway) != 0) &&
        pushStreamHeaders(made.buffer.get()) == Next::Finished)
        return Next::Finished;
    const bool doTimestamp = port_.choices.doTimestamp.load(std::memory_order_relaxed);
    const bool clockNeeded = doTimestamp || times_.timestamps() == Timestamps::Clock;
    const RunningClock clock =
        doTimestamp ? port_.clockReadNow() : (clockNeeded ? port_.clock() : RunningClock{});
    times_.stampBuffer(made.buffer.get(), *fields, clock, doTimestamp);
    port_.toWire.store(times_.toWire(clock), std::memory_order_relaxed);
    GST_BUFFER_OFFSET(made.buffer.get()) = fields->offset;
    GST_BUFFER_OFFSET_END(made.buffer.get()) = fields->offsetEnd;
    if (std::exchange(discont_, false) || (delivery.record.head.flags & ringcore::kRecordIsDiscont) != 0)
        GST_BUFFER_FLAG_SET(made.buffer.get(), GST_BUFFER_FLAG_DISCONT);

    port_.counters.frames.fetch_add(1, std::memory_order_relaxed);
    port_.counters.countLatency(delivery.record.head.publishedAt, receivedAt);
    port_.counters.bytes.fetch_add(size, std::memory_order_relaxed);
    if (made.copied)
        port_.counters.copies.fetch_add(1, std::memory_order_relaxed);
    if (made.metasLeft > 0)
        port_.counters.metasLeft.fetch_add(made.metasLeft, std::memory_order_relaxed);
    pushed_++;
    const Next next = delivery.list == ringcore::ListPlace::None
                          ? handleFlow(gst_pad_push(port_.pad, made.buffer.release()))
                          : collect(std::move(made.buffer), made.copied ? size : 0, delivery.list);
    if (next == Next::Continue && isComplete()) {
        finish(nullptr);
        return Next::Finished;
    }
    return next;
}

void SourceStream::adaptToDownstream()
{
    if (!port_.reconfigured.load(std::memory_order_relaxed) ||
        !port_.reconfigured.exchange(false, std::memory_order_acq_rel) || !caps_)
        return;
    if (!capsAccepted_ && downstreamAccepts(port_.pad, caps_.get()))
        acceptCaps(EventOwner(gst_event_new_caps(caps_.get())));
    else if (capsAccepted_)
        payload_.askDownstream(port_.pad, caps_.get());
}

SourceStream::Next SourceStream::dropUnacceptable()
{
    port_.counters.drops.fetch_add(1, std::memory_order_relaxed);
    discont_ = true;
    // The producer may be about to change to a format that all its clients take.
    if (++unacceptableBuffers_ < kFormatPatienceBuffers ||
        monotonicNow() - unacceptableSince_ < kFormatPatience)
        return Next::Continue;
    return handleFlow(GST_FLOW_NOT_NEGOTIATED);
}

SourceStream::Next SourceStream::handleFlow(GstFlowReturn flow)
{
    switch (flow) {
    case GST_FLOW_OK:
    // Somebody flushes, and the buffer is gone with the others; or we are being stopped, which the
    // next look at our own state tells.
    case GST_FLOW_FLUSHING:
        return Next::Continue;
    case GST_FLOW_EOS:
        GST_DEBUG_OBJECT(port_.element, "downstream wants no more");
        break;
    case GST_FLOW_NOT_NEGOTIATED:
        if (caps_) {
            GST_ELEMENT_ERROR(port_.element, STREAM, FORMAT,
                              ("%s.", complainAboutFormat(port_.pad, caps_.get()).c_str()), (nullptr));
            break;
        }
        [[fallthrough]];
    default:
        GST_ELEMENT_FLOW_ERROR(port_.element, flow);
        break;
    }
    finish(nullptr);
    return Next::Finished;
}

void SourceStream::refuse(const std::string &what)
{
    subscriber_.refuseContent(what);
    port_.counters.drops.fetch_add(1, std::memory_order_relaxed);
}

} // namespace sharedring
