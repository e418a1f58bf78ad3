// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the clients that are here take, and what that makes of the sink's caps: an order of
// preference, never a refusal.
#pragma once

#include "format_names.h"
#include "gst_owner.h"

#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

namespace sharedring
{

// Any thread.
class ClientFormats
{
public:
    void set(uint32_t client, FormatNames formats);
    void remove(uint32_t client);

    // Whether what clients take counts at all.
    void setNegotiates(bool negotiates) { negotiates_.store(negotiates, std::memory_order_relaxed); }
    bool negotiates() const { return negotiates_.load(std::memory_order_relaxed); }

    // `filter` with what all clients take in front (before there is a client: the common 8-bit
    // formats), then everything else in its own order. Structures with memory of another kind are
    // left out. `filter` is neither ANY nor NULL.
    CapsOwner order(const GstCaps *filter) const;

    // Whether `client` cannot take `current`, and `possible` (what upstream can make) has a format
    // that all clients take.
    bool wouldHelp(uint32_t client, const GstCaps *current, const GstCaps *possible) const;

private:
    bool allTake(const GstCaps *fixed) const;

    std::atomic<bool> negotiates_{true};
    mutable std::mutex lock_; // guards formats_
    std::map<uint32_t, FormatNames> formats_;
};

} // namespace sharedring
