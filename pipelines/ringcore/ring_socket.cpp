// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A ring between two processes that meet at a path:
//
//     c++ -std=c++20 ring_socket.cpp $(pkg-config --cflags --libs ringcore) -o ring_socket
//     ./ring_socket receive /tmp/meter &
//     ./ring_socket send /tmp/meter
#include <ringcore/ring_socket.h>

#include <cmath>
#include <cstdio>
#include <string_view>

namespace
{

using namespace ringcore;

constexpr uint32_t kCapacity = 4096;
constexpr int kValues = 1000;

// Who listens makes the ring; here it is the one that receives.
bool receive(const std::string &path)
{
    auto listener = RingListener::listen(path).value();
    auto receiver = listener.accept<Receiver<float>>(kCapacity).value();
    int received = 0;
    float highest = 0;
    while (receiver.waitForItems().value() == Wake::Ready) {
        while (const auto value = receiver.receive().value()) {
            highest = std::max(highest, *value);
            received++;
        }
    }
    std::printf("%d values, at most %.2f\n", received, static_cast<double>(highest));
    return received == kValues;
}

bool send(const std::string &path)
{
    auto sender = connectRing<Sender<float>>(path, kCapacity).value();
    for (int i = 0; i < kValues; i++) {
        while (!sender.send(std::sin(static_cast<float>(i) / 100)).value()) {
            if (sender.waitForRoom().value() == Wake::PeerGone)
                return false;
        }
    }
    return true;
}

} // namespace

int main(int argc, char **argv)
try {
    const std::string_view role = argc == 3 ? argv[1] : "";
    if (role == "receive")
        return receive(argv[2]) ? 0 : 1;
    if (role == "send")
        return send(argv[2]) ? 0 : 1;
    std::fprintf(stderr, "Usage: ring_socket receive|send SOCKET\n");
    return 2;
} catch (const tl::bad_expected_access<ringcore::Error> &bad) {
    std::fprintf(stderr, "%s\n", ringcore::describe(bad.error()).c_str());
    return 1;
}
