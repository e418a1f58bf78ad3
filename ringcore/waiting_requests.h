// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A subscriber's requests between the thread that makes them and the control thread that sends them.
#pragma once

#include "control_protocol.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace ringcore::detail
{

// Any thread.
class WaitingRequests
{
public:
    // `added` is called, without a lock, whenever there is a new one.
    WaitingRequests(size_t most, std::function<void()> added) : most_(most), added_(std::move(added)) {}

    // False: nobody takes them, or too many wait.
    bool add(Request request, bool replacesWaiting)
    {
        {
            std::lock_guard guard(lock_);
            if (!open_)
                return false;
            const auto same = std::find_if(waiting_.begin(), waiting_.end(), [&](const Request &other) {
                return replacesWaiting && other.kind == request.kind;
            });
            if (same != waiting_.end()) {
                same->bytes = std::move(request.bytes);
                return true; // somebody was told of it already
            }
            if (waiting_.size() >= most_)
                return false;
            waiting_.push_back(std::move(request));
        }
        added_();
        return true;
    }

    // From when there is a producer until there is none; what waits is not for the next one.
    void setOpen(bool open)
    {
        std::lock_guard guard(lock_);
        open_ = open;
        waiting_.clear();
    }

    std::optional<Request> take()
    {
        std::lock_guard guard(lock_);
        if (waiting_.empty())
            return std::nullopt;
        std::optional<Request> first(std::move(waiting_.front()));
        waiting_.pop_front();
        return first;
    }

    bool empty() const
    {
        std::lock_guard guard(lock_);
        return waiting_.empty();
    }

private:
    const size_t most_;
    const std::function<void()> added_;
    mutable std::mutex lock_; // guards what follows
    bool open_ = false;
    std::deque<Request> waiting_;
};

} // namespace ringcore::detail
