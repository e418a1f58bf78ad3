// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How the producer's times become this pipeline's: which segment downstream gets, and which PTS and
// DTS. Knows no clock and no pad: who calls says what time it is.
#pragma once

#include "plugin/gst_owner.h"
#include "plugin/stream_wire.h"

#include <gst/gst.h>

#include <cstdint>
#include <optional>

namespace sharedring
{

// What time it is, by the pipeline's clock.
struct RunningClock {
    GstClockTimeDiff now = 0; // running time
    // What to add to CLOCK_MONOTONIC to get running time; none while the pipeline does not run, when
    // everything is for now.
    std::optional<GstClockTimeDiff> fromMonotonic;
};

// One thread at a time.
class TimeLine
{
public:
    // In `clock` mode there is one segment of our own for each stream, and it begins this long before
    // running time 0, so that times a little earlier (the DTS of B-frames) still are times.
    static constexpr GstClockTime kLead = 60 * GST_SECOND;

    explicit TimeLine(bool isLive) : live_(isLive) {}

    void setTimestamps(Timestamps timestamps);
    Timestamps timestamps() const { return timestamps_; }
    // Whether what comes has times of its own inside, which no segment of ours fits. In `clock` mode its
    // segment is one of bytes then, and a demuxer makes one of times, beginning with what it gets first.
    void setTimesInside(bool areInside);

    // A producer joined us: its running times begin anew, where ours are now.
    void join();
    // The producer's times and ours did not go on together: live, they do so again from the next first time.
    void beginAgain();
    // A pad keeps its segment when a stream starts; the new one may bring its own.
    void beginStream() { begun_ = true; }
    // Downstream was flushed and has no segment any more. What to tell it about running time.
    bool flushed(bool producerResetsTime);

    // A segment of the wire.
    void setSegment(const GstSegment &segment, guint32 seqnum);
    // Whether there is a segment that downstream does not have yet.
    bool owesSegment() const { return owed_; }
    // Whether it is one that downstream never had, not one that a flush took from it.
    bool owesNewSegment() const { return owed_ && !restored_; }
    // Whether that one depends on the first time that follows it.
    bool waitsForFirstTime() const;
    // The segment for downstream. `firstTime`: PTS (or DTS) on the wire of what follows, or kNoTime.
    EventOwner takeSegment(int64_t firstTime, const RunningClock &clock);
    // Whether downstream has a segment, so that buffers may follow.
    bool hasSegment() const { return sent_; }

    // PTS, DTS and duration of a buffer; `stamp`: times that are missing are now.
    void stampBuffer(GstBuffer *buffer, const BufferFields &fields, const RunningClock &clock,
                     bool stampMissing);
    // A time on the wire; GST_CLOCK_TIME_NONE where there is none, or it is before all time.
    GstClockTime timeFor(int64_t wireTime, const RunningClock &clock) const;

    // What running times on the wire are ahead of downstream's; kNoTime: not known.
    int64_t toWire(const RunningClock &clock) const;

private:
    void takeBack();
    int64_t runningTimeOf(int64_t wireTime) const;
    GstClockTime timeAt(GstClockTimeDiff runningTime) const;

    const bool live_;
    Timestamps timestamps_ = Timestamps::Preserve;
    bool timesInside_ = false;
    bool joinedBefore_ = false;
    // preserve: added to the running times of this producer; none: the next first time decides.
    std::optional<GstClockTimeDiff> offset_ = 0;
    GstSegment wire_{};
    GstSegment sentSegment_{};
    guint32 seqnum_ = GST_SEQNUM_INVALID;
    bool owed_ = false;
    bool restored_ = false; // what is owed was sent before, and taken away
    bool sent_ = false;
    bool begun_ = false;           // a stream, which has told no segment yet
    GstClockTimeDiff reached_ = 0; // the running time at which the last buffer ended
};

} // namespace sharedring
