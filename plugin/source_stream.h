// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The streaming thread of a sharedringsrc: what a subscriber delivers, pushed downstream in order.
// One object for each run from READY to READY; nothing in it is shared with another thread.
#pragma once

#include "plugin/event_allowance.h"
#include "plugin/event_codec.h"
#include "plugin/payload_path.h"
#include "plugin/source_port.h"
#include "plugin/source_settings.h"
#include "plugin/sticky_memory.h"
#include "plugin/time_line.h"
#include "ringcore/subscriber.h"

#include <gst/gst.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sharedring
{

class SourceStream
{
public:
    SourceStream(SourcePort &port, const SourceSettings &settings, ringcore::Subscriber &subscriber);

    enum class Next { Continue, Finished };

    // What receive() returned, but for an interruption.
    Next handle(ringcore::Received received, ringcore::Delivery &delivery);

    // Ends the stream downstream, at the user's wish (`eos`) or of our own (nullptr).
    void finish(EventOwner eos);

    // A serialized event of this process, in order with the stream.
    Next pushOwn(EventOwner event);

    // How long nothing more is to be received, as the producer's events come too fast; 0 or less: no wait.
    std::chrono::nanoseconds pause()
    {
        return std::chrono::nanoseconds(allowance_.isSpent() ? allowance_.pause(monotonicNow()) : 0);
    }

    // num-buffers are out, perhaps because they are 0.
    bool isComplete() const { return settings_.numBuffers >= 0 && pushed_ >= settings_.numBuffers; }

private:
    Next handleRecord(ringcore::Delivery &delivery);
    Next handleLoss(const ringcore::Loss &loss);
    void join(const ringcore::Delivery &delivery);
    void endStream(guint32 seqnum);
    void endFlush(bool producerResetsTime, guint32 seqnum);
    void takeStreamInfo(const ringcore::Delivery &delivery);

    // source_stream_events.cpp
    void takeEvent(const ringcore::Delivery &delivery);
    void dispatch(WireEvent type, DecodedEvent decoded);
    std::optional<guint> knownGroup(uint32_t producerId) const;
    guint groupFor(uint32_t producerId);
    void takeStreamStart(DecodedEvent decoded);
    void takeGroupDone(DecodedEvent decoded);
    void takeCaps(EventOwner event);
    void acceptCaps(EventOwner event);
    void takeGap(EventOwner event);
    void takeSegment(const EventOwner &event);
    void pushSerialized(EventOwner event);
    bool mustHold() const;
    void pushHeld();
    RunningClock dueNow();
    void pushOwedSegment(int64_t firstTime);
    void pushOwnStart();

    // source_stream_lists.cpp
    Next collect(BufferOwner buffer, size_t copied, ringcore::ListPlace place);
    Next pushList();

    // source_stream_headers.cpp
    Next pushStreamHeaders(GstBuffer *first);

    // source_stream_pauses.cpp
    bool cameBeforePlaying(const ringcore::Delivery &delivery) const;
    bool isMissed(const ringcore::Delivery &delivery, bool isDelta);
    void askForKeyUnit();
    void goOnAfterPause();

    Next pushBuffer(ringcore::Delivery &delivery);
    void adaptToDownstream();
    Next dropUnacceptable();
    Next handleFlow(GstFlowReturn flow);
    void refuse(const std::string &what);
    void say(const ringcore::Loss &loss) const;

    struct Group {
        uint32_t producerId;
        guint id; // of this process
    };

    SourcePort &port_;
    const SourceSettings settings_; // of the start
    ringcore::Subscriber &subscriber_;

    PayloadPath payload_;
    TimeLine times_;
    StickyMemory sticky_;
    EventAllowance allowance_;
    BufferListOwner list_;          // that has begun, and goes on
    size_t listCopies_ = 0;         // bytes of it that are copies
    std::vector<EventOwner> held_;  // behind a segment that waits for its first time
    CapsOwner caps_;                // of the wire; nullptr: none
    bool capsAccepted_ = true;      // ... and downstream takes them
    int64_t unacceptableSince_ = 0; // CLOCK_MONOTONIC, ns
    unsigned unacceptableBuffers_ = 0;
    bool started_ = false; // downstream has a STREAM_START
    bool atEnd_ = false;   // and an EOS
    bool discont_ = true;  // the next buffer does not follow the one before
    bool headersInBand_ = false;
    bool isFirst_ = true;          // the next buffer is the first of this producer or stream
    bool missedBeginning_ = false; // there were some before it, which came while we were paused
    bool warnedOfClockStream_ = false;
    std::optional<uint16_t> pauses_; // of this producer
    int64_t playsFrom_ = 0;          // as times_ knows it
    bool missed_ = false;            // buffers that came before; the next one is to be whole
    bool seenKeyUnit_ = false;       // of this stream
    bool askedForKeyUnit_ = false;   // since something was missed
    int pushed_ = 0;                 // buffers, for num-buffers
    std::deque<Group> groups_;       // the latest last
};

} // namespace sharedring
