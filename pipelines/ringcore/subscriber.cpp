// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Takes the pictures of publisher.cpp without a copy, until their end:
//
//     c++ -std=c++20 subscriber.cpp $(pkg-config --cflags --libs ringcore) -o subscriber
//     ./subscriber /tmp/pictures
#include <ringcore/subscriber.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace
{

using namespace ringcore;

class Observer final : public SubscriberObserver
{
public:
    bool authorizeProducer(const PeerIdentity &) override { return true; }
    std::vector<std::byte> attachment() override { return {}; }
    void flushStarted(uint32_t) override {}
    void waiting(const std::string &why) override { log(why); }
    void log(const std::string &line) override { std::fprintf(stderr, "subscriber: %s\n", line.c_str()); }
};

// What the producer says is checked before it is believed: it may be anybody.
bool isWhole(const Delivery &delivery)
{
    uint32_t number;
    if (delivery.inlineBytes.size() != sizeof number)
        return false;
    std::memcpy(&number, delivery.inlineBytes.data(), sizeof number);
    return !delivery.payload.empty() && std::ranges::all_of(delivery.payload, [&](std::byte byte) {
        return byte == static_cast<std::byte>(number);
    });
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc != 2) {
        std::fprintf(stderr, "Usage: subscriber SOCKET\n");
        return 2;
    }
    SubscriberConfig config;
    config.socketPath = argv[1];
    const auto subscriber = Subscriber::start(std::move(config), std::make_shared<Observer>()).value();

    uint64_t pictures = 0;
    Delivery delivery;
    while (true) {
        switch (subscriber->receive(delivery)) {
        case Received::Record:
            if (!isWhole(delivery))
                subscriber->refuseContent("a picture of one colour");
            else
                pictures++;
            delivery.lease.giveBack();
            break;
        case Received::EndOfStream:
            std::printf("%" PRIu64 " pictures\n", pictures);
            return 0;
        case Received::Lost:
            std::fprintf(stderr, "subscriber: %s\n", delivery.loss.text.c_str());
            if (!delivery.loss.retrying)
                return 1;
            break;
        case Received::Joined:
        case Received::FlushStop:
        case Received::Interrupted:
            break;
        }
    }
} catch (const tl::bad_expected_access<ringcore::Error> &bad) {
    std::fprintf(stderr, "%s\n", ringcore::describe(bad.error()).c_str());
    return 1;
}
