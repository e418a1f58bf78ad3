// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pipeline that plays in this process, and what passes one of its pads.
#pragma once

#include "plugin/gst_owner.h"

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

// Looks until `holds`, for states that tell nobody when they change.
bool await(const std::function<bool()> &holds, std::chrono::milliseconds patience = std::chrono::seconds(20));

// As applications do: when an element says that its latency changed, the sinks are told.
void heedLatency(GstElement *pipeline);

class Playing
{
public:
    // `pad` of the element named `padOf` is looked at.
    explicit Playing(const std::string &line, const std::string &padOf = "tap", const char *pad = "src");
    ~Playing();
    Playing(const Playing &) = delete;

    GstElement *element() const { return element_.get(); } // the one named `padOf`
    uint64_t buffers() const { return buffers_.load(); }
    GstClockTime firstPts() const { return firstPts_.load(); }
    GstClockTime lastPts() const { return lastPts_.load(); }
    // Upstream events that passed the pad, of this type (and structure).
    std::vector<GstEvent *> events(GstEventType type, const char *structure = nullptr) const;

    // Of the element named "ring", or the one given.
    sharedring::ObjectOwner<GstElement> named(const char *name) const;
    void set(const char *property, const std::string &value) const;
    sharedring::StructureOwner stats() const;
    uint64_t stat(const char *field) const;

    // An upstream event out of the sink pad of element().
    bool sendUpstream(GstEvent *event);
    void setState(GstState state) const { gst_element_set_state(pipeline_.get(), state); }
    // What the bus has of these types, as texts.
    std::vector<std::string> messages(GstMessageType types) const;
    // Waits until it has one of them whose text has `part`; what was before it is gone.
    bool awaitMessage(GstMessageType types, const std::string &part) const;

private:
    static GstPadProbeReturn onData(GstPad *pad, GstPadProbeInfo *info, gpointer self);

    sharedring::ObjectOwner<GstElement> pipeline_;
    sharedring::ObjectOwner<GstElement> element_;
    std::atomic<uint64_t> buffers_{0};
    std::atomic<GstClockTime> firstPts_{GST_CLOCK_TIME_NONE};
    std::atomic<GstClockTime> lastPts_{GST_CLOCK_TIME_NONE};
    mutable std::mutex lock_; // guards events_
    std::vector<sharedring::EventOwner> events_;
};
