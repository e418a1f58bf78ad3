// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Packets in signals of D-Bus, by sd-bus: from one process to the other over a socket, without a bus daemon.
#include "benchmark_measure.h"
#include "benchmark_way.h"

#include <cerrno>
#include <span>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <utility>

namespace benchmark
{

namespace
{

using ringcore::UniqueFd;

constexpr const char *kObject = "/org/example/Benchmark";
constexpr const char *kInterface = "org.example.Benchmark";
constexpr const char *kSignal = "Packet";

struct Unref {
    void operator()(sd_bus *bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_bus_message *message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, Unref>;
using Message = std::unique_ptr<sd_bus_message, Unref>;

int good(int result, const char *what)
{
    if (result < 0) {
        errno = -result;
        systemFailed(what);
    }
    return result;
}

// The receiver is the server: one of both must be.
Bus busOver(UniqueFd socket, bool server)
{
    sd_bus *made = nullptr;
    good(sd_bus_new(&made), "sd_bus_new");
    Bus bus(made);
    good(sd_bus_set_fd(made, socket.get(), socket.get()), "sd_bus_set_fd");
    [[maybe_unused]] const int itsOwn = socket.release();
    if (server) {
        sd_id128_t id;
        good(sd_id128_randomize(&id), "sd_id128_randomize");
        good(sd_bus_set_server(made, 1, id), "sd_bus_set_server");
    }
    good(sd_bus_set_anonymous(made, 1), "sd_bus_set_anonymous");
    good(sd_bus_start(made), "sd_bus_start");
    return bus;
}

struct DbusSending : Sending {
    DbusSending(UniqueFd socket, uint32_t packet) : bus(busOver(std::move(socket), false)), words(packet)
    {
        good(sd_bus_flush(bus.get()), "sd_bus_flush"); // says who it is
    }

    // Filled in the message itself, which spares the copy that sd_bus_message_append_array() makes.
    void send(Word number) override
    {
        sd_bus_message *made = nullptr;
        good(sd_bus_message_new_signal(bus.get(), &made, kObject, kInterface, kSignal),
             "sd_bus_message_new_signal");
        const Message message(made);
        void *places = nullptr;
        good(sd_bus_message_append_array_space(made, 't', words * sizeof(Word), &places),
             "sd_bus_message_append_array_space");
        fill({static_cast<Word *>(places), words}, number);
        good(sd_bus_send(bus.get(), made, nullptr), "sd_bus_send");
        // What the socket does not take sd-bus would keep, without a bound that is of use.
        good(sd_bus_flush(bus.get()), "sd_bus_flush");
    }

    const Bus bus;
    const uint32_t words;
};

struct DbusReceiving : Receiving {
    DbusReceiving(UniqueFd socket, uint32_t packet) : bus(busOver(std::move(socket), true)), words(packet) {}

    Word receive(bool &last) override
    {
        for (;;) {
            sd_bus_message *taken = nullptr;
            const bool mayBeMore = good(sd_bus_process(bus.get(), &taken), "sd_bus_process") > 0;
            const Message message(taken);
            if (taken && sd_bus_message_is_signal(taken, kInterface, kSignal))
                return sumOf(taken, last);
            if (!mayBeMore)
                good(sd_bus_wait(bus.get(), UINT64_MAX), "sd_bus_wait");
        }
    }

    Word sumOf(sd_bus_message *message, bool &last) const
    {
        const void *items = nullptr;
        size_t bytes = 0;
        good(sd_bus_message_read_array(message, 't', &items, &bytes), "sd_bus_message_read_array");
        if (bytes != words * sizeof(Word))
            fail("a packet of another size");
        const std::span packet(static_cast<const Word *>(items), words);
        last = packet[0] == kLast;
        return sum(packet);
    }

    const Bus bus;
    const uint32_t words;
};

class DbusWay : public Way
{
public:
    explicit DbusWay(uint32_t words) : words_(words)
    {
        int fds[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
            systemFailed("socketpair");
        in_ = UniqueFd(fds[0]);
        out_ = UniqueFd(fds[1]);
    }

    // A bus belongs to the process that made it.
    std::unique_ptr<Sending> sending() override
    {
        in_ = {};
        return std::make_unique<DbusSending>(std::move(out_), words_);
    }
    std::unique_ptr<Receiving> receiving() override
    {
        out_ = {};
        return std::make_unique<DbusReceiving>(std::move(in_), words_);
    }

private:
    const uint32_t words_;
    UniqueFd in_;
    UniqueFd out_;
};

} // namespace

std::unique_ptr<Way> dbusWay(uint32_t words)
{
    return std::make_unique<DbusWay>(words);
}

} // namespace benchmark
