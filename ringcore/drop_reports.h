// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is told of a client's drops: a beginning, then its end with their number, and so on. A client that
// goes to and fro is told of once a second at most; runs that come faster count as one, and none is lost.
#pragma once

#include "bell.h"
#include "drop_watch.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace ringcore
{

struct DropNews {
    bool began = false;
    std::optional<uint64_t> ended; // with so many drops; after `began`, if both
};

// The connection's thread.
class DropReports
{
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kBetweenBeginnings{1000};
    static constexpr std::chrono::milliseconds kBetweenLooks{10};

    // The watch called. Look when it is time().
    void call() { called_ = true; }
    Deadline time() const { return called_ ? Deadline(next_) : std::nullopt; }

    DropNews look(DropWatch &watch, Clock::time_point now)
    {
        if (!called_ || now < next_)
            return {};
        called_ = false;
        return take(watch.look(), now);
    }

    // The client is gone: a run that goes on is over.
    DropNews finish(DropWatch &watch, Clock::time_point now)
    {
        return take({watch.look().drops, false}, now);
    }

private:
    DropNews take(DropWatch::Seen seen, Clock::time_point now)
    {
        DropNews news;
        if (!isOpen_ && seen.drops > told_) {
            news.began = isOpen_ = true;
            began_ = now;
        }
        if (isOpen_ && !seen.dropping) {
            news.ended = seen.drops - told_;
            told_ = seen.drops;
            isOpen_ = false;
        }
        next_ = now + kBetweenLooks;
        if (!isOpen_ && told_ > 0)
            next_ = std::max(next_, began_ + kBetweenBeginnings);
        return news;
    }

    bool called_ = false;
    bool isOpen_ = false; // a beginning was told, and no end
    uint64_t told_ = 0;   // drops, by the ends that were told
    Clock::time_point began_{};
    Clock::time_point next_{}; // look
};

} // namespace ringcore
