// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Packets that the kernel copies: from a buffer of the sender's to one of the receiver's.
#include "benchmark_measure.h"
#include "benchmark_way.h"

#include <algorithm>
#include <cstddef>
#include <fcntl.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace benchmark
{

namespace
{

using ringcore::UniqueFd;

constexpr int kQueue = 1 << 20; // bytes; a socket gets less if the kernel is told so
constexpr size_t kPiece = size_t{128}
                          << 10; // the largest message that a socket takes: greater packets go in several

struct Side {
    Side(UniqueFd own, size_t words, size_t piece) : fd(std::move(own)), buffer(words), most(piece) {}

    // What `move`, read or write, moves at a time, until all is.
    template <typename Move>
    void moveAll(Move &&move, const char *what)
    {
        const auto bytes = std::as_writable_bytes(std::span(buffer));
        for (size_t done = 0; done < bytes.size();) {
            const auto moved = move(fd.get(), &bytes[done], std::min(bytes.size() - done, most));
            if (moved <= 0)
                systemFailed(what);
            done += static_cast<size_t>(moved);
        }
    }

    UniqueFd fd;
    Words buffer;
    const size_t most;
};

struct FdSending : Sending, Side {
    using Side::Side;

    void send(Word number) override
    {
        fill(buffer, number);
        moveAll(::write, "write");
    }
};

struct FdReceiving : Receiving, Side {
    using Side::Side;

    Word receive(bool &last) override
    {
        moveAll(::read, "read");
        last = buffer[0] == kLast;
        return sum(buffer);
    }
};

class FdWay : public Way
{
public:
    FdWay(uint32_t words, FdKind kind) : words_(words), piece_(kind == FdKind::Packets ? kPiece : SIZE_MAX)
    {
        int fds[2];
        const int type = kind == FdKind::Packets ? SOCK_SEQPACKET : SOCK_STREAM;
        if ((kind == FdKind::Pipe ? ::pipe(fds) : ::socketpair(AF_UNIX, type, 0, fds)) != 0)
            systemFailed("pipe or socketpair");
        in_ = UniqueFd(fds[0]);
        out_ = UniqueFd(fds[1]);
        if (kind == FdKind::Pipe)
            ::fcntl(fds[1], F_SETPIPE_SZ, kQueue);
        else
            ::setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &kQueue, sizeof kQueue);
    }

    std::unique_ptr<Sending> sending() override
    {
        in_ = {};
        return std::make_unique<FdSending>(std::move(out_), words_, piece_);
    }
    std::unique_ptr<Receiving> receiving() override
    {
        out_ = {};
        return std::make_unique<FdReceiving>(std::move(in_), words_, piece_);
    }

private:
    const uint32_t words_;
    const size_t piece_;
    UniqueFd in_;
    UniqueFd out_;
};

} // namespace

std::unique_ptr<Way> fdWay(uint32_t words, FdKind kind)
{
    return std::make_unique<FdWay>(words, kind);
}

} // namespace benchmark
