// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a publisher's threads share. They are detached, since a peer can hold one up for as long as
// it likes: whoever runs last frees this.
#pragma once

#include "fan_out.h"
#include "publisher.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace ringcore
{

class ClientConnection;

struct PublisherCore {
    PublisherCore(PublisherConfig theConfig, PublisherCallbacks theCallbacks, std::shared_ptr<Arena> theArena)
        : config(std::move(theConfig)), callbacks(std::move(theCallbacks)), arena(std::move(theArena)),
          fanOut(arena, config.fanOut), maxClients(config.maxClients),
          maxClientsPerUid(config.maxClientsPerUid)
    {
    }

    void log(PublisherCallbacks::Level level, const std::string &line) const
    {
        if (callbacks.log)
            callbacks.log(level, line);
    }

    const PublisherConfig config;
    const PublisherCallbacks callbacks;
    const std::shared_ptr<Arena> arena;
    FanOut fanOut;
    UniqueFd stopEvent; // an eventfd of ours alone: readable when everybody shall go

    std::mutex lock; // guards what follows
    std::condition_variable threadEnded;
    std::vector<std::shared_ptr<ClientConnection>> connections; // in order of arrival, each with a thread
    uint32_t threads = 0;                                       // the acceptor's too
    bool stopping = false;
    uint32_t maxClients;
    uint32_t maxClientsPerUid;
    uint32_t nextClientId = 1;
    std::map<uid_t, std::deque<std::chrono::steady_clock::time_point>> admissions; // of the last second
};

} // namespace ringcore
