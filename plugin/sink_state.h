// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything of sharedringsink that has a constructor: settings, and the stream while it runs.
#pragma once

#include "client_formats.h"
#include "sink_settings.h"
#include "sink_stream.h"
#include "weak_element.h"

#include <gst/base/gstbasesink.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sharedring
{

struct SinkState {
    explicit SinkState(GstBaseSink *theSink)
        : sink(theSink), element(std::make_shared<WeakElement>(theSink)),
          formats(std::make_shared<ClientFormats>())
    {
    }

    // Binds and serves. If it cannot, there is no stream, and a failure is kept.
    void start();
    bool startFailed()
    {
        std::lock_guard guard(lock);
        return failure.has_value();
    }
    // Posts the failure of the last start as the element error, once; who does not play it is told half a
    // second after start().
    void postFailure();
    void stop();

    // The running stream, if any.
    std::shared_ptr<SinkStream> current()
    {
        std::lock_guard guard(lock);
        return stream;
    }
    // Any thread; the running stream hears of it. False: `when` is ReadyOnly, and it is too late for that.
    enum class Change { Anytime, ReadyOnly };
    template <typename Set>
    bool changeSettings(Change when, Set set)
    {
        std::lock_guard guard(lock);
        if (when == Change::ReadyOnly && isBeyondReady)
            return false;
        set(settings);
        applyLocked();
        return true;
    }
    // The thread that changes the state: between READY and PAUSED, before and after. What was changed since
    // start() and cannot be told to the stream makes it begin anew.
    void leaveReady();
    void returnToReady();
    SinkSettings copyOfSettings()
    {
        std::lock_guard guard(lock);
        return settings;
    }

    GstBaseSink *const sink;
    const std::shared_ptr<WeakElement> element;   // for the connections' threads
    const std::shared_ptr<ClientFormats> formats; // likewise

    std::mutex lock; // guards what follows; never held while calling out
    SinkSettings settings;
    SinkSettings started; // as they were at the start
    bool isBeyondReady = false;
    std::shared_ptr<SinkStream> stream;
    struct Failure {
        GstResourceError code;
        std::string text; // empty: told already
    };
    std::optional<Failure> failure; // of the last start
    GstClockID laterFailure = nullptr;

private:
    void applyLocked();
    void fail(GstResourceError code, std::string text);
};

} // namespace sharedring
