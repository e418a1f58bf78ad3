// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugin/client_requests.h"

#include "plugin/stream_wire.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

namespace sharedring
{

namespace
{

using namespace std::chrono_literals;

constexpr auto kQosSpacing = 50ms;
constexpr auto kQosMemory = 1s; // how long what a client said counts
// What clocks and threads may differ by between two honest processes.
constexpr GstClockTimeDiff kQosTolerance = 50 * GST_MSECOND;
constexpr GstClockTime kFurthestKeyUnit = 60 * GST_SECOND; // in the future

// Of one client, in a second; 0: no kind of request.
unsigned mostPerSecond(WireRequest kind)
{
    switch (kind) {
    case WireRequest::ForceKeyUnit:
        return 4;
    case WireRequest::Qos:
        return 40;
    case WireRequest::Latency:
    case WireRequest::Custom:
        return 10;
    }
    return 0;
}

std::set<std::string, std::less<>> namesIn(const std::string &list)
{
    std::set<std::string, std::less<>> names;
    gchar **parts = g_strsplit(list.c_str(), ",", -1);
    for (gchar **part = parts; *part; part++) {
        if (*g_strstrip(*part))
            names.emplace(*part);
    }
    g_strfreev(parts);
    return names;
}

// Running time by the sink's clock; none while it does not play.
std::optional<GstClockTimeDiff> runningTimeNow(GstElement *sink)
{
    const ObjectOwner<GstClock> clock(gst_element_get_clock(sink));
    if (!clock || GST_STATE(sink) != GST_STATE_PLAYING)
        return std::nullopt;
    return GST_CLOCK_DIFF(gst_element_get_base_time(sink), gst_clock_get_time(clock.get()));
}

} // namespace

ClientRequests::ClientRequests(std::shared_ptr<WeakElement> sink, const std::string &letThrough)
    : sink_(sink), keyUnits_(std::move(sink)), letThrough_(namesIn(letThrough))
{
}

void ClientRequests::setLetThrough(const std::string &names)
{
    auto parsed = namesIn(names);
    std::lock_guard guard(lock_);
    letThrough_ = std::move(parsed);
}

bool ClientRequests::isLetThrough(std::string_view name) const
{
    std::lock_guard guard(lock_);
    return letThrough_.contains(name);
}

bool ClientRequests::take(uint32_t client, uint32_t number, std::span<const std::byte> bytes)
{
    const auto kind = static_cast<WireRequest>(number);
    if (mostPerSecond(kind) == 0)
        return false;
    bool granted = false;
    if (mayBeRead(client, kind, bytes)) {
        const auto request = decodeUpstream(number, bytes);
        if (!request)
            return false;
        granted = std::visit([&](const auto &one) { return grant(client, one); }, *request);
    }
    if (!granted)
        refused_.fetch_add(1, std::memory_order_relaxed);
    else if (kind != WireRequest::Latency)
        granted_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

// Before anything is made of it: a structure's names stay in this process, which gives all peers together
// one ration of them.
bool ClientRequests::mayBeRead(uint32_t client, WireRequest kind, std::span<const std::byte> bytes)
{
    if (kind == WireRequest::Custom) {
        const auto name = customNameIn(bytes);
        if (name && !isLetThrough(*name))
            return false;
    }
    std::lock_guard guard(lock_);
    return mayGo(clients_[client], kind);
}

void ClientRequests::forget(uint32_t client)
{
    std::lock_guard guard(lock_);
    clients_.erase(client);
}

bool ClientRequests::mayGo(Client &client, WireRequest kind)
{
    const auto now = Clock::now();
    if (now - client.second >= 1s) {
        client.second = now;
        client.thisSecond.clear();
    }
    return ++client.thisSecond[kind] <= mostPerSecond(kind);
}

// A time of the wire as our running time; none: it was before all time.
std::optional<GstClockTime> ClientRequests::runningTime(int64_t onWire) const
{
    int64_t ours;
    if (onWire == kNoTime || __builtin_sub_overflow(onWire, zero_.load(std::memory_order_relaxed), &ours) ||
        ours < 0)
        return std::nullopt;
    return static_cast<GstClockTime>(ours);
}

bool ClientRequests::grant(uint32_t, const KeyUnitRequest &request)
{
    if (!isLetThrough(kForceKeyUnitName))
        return false;
    // Only what is to come is worth a question of its own.
    const auto time = runningTime(request.runningTime);
    const auto last = runningTime(last_.load(std::memory_order_relaxed)).value_or(0);
    if (!time || *time <= last)
        keyUnits_.want(request.allHeaders);
    else if (*time - last <= kFurthestKeyUnit)
        keyUnits_.wantAt(*time, request.allHeaders);
    else
        return false;
    return true;
}

// A client that plays cannot be later than it is now, nor speak of what it never got.
bool ClientRequests::isPlausible(const QosRequest &request, GstElement *sink) const
{
    const auto time = runningTime(request.runningTime);
    if (!time || request.runningTime > last_.load(std::memory_order_relaxed))
        return false;
    if (zero_.load(std::memory_order_relaxed) == 0)
        return true; // times that no clock is tied to
    const auto now = runningTimeNow(sink);
    return now && request.lateness <= *now - static_cast<GstClockTimeDiff>(*time) + kQosTolerance;
}

bool ClientRequests::grant(uint32_t client, const QosRequest &request)
{
    const auto sink = sink_->get();
    if (!sink || !gst_base_sink_is_qos_enabled(GST_BASE_SINK(sink.get())) ||
        !isPlausible(request, sink.get()))
        return false;
    EventOwner event;
    {
        std::lock_guard guard(lock_);
        Client &from = clients_[client];
        from.qos = request;
        from.qosAt = Clock::now();
        event = worstQos();
    }
    if (event)
        gst_pad_push_event(GST_BASE_SINK_PAD(sink.get()), event.release());
    return true;
}

// What the latest of the clients said lately, every kQosSpacing; else nullptr.
EventOwner ClientRequests::worstQos()
{
    const auto now = Clock::now();
    if (now - qosSent_ < kQosSpacing)
        return nullptr;
    const QosRequest *worst = nullptr;
    for (const auto &[id, client] : clients_) {
        if (client.qos && now - client.qosAt < kQosMemory &&
            (!worst || client.qos->lateness > worst->lateness))
            worst = &*client.qos;
    }
    const auto time = worst ? runningTime(worst->runningTime) : std::nullopt;
    if (!time)
        return nullptr;
    qosSent_ = now;
    // Its stream may have begun before ours, but GStreamer asserts that nothing was before all time.
    const auto lateness = std::max(worst->lateness, -static_cast<GstClockTimeDiff>(*time));
    return EventOwner(gst_event_new_qos(worst->type, worst->proportion, lateness, *time));
}

// A client's latency is its own affair: it is shown, and upstream is not told.
bool ClientRequests::grant(uint32_t client, const LatencyRequest &request)
{
    std::lock_guard guard(lock_);
    clients_[client].latency = request.latency;
    return true;
}

bool ClientRequests::grant(uint32_t client, const CustomRequest &request)
{
    const auto sink = sink_->get(); // its name was looked at already
    if (!sink)
        return false;
    GST_DEBUG_OBJECT(sink.get(), "upstream, for client %u: %" GST_PTR_FORMAT, client, request.event.get());
    gst_pad_push_event(GST_BASE_SINK_PAD(sink.get()), gst_event_ref(request.event.get()));
    return true;
}

ClientRequests::Statistics ClientRequests::statistics() const
{
    return {granted_.load(std::memory_order_relaxed), refused_.load(std::memory_order_relaxed)};
}

GstClockTime ClientRequests::latencyOf(uint32_t client) const
{
    std::lock_guard guard(lock_);
    const auto known = clients_.find(client);
    return known == clients_.end() ? GST_CLOCK_TIME_NONE : known->second.latency;
}

} // namespace sharedring
