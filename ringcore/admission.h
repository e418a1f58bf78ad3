// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who may begin a handshake: the thread that accepts, with the bounds that keep one user's
// connections from taking everybody's place.
#pragma once

#include "client_connection.h"
#include "error.h"
#include "publisher_core.h"
#include "unique_fd.h"

#include <memory>

namespace ringcore
{

// Starts the detached thread that accepts on `listener` until core->stopEvent.
Result<void> startAdmission(std::shared_ptr<PublisherCore> core, UniqueFd listener);

// Starts one connection's detached thread over a connected socket.
Result<void> startConnection(const std::shared_ptr<PublisherCore> &core, ControlSocket socket,
                             ClientConnection::Origin origin);

} // namespace ringcore
