// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugin/key_unit_requests.h"

#include <gst/base/gstbasesink.h>
#include <gst/video/video.h>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

namespace sharedring
{

void KeyUnitRequests::ask(GstClockTime runningTime, bool allHeaders)
{
    const auto sink = sink_->get();
    if (!sink)
        return;
    const uint64_t count = asked_.fetch_add(1, std::memory_order_relaxed) + 1;
    GST_INFO_OBJECT(sink.get(), "asking upstream for a key unit");
    gst_pad_push_event(
        GST_BASE_SINK_PAD(sink.get()),
        gst_video_event_new_upstream_force_key_unit(runningTime, allHeaders, static_cast<guint>(count)));
}

void KeyUnitRequests::want(bool allHeaders)
{
    {
        std::lock_guard guard(lock_);
        const auto now = Clock::now();
        if (pending_ && now - askedAt_ < kPatience)
            return;
        open_.store(true, std::memory_order_relaxed);
        if (askedAt_ != Clock::time_point{} && now - askedAt_ < kSpacing) {
            due_ = true;
            allHeaders_ |= allHeaders;
            return;
        }
        pending_ = true;
        askedAt_ = now;
    }
    ask(GST_CLOCK_TIME_NONE, allHeaders);
}

void KeyUnitRequests::wantAt(GstClockTime runningTime, bool allHeaders)
{
    ask(runningTime, allHeaders);
}

void KeyUnitRequests::passed(bool isDelta, bool somebodyWaits)
{
    if (!isDelta) {
        if (!open_.load(std::memory_order_relaxed))
            return;
        std::lock_guard guard(lock_);
        pending_ = due_ = allHeaders_ = told_ = false;
        open_.store(false, std::memory_order_relaxed);
        return;
    }
    if (!somebodyWaits && !open_.load(std::memory_order_relaxed))
        return;
    bool allHeaders = somebodyWaits;
    bool isUnanswered = false;
    {
        std::lock_guard guard(lock_);
        const auto now = Clock::now();
        const auto spacing = pending_ ? kPatience : kSpacing;
        if ((!due_ && !somebodyWaits) || now - askedAt_ < spacing)
            return;
        allHeaders |= std::exchange(allHeaders_, false);
        due_ = false;
        isUnanswered = pending_ && somebodyWaits && !std::exchange(told_, true);
        pending_ = true;
        askedAt_ = now;
        open_.store(true, std::memory_order_relaxed);
    }
    ask(GST_CLOCK_TIME_NONE, allHeaders);
    if (isUnanswered)
        sayUnanswered();
}

void KeyUnitRequests::sayUnanswered() const
{
    if (const auto sink = sink_->get())
        GST_ELEMENT_INFO(
            sink.get(), STREAM, ENCODE, ("A client waits for a key unit."),
            ("A client came late and waits for a key unit, which upstream was asked for and does "
             "not send"));
}

} // namespace sharedring
