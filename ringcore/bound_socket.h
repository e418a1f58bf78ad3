// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A listening SOCK_SEQPACKET socket that appears at its path only when it is ready, never takes a
// living producer's place, and is gone from the file system with its owner.
#pragma once

#include "api.h"
#include "error.h"
#include "unique_fd.h"

#include <string>
#include <sys/stat.h>
#include <sys/types.h>

namespace ringcore
{

class BoundSocket final
{
public:
    // Binds under a temporary name beside `path`, sets `permissions` there, listens, and moves it
    // into place. A stale socket (nobody listens on it) is replaced; anything else is left
    // untouched. Errors, each naming the path: ENAMETOOLONG, ENOENT, EACCES, EADDRINUSE (a producer
    // serves it), EEXIST (not a socket), ETIMEDOUT (the directory's lock), and what the calls give.
    static Result<BoundSocket> create(const std::string &path, mode_t permissions);

    BoundSocket(BoundSocket &&) = default;
    BoundSocket &operator=(BoundSocket &&) = delete;
    // Closes, and unlinks the path if it still is what was bound.
    RINGCORE_API ~BoundSocket();

    int fd() const { return socket_.get(); }

private:
    BoundSocket(UniqueFd socket, UniqueFd directory, std::string name)
        : socket_(std::move(socket)), directory_(std::move(directory)), name_(std::move(name))
    {
    }

    UniqueFd socket_;
    UniqueFd directory_;
    std::string name_; // in directory_; first the temporary one
    struct stat bound_ {
    };
};

// A non-blocking connection attempt. Errors: connect's errno, naming the path; EAGAIN when the
// listener's backlog is full.
Result<UniqueFd> connectTo(const std::string &path);

} // namespace ringcore
