// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Keeps the list of a directory's live producers current, on a thread of its own: by a monitor of the
// directory, and by each producer's pidfd, as a killed one leaves its socket behind.
#pragma once

#include "producer_directory.h"

#include <gio/gio.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sharedring
{

class ProducerWatch final
{
public:
    // Called by start(), for who is there already, and then by the watch's own thread.
    struct Callbacks {
        std::function<void(const LiveProducer &)> appeared;
        std::function<void(const std::string &socket)> left;
    };

    // The directory need not be there yet. nullptr: no thread; `error` says why.
    static std::unique_ptr<ProducerWatch> start(std::string directory, Callbacks callbacks, GError **error);
    // Waits for a callback that is under way; there are none after it.
    ~ProducerWatch();
    ProducerWatch(const ProducerWatch &) = delete;

private:
    struct Release {
        void operator()(GFile *file) const { g_object_unref(file); }
        void operator()(GFileMonitor *monitor) const { g_object_unref(monitor); }
        void operator()(GMainContext *context) const { g_main_context_unref(context); }
        void operator()(GMainLoop *loop) const { g_main_loop_unref(loop); }
        void operator()(GThread *thread) const { g_thread_join(thread); }
        void operator()(GSource *source) const
        {
            g_source_destroy(source);
            g_source_unref(source);
        }
    };
    template <typename T>
    using Owner = std::unique_ptr<T, Release>;
    struct Listed {
        LiveProducer producer;
        Owner<GSource> end; // of its process; nullptr: it is asked again by timer
    };

    ProducerWatch(std::string directory, Callbacks callbacks);

    void quit();
    void look();
    void lookSoon();
    void askAgain();
    void list(const SocketFile &socket);
    void dropIf(const std::function<bool(const LiveProducer &)> &isGone);
    void monitorNearestDirectory();
    void monitor(const std::string &path);
    template <void (ProducerWatch::*Member)()>
    Owner<GSource> call(GSource *source);
    Owner<GSource> lookAtEndOf(const LiveProducer &producer);

    const std::string directory_;
    const Callbacks callbacks_;
    const Owner<GMainContext> context_;
    const Owner<GMainLoop> loop_;
    const Owner<GFile> file_; // the directory
    // The watch's thread's, or start()'s before there is one.
    std::optional<FileIdentity> monitored_; // the directory, or while it is not there, the nearest above it
    Owner<GFileMonitor> monitor_;           // nullptr: there can be none; it is looked at by timer
    std::map<std::string, Listed> listed_;  // by path
    Owner<GSource> lookTimer_;
    Owner<GSource> askTimer_;

    Owner<GThread> thread_;
};

} // namespace sharedring
