// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the producer keeps alive until the last consumer gave it back.
#pragma once

#include "arena.h"

#include <cstdint>
#include <vector>

namespace ringcore
{

// Somebody's reference to payload memory; release(owner) is called once, on no particular thread and
// without a lock held.
struct Keeper {
    void *owner = nullptr;
    void (*release)(void *owner) = nullptr;
};

// Keepers to be released once no lock is held. Allocates nothing in the ordinary case.
class ReleaseList
{
public:
    ReleaseList() = default;
    ReleaseList(const ReleaseList &) = delete;
    ReleaseList &operator=(const ReleaseList &) = delete;
    ~ReleaseList() { releaseAll(); }

    void add(Keeper keeper)
    {
        if (!keeper.release)
            return;
        if (few_ < kFew)
            first_[few_++] = keeper;
        else
            more_.push_back(keeper);
    }

    void releaseAll()
    {
        for (size_t i = 0; i < few_; i++)
            first_[i].release(first_[i].owner);
        for (const Keeper &keeper : more_)
            keeper.release(keeper.owner);
        few_ = 0;
        more_.clear();
    }

private:
    static constexpr size_t kFew = 32;
    Keeper first_[kFew];
    size_t few_ = 0;
    std::vector<Keeper> more_;
};

// Counts the consumers that hold each publication. Under its owner's lock.
class Publications
{
public:
    explicit Publications(Arena &arena) : arena_(arena) {}

    // A publication with one reference, the caller's. `owned` is freed with it.
    uint32_t add(Keeper keeper, Block owned)
    {
        uint32_t index;
        if (free_.empty()) {
            index = static_cast<uint32_t>(entries_.size());
            entries_.emplace_back();
            free_.reserve(entries_.size());
        } else {
            index = free_.back();
            free_.pop_back();
        }
        entries_[index] = {1, keeper, owned};
        return index;
    }

    void ref(uint32_t index) { entries_[index].references++; }

    // The last one moves the keeper into `released`: the caller releases it when it has no lock.
    void unref(uint32_t index, ReleaseList &released)
    {
        Entry &entry = entries_[index];
        if (--entry.references > 0)
            return;
        released.add(entry.keeper);
        arena_.free(entry.owned);
        entry = {};
        free_.push_back(index);
    }

    size_t live() const { return entries_.size() - free_.size(); }

private:
    struct Entry {
        uint32_t references = 0;
        Keeper keeper;
        Block owned;
    };
    Arena &arena_;
    std::vector<Entry> entries_;
    std::vector<uint32_t> free_;
};

} // namespace ringcore
