// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a Source answers to others: queries, events from outside, and its statistics.
#include "source.h"

#include "plugin/latency_field.h"
#include "plugin/upstream_codec.h"

#include <algorithm>
#include <utility>

namespace sharedring
{

StructureOwner Source::statisticsOf(const Run &run)
{
    const SourceCounters &counters = run.port.counters;
    const ringcore::SubscriberStatistics ring = run.subscriber->statistics();
    StructureOwner structure(gst_structure_new(
        "sharedring-src-stats",                                                                  //
        "frames", G_TYPE_UINT64, counters.frames.load(std::memory_order_relaxed),                //
        "bytes", G_TYPE_UINT64, counters.bytes.load(std::memory_order_relaxed),                  //
        "copies", G_TYPE_UINT64, counters.copies.load(std::memory_order_relaxed),                //
        "drops", G_TYPE_UINT64, counters.drops.load(std::memory_order_relaxed) + ring.discarded, //
        "wakes", G_TYPE_UINT64, ring.wakesSent,                                                  //
        "sleeps", G_TYPE_UINT64, ring.sleeps,                                                    //
        "looks-paid", G_TYPE_UINT64, ring.looksPaid,                                             //
        "looks-missed", G_TYPE_UINT64, ring.looksMissed,                                         //
        "held", G_TYPE_UINT, ring.heldBlocks,                                                    //
        "held-bytes", G_TYPE_UINT64, ring.heldBytes,                                             //
        "mapped-bytes", G_TYPE_UINT64, ring.mappedBytes,                                         //
        "connections", G_TYPE_UINT64, ring.connections,                                          //
        "faults", G_TYPE_UINT64, ring.faults,                                                    //
        "flushes", G_TYPE_UINT64, ring.flushes,                                                  //
        "events-skipped", G_TYPE_UINT64, counters.eventsSkipped.load(std::memory_order_relaxed), "metas-left",
        G_TYPE_UINT64, counters.metasLeft.load(std::memory_order_relaxed), "stamps-refused", G_TYPE_UINT64,
        counters.stampsRefused.load(std::memory_order_relaxed), nullptr));
    ringcore::LatencyCounts latencies;
    std::transform(std::begin(counters.latencies), std::end(counters.latencies), latencies.begin(),
                   [](const auto &counter) { return counter.load(std::memory_order_relaxed); });
    setLatencies(structure.get(), "receive-latency", latencies);
    return structure;
}

StructureOwner Source::statistics() const
{
    if (const auto current = run(); current && current->subscriber)
        return statisticsOf(*current);
    std::lock_guard guard(lock_);
    return StructureOwner(lastStatistics_ ? gst_structure_copy(lastStatistics_.get())
                                          : gst_structure_new_empty("sharedring-src-stats"));
}

bool Source::sendEvent(EventOwner event)
{
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_EOS:
    case GST_EVENT_TAG:
    case GST_EVENT_CUSTOM_DOWNSTREAM:
    case GST_EVENT_CUSTOM_DOWNSTREAM_STICKY:
    case GST_EVENT_CUSTOM_BOTH: {
        std::shared_ptr<Run> current;
        {
            std::lock_guard guard(lock_);
            if (!run_ || !run_->subscriber)
                return false;
            current = run_;
            ownEvents_.push_back(std::move(event));
            noteChangeLocked();
        }
        current->subscriber->interrupt();
        return true;
    }
    case GST_EVENT_CUSTOM_DOWNSTREAM_OOB:
    case GST_EVENT_CUSTOM_BOTH_OOB:
        return gst_pad_push_event(pad_, event.release());
    default:
        return handleUpstreamEvent(std::move(event));
    }
}

// False: there is none, or it is no event for producers.
bool Source::askProducer(GstEvent *event)
{
    const auto current = run();
    if (!current || !current->subscriber)
        return false;
    const int64_t ahead = current->port.toWire.load(std::memory_order_relaxed);
    auto request = encodeUpstream(event, ahead == kNoTime ? std::nullopt : std::optional(ahead));
    return request && current->subscriber->request(static_cast<uint32_t>(request->kind),
                                                   std::move(request->bytes), request->replacesWaiting);
}

bool Source::handleUpstreamEvent(EventOwner event)
{
    switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_RECONFIGURE:
        if (const auto current = run(); current && current->subscriber) {
            current->port.reconfigured.store(true, std::memory_order_release);
            current->subscriber->attachmentChanged();
        }
        return true;
    case GST_EVENT_LATENCY:
        noteAllowedLatency(event.get());
        [[fallthrough]];
    case GST_EVENT_QOS:
        askProducer(event.get());
        return true;
    case GST_EVENT_CUSTOM_UPSTREAM:
    case GST_EVENT_NAVIGATION:
        return askProducer(event.get());
    default: // a seek, above all: the producer's position is not ours to change
        return false;
    }
}

bool Source::query(GstQuery *query)
{
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY: {
        const auto current = run();
        const bool live = current ? current->port.isSynced() : isLive();
        gst_query_set_latency(query, live,
                              current && live ? current->port.latency.load(std::memory_order_relaxed) : 0,
                              GST_CLOCK_TIME_NONE);
        return true;
    }
    case GST_QUERY_SEEKING: {
        GstFormat format;
        gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
        gst_query_set_seeking(query, format, FALSE, 0, -1);
        return true;
    }
    case GST_QUERY_SCHEDULING:
        gst_query_set_scheduling(query, GST_SCHEDULING_FLAG_SEQUENTIAL, 1, -1, 0);
        gst_query_add_scheduling_mode(query, GST_PAD_MODE_PUSH);
        return true;
    case GST_QUERY_CAPS: {
        GstCaps *filter = nullptr;
        gst_query_parse_caps(query, &filter);
        const CapsOwner current(gst_pad_get_current_caps(pad_));
        const CapsOwner offered(current ? gst_caps_ref(current.get()) : gst_caps_new_any());
        const CapsOwner result(filter
                                   ? gst_caps_intersect_full(filter, offered.get(), GST_CAPS_INTERSECT_FIRST)
                                   : gst_caps_ref(offered.get()));
        gst_query_set_caps_result(query, result.get());
        return true;
    }
    case GST_QUERY_DURATION: // unknown
        return false;
    default:
        return gst_pad_query_default(pad_, GST_OBJECT(element_), query);
    }
}

} // namespace sharedring
