// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What clients ask of a sharedringsink, and how much of it goes upstream: a hostile client must not
// steer the producer. What is refused is counted; the client is not told.
#pragma once

#include "plugin/key_unit_requests.h"
#include "plugin/upstream_codec.h"
#include "plugin/weak_element.h"

#include <gst/base/gstbasesink.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace sharedring
{

class ClientRequests
{
public:
    // `letThrough`: names of upstream events, separated by commas: GstForceKeyUnit, or of a custom one's
    // structure.
    ClientRequests(std::shared_ptr<WeakElement> sink, const std::string &letThrough);

    // Any thread.
    void setLetThrough(const std::string &names);

    // The threads of connections. False: no request at all.
    bool take(uint32_t client, uint32_t number, std::span<const std::byte> bytes);
    void forget(uint32_t client);

    KeyUnitRequests &keyUnits() { return keyUnits_; }

    // The streaming thread: what the wire's running times are ahead of ours, and the last one out.
    void setTimes(int64_t zeroOnWire, int64_t lastOnWire)
    {
        zero_.store(zeroOnWire, std::memory_order_relaxed);
        last_.store(lastOnWire, std::memory_order_relaxed);
    }

    struct Statistics {
        uint64_t granted = 0; // but for latencies, which are only noted
        uint64_t refused = 0; // not let through, too often, or not plausible
    };
    Statistics statistics() const; // any thread
    GstClockTime latencyOf(uint32_t client) const;

private:
    using Clock = std::chrono::steady_clock;
    struct Client {
        Clock::time_point second;
        std::map<WireRequest, unsigned> thisSecond;
        std::optional<QosRequest> qos; // its last one
        Clock::time_point qosAt;
        GstClockTime latency = GST_CLOCK_TIME_NONE; // NONE: it did not say
    };

    bool isLetThrough(std::string_view name) const;
    bool mayBeRead(uint32_t client, WireRequest kind, std::span<const std::byte> bytes);
    bool mayGo(Client &client, WireRequest kind);
    bool grant(uint32_t client, const KeyUnitRequest &request);
    bool grant(uint32_t client, const QosRequest &request);
    bool grant(uint32_t client, const LatencyRequest &request);
    bool grant(uint32_t client, const CustomRequest &request);
    std::optional<GstClockTime> runningTime(int64_t onWire) const;
    bool isPlausible(const QosRequest &request, GstElement *sink) const;
    EventOwner worstQos();

    const std::shared_ptr<WeakElement> sink_;
    KeyUnitRequests keyUnits_;
    std::atomic<int64_t> zero_{0};
    std::atomic<int64_t> last_{INT64_MIN};
    std::atomic<uint64_t> granted_{0};
    std::atomic<uint64_t> refused_{0};

    mutable std::mutex lock_; // guards what follows; never held while an event is pushed
    std::set<std::string, std::less<>> letThrough_;
    std::map<uint32_t, Client> clients_;
    Clock::time_point qosSent_{};
};

} // namespace sharedring
