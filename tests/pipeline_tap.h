// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What passes one pad of a pipeline: logged, slowed down or kept, as a test wants it.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

// Lines of a log, in order:
//     buffer PTS DTS DURATION OFFSET OFFSET_END FLAGS SIZE MD5 [video=META] [readonly] [arena]
//     list LENGTH (of the next so many buffers)
//     caps TEXT | segment TEXT | tag TEXT | stream-start ID | gap ... | eos | flush-start | flush-stop
//     whole MD5 (before eos: of the bytes of all buffers together; if wanted)
// with "none" for times that are not set, META the size, and stride@offset of each plane, of a
// GstVideoMeta, and "arena" where all the bytes lie in a mapping of a sharedring-arena.
// With `times`, before each buffer:
//     times NOW PTS DTS ZERO
// all ns, signed: this pipeline's running time, those of PTS and DTS, and what CLOCK_MONOTONIC was
// when running time was 0 ("none" where there is none).
class Tap
{
public:
    ~Tap();

    void logTo(const char *path);
    // The sink pad of the element named "tap", or its source pad; nothing if there is none.
    void attach(GstElement *pipeline);

    uint64_t count() const { return count_.load(); }
    // Lets go of what is held, and of the streaming thread.
    void release();
    bool sendTitle(const std::string &title);

    std::chrono::milliseconds delay{0};
    bool hold = false;
    bool times = false;
    uint64_t blockAt = 0; // the streaming thread stays in this buffer (the first is 1) until release()
    bool digest = true;   // false: "-" for every md5
    bool sumWhole = false;

private:
    static GstPadProbeReturn onData(GstPad *pad, GstPadProbeInfo *info, gpointer self);
    void onBuffer(GstBuffer *buffer);
    void onEvent(GstEvent *event);
    void writeTimes(GstBuffer *buffer);
    void write(const std::string &line);

    GstPad *pad_ = nullptr;
    std::FILE *log_ = nullptr;
    GChecksum *whole_ = g_checksum_new(G_CHECKSUM_MD5); // streaming thread
    std::atomic<uint64_t> count_{0};
    GstElement *pipeline_ = nullptr;
    std::mutex lock_; // guards what follows, and the log
    std::condition_variable released_;
    std::vector<GstBuffer *> held_;
    uint64_t releases_ = 0;
};
