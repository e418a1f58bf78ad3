// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What one message may still cost its reader: how deep values may nest and how many there may be.
// A peer can say "a list of lists" in six bytes, so the size of a message bounds neither.
#pragma once

#include <cstdint>

namespace sharedring
{

inline constexpr uint32_t kMaxValueDepth = 8;
inline constexpr uint32_t kMaxValuesInMessage = 4096;

// One budget for a whole message, passed down through every codec. Writers spend it too, so they
// never make what a reader would refuse.
class MessageBudget final
{
public:
    // One value on the way down; check entered() before looking into it.
    class Level final
    {
    public:
        explicit Level(MessageBudget &budget)
            : budget_(budget),
              entered_(budget.depth_ < kMaxValueDepth && budget.values_ < kMaxValuesInMessage)
        {
            if (entered_) {
                ++budget_.depth_;
                ++budget_.values_;
            }
        }
        Level(const Level &) = delete;
        Level &operator=(const Level &) = delete;
        ~Level()
        {
            if (entered_)
                --budget_.depth_;
        }

        [[nodiscard]] bool entered() const { return entered_; }

    private:
        MessageBudget &budget_;
        const bool entered_;
    };

private:
    uint32_t depth_ = 0;
    uint32_t values_ = 0;
};

} // namespace sharedring
