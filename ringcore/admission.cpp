// SPDX-License-Identifier: LGPL-2.1-or-later
#include "admission.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

namespace ringcore
{

namespace
{

using Clock = std::chrono::steady_clock;

constexpr size_t kHandshakes = 16;
constexpr size_t kHandshakesPerUid = 4;
constexpr size_t kEnding = 16;              // connections that are over, but whose threads are not
constexpr size_t kAdmissionsPerSecond = 64; // for one uid
constexpr size_t kUidsRemembered = 256;
constexpr int kAcceptPauseMs = 100; // out of descriptors or memory

// Runs `body` on a detached thread that is counted in core->threads.
Result<void> startThread(const std::shared_ptr<PublisherCore> &core, std::function<void()> body)
{
    {
        std::lock_guard guard(core->lock);
        core->threads++;
    }
    const auto ended = [core] {
        std::lock_guard guard(core->lock);
        core->threads--;
        core->threadEnded.notify_all();
    };
    try {
        std::thread([ended, body = std::move(body)]() mutable {
            body();
            body = nullptr; // what it owned is gone before it counts as ended
            ended();
        }).detach();
    } catch (const std::system_error &failure) {
        ended();
        return systemError(failure.code().value(), "starting a thread");
    }
    return {};
}

bool admittedTooOften(PublisherCore &core, uid_t uid)
{
    const auto now = Clock::now();
    for (auto entry = core.admissions.begin(); entry != core.admissions.end();) {
        auto &times = entry->second;
        while (!times.empty() && now - times.front() > std::chrono::seconds(1))
            times.pop_front();
        entry = times.empty() ? core.admissions.erase(entry) : std::next(entry);
    }
    if (core.admissions.size() >= kUidsRemembered && !core.admissions.contains(uid))
        return true;
    auto &times = core.admissions[uid];
    if (times.size() >= kAdmissionsPerSecond)
        return true;
    times.push_back(now);
    return false;
}

// The oldest handshake of the uid that has the most of them under way.
std::shared_ptr<ClientConnection> greediest(const std::vector<std::shared_ptr<ClientConnection>> &handshakes)
{
    std::shared_ptr<ClientConnection> oldest;
    size_t most = 0;
    for (const auto &candidate : handshakes) {
        const auto count =
            static_cast<size_t>(std::count_if(handshakes.begin(), handshakes.end(), [&](const auto &other) {
                return other->identity().uid == candidate->identity().uid;
            }));
        if (count > most) {
            most = count;
            oldest = candidate;
        }
    }
    return oldest;
}

// Makes room for one more handshake, at the cost of who has most of them.
void boundHandshakes(PublisherCore &core, uid_t uid)
{
    std::vector<std::shared_ptr<ClientConnection>> all;
    std::vector<std::shared_ptr<ClientConnection>> ofUid;
    for (const auto &connection : core.connections) {
        if (!connection->isHandshaking())
            continue;
        all.push_back(connection);
        if (connection->identity().uid == uid)
            ofUid.push_back(connection);
    }
    const auto tooMany = [](size_t limit) { return Refusal{RefusalReason::TooManyHandshakes, limit, true}; };
    if (ofUid.size() >= kHandshakesPerUid)
        ofUid.front()->cancel(tooMany(kHandshakesPerUid));
    else if (all.size() >= kHandshakes)
        greediest(all)->cancel(tooMany(kHandshakes));
}

void acceptOne(const std::shared_ptr<PublisherCore> &core, UniqueFd accepted)
{
    ControlSocket socket(std::move(accepted));
    const uid_t uid = socket.peer().uid;
    {
        std::lock_guard guard(core->lock);
        if (admittedTooOften(*core, uid)) {
            socket.send(encode(Refusal{RefusalReason::TooOften, kAdmissionsPerSecond, true}));
            return;
        }
        if (const size_t limit = core->maxClients + kHandshakes + kEnding;
            core->connections.size() >= limit) {
            socket.send(encode(Refusal{RefusalReason::TooManyHandshakes, limit, true}));
            return;
        }
        boundHandshakes(*core, uid);
    }
    if (auto started = startConnection(core, std::move(socket), ClientConnection::Origin::Accepted); !started)
        core->log(PublisherCallbacks::Level::Warning, "client not served: " + describe(started.error()));
}

void acceptLoop(const std::shared_ptr<PublisherCore> &core, UniqueFd listener)
{
    bool shortageTold = false;
    while (true) {
        pollfd fds[] = {{core->stopEvent.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
        ::poll(fds, 2, -1);
        if (fds[0].revents != 0)
            return;
        UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (accepted.valid()) {
            shortageTold = false;
            acceptOne(core, std::move(accepted));
            continue;
        }
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            continue;
        if (!std::exchange(shortageTold, true))
            core->log(PublisherCallbacks::Level::Warning,
                      "accepting a client: " + std::generic_category().message(errno));
        ::poll(fds, 1, kAcceptPauseMs); // EMFILE and the like: others need what there is
    }
}

} // namespace

Result<void> startAdmission(std::shared_ptr<PublisherCore> core, UniqueFd listener)
{
    refuseDescriptors(listener.get());
    auto owned = std::make_shared<UniqueFd>(std::move(listener));
    return startThread(core, [core, owned] { acceptLoop(core, std::move(*owned)); });
}

Result<void> startConnection(const std::shared_ptr<PublisherCore> &core, ControlSocket socket,
                             ClientConnection::Origin origin)
{
    refuseDescriptors(socket.fd());
    std::shared_ptr<ClientConnection> connection;
    {
        std::lock_guard guard(core->lock);
        if (core->stopping)
            return systemError(ECANCELED, "connection");
        connection =
            std::make_shared<ClientConnection>(core, std::move(socket), origin, core->nextClientId++);
        core->connections.push_back(connection);
    }
    const auto forget = [core, connection] {
        std::lock_guard guard(core->lock);
        std::erase(core->connections, connection);
    };
    auto started = startThread(core, [connection, forget]() mutable {
        connection->run();
        forget();
    });
    if (!started)
        forget();
    return started;
}

} // namespace ringcore
