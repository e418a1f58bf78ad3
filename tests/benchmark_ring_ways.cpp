// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Packets that are filled and summed up in the ring itself. They lie in one piece: the sizes of both are
// powers of two.
#include "benchmark_measure.h"
#include "benchmark_minimal_ring.h"
#include "benchmark_result.h"
#include "benchmark_way.h"

#include "ringcore/ring.h"

#include <new>
#include <span>
#include <sys/mman.h>
#include <utility>
#include <vector>

namespace benchmark
{

namespace
{

using namespace ringcore;

void orExitIfGone(Result<Wake> wake)
{
    if (orExit(std::move(wake)) == Wake::PeerGone)
        fail("the other process is gone");
}

struct RingSending : Sending {
    RingSending(Sender<Word> sender, uint32_t packet) : ring(std::move(sender)), words(packet) {}

    void send(Word number) override
    {
        const auto place = [&](Parts<Word> places) -> uint32_t {
            if (places.size() < words)
                return 0;
            fill(places.first, number);
            return words;
        };
        while (orExit(ring.sendInPlace(place, words)) == 0)
            orExitIfGone(ring.waitForRoom(words));
    }

    Sender<Word> ring;
    const uint32_t words;
};

struct RingReceiving : Receiving {
    RingReceiving(Receiver<Word> receiver, uint32_t packet) : ring(std::move(receiver)), words(packet) {}

    Word receive(bool &last) override
    {
        Word total = 0;
        const auto take = [&](Parts<const Word> items) -> uint32_t {
            if (items.size() < words)
                return 0;
            last = items[0] == kLast;
            total = sum(items.first);
            return words;
        };
        while (orExit(ring.receiveInPlace(take, words)) == 0)
            orExitIfGone(ring.waitForItems(words));
        return total;
    }

    Receiver<Word> ring;
    const uint32_t words;
};

class RingWay : public Way
{
public:
    RingWay(uint32_t words, uint32_t capacity, Exposure exposure)
        : words_(words), capacity_(capacity), options_{exposure},
          sender_(orExit(Sender<Word>::create(capacity, options_))), fds_(orExit(sender_.takeFdsForPeer()))
    {
    }

    std::unique_ptr<Sending> sending() override
    {
        fds_.clear();
        return std::make_unique<RingSending>(std::move(sender_), words_);
    }
    std::unique_ptr<Receiving> receiving() override
    {
        return std::make_unique<RingReceiving>(
            orExit(Receiver<Word>::open(capacity_, std::move(fds_), options_)), words_);
    }

private:
    const uint32_t words_;
    const uint32_t capacity_;
    const RingOptions options_;
    Sender<Word> sender_;
    std::vector<UniqueFd> fds_;
};

struct MinimalSending : Sending {
    MinimalSending(MinimalSender sender, uint32_t packet) : ring(sender), words(packet) {}

    void send(Word number) override
    {
        std::span<Word> places;
        do
            places = ring.places(words);
        while (places.empty());
        fill(places, number);
        ring.publish(words);
    }

    MinimalSender ring;
    const uint32_t words;
};

struct MinimalReceiving : Receiving {
    MinimalReceiving(MinimalReceiver receiver, uint32_t packet) : ring(receiver), words(packet) {}

    Word receive(bool &last) override
    {
        std::span<const Word> items;
        do
            items = ring.items(words);
        while (items.empty());
        last = items[0] == kLast;
        const Word total = sum(items);
        ring.consume(words);
        return total;
    }

    MinimalReceiver ring;
    const uint32_t words;
};

class MinimalWay : public Way
{
public:
    MinimalWay(uint32_t words, uint32_t capacity)
        : words_(words), bytes_(sizeof(MinimalCursors) + size_t{capacity} * sizeof(Word))
    {
        void *memory =
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED)
            systemFailed("mmap");
        cursors_ = new (memory) MinimalCursors;
        ring_ = {reinterpret_cast<Word *>(cursors_ + 1), capacity};
    }
    ~MinimalWay() override { ::munmap(cursors_, bytes_); }

    std::unique_ptr<Sending> sending() override
    {
        return std::make_unique<MinimalSending>(MinimalSender(*cursors_, ring_), words_);
    }
    std::unique_ptr<Receiving> receiving() override
    {
        return std::make_unique<MinimalReceiving>(MinimalReceiver(*cursors_, ring_), words_);
    }

private:
    const uint32_t words_;
    const size_t bytes_;
    MinimalCursors *cursors_;
    std::span<Word> ring_;
};

} // namespace

std::unique_ptr<Way> ringWay(uint32_t words, uint32_t capacity, Exposure exposure)
{
    return std::make_unique<RingWay>(words, capacity, exposure);
}

std::unique_ptr<Way> minimalWay(uint32_t words, uint32_t capacity)
{
    return std::make_unique<MinimalWay>(words, capacity);
}

} // namespace benchmark
