// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A consumer without GStreamer, which starts in a moment:
//
//     bare-client SOCKET HOLD
//
// It keeps its newest HOLD blocks whatever the producer's bound says ("all": gives none back, ever),
// and says "joined", "held N" for each block that it got, "end", and "lost TEXT" when there is no
// producer any more.
#include "ringcore/subscriber.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

namespace
{

class Quiet : public ringcore::SubscriberObserver
{
public:
    bool authorizeProducer(const ringcore::PeerIdentity &) override { return true; }
    // To a sharedringsink: every format of video and of audio is welcome, and no names follow.
    std::vector<std::byte> attachment() override { return {std::byte{1}, std::byte{1}, {}, {}}; }
    void flushStarted(uint32_t) override {}
    void waiting(const std::string &) override {}
    void log(const std::string &) override {}
};

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "bare-client SOCKET HOLD\n");
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const bool holdsAll = std::strcmp(argv[2], "all") == 0;
    const size_t most = std::strtoull(argv[2], nullptr, 10);

    ringcore::SubscriberConfig config;
    config.socketPath = argv[1];
    config.reconnect = false; // who was thrown out stays out
    auto subscriber = ringcore::Subscriber::start(std::move(config), std::make_shared<Quiet>());
    if (!subscriber) {
        std::fprintf(stderr, "%s\n", describe(subscriber.error()).c_str());
        return 1;
    }
    std::deque<ringcore::Lease> held;
    ringcore::Delivery delivery;
    while (true) {
        switch ((*subscriber)->receive(delivery)) {
        case ringcore::Received::Joined:
            std::puts("joined");
            break;
        case ringcore::Received::Record:
            if (delivery.payload.empty())
                break;
            held.push_back(std::move(delivery.lease));
            if (!holdsAll && held.size() > most)
                held.pop_front();
            std::printf("held %zu\n", held.size());
            break;
        case ringcore::Received::EndOfStream:
            std::puts("end");
            break;
        case ringcore::Received::Lost:
            std::printf("lost %s\n", delivery.loss.text.c_str());
            if (!delivery.loss.retrying)
                return 0;
            break;
        case ringcore::Received::FlushStop:
        case ringcore::Received::Interrupted:
            break;
        }
    }
}
