// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring in a GLib main loop, as a GSource: displays a meter until it is gone, or until SIGINT or SIGTERM.
//
//     ring-meter-glib /tmp/meter                 # after ring-meter-server /tmp/meter
//
// Exit status: 0 the meter went, or a signal came; 1 an error, which is printed; 2 usage.
#include "ring_meter.h"

#include "ringcore/ring_socket.h"

#include <csignal>
#include <exception>
#include <glib-unix.h>
#include <glib.h>
#include <memory>

namespace
{

struct Unref {
    void operator()(GMainLoop *loop) const { g_main_loop_unref(loop); }
    void operator()(GSource *source) const
    {
        g_source_destroy(source); // out of its main context
        g_source_unref(source);
    }
};

template <typename T>
using Owned = std::unique_ptr<T, Unref>;

struct Meter {
    ringcore::Receiver<meter::Reading> receiver;
    GMainLoop *loop;
    meter::Display display = {};
    std::string error = {}; // what ended the loop, if not the meter's going
};

// GLib allocates and frees this without running constructors or destructors.
struct MeterSource {
    GSource parent;
    Meter *meter;      // lives longer
    gpointer pollable; // what GLib calls our fd
};

// The four steps of polling a ring are what a GSource is made of.

// 1. Before GLib polls: asks to be woken. TRUE: there is something already, so it does not sleep. An error is
// for dispatch() to find.
gboolean prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    const auto ready = reinterpret_cast<MeterSource *>(source)->meter->receiver.prepareToPoll();
    return !ready || *ready;
}

// 3. After the poll (2.): whatever came, we are awake. What comes while this runs is seen by the next
// prepare().
gboolean check(GSource *source)
{
    auto *const self = reinterpret_cast<MeterSource *>(source);
    self->meter->receiver.finishPoll();
    return g_source_query_unix_fd(source, self->pollable) != 0;
}

// 4. Takes what is there, a ring full at most: then it is other sources' turn.
gboolean dispatch(GSource *source, GSourceFunc, gpointer)
{
    Meter &one = *reinterpret_cast<MeterSource *>(source)->meter;
    // Asked before the ring is looked at: what was sent before the sender went is then there, and nothing
    // comes after it. (G_IO_HUP would not do: a sender may close its half of the connection alone.)
    const bool gone = one.receiver.peerIsGone();
    const auto taken =
        one.receiver.receiveEach([&](const meter::Reading &reading) { one.display.show(reading); });
    if (taken && !gone)
        return G_SOURCE_CONTINUE;
    if (!taken)
        one.error = ringcore::describe(taken.error());
    g_main_loop_quit(one.loop);
    return G_SOURCE_REMOVE;
}

GSource *sourceOf(Meter &one)
{
    static GSourceFuncs functions = {prepare, check, dispatch, nullptr, nullptr, nullptr};
    GSource *const source = g_source_new(&functions, sizeof(MeterSource));
    auto *const self = reinterpret_cast<MeterSource *>(source);
    self->meter = &one;
    self->pollable = g_source_add_unix_fd(source, one.receiver.pollFd(), G_IO_IN);
    return source;
}

gboolean quit(gpointer loop)
{
    g_main_loop_quit(static_cast<GMainLoop *>(loop));
    return G_SOURCE_CONTINUE;
}

void display(const char *path)
{
    const Owned<GMainLoop> loop(g_main_loop_new(nullptr, FALSE));
    Meter one{meter::orThrow(ringcore::connectRing<ringcore::Receiver<meter::Reading>>(
                  path, meter::kCapacity, {}, meter::fromNow(meter::kPatience))),
              loop.get()};
    const Owned<GSource> source(sourceOf(one));
    g_source_attach(source.get(), nullptr);
    g_unix_signal_add(SIGINT, quit, loop.get());
    g_unix_signal_add(SIGTERM, quit, loop.get());

    g_main_loop_run(loop.get());
    one.display.showSum();
    if (!one.error.empty())
        throw std::runtime_error(one.error);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::fprintf(stderr, "Usage: %s SOCKET\n", argv[0]);
        return 2;
    }
    try {
        display(argv[1]);
        return 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
