// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When upstream is asked for a key unit: once for all who want one at a time, and not too often.
#pragma once

#include "plugin/weak_element.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

namespace sharedring
{

// Any thread, but for what says otherwise.
class KeyUnitRequests
{
public:
    // Two questions are at least this far apart; one that is not answered is repeated after kPatience.
    static constexpr std::chrono::milliseconds kSpacing{250};
    static constexpr std::chrono::milliseconds kPatience{2000};

    explicit KeyUnitRequests(std::shared_ptr<WeakElement> sink) : sink_(std::move(sink)) {}

    // Somebody wants one as soon as possible: asks upstream, unless somebody did who waits still. What
    // comes too soon is asked by the streaming thread later.
    void want(bool allHeaders);
    // Somebody wants one at this running time, which is to come.
    void wantAt(GstClockTime runningTime, bool allHeaders);

    // The streaming thread, for each buffer that went out. `somebodyWaits`: a client did not get it, as it
    // can begin with a key unit only.
    void passed(bool isDelta, bool somebodyWaits);

    uint64_t asked() const { return asked_.load(std::memory_order_relaxed); }

private:
    using Clock = std::chrono::steady_clock;

    void ask(GstClockTime runningTime, bool allHeaders);
    void sayUnanswered() const;

    const std::shared_ptr<WeakElement> sink_;
    std::atomic<bool> open_{false}; // a question waits for its answer, or to be asked
    std::atomic<uint64_t> asked_{0};

    std::mutex lock_; // guards what follows; never held while an event is pushed
    bool pending_ = false;
    bool due_ = false;
    bool allHeaders_ = false; // of what is due
    bool told_ = false;       // that nobody answers
    Clock::time_point askedAt_{};
};

} // namespace sharedring
