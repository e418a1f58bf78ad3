// SPDX-License-Identifier: LGPL-2.1-or-later
#include "time_line.h"

#include "plugin/event_codec.h"

#include <algorithm>
#include <utility>

namespace sharedring
{

namespace
{

// Sums of times from a peer: at the ends of what 64 bits hold rather than beyond them.
GstClockTimeDiff saturatingSum(GstClockTimeDiff a, GstClockTimeDiff b)
{
    GstClockTimeDiff sum;
    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? -G_MAXINT64 : G_MAXINT64; // whose negatives are times, too
    return sum;
}

// The signed running time of a time in `segment`, or nothing.
std::optional<GstClockTimeDiff> signedRunningTime(const GstSegment &segment, GstClockTime time)
{
    guint64 running = 0;
    const gint sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running);
    if (sign == 0 || running > static_cast<guint64>(G_MAXINT64))
        return std::nullopt;
    return sign * static_cast<GstClockTimeDiff>(running);
}

} // namespace

void TimeLine::setTimestamps(Timestamps timestamps)
{
    if (std::exchange(timestamps_, timestamps) != timestamps)
        takeBack();
}

void TimeLine::setTimesInside(bool areInside)
{
    if (std::exchange(timesInside_, areInside) != areInside && timestamps_ == Timestamps::Clock)
        takeBack();
}

void TimeLine::join()
{
    // Reading a file, the first producer's times are ours; the next one's go on from there.
    if (live_ || joinedBefore_)
        offset_.reset();
    joinedBefore_ = true;
    owed_ = sent_ = false;
}

void TimeLine::beginAgain()
{
    if (!live_ || timestamps_ != Timestamps::Preserve || wire_.format != GST_FORMAT_TIME)
        return;
    offset_.reset();
    takeBack();
}

// What downstream has fits no more, and this stream may tell no segment of its own.
void TimeLine::takeBack()
{
    restored_ = (restored_ && owed_) || sent_;
    owed_ = owed_ || sent_;
    sent_ = false;
}

bool TimeLine::flushed(bool producerResetsTime)
{
    // Upstream sends a new segment after a flush; should it not, the old one goes on.
    takeBack();
    // A live stream's times are tied to the clock, or begin now: were running time to begin anew with
    // its first buffer, that buffer would be due in a far future.
    const bool reset = producerResetsTime && !live_ && timestamps_ == Timestamps::Preserve;
    if (live_)
        offset_.reset();
    if (reset) {
        offset_ = 0;
        reached_ = 0;
    }
    return reset;
}

void TimeLine::setSegment(const GstSegment &segment, guint32 seqnum)
{
    wire_ = segment;
    seqnum_ = seqnum;
    owed_ = timestamps_ != Timestamps::Clock || !sent_ || begun_;
    begun_ = false;
    restored_ = false;
}

bool TimeLine::waitsForFirstTime() const
{
    return owed_ && timestamps_ == Timestamps::Preserve && wire_.format == GST_FORMAT_TIME && !offset_;
}

EventOwner TimeLine::takeSegment(int64_t firstTime, const RunningClock &clock)
{
    owed_ = false;
    sent_ = true;
    if (timestamps_ == Timestamps::Clock) {
        gst_segment_init(&sentSegment_, timesInside_ ? GST_FORMAT_BYTES : GST_FORMAT_TIME);
        if (!timesInside_)
            sentSegment_.start = sentSegment_.position = kLead;
    } else {
        sentSegment_ = wire_;
        if (wire_.format == GST_FORMAT_TIME) {
            if (!offset_) {
                const GstClockTimeDiff target = live_ ? clock.now : reached_;
                offset_ = saturatingSum(target, -runningTimeOf(firstTime));
            }
            // Where the segment cannot be moved so far, its times stay as they are.
            gst_segment_offset_running_time(&sentSegment_, GST_FORMAT_TIME, *offset_);
        }
    }
    return numbered(EventOwner(gst_event_new_segment(&sentSegment_)), seqnum_);
}

int64_t TimeLine::runningTimeOf(int64_t wireTime) const
{
    const GstClockTime time =
        wireTime >= 0 ? static_cast<GstClockTime>(wireTime) : (wire_.rate >= 0 ? wire_.start : wire_.stop);
    return signedRunningTime(wire_, time).value_or(0);
}

GstClockTime TimeLine::timeAt(GstClockTimeDiff runningTime) const
{
    const GstClockTimeDiff time = saturatingSum(runningTime, static_cast<GstClockTimeDiff>(kLead));
    return time >= 0 ? static_cast<GstClockTime>(time) : GST_CLOCK_TIME_NONE;
}

GstClockTime TimeLine::timeFor(int64_t wireTime, const RunningClock &clock) const
{
    if (wireTime == kNoTime)
        return GST_CLOCK_TIME_NONE;
    if (timestamps_ == Timestamps::Preserve)
        return wireTime >= 0 ? static_cast<GstClockTime>(wireTime) : GST_CLOCK_TIME_NONE;
    return timeAt(clock.fromMonotonic ? saturatingSum(wireTime, *clock.fromMonotonic) : clock.now);
}

int64_t TimeLine::toWire(const RunningClock &clock) const
{
    const auto &fromWire = timestamps_ == Timestamps::Clock ? clock.fromMonotonic : offset_;
    return fromWire ? -*fromWire : kNoTime;
}

void TimeLine::stampBuffer(GstBuffer *buffer, const BufferFields &fields, const RunningClock &clock,
                           bool stampMissing)
{
    GstClockTime pts = timeFor(fields.pts, clock);
    GstClockTime dts = timeFor(fields.dts, clock);
    if (stampMissing && !GST_CLOCK_TIME_IS_VALID(dts)) {
        const auto now = static_cast<GstClockTime>(std::max<GstClockTimeDiff>(clock.now, 0));
        dts = sentSegment_.format == GST_FORMAT_TIME
                  ? gst_segment_position_from_running_time(&sentSegment_, GST_FORMAT_TIME, now)
                  : now;
        if (!GST_CLOCK_TIME_IS_VALID(pts))
            pts = dts;
    }
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DTS(buffer) = dts;
    GST_BUFFER_DURATION(buffer) = fields.duration;

    // Where the next producer's times are to go on from.
    if (live_ || sentSegment_.format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID(pts))
        return;
    const GstClockTime duration = GST_BUFFER_DURATION(buffer);
    const GstClockTime end =
        GST_CLOCK_TIME_IS_VALID(duration) && duration < G_MAXINT64 - pts ? pts + duration : pts;
    if (const auto running = signedRunningTime(sentSegment_, end))
        reached_ = std::max(reached_, *running);
}

} // namespace sharedring
