// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The producers whose sockets are in a directory. Who serves one is found out by connecting, without a
// word: that takes nobody's trust, and no client's place. It does take one of the places of handshakes
// at the producer until that has seen it closed, so it is not done more often than needed.
#pragma once

#include "ringcore/control_socket.h"
#include "ringcore/unique_fd.h"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sharedring
{

struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;

    bool operator==(const FileIdentity &) const = default;
};

struct SocketFile {
    std::string path;
    FileIdentity file; // another producer's at the same path is another one

    bool operator==(const SocketFile &) const = default;
};

struct LiveProducer {
    SocketFile socket;
    ringcore::PeerIdentity identity;
    ringcore::UniqueFd process; // readable when it has ended; invalid where only asking again tells
};

inline constexpr size_t kMostProducers = 256; // of one directory; more are not looked at

// The sockets of a directory, hidden ones left out (a producer binds under such a name first), and those
// that are no UTF-8: they could not be a property. None, if it cannot be read.
std::vector<SocketFile> socketsIn(const std::string &directory);

// Who serves it. Nobody: it is stale, of another kind, or closed to us, or its producer has ended (a child of
// that one may hold it open, and would be asked again and again).
std::optional<LiveProducer> producerAt(const SocketFile &socket);

bool hasEnded(const LiveProducer &producer); // false also where it cannot be told

// Nothing: there is none.
std::optional<FileIdentity> directoryAt(const std::string &path);

} // namespace sharedring
