// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What sharedringsink does between start and stop: buffers and events of its pad become records.
#pragma once

#include "client_requests.h"
#include "gst_owner.h"
#include "idle_pools.h"
#include "outgoing_metas.h"
#include "outgoing_time.h"
#include "payload_buffer.h"
#include "ringcore/publisher.h"
#include "sink_settings.h"
#include "stream_headers.h"

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sharedring
{

// The streaming thread, with the base class's preroll lock, but for what says otherwise.
class SinkStream
{
public:
    SinkStream(GstBaseSink *sink, std::unique_ptr<ringcore::Publisher> publisher,
               std::shared_ptr<ClientRequests> requests, const SinkSettings &settings);
    void stop();                              // the thread that changes the state
    void apply(const SinkSettings &settings); // any thread: those that may change while it runs

    // The base class's virtual functions.
    GstFlowReturn preroll();
    GstFlowReturn render(GstBuffer *buffer);
    GstFlowReturn renderList(GstBufferList *list);
    void event(GstEvent *event);        // not EOS, GAP, FLUSH; any thread, if it is not serialized
    GstFlowReturn gap(GstEvent *event); // after it was waited for
    void endOfStream(guint32 seqnum);   // likewise
    void flushStart(guint32 seqnum);    // any thread
    void flushStop(bool resetTime, guint32 seqnum);
    void unlock() { stream_->interrupt(); } // any thread
    void unlockStop();                      // any thread, with the preroll lock
    void play();                            // the thread that changes the state
    void latencyChanged() { latencyChanged_.store(true, std::memory_order_relaxed); } // any thread

    void proposeAllocation(GstQuery *query, bool offerPool); // any thread

    GstStructure *statistics() const; // any thread
    ringcore::FanOut &fanOut() const { return *stream_; }

private:
    // What of a list is on its way into the ring: what an Outgoing points to lies here until it is there.
    struct Piece {
        std::vector<BufferFields> fields;
        std::vector<std::vector<std::byte>> metas;
        std::vector<ringcore::Outgoing> buffers;
        size_t metaBytes = 0;
    };

    GstFlowReturn beforeRender(GstMiniObject *bufferOrList);
    std::optional<Payload> takeIn(GstBuffer *buffer, GstFlowReturn &flow);
    std::vector<std::byte> metasOf(GstBuffer *buffer, const Payload &payload);
    ringcore::Outgoing outgoingOf(GstBuffer *buffer, const Payload &payload, BufferFields &fields,
                                  const std::vector<std::byte> &metas);
    bool awaitMemory(GstFlowReturn &flow);
    bool makeRoom(size_t size, bool &tried, GstFlowReturn &flow);
    GstFlowReturn publishPiece();
    bool mustAwaitClient() const { return stream_->waitsForConsumer() && stream_->consumers() == 0; }
    GstFlowReturn awaitClient();
    GstFlowReturn afterInterruption();
    bool decideMode();
    void open();
    GstFlowReturn waitAndOpen();
    void publishInfo();
    bool hold(GstEvent *event);
    void publishHeld();
    void publish(GstEvent *event);
    void awaitRoom(size_t bytes);
    void leave(GstEvent *event, const std::string &why);
    Timestamps chosenMode(bool upstreamLive) const;
    void queryUpstream(bool *live, GstClockTime *minimum) const;
    bool isOldNews(GstBuffer *buffer) const;
    GstFlowReturn refuseTooLarge(gsize size);
    void announceWait();

    GstBaseSink *const sink_;
    const SinkSettings settings_; // of the start
    const std::unique_ptr<ringcore::Publisher> publisher_;
    const std::shared_ptr<ringcore::FanOut> stream_;
    const std::shared_ptr<ClientRequests> requests_;
    const std::shared_ptr<IdlePools> pools_ = std::make_shared<IdlePools>();
    const ObjectOwner<GstAllocator> allocator_;

    OutgoingTime time_;
    OutgoingMetas metas_;
    Piece piece_;
    bool paused_ = false;    // since unlockStop(), until play()
    bool wasPaused_ = false; // clients were not told yet
    uint16_t pauses_ = 0;    // that they were told of
    bool upstreamLive_ = false;
    GstClockTime minimumLatency_ = 0;
    bool waitAnnounced_ = false;
    HeadersInBand headers_;
    GstClockTime oldNewsUntil_ =
        GST_CLOCK_TIME_NONE; // running time; what is before it was missed by everybody

    std::mutex eventsLock_;        // guards what follows; never held while calling out
    bool open_ = false;            // the mode is decided, and events go out as they come
    std::vector<EventOwner> held_; // until then
    std::set<GstEventType> left_;  // types of which the log was told that they do not cross

    std::atomic<TimestampsChoice> timestamps_;
    std::atomic<bool> latencyChanged_{false};
    std::atomic<uint64_t> copies_{0};
    std::atomic<uint64_t> copiedBytes_{0};
    std::atomic<uint64_t> noRoom_{0};     // buffers that found no room in the arena
    std::atomic<uint64_t> eventsLeft_{0}; // that do not cross
};

} // namespace sharedring
