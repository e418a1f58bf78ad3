// SPDX-License-Identifier: LGPL-2.1-or-later
//
// ring-stats of a SinkStream: in sum, and for each client.
#include "latency_field.h"
#include "sink_stream.h"

namespace sharedring
{

namespace
{

void setCounts(GstStructure *structure, const ringcore::ConsumerStatistics &counts)
{
    gst_structure_set(structure, "frames", G_TYPE_UINT64, counts.buffers, "bytes", G_TYPE_UINT64,
                      counts.bytes, "drops", G_TYPE_UINT64, counts.drops, "events-lost", G_TYPE_UINT64,
                      counts.eventsLost, "wakes", G_TYPE_UINT64, counts.wakes, "held", G_TYPE_UINT,
                      counts.heldBlocks, "held-bytes", G_TYPE_UINT64, counts.heldBytes, nullptr);
    setLatencies(structure, "return-latency", counts.returned);
}

} // namespace

GstStructure *SinkStream::statistics() const
{
    const ringcore::FanOutStatistics now = stream_->statistics();
    GstStructure *structure = gst_structure_new_empty("sharedring-sink-stats");
    setCounts(structure, now.sum);
    gst_structure_set(structure, "published", G_TYPE_UINT64, now.published, "published-bytes", G_TYPE_UINT64,
                      now.publishedBytes, "copies", G_TYPE_UINT64, copies_.load(std::memory_order_relaxed),
                      "copied-bytes", G_TYPE_UINT64, copiedBytes_.load(std::memory_order_relaxed), "no-room",
                      G_TYPE_UINT64, noRoom_.load(std::memory_order_relaxed), "metas-left", G_TYPE_UINT64,
                      metas_.left(), "events-left", G_TYPE_UINT64,
                      eventsLeft_.load(std::memory_order_relaxed), "arena-used", G_TYPE_UINT64, now.arenaUsed,
                      "arena-size", G_TYPE_UINT64, now.arenaSize, "arena-largest-free", G_TYPE_UINT64,
                      now.largestFreeRun, "arena-populated", G_TYPE_UINT64, now.arenaPopulated, "connections",
                      G_TYPE_UINT, publisher_->connections(), nullptr);
    const ClientRequests::Statistics asked = requests_->statistics();
    gst_structure_set(structure, "requests", G_TYPE_UINT64, asked.granted, "requests-refused", G_TYPE_UINT64,
                      asked.refused, "key-units-asked", G_TYPE_UINT64, requests_->keyUnits().asked(),
                      nullptr);
    GValue clients = G_VALUE_INIT;
    gst_value_array_init(&clients, static_cast<guint>(now.consumers.size()));
    for (const auto &consumer : now.consumers) {
        GstStructure *one = gst_structure_new("client", "id", G_TYPE_UINT, consumer.id, "pid", G_TYPE_INT,
                                              static_cast<gint>(consumer.identity.pid), "uid", G_TYPE_UINT,
                                              static_cast<guint>(consumer.identity.uid), "latency",
                                              G_TYPE_UINT64, requests_->latencyOf(consumer.id), nullptr);
        setCounts(one, consumer.statistics);
        GValue value = G_VALUE_INIT;
        g_value_init(&value, GST_TYPE_STRUCTURE);
        g_value_take_boxed(&value, one);
        gst_value_array_append_and_take_value(&clients, &value);
    }
    gst_structure_take_value(structure, "clients", &clients);
    return structure;
}

} // namespace sharedring
