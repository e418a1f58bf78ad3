// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From a connected socket to a connection whose ring can be read. Runs in the control thread: it
// takes descriptors from a producer that may be hostile.
#pragma once

#include "bell.h"
#include "connection.h"
#include "control_socket.h"
#include "subscriber_shared.h"

#include <functional>
#include <string>

namespace ringcore::detail
{

// Asked again whenever the control thread is woken: what it depends on may have changed.
using DeadlineNow = std::function<Deadline()>;

// Waits until `fd` can be read, or `shared` is to stop.
enum class Waited { Readable, TimedOut, Stopping };
Waited waitReadable(const SubscriberShared &shared, int fd, const DeadlineNow &deadline);

// Empties the eventfd that wakes the control thread.
void drainWake(const SubscriberShared &shared);

// A non-blocking connection to the producer's socket. Errors: connect's, with the path.
Result<ControlSocket> connectToProducer(const std::string &path);

// Whether the producer may serve us: its uid, and then the observer.
std::optional<Loss> refuseProducer(const SubscriberShared &shared, const PeerIdentity &identity);

// Hello to ready. `attachment` is what was sent. Errors are the producer's refusal, its faults, or
// the system's; SystemError ECANCELED when we are to stop.
Result<std::shared_ptr<Connection>> shakeHands(const SubscriberShared &shared, const ControlSocket &socket,
                                               const std::vector<std::byte> &attachment,
                                               const DeadlineNow &deadline);

} // namespace ringcore::detail
