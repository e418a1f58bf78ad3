// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What passes one pad of a pipeline: logged, slowed down or kept, as a test wants it.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

// Lines of a log, in order:
//     buffer PTS DTS DURATION OFFSET OFFSET_END FLAGS SIZE MD5 [video=META] [readonly] [arena]
//     caps TEXT | segment TEXT | tag TEXT | stream-start ID | gap ... | eos | flush-start | flush-stop
//     whole MD5 (before eos: of the bytes of all buffers together; if wanted)
// with "none" for times that are not set, META the size, and stride@offset of each plane, of a
// GstVideoMeta, and "arena" where all the bytes lie in a mapping of a sharedring-arena.
class Tap
{
public:
    ~Tap();

    void logTo(const char *path);
    // The sink pad of the element named "tap", or its source pad; nothing if there is none.
    void attach(GstElement *pipeline);

    uint64_t count() const { return count_.load(); }
    void release();
    bool sendTitle(const std::string &title);

    std::chrono::milliseconds delay{0};
    bool hold = false;
    bool digest = true; // false: "-" for every md5
    bool sumWhole = false;

private:
    static GstPadProbeReturn onData(GstPad *pad, GstPadProbeInfo *info, gpointer self);
    void onBuffer(GstBuffer *buffer);
    void onEvent(GstEvent *event);
    void write(const std::string &line);

    GstPad *pad_ = nullptr;
    std::FILE *log_ = nullptr;
    GChecksum *whole_ = g_checksum_new(G_CHECKSUM_MD5); // streaming thread
    std::atomic<uint64_t> count_{0};
    std::mutex lock_; // guards held_ and the log
    std::vector<GstBuffer *> held_;
};
