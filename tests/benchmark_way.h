// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A way from one process to another, for packets of one size.
#pragma once

#include "benchmark_packet.h"

#include "ringcore/shared_ring.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace benchmark
{

// Fills a packet and sends it.
struct Sending {
    virtual ~Sending() = default;
    virtual void send(Word number) = 0;
};

// Receives a packet and sums it up.
struct Receiving {
    virtual ~Receiving() = default;
    virtual Word receive(bool &last) = 0;
};

// A way is made before the fork; each process then takes its side.
struct Way {
    virtual ~Way() = default;
    virtual std::unique_ptr<Sending> sending() = 0;
    virtual std::unique_ptr<Receiving> receiving() = 0;
};

// `words` are in a packet, `capacity` in the ring; both are powers of two.
std::unique_ptr<Way> ringWay(uint32_t words, uint32_t capacity, ringcore::Exposure exposure);
std::unique_ptr<Way> minimalWay(uint32_t words, uint32_t capacity);

enum class FdKind { Stream, Packets, Pipe };
std::unique_ptr<Way> fdWay(uint32_t words, FdKind kind);

#ifdef BENCHMARK_DBUS
std::unique_ptr<Way> dbusWay(uint32_t words);
#endif

} // namespace benchmark
