// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Publishes a hundred pictures to everyone who comes; see subscriber.cpp.
//
//     c++ -std=c++20 publisher.cpp $(pkg-config --cflags --libs ringcore) -o publisher
//     ./publisher /tmp/pictures
#include <ringcore/publisher.h>

#include <cstdio>
#include <cstring>

namespace
{

using namespace ringcore;

constexpr uint32_t kPictures = 100;
constexpr size_t kPictureBytes = 640 * 480;
constexpr uint32_t kPicture = 1; // what our records are is our own affair

// The block goes back to the arena when the last subscriber let go of it.
struct Picture {
    std::shared_ptr<FanOut> stream;
    Block block;

    static void release(void *owner)
    {
        const std::unique_ptr<Picture> picture(static_cast<Picture *>(owner));
        picture->stream->arena().free(picture->block);
    }
};

Block allocate(FanOut &stream)
{
    while (true) {
        if (const auto block = stream.arena().allocate(kPictureBytes))
            return *block;
        stream.waitForRelease(std::chrono::milliseconds(100));
        stream.reap();
    }
}

void publish(const std::shared_ptr<FanOut> &stream, uint32_t number)
{
    const Block block = allocate(*stream);
    std::memset(stream->arena().at(block.offset), static_cast<int>(number), kPictureBytes);
    Outgoing picture;
    picture.kind = kPicture;
    picture.inlineBytes = std::as_bytes(std::span(&number, 1));
    picture.payload = {block.offset, kPictureBytes};
    picture.charge = block.size;
    picture.keeper = {new Picture{stream, block}, Picture::release};
    const auto outcome = stream->publish(picture);
    if (outcome == PublishOutcome::Interrupted || outcome == PublishOutcome::NoMemory)
        Picture::release(picture.keeper.owner);
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc != 2) {
        std::fprintf(stderr, "Usage: publisher SOCKET\n");
        return 2;
    }
    PublisherConfig config;
    config.socket = argv[1];
    config.maxMemory = 32u << 20;
    config.fanOut.slowClient = SlowClient::Block; // all of them arrive
    PublisherCallbacks callbacks;
    callbacks.log = [](PublisherCallbacks::Level, const std::string &line) {
        std::fprintf(stderr, "publisher: %s\n", line.c_str());
    };
    const auto publisher = Publisher::create(std::move(config), std::move(callbacks)).value();
    const auto stream = publisher->stream();
    stream->waitForConsumer();
    for (uint32_t number = 0; number < kPictures; number++)
        publish(stream, number);
    stream->endOfStream();
    publisher->stop();
    return 0;
} catch (const tl::bad_expected_access<ringcore::Error> &bad) {
    std::fprintf(stderr, "%s\n", ringcore::describe(bad.error()).c_str());
    return 1;
}
