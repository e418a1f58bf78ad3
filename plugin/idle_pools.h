// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The pools that hold free frames of one arena. Upstream keeps those of elements that it is through
// with, and what lies idle there must not keep a stream from going on.
#pragma once

#include <gst/gst.h>

#include <list>
#include <mutex>

namespace sharedring
{

// Gives back what a pool's free buffers occupy.
using DiscardIdle = void (*)(GstBufferPool *pool);

// Any thread.
class IdlePools final
{
public:
    IdlePools() = default;
    IdlePools(const IdlePools &) = delete;
    IdlePools &operator=(const IdlePools &) = delete;
    ~IdlePools();

    void add(GstBufferPool *pool, DiscardIdle discard);
    // Of all pools that are still there.
    void discardAll();

private:
    struct Entry {
        GWeakRef pool; // may not move
        DiscardIdle discard;
    };
    std::mutex lock_; // guards entries_; not held while a pool is used
    std::list<Entry> entries_;
};

} // namespace sharedring
