// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two pads without elements: one that pushes what a test has into an element, and one that takes and
// writes down what comes out of another.
#pragma once

#include "stream_transcript.h"

#include "plugin/gst_owner.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

class StreamPusher
{
public:
    explicit StreamPusher(GstElement *to);
    ~StreamPusher();
    StreamPusher(const StreamPusher &) = delete;
    StreamPusher &operator=(const StreamPusher &) = delete;

    // An event, a buffer or a list. Whether it was taken.
    bool push(GstMiniObject *object);

private:
    sharedring::ObjectOwner<GstPad> pad_;
};

class StreamWitness
{
public:
    // `onLine` is called in the streaming thread, with each line.
    explicit StreamWitness(GstElement *from, std::function<void(const std::string &)> onLine = {},
                           Seqnums seqnums = Seqnums::Shown);
    ~StreamWitness();
    StreamWitness(const StreamWitness &) = delete;
    StreamWitness &operator=(const StreamWitness &) = delete;

    bool waitForCount(size_t lines, std::chrono::milliseconds patience);
    std::vector<std::string> lines() const;

private:
    template <typename Object>
    void note(Object *object);

    static GstFlowReturn onBuffer(GstPad *pad, GstObject *parent, GstBuffer *buffer);
    static GstFlowReturn onList(GstPad *pad, GstObject *parent, GstBufferList *list);
    static gboolean onEvent(GstPad *pad, GstObject *parent, GstEvent *event);
    static gboolean onQuery(GstPad *pad, GstObject *parent, GstQuery *query);

    const std::function<void(const std::string &)> onLine_;
    mutable std::mutex lock_; // guards what follows
    std::condition_variable grown_;
    StreamTranscript transcript_;
    std::vector<std::string> lines_;
    sharedring::ObjectOwner<GstPad> pad_;
};
