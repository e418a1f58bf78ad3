// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What passes a pad of this process, as lines that can be compared with those of another pad.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

// Lines: "TYPE #SEQNUM TEXT", "buffer PTS". What differs between two processes by nature is left out:
// the number of a group, the source of a message.
class EventRecorder
{
public:
    explicit EventRecorder(GstPad *pad); // takes the reference
    ~EventRecorder();
    EventRecorder(const EventRecorder &) = delete;
    EventRecorder &operator=(const EventRecorder &) = delete;

    std::vector<std::string> lines() const;
    bool waitFor(const std::function<bool(const std::vector<std::string> &)> &holds) const;
    // Until a line begins so.
    bool waitForLine(const std::string &beginning) const;

    // The streaming thread stays in the next buffer until release().
    void block();
    bool waitUntilBlocked() const;
    void release();

private:
    static GstPadProbeReturn onData(GstPad *pad, GstPadProbeInfo *info, gpointer self);
    void add(const std::string &line, bool isBuffer);

    GstPad *const pad_;
    gulong probe_;
    mutable std::mutex lock_; // guards what follows
    mutable std::condition_variable changed_;
    std::vector<std::string> lines_;
    bool blocks_ = false;
    bool blocked_ = false;
};

std::string describe(GstEvent *event);
