// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring handed over a unix socket: who listens makes the ring and sends the peer's end of it, who
// connects takes it. Nothing is sent to a peer that asks for another ring, or is not authorized.
//
//     auto listener = ringcore::RingListener::listen("/run/user/1000/meter").value();
//     auto sender = listener.accept<ringcore::Sender<float>>(4096).value(); // one peer, one ring
//     ...
//     auto receiver = ringcore::connectRing<ringcore::Receiver<float>>("/run/user/1000/meter", 4096).value();
//
// For many readers of one stream there is Publisher.
#pragma once

#include "api.h"
#include "bound_socket.h"
#include "control_socket.h"
#include "error.h"
#include "ring.h"
#include "unique_fd.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace ringcore
{

// What both ends are to agree on.
struct RingTerms {
    RingRole role; // of whoever says it
    RingGeometry geometry;
    Exposure exposure = Exposure::SingleWriter;
};

// May whoever is at the other end of the socket share a ring with us? Asked before an fd goes either way.
// None: yes.
using AuthorizePeer = std::function<bool(const PeerIdentity &)>;

// The side that makes the rings.
class RingListener final
{
public:
    struct Callbacks {
        AuthorizePeer authorize;
        // A peer that was turned away, and why. accept() goes on with the next.
        std::function<void(const PeerIdentity &, const Error &)> refused;
    };

    // Listens at `path`, with these permission bits. Errors: BoundSocket::create's, each naming it.
    RINGCORE_API static Result<RingListener> listen(const std::string &path, unsigned permissions = 0600,
                                                    Callbacks callbacks = {});

    // Waits for a peer and gives it the other end of a new End: a Sender<T> or a Receiver<T>. One
    // peer at a time: another waits while this one takes up to kHandshakeTime to say what it wants.
    // What the peer makes of it shows in peerIsThere() and peerIsGone(). Errors: End::create's;
    // SystemError ETIMEDOUT at the deadline (none: for ever), ECANCELED after interrupt(), or what poll
    // and accept say. One thread at a time.
    template <typename End>
    Result<End> accept(uint32_t capacity, const RingOptions &options = {}, Deadline deadline = {})
    {
        auto end = End::create(capacity, options);
        if (!end)
            return end;
        auto fds = end->takeFdsForPeer();
        if (!fds)
            return tl::unexpected(fds.error());
        if (auto given = give({End::kRole, end->geometry(), options.exposure}, std::move(*fds), deadline);
            !given)
            return tl::unexpected(given.error());
        return end;
    }

    // Ends the accept() under way, or the next one. Any thread.
    RINGCORE_API void interrupt() noexcept;

    // For event loops: readable when accept() has somebody to talk to; it then takes up to kHandshakeTime.
    int pollFd() const { return socket_.fd(); }

    static constexpr std::chrono::milliseconds kHandshakeTime{1000};

private:
    RingListener(BoundSocket socket, UniqueFd interruption, std::string path, Callbacks callbacks)
        : socket_(std::move(socket)), interruption_(std::move(interruption)), path_(std::move(path)),
          callbacks_(std::move(callbacks))
    {
    }

    RINGCORE_API Result<void> give(const RingTerms &terms, std::vector<UniqueFd> fds, Deadline deadline);

    BoundSocket socket_;
    UniqueFd interruption_; // an eventfd that no peer ever has
    std::string path_;
    Callbacks callbacks_;
};

// The fds of a ring that somebody at `path` offers with the other role and the same terms. Errors:
// connectTo's, naming the path; SystemError EPERM, naming the listener: `authorize` will not have it,
// and nothing was said to it or taken from it; ETIMEDOUT at the deadline (none: for ever); faults of what
// it says; Refusal (Unauthorized): it will not have us. Taking fds from a hostile peer can take as long as
// it likes on Linux before 6.16: see ControlSocket.
RINGCORE_API Result<std::vector<UniqueFd>> takeRing(const std::string &path, const RingTerms &terms,
                                                    Deadline deadline, const AuthorizePeer &authorize);

// Connects to `path` and opens the other end of the ring that it offers: End is a Sender<T> or a
// Receiver<T>. `authorize` is told who listens there, as of when it began to. Errors: takeRing's and
// End::open's.
template <typename End>
Result<End> connectRing(const std::string &path, uint32_t capacity, const RingOptions &options = {},
                        Deadline deadline = {}, const AuthorizePeer &authorize = {})
{
    const auto geometry = End::geometryOf(capacity);
    if (!geometry)
        return tl::unexpected(geometry.error());
    auto fds = takeRing(path, {End::kRole, *geometry, options.exposure}, deadline, authorize);
    if (!fds)
        return tl::unexpected(fds.error());
    return End::open(capacity, std::move(*fds), options);
}

} // namespace ringcore
