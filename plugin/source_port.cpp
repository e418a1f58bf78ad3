// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source_port.h"

namespace sharedring
{

namespace
{

struct ElementClock {
    ObjectOwner<GstClock> clock; // nullptr: the pipeline does not run
    GstClockTime baseTime = 0;
    GstClockTime startTime = 0; // running time while it does not
};

ElementClock clockOf(const SourcePort &port)
{
    ElementClock now;
    GST_OBJECT_LOCK(port.element);
    if (port.playing.load(std::memory_order_acquire) && port.element->clock)
        now.clock.reset(GST_CLOCK(gst_object_ref(port.element->clock)));
    now.baseTime = static_cast<GstClockTime>(port.element->base_time);
    GST_OBJECT_UNLOCK(port.element);
    if (!now.clock) {
        const GstClockTime start = gst_element_get_start_time(port.element);
        now.startTime = GST_CLOCK_TIME_IS_VALID(start) ? start : 0;
    }
    return now;
}

} // namespace

RunningClock SourcePort::clock()
{
    const ElementClock source = clockOf(*this);
    if (!source.clock)
        return {static_cast<GstClockTimeDiff>(source.startTime), std::nullopt};
    return {0, -bridge.toMonotonic(source.clock.get()) - static_cast<GstClockTimeDiff>(source.baseTime)};
}

RunningClock SourcePort::clockReadNow()
{
    const ElementClock source = clockOf(*this);
    if (!source.clock)
        return {static_cast<GstClockTimeDiff>(source.startTime), std::nullopt};
    const GstClockTime now = gst_clock_get_time(source.clock.get());
    return {GST_CLOCK_DIFF(source.baseTime, now),
            -bridge.toMonotonic(source.clock.get()) - static_cast<GstClockTimeDiff>(source.baseTime)};
}

} // namespace sharedring
