// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When it pays to look at the ring for a few microseconds more before going to sleep. Sleeping and
// being woken costs about 20 us on two cores; looking costs the time it looks, on every miss.
//
// The gate learns from when data *was ready*, which the record says, and not from when we got to
// see it: that would count the wake's own latency, and a stream that once went to sleep would look
// slow for good. So also a stream for which we never look teaches us that looking would pay.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringcore
{

inline constexpr std::chrono::nanoseconds kLookAgain{5000};

class LookAgainGate
{
public:
    bool worthIt() const { return score_ >= kThreshold; }

    // The ring was found empty at `emptyAt`, and what came next was ready at `readyAt` (a hint from
    // a peer: the worst that a lie does is to make us look for kLookAgain in vain).
    void learn(std::chrono::nanoseconds emptyAt, std::chrono::nanoseconds readyAt)
    {
        if (readyAt <= emptyAt + kLookAgain)
            score_ = score_ > kFull - kGain ? kFull : score_ + kGain;
        else if (score_ > 0)
            score_--;
    }

private:
    // One hit is worth three misses: looking pays from about one hit in four on.
    static constexpr uint32_t kGain = 3;
    static constexpr uint32_t kThreshold = 6;
    static constexpr uint32_t kFull = 24;
    uint32_t score_ = 0;
};

} // namespace ringcore
