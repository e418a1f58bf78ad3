// SPDX-License-Identifier: LGPL-2.1-or-later
#include "idle_pools.h"

#include "gst_owner.h"

#include <utility>
#include <vector>

namespace sharedring
{

IdlePools::~IdlePools()
{
    for (Entry &entry : entries_)
        g_weak_ref_clear(&entry.pool);
}

void IdlePools::add(GstBufferPool *pool, DiscardIdle discard)
{
    std::lock_guard guard(lock_);
    Entry &entry = entries_.emplace_back();
    g_weak_ref_init(&entry.pool, pool);
    entry.discard = discard;
}

void IdlePools::discardAll()
{
    // Who drops the last reference to a pool runs its destructor, and a buffer given back may be the
    // last of another: neither happens under the lock.
    std::vector<std::pair<ObjectOwner<GstBufferPool>, DiscardIdle>> present;
    {
        std::lock_guard guard(lock_);
        for (auto entry = entries_.begin(); entry != entries_.end();) {
            if (auto *pool = static_cast<GstBufferPool *>(g_weak_ref_get(&entry->pool))) {
                present.emplace_back(ObjectOwner<GstBufferPool>(pool), entry->discard);
                ++entry;
            } else {
                g_weak_ref_clear(&entry->pool);
                entry = entries_.erase(entry);
            }
        }
    }
    for (const auto &[pool, discard] : present)
        discard(pool.get());
}

} // namespace sharedring
