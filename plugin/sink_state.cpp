// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_state.h"

#include "sharedringsink.h"
#include "sink_messages.h"
#include "sink_signals.h"
#include "timeout.h"

#include <cerrno>
#include <tuple>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

namespace sharedring
{

namespace
{

// A newcomer that cannot take what is playing: upstream is asked for what everybody takes, once.
void offerReconfiguration(GstBaseSink *sink, const ClientFormats &formats, uint32_t client)
{
    GstPad *pad = GST_BASE_SINK_PAD(sink);
    const CapsOwner current(gst_pad_get_current_caps(pad));
    if (!current)
        return;
    const CapsOwner possible(gst_pad_peer_query_caps(pad, nullptr));
    if (!possible || !formats.wouldHelp(client, current.get(), possible.get()))
        return;
    GST_INFO_OBJECT(sink, "client %u cannot take %" GST_PTR_FORMAT ": asking upstream for another format",
                    client, current.get());
    gst_pad_push_event(pad, gst_event_new_reconfigure());
}

ringcore::PublisherCallbacks callbacksFor(const std::shared_ptr<WeakElement> &element,
                                          const std::shared_ptr<ClientFormats> &formats,
                                          const std::shared_ptr<ClientRequests> &requests)
{
    ringcore::PublisherCallbacks callbacks;
    callbacks.authorize = [element](const ringcore::PeerIdentity &peer) {
        const auto sink = element->get();
        return sink && emitAuthorize(sink.get(), peer);
    };
    callbacks.attachment = [formats](uint32_t id, std::span<const std::byte> bytes) {
        auto names = decodeFormatNames(bytes);
        if (!names)
            return false;
        formats->set(id, std::move(*names));
        return true;
    };
    callbacks.request = [requests](uint32_t id, uint32_t kind, std::span<const std::byte> bytes) {
        return requests->take(id, kind, bytes);
    };
    callbacks.connected = [element, formats](uint32_t id, const ringcore::PeerIdentity &peer) {
        const auto sink = element->get();
        if (!sink)
            return;
        emitConnected(sink.get(), id, peer);
        postConnected(sink.get(), id, peer);
        if (formats->negotiates())
            offerReconfiguration(GST_BASE_SINK(sink.get()), *formats, id);
    };
    callbacks.disconnected = [element, formats, requests](uint32_t id, const std::string &reason,
                                                          bool wasConnected) {
        formats->remove(id);
        requests->forget(id);
        if (const auto sink = element->get(); sink && wasConnected) {
            emitDisconnected(sink.get(), id, reason);
            postDisconnected(sink.get(), id, reason);
        }
    };
    callbacks.dropsBegan = [element](uint32_t id) {
        if (const auto sink = element->get())
            postDropStart(sink.get(), id);
    };
    callbacks.dropsEnded = [element](uint32_t id, uint64_t buffers) {
        if (const auto sink = element->get())
            postDropEnd(sink.get(), id, buffers);
    };
    callbacks.log = [element](ringcore::PublisherCallbacks::Level level, const std::string &line) {
        const auto sink = element->get();
        if (level == ringcore::PublisherCallbacks::Level::Warning)
            GST_CAT_WARNING_OBJECT(gst_shared_ring_sink_debug, sink.get(), "%s", line.c_str());
        else
            GST_CAT_INFO_OBJECT(gst_shared_ring_sink_debug, sink.get(), "%s", line.c_str());
    };
    return callbacks;
}

} // namespace

void SinkState::start()
{
    const SinkSettings now = copyOfSettings();
    {
        std::lock_guard guard(lock);
        started = now;
    }
    if (now.socket.empty() && now.fd < 0) {
        fail(GST_RESOURCE_ERROR_SETTINGS, "No socket was given: set the property \"socket\" (or \"fd\")");
        return;
    }
    ringcore::PublisherConfig config;
    if (now.fd >= 0)
        config.socket = now.fd;
    else
        config.socket = now.socket;
    config.permissions = now.perms;
    config.maxClients = now.maxClients;
    config.maxClientsPerUid = now.maxClientsPerUid;
    config.maxMemory = static_cast<size_t>(now.maxMemory);
    config.fanOut.maxBuffers = now.maxBuffers;
    config.fanOut.slowClient = now.slowClient;
    config.fanOut.slowClientTimeout = timeoutOf(now.slowClientTimeout);

    const auto requests = std::make_shared<ClientRequests>(element, now.upstreamEvents);
    auto publisher = ringcore::Publisher::create(std::move(config), callbacksFor(element, formats, requests));
    if (!publisher) {
        fail(GST_RESOURCE_ERROR_OPEN_READ_WRITE, "Cannot serve " + ringcore::describe(publisher.error()));
        return;
    }
    auto running = std::make_shared<SinkStream>(sink, std::move(*publisher), requests, now);
    std::lock_guard guard(lock);
    stream = std::move(running);
    applyLocked(); // what was changed meanwhile
}

void SinkState::applyLocked()
{
    formats->setNegotiates(settings.negotiateFormats);
    if (stream)
        stream->apply(settings);
}

void SinkState::leaveReady()
{
    const auto ofAPath = [](const SinkSettings &one) { return std::tie(one.socket, one.perms); };
    bool isOutdated;
    {
        std::lock_guard guard(lock);
        isBeyondReady = true;
        isOutdated = started.fd != settings.fd || started.maxMemory != settings.maxMemory ||
                     (settings.fd < 0 && ofAPath(started) != ofAPath(settings));
    }
    if (isOutdated) {
        stop();
        start();
    }
}

void SinkState::returnToReady()
{
    std::lock_guard guard(lock);
    isBeyondReady = false;
}

void SinkState::stop()
{
    std::shared_ptr<SinkStream> ended;
    GstClockID later = nullptr;
    {
        std::lock_guard guard(lock);
        ended = std::move(stream);
        failure.reset();
        later = std::exchange(laterFailure, nullptr);
    }
    if (ended)
        ended->stop(); // and not when the last reader of its statistics lets go of it
    if (later) {
        gst_clock_id_unschedule(later);
        gst_clock_id_unref(later);
    }
}

void SinkState::fail(GstResourceError code, std::string text)
{
    constexpr GstClockTime kPatience = 500 * GST_MSECOND;
    const ObjectOwner<GstClock> clock(gst_system_clock_obtain());
    GstClockID later = gst_clock_new_single_shot_id(clock.get(), gst_clock_get_time(clock.get()) + kPatience);
    {
        std::lock_guard guard(lock);
        failure = {code, std::move(text)};
        laterFailure = later;
    }
    struct Target {
        ObjectOwner<GstElement> keptAlive; // and with it the state
        SinkState *state;
    };
    auto *target = new Target{ObjectOwner<GstElement>(GST_ELEMENT_CAST(gst_object_ref(sink))), this};
    gst_clock_id_wait_async(
        later,
        [](GstClock *, GstClockTime, GstClockID, gpointer data) -> gboolean {
            static_cast<Target *>(data)->state->postFailure();
            return TRUE;
        },
        target, [](gpointer data) { delete static_cast<Target *>(data); });
}

void SinkState::postFailure()
{
    Failure told;
    {
        std::lock_guard guard(lock);
        if (!failure || failure->text.empty())
            return;
        told = *failure;
        failure->text.clear();
    }
    gst_element_message_full(GST_ELEMENT_CAST(sink), GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, told.code,
                             g_strdup(told.text.c_str()), nullptr, __FILE__, GST_FUNCTION, __LINE__);
}

} // namespace sharedring
