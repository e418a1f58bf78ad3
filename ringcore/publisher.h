// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One producer, many consumers that it does not trust: a socket that admits them, an arena that
// holds the payload once for all, a ring for each. For applications without GStreamer as well.
#pragma once

#include "api.h"
#include "arena.h"
#include "bound_socket.h"
#include "control_socket.h"
#include "error.h"
#include "fan_out.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace ringcore
{

struct PublisherCore;

// What the application hears. Each is called from a thread of the connection that it is about
// (`log` from any), never with a lock held, also while the streaming thread runs; after stop()
// returned only by a thread that was inside one of them.
struct PublisherCallbacks {
    enum class Level { Info, Warning };

    // May this peer have our frames? Called before any fd goes out. Default: yes.
    std::function<bool(const PeerIdentity &)> authorize;
    // The application's bytes from a hello (before connected) or changed later. False: nonsense,
    // and the client is dropped.
    std::function<bool(uint32_t id, std::span<const std::byte>)> attachment;
    std::function<void(uint32_t id, const PeerIdentity &)> connected;
    // What a connected client asks for. Its rate is bounded (kMessagesPerSecond); whether it gets it is
    // the application's to say, and not told to it. False: nonsense, and the client is dropped.
    std::function<bool(uint32_t id, uint32_t kind, std::span<const std::byte>)> request;
    // For each id of `connected`, and for one whose attachment was heard but that never got so far.
    std::function<void(uint32_t id, const std::string &reason, bool wasConnected)> disconnected;
    // Its buffers are being dropped (SlowClient::Drop, or there is no memory), and no longer, so many of them
    // later: in turns, and never more than one such run in a second. One that goes on when the client
    // goes ends before `disconnected`.
    std::function<void(uint32_t id)> dropsBegan;
    std::function<void(uint32_t id, uint64_t buffers)> dropsEnded;
    std::function<void(Level, const std::string &line)> log;
};

struct PublisherConfig {
    // Where to listen: a path, or a SOCK_SEQPACKET fd (duplicated; listening, or connected to the
    // one client there will be).
    std::variant<std::string, int> socket;
    unsigned permissions = 0600; // of the path
    uint32_t maxClients = 16;
    uint32_t maxClientsPerUid = 16;
    size_t maxMemory = 512u << 20; // bytes of the arena
    // From the connection to the consumer's Ready.
    std::chrono::milliseconds handshakeTime{5000};
    FanOut::Config fanOut;
};

class Publisher final
{
public:
    // Binds and listens; clients are admitted from now on. Errors name the path.
    RINGCORE_API static Result<std::unique_ptr<Publisher>> create(PublisherConfig config,
                                                                  PublisherCallbacks callbacks);
    RINGCORE_API ~Publisher();

    // The stream: see FanOut for which threads may call what.
    RINGCORE_API std::shared_ptr<FanOut> stream() const;

    // Says good-bye to the clients, takes all blocks back and removes the socket. Waits for no peer;
    // for the connections' threads at most kStopPatience.
    RINGCORE_API void stop();
    static constexpr std::chrono::milliseconds kStopPatience{50};

    // Any thread, while it runs: for who comes from then on. Who is here stays, also above a lower bound.
    RINGCORE_API void setMaxClients(uint32_t all, uint32_t perUid);

    // Connections whose thread is stuck in a system call on the peer's socket or memory count too.
    RINGCORE_API uint32_t connections() const;

private:
    explicit Publisher(std::shared_ptr<PublisherCore> core) : core_(std::move(core)) {}
    std::shared_ptr<PublisherCore> core_;
    std::optional<BoundSocket> bound_; // where the socket is a path
};

} // namespace ringcore
