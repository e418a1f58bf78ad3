// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A SinkStream's buffers: what becomes of each between render() and the ring.
#include "sink_stream.h"
#include "stream_wire.h"

#include <algorithm>
#include <utility>

namespace sharedring
{

namespace
{

constexpr std::chrono::milliseconds kMemoryPatience{10}; // until the arena is looked at again

// A longer list crosses as several: no more is written before it is shown than a client may ever hold.
constexpr size_t kPiece = ringcore::kMaxBuffersLimit;
constexpr size_t kPieceMetaBytes = 4 * 1024 * 1024; // likewise, once it has so many

// At most this part of the arena for the metas of one buffer.
constexpr size_t kMetasShare = 4;

void release(const ringcore::Outgoing &outgoing)
{
    if (outgoing.keeper.release)
        outgoing.keeper.release(outgoing.keeper.owner);
}

} // namespace

GstFlowReturn SinkStream::refuseTooLarge(gsize size)
{
    GST_ELEMENT_ERROR(sink_, RESOURCE, NO_SPACE_LEFT,
                      ("A buffer of %" G_GSIZE_FORMAT
                       " bytes can never fit into max-memory=%" G_GUINT64_FORMAT " bytes.",
                       size, settings_.maxMemory),
                      ("set max-memory to several times the size of a buffer"));
    return GST_FLOW_ERROR;
}

inline GstFlowReturn SinkStream::beforeRender(GstMiniObject *bufferOrList)
{
    // The base class lets what is outside of the segment (the DTS of B-frames before its start) through
    // without a preroll, when there may be no clock yet.
    if (sink_->need_preroll) {
        const GstFlowReturn flow = gst_base_sink_do_preroll(sink_, bufferOrList);
        if (flow != GST_FLOW_OK)
            return flow;
    }
    if (const GstFlowReturn flow = waitAndOpen(); flow != GST_FLOW_OK)
        return flow;
    if (std::exchange(wasPaused_, false) && time_.mode() == Timestamps::Preserve) {
        pauses_++;
        publishInfo();
    }
    if (latencyChanged_.exchange(false, std::memory_order_relaxed)) {
        const GstClockTime before = minimumLatency_;
        queryUpstream(&upstreamLive_, &minimumLatency_);
        if (minimumLatency_ != before)
            publishInfo();
    }
    return GST_FLOW_OK;
}

// The arena has no room. True: it may have now; else the buffer is lost, or `flow` says why.
bool SinkStream::awaitMemory(GstFlowReturn &flow)
{
    if (stream_->slowClient() != ringcore::SlowClient::Block) {
        noRoom_.fetch_add(1, std::memory_order_relaxed);
        stream_->countDropForAll();
        return false;
    }
    stream_->waitForRelease(kMemoryPatience);
    if (stream_->interrupted())
        flow = afterInterruption();
    return flow == GST_FLOW_OK;
}

// Its bytes, in the arena. Nothing: it goes no further, and `flow` says what that means for the stream.
[[gnu::always_inline]] inline std::optional<Payload> SinkStream::takeIn(GstBuffer *buffer,
                                                                        GstFlowReturn &flow)
{
    if (headers_.takeBuffer(buffer))
        publishInfo();
    const gsize size = gst_buffer_get_size(buffer);
    if (ringcore::Arena::chargeFor(size) > stream_->arena().size()) {
        flow = publishPiece(); // what was before it
        if (flow == GST_FLOW_OK)
            flow = refuseTooLarge(size);
        return std::nullopt;
    }
    if (isOldNews(buffer))
        return std::nullopt;
    if (stream_->consumers() == 0) {
        stream_->passBy(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
        return std::nullopt;
    }
    auto payload = payloadOf(buffer, allocator_.get(), *stream_);
    while (!payload) {
        // What lies in the arena unseen would never come back; and a drop comes after it.
        flow = publishPiece();
        if (flow != GST_FLOW_OK || !awaitMemory(flow))
            return std::nullopt;
        payload = payloadOf(buffer, allocator_.get(), *stream_);
    }
    if (payload->copied) {
        copies_.fetch_add(1, std::memory_order_relaxed);
        copiedBytes_.fetch_add(size, std::memory_order_relaxed);
    }
    return payload;
}

// There is none for a buffer's metas: what is done for payload is tried first, once. True: publish again;
// else the buffer is lost, or `flow` says why.
bool SinkStream::makeRoom(size_t size, bool &tried, GstFlowReturn &flow)
{
    if (std::exchange(tried, true))
        return awaitMemory(flow);
    pools_->discardAll();
    stream_->relieveShortage(size);
    return true;
}

// Together with the payload they fit, or a stream that waits would wait for ever.
inline std::vector<std::byte> SinkStream::metasOf(GstBuffer *buffer, const Payload &payload)
{
    if (!OutgoingMetas::hasAny(buffer))
        return {};
    const size_t arena = stream_->arena().size();
    const size_t rest = arena - std::min<size_t>(payload.charge, arena);
    return metas_.encode(buffer, payload.visible.size, std::min(arena / kMetasShare, rest));
}

ringcore::Outgoing SinkStream::outgoingOf(GstBuffer *buffer, const Payload &payload, BufferFields &fields,
                                          const std::vector<std::byte> &metas)
{
    time_.stamp(buffer, fields);
    ringcore::Outgoing outgoing;
    outgoing.kind = kKindBuffer;
    outgoing.inlineBytes = std::as_bytes(std::span(&fields, 1));
    outgoing.payload = payload.visible;
    outgoing.charge = payload.charge;
    outgoing.extra = metas;
    outgoing.keeper = payload.keeper;
    outgoing.isDelta = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    requests_->setTimes(time_.zero(), fields.pts != kNoTime ? fields.pts : fields.dts);
    return outgoing;
}

GstFlowReturn SinkStream::render(GstBuffer *buffer)
{
    GstFlowReturn flow = beforeRender(GST_MINI_OBJECT_CAST(buffer));
    if (flow != GST_FLOW_OK)
        return flow;
    const auto payload = takeIn(buffer, flow);
    if (!payload)
        return flow;
    BufferFields fields = fieldsOf(buffer);
    const std::vector<std::byte> metas = metasOf(buffer, *payload);
    const ringcore::Outgoing outgoing = outgoingOf(buffer, *payload, fields, metas);
    for (bool tried = false;;) {
        const auto outcome = stream_->publish(outgoing);
        if (outcome == ringcore::PublishOutcome::Interrupted)
            flow = afterInterruption();
        else if (outcome != ringcore::PublishOutcome::NoMemory) {
            requests_->keyUnits().passed(outgoing.isDelta, stream_->somebodyWaitsToBegin());
            return GST_FLOW_OK;
        } else if (!makeRoom(metas.size(), tried, flow))
            break;
        if (flow != GST_FLOW_OK)
            break;
    }
    release(outgoing);
    return flow;
}

GstFlowReturn SinkStream::renderList(GstBufferList *list)
{
    GstFlowReturn flow = beforeRender(GST_MINI_OBJECT_CAST(list));
    const guint length = gst_buffer_list_length(list);
    const size_t most = std::min<size_t>(length, kPiece); // nothing moves while it is pointed to
    piece_.fields.reserve(most);
    piece_.metas.reserve(most);
    piece_.buffers.reserve(most);
    for (guint i = 0; i < length && flow == GST_FLOW_OK; i++) {
        GstBuffer *buffer = gst_buffer_list_get(list, i);
        if (stream_->consumers() == 0) { // they left meanwhile
            if (flow = publishPiece(); flow == GST_FLOW_OK)
                flow = awaitClient();
            if (flow != GST_FLOW_OK)
                break;
        }
        if (const auto payload = takeIn(buffer, flow)) {
            BufferFields &fields = piece_.fields.emplace_back(fieldsOf(buffer));
            const auto &metas = piece_.metas.emplace_back(metasOf(buffer, *payload));
            piece_.metaBytes += metas.size();
            piece_.buffers.push_back(outgoingOf(buffer, *payload, fields, metas));
        }
        if (piece_.buffers.size() == kPiece || piece_.metaBytes > kPieceMetaBytes)
            flow = publishPiece();
    }
    return flow == GST_FLOW_OK ? publishPiece() : flow;
}

// As one list, however often it is interrupted.
GstFlowReturn SinkStream::publishPiece()
{
    GstFlowReturn flow = GST_FLOW_OK;
    bool tried = false; // to make room for the metas of the first of the rest
    for (std::span<const ringcore::Outgoing> rest(piece_.buffers); !rest.empty();) {
        const auto [outcome, taken] = stream_->publishList(rest);
        rest = rest.subspan(taken);
        tried = tried && taken == 0;
        if (outcome == ringcore::PublishOutcome::Interrupted) {
            flow = afterInterruption();
        } else if (outcome == ringcore::PublishOutcome::NoMemory &&
                   !makeRoom(rest.front().extra.size(), tried, flow) && flow == GST_FLOW_OK) {
            release(rest.front());
            rest = rest.subspan(1);
            tried = false;
        }
        if (flow != GST_FLOW_OK) {
            std::for_each(rest.begin(), rest.end(), release);
            break;
        }
    }
    for (const ringcore::Outgoing &buffer : piece_.buffers)
        requests_->keyUnits().passed(buffer.isDelta, stream_->somebodyWaitsToBegin());
    piece_.fields.clear();
    piece_.metas.clear();
    piece_.metaBytes = 0;
    piece_.buffers.clear();
    return flow;
}

} // namespace sharedring
