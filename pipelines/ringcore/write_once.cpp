// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A text that nobody can change any more, for a child that need not copy it before it parses it:
//
//     c++ -std=c++20 write_once.cpp $(pkg-config --cflags --libs ringcore) -o write_once && ./write_once
#include <ringcore/control_socket.h>
#include <ringcore/write_once.h>

#include <array>
#include <cstdio>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

using namespace ringcore;

constexpr std::string_view kText = "{\"width\": 1920, \"height\": 1080}";
constexpr size_t kMostBytes = 1u << 20; // what we map of a peer at most

void send(const ControlSocket &child)
{
    const UniqueFd text[] = {writeOnce(std::as_bytes(std::span(kText))).value()};
    if (const auto sent = child.send(std::array{std::byte{1}}, text); !sent)
        throw tl::bad_expected_access(sent.error());
}

bool receive(const ControlSocket &parent)
{
    pollfd readable{parent.fd(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    const auto message = parent.receive(1).value();
    const auto sealed = SealedBytes::open(message.value().fds.at(0).get(), kMostBytes).value();
    const auto bytes = sealed.bytes();
    const std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
    return text == kText;
}

} // namespace

int main()
try {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return 1;
    ControlSocket parentsEnd{UniqueFd(fds[0])};
    ControlSocket childsEnd{UniqueFd(fds[1])};
    if (::fork() == 0) {
        parentsEnd.close();
        return receive(childsEnd) ? 0 : 1;
    }
    childsEnd.close();
    send(parentsEnd);
    int status = 1;
    ::wait(&status);
    return status == 0 ? 0 : 1;
} catch (const tl::bad_expected_access<ringcore::Error> &bad) {
    std::fprintf(stderr, "%s\n", ringcore::describe(bad.error()).c_str());
    return 1;
}
