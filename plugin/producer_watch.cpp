// SPDX-License-Identifier: LGPL-2.1-or-later
#include "producer_watch.h"

#include <algorithm>
#include <glib-unix.h>
#include <utility>

namespace sharedring
{

namespace
{

constexpr guint kSettleMs = 50;     // many events are one look
constexpr guint kAskAgainMs = 2000; // where neither a pidfd nor a monitor tells

std::string nearestDirectory(std::string path)
{
    while (!directoryAt(path)) {
        gchar *above = g_path_get_dirname(path.c_str());
        const bool isTop = path == above;
        path = above;
        g_free(above);
        if (isTop)
            break;
    }
    return path;
}

} // namespace

// Calls a member for each turn of `source`; the member may release it.
template <void (ProducerWatch::*Member)()>
ProducerWatch::Owner<GSource> ProducerWatch::call(GSource *source)
{
    g_source_set_callback(
        source,
        [](gpointer self) -> gboolean {
            (static_cast<ProducerWatch *>(self)->*Member)();
            return G_SOURCE_CONTINUE;
        },
        this, nullptr);
    g_source_attach(source, context_.get());
    return Owner<GSource>(source);
}

ProducerWatch::Owner<GSource> ProducerWatch::lookAtEndOf(const LiveProducer &producer)
{
    GSource *source = g_unix_fd_source_new(producer.process.get(), G_IO_IN);
    const GUnixFDSourceFunc onEnd = [](gint, GIOCondition, gpointer self) -> gboolean {
        static_cast<ProducerWatch *>(self)->look();
        return G_SOURCE_REMOVE;
    };
    g_source_set_callback(source, G_SOURCE_FUNC(onEnd), this, nullptr);
    g_source_attach(source, context_.get());
    return Owner<GSource>(source);
}

std::unique_ptr<ProducerWatch> ProducerWatch::start(std::string directory, Callbacks callbacks,
                                                    GError **error)
{
    std::unique_ptr<ProducerWatch> watch(new ProducerWatch(std::move(directory), std::move(callbacks)));
    watch->look();
    watch->thread_.reset(g_thread_try_new(
        "sharedring-watch",
        [](gpointer self) -> gpointer {
            const auto &own = *static_cast<ProducerWatch *>(self);
            g_main_context_push_thread_default(own.context_.get());
            g_main_loop_run(own.loop_.get());
            g_main_context_pop_thread_default(own.context_.get());
            return nullptr;
        },
        watch.get(), error));
    return watch->thread_ ? std::move(watch) : nullptr;
}

ProducerWatch::ProducerWatch(std::string directory, Callbacks callbacks)
    : directory_(std::move(directory)), callbacks_(std::move(callbacks)), context_(g_main_context_new()),
      loop_(g_main_loop_new(context_.get(), FALSE)), file_(g_file_new_for_path(directory_.c_str()))
{
}

ProducerWatch::~ProducerWatch()
{
    // From within: a loop that does not run yet cannot be quit.
    const auto quit = call<&ProducerWatch::quit>(g_idle_source_new());
    thread_.reset();
    if (monitor_)
        g_file_monitor_cancel(monitor_.get());
}

// The monitor is there before the directory is read, so that nobody appears in between unseen.
void ProducerWatch::look()
{
    lookTimer_.reset();
    monitorNearestDirectory();
    const auto sockets = socketsIn(directory_);
    dropIf([&](const LiveProducer &producer) {
        return hasEnded(producer) ||
               std::find(sockets.begin(), sockets.end(), producer.socket) == sockets.end();
    });
    bool mustAsk = !monitor_;
    for (const SocketFile &socket : sockets)
        list(socket);
    for (const auto &entry : listed_)
        mustAsk = mustAsk || !entry.second.end;
    if (!mustAsk)
        askTimer_.reset();
    else if (!askTimer_)
        askTimer_ = call<&ProducerWatch::askAgain>(g_timeout_source_new(kAskAgainMs));
}

void ProducerWatch::quit()
{
    g_main_loop_quit(loop_.get());
}

void ProducerWatch::lookSoon()
{
    if (!lookTimer_)
        lookTimer_ = call<&ProducerWatch::look>(g_timeout_source_new(kSettleMs));
}

void ProducerWatch::askAgain()
{
    dropIf([](const LiveProducer &producer) {
        return !producer.process.valid() && !producerAt(producer.socket);
    });
    look();
}

void ProducerWatch::list(const SocketFile &socket)
{
    if (listed_.contains(socket.path))
        return;
    auto producer = producerAt(socket);
    if (!producer)
        return;
    callbacks_.appeared(*producer);
    Listed &entry = listed_.emplace(socket.path, Listed{std::move(*producer), nullptr}).first->second;
    if (entry.producer.process.valid())
        entry.end = lookAtEndOf(entry.producer);
}

void ProducerWatch::dropIf(const std::function<bool(const LiveProducer &)> &isGone)
{
    std::erase_if(listed_, [&](const auto &entry) {
        const LiveProducer &producer = entry.second.producer;
        if (!isGone(producer))
            return false;
        callbacks_.left(producer.socket.path);
        return true;
    });
}

// What is made while it goes down the path is seen by the next try, or by the monitor.
void ProducerWatch::monitorNearestDirectory()
{
    constexpr int kTries = 8;
    for (int attempt = 0; attempt < kTries; attempt++) {
        const std::string path = nearestDirectory(directory_);
        const auto identity = directoryAt(path);
        if (monitor_ && identity == monitored_)
            return;
        monitored_ = identity;
        monitor(path);
        if (!monitor_)
            return;
    }
}

void ProducerWatch::monitor(const std::string &path)
{
    if (monitor_)
        g_file_monitor_cancel(monitor_.get());
    const Owner<GFile> file(g_file_new_for_path(path.c_str()));
    g_main_context_push_thread_default(context_.get()); // its signals come there
    monitor_.reset(g_file_monitor_directory(file.get(), G_FILE_MONITOR_NONE, nullptr, nullptr));
    g_main_context_pop_thread_default(context_.get());
    if (!monitor_)
        return;
    const auto onChange = [](GFileMonitor *, GFile *changed, GFile *, GFileMonitorEvent, gpointer self) {
        auto &watch = *static_cast<ProducerWatch *>(self);
        const bool isOnTheWay =
            g_file_equal(watch.file_.get(), changed) || g_file_has_prefix(watch.file_.get(), changed);
        if (isOnTheWay)
            watch.monitored_.reset(); // a directory that was made again may have the inode of the one before
        if (isOnTheWay || g_file_has_prefix(changed, watch.file_.get())) // not what else happens above it
            watch.lookSoon();
    };
    g_signal_connect(
        monitor_.get(), "changed",
        G_CALLBACK(
            static_cast<void (*)(GFileMonitor *, GFile *, GFile *, GFileMonitorEvent, gpointer)>(onChange)),
        this);
}

} // namespace sharedring
