// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How fast packets go from one process to another: the ring beside what else there is.
//
//     benchmark-ring [OPTION=VALUE...]
//
// Two processes on two processors. One fills every byte of a packet, the other one sums them up.
// All ways take turns, and medians are printed.
#include "ringcore/ring.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <sched.h>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace ringcore;
using std::chrono::steady_clock;

namespace
{

constexpr const char *kUsage = R"(benchmark-ring [OPTION=VALUE...]
    ways=ring,shared,minimal,unix,seqpacket,pipe,memcpy   what to compare
    sizes=16,64,256,1024,4096,16384,65536,262144,1048576,4194304,16777216
    depth=0             packets that the ring holds; 0: 1 MiB, and four packets at least
    seconds=0.2         of each measurement
    rounds=5            interleaved; medians are printed
    format=table        or csv: packet bytes, way, GB/s, CPU seconds per GB
ring: each side writes only its own memory; shared: Exposure::Shared; minimal: indices and nothing else
)";

struct Options {
    std::vector<std::string> ways{"ring", "shared", "minimal", "unix", "seqpacket", "pipe", "memcpy"};
    std::vector<size_t> sizes{16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216};
    size_t depth = 0;
    double seconds = 0.2;
    int rounds = 5;
    bool csv = false;
};

[[noreturn]] void fail(const std::string &what)
{
    std::perror(what.c_str());
    std::exit(1);
}

using Word = uint64_t;

// What is in a packet: a number that counts up. A packet that begins with kLast is the last one.
constexpr Word kLast = ~Word{0};

void fill(std::span<Word> packet, Word number)
{
    for (Word &word : packet)
        word = number;
}

Word sum(std::span<const Word> packet)
{
    Word total = 0;
    for (const Word word : packet)
        total += word;
    return total;
}

// One side of a way. send() and receive() move one packet of the size that both were made for.
struct Sending {
    virtual ~Sending() = default;
    virtual void send(Word number) = 0;
};
struct Receiving {
    virtual ~Receiving() = default;
    virtual Word receive(bool &last) = 0; // the sum
};

// A way is made before the fork; each process then takes its side.
struct Way {
    virtual ~Way() = default;
    virtual std::unique_ptr<Sending> sending() = 0;
    virtual std::unique_ptr<Receiving> receiving() = 0;
};

// ---- the ring

template <typename End>
End good(Result<End> end)
{
    if (!end) {
        std::fprintf(stderr, "%s\n", describe(end.error()).c_str());
        std::exit(1);
    }
    return std::move(*end);
}

class RingWay : public Way
{
public:
    RingWay(size_t words, uint32_t capacity, Exposure exposure)
        : words_(static_cast<uint32_t>(words)), capacity_(capacity), options_{exposure},
          sender_(good(Sender<Word>::create(capacity, options_))), fds_(good(sender_.takeFdsForPeer()))
    {
    }

    std::unique_ptr<Sending> sending() override
    {
        fds_.clear();
        return std::make_unique<Out>(std::move(sender_), words_);
    }
    std::unique_ptr<Receiving> receiving() override
    {
        return std::make_unique<In>(good(Receiver<Word>::open(capacity_, std::move(fds_), options_)), words_);
    }

private:
    struct Out : Sending {
        Out(Sender<Word> sender, uint32_t packet) : ring(std::move(sender)), words(packet) {}
        void send(Word number) override
        {
            const auto place = [&](Parts<Word> places) -> uint32_t {
                if (places.size() < words)
                    return 0;
                fill(places.first, number);
                fill(places.second, number);
                return words;
            };
            while (*ring.sendInPlace(place, words) == 0)
                ring.waitForRoom(words);
        }
        Sender<Word> ring;
        const uint32_t words;
    };
    struct In : Receiving {
        In(Receiver<Word> receiver, uint32_t packet) : ring(std::move(receiver)), words(packet) {}
        Word receive(bool &last) override
        {
            Word total = 0;
            const auto take = [&](Parts<const Word> items) -> uint32_t {
                if (items.size() < words)
                    return 0;
                last = items[0] == kLast;
                total = sum(items.first) + sum(items.second);
                return words;
            };
            while (*ring.receiveInPlace(take, words) == 0)
                ring.waitForItems(words);
            return total;
        }
        Receiver<Word> ring;
        const uint32_t words;
    };

    uint32_t words_;
    uint32_t capacity_;
    RingOptions options_;
    Sender<Word> sender_;
    std::vector<UniqueFd> fds_;
};

// ---- indices in shared memory, which both sides believe and poll: what there is to be had

class MinimalWay : public Way
{
public:
    MinimalWay(size_t words, uint32_t capacity) : words_(words), capacity_(capacity)
    {
        const size_t bytes = sizeof(Shared) + size_t{capacity} * sizeof(Word);
        void *memory =
            ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (memory == MAP_FAILED)
            fail("mmap");
        shared_ = static_cast<Shared *>(memory);
    }
    std::unique_ptr<Sending> sending() override { return std::make_unique<Out>(*this); }
    std::unique_ptr<Receiving> receiving() override { return std::make_unique<In>(*this); }

private:
    struct Shared {
        alignas(64) std::atomic<uint32_t> sent;
        alignas(64) std::atomic<uint32_t> received;
        alignas(64) Word items[1];
    };
    struct Side {
        explicit Side(const MinimalWay &way)
            : shared(*way.shared_), words(way.words_), capacity(way.capacity_)
        {
        }
        std::span<Word> packet(uint32_t at) { return {shared.items + (at & (capacity - 1)), words}; }
        Shared &shared;
        const size_t words;
        const uint32_t capacity;
        uint32_t own = 0;
        uint32_t other = 0;
    };
    struct Out : Sending, Side {
        using Side::Side;
        void send(Word number) override
        {
            while (capacity - (own - other) < words)
                other = shared.received.load(std::memory_order_acquire);
            fill(packet(own), number);
            own += static_cast<uint32_t>(words);
            shared.sent.store(own, std::memory_order_release);
        }
    };
    struct In : Receiving, Side {
        using Side::Side;
        Word receive(bool &last) override
        {
            while (other == own)
                other = shared.sent.load(std::memory_order_acquire);
            last = packet(own)[0] == kLast;
            const Word total = sum(packet(own));
            own += static_cast<uint32_t>(words);
            shared.received.store(own, std::memory_order_release);
            return total;
        }
    };

    size_t words_;
    uint32_t capacity_;
    Shared *shared_;
};

// ---- fds

class FdWay : public Way
{
public:
    enum class Kind { Stream, Packets, Pipe };
    FdWay(size_t words, Kind kind) : words_(words)
    {
        const int type = kind == Kind::Packets ? SOCK_SEQPACKET : SOCK_STREAM;
        if ((kind == Kind::Pipe ? ::pipe(fds_) : ::socketpair(AF_UNIX, type, 0, fds_)) != 0)
            fail("pipe or socketpair");
        if (kind == Kind::Pipe)
            ::fcntl(fds_[1], F_SETPIPE_SZ, 1 << 20);
        for (const int fd : fds_) {
            const int bytes = 1 << 20;
            ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        }
        // The largest datagram that the socket takes; greater packets go in several.
        piece_ = kind == Kind::Packets ? size_t{128} << 10 : SIZE_MAX;
    }
    std::unique_ptr<Sending> sending() override
    {
        ::close(fds_[0]);
        return std::make_unique<Out>(fds_[1], words_, piece_);
    }
    std::unique_ptr<Receiving> receiving() override
    {
        ::close(fds_[1]);
        return std::make_unique<In>(fds_[0], words_, piece_);
    }

private:
    struct Side {
        Side(int to, size_t words, size_t piece) : fd(to), buffer(words), most(piece) {}
        ~Side() { ::close(fd); }
        std::span<std::byte> rest(size_t done)
        {
            const auto bytes = std::as_writable_bytes(std::span(buffer)).subspan(done);
            return bytes.first(std::min(bytes.size(), most));
        }
        int fd;
        std::vector<Word> buffer;
        size_t most;
    };
    struct Out : Sending, Side {
        using Side::Side;
        void send(Word number) override
        {
            fill(buffer, number);
            for (size_t done = 0; done < buffer.size() * sizeof(Word);) {
                const auto written = ::write(fd, rest(done).data(), rest(done).size());
                if (written <= 0)
                    fail("write");
                done += static_cast<size_t>(written);
            }
        }
    };
    struct In : Receiving, Side {
        using Side::Side;
        Word receive(bool &last) override
        {
            for (size_t done = 0; done < buffer.size() * sizeof(Word);) {
                const auto got = ::read(fd, rest(done).data(), rest(done).size());
                if (got <= 0)
                    fail("read");
                done += static_cast<size_t>(got);
            }
            last = buffer[0] == kLast;
            return sum(buffer);
        }
    };

    int fds_[2];
    size_t words_;
    size_t piece_;
};

// ---- measuring

struct Measured {
    double gigabytesPerSecond;
    double cpuSecondsPerGigabyte;
};

void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    ::sched_setaffinity(0, sizeof set, &set); // fails where there is only one: so be it
}

double cpuSeconds(int who)
{
    rusage usage{};
    ::getrusage(who, &usage);
    const auto seconds = [](const timeval &time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double secondsSince(steady_clock::time_point then)
{
    return std::chrono::duration<double>(steady_clock::now() - then).count();
}

// One process copies from one place to another: the limit for who moves bytes.
Measured measureMemcpy(size_t bytes, double seconds)
{
    pin(0);
    const size_t ring = std::max<size_t>(bytes * 4, 1 << 20);
    std::vector<char> from(ring, 'x');
    std::vector<char> to(ring);
    const double cpuBefore = cpuSeconds(RUSAGE_SELF);
    const auto begun = steady_clock::now();
    size_t copied = 0;
    while (secondsSince(begun) < seconds) {
        for (size_t i = 0; i < 64 || (i < 4096 && bytes < 4096); i++, copied += bytes) {
            const size_t at = copied % (ring / bytes * bytes);
            std::memcpy(to.data() + at, from.data() + at, bytes);
            __asm__ volatile("" ::"r"(to.data()) : "memory");
        }
    }
    const double gigabytes = static_cast<double>(copied) / 1e9;
    return {gigabytes / secondsSince(begun), (cpuSeconds(RUSAGE_SELF) - cpuBefore) / gigabytes};
}

std::unique_ptr<Way> make(const std::string &name, size_t bytes, size_t depth)
{
    const size_t words = bytes / sizeof(Word);
    const size_t inRing = depth ? depth * words : std::max((size_t{1} << 20) / sizeof(Word), 4 * words);
    const auto capacity = static_cast<uint32_t>(inRing);
    if (name == "ring")
        return std::make_unique<RingWay>(words, capacity, Exposure::SingleWriter);
    if (name == "shared")
        return std::make_unique<RingWay>(words, capacity, Exposure::Shared);
    if (name == "minimal")
        return std::make_unique<MinimalWay>(words, capacity);
    if (name == "unix")
        return std::make_unique<FdWay>(words, FdWay::Kind::Stream);
    if (name == "seqpacket")
        return std::make_unique<FdWay>(words, FdWay::Kind::Packets);
    if (name == "pipe")
        return std::make_unique<FdWay>(words, FdWay::Kind::Pipe);
    std::fprintf(stderr, "no such way: %s\n%s", name.c_str(), kUsage);
    std::exit(2);
}

Measured measure(const std::string &name, size_t bytes, const Options &options)
{
    if (name == "memcpy")
        return measureMemcpy(bytes, options.seconds);
    const auto way = make(name, bytes, options.depth);
    int done[2];
    if (::pipe(done) != 0)
        fail("pipe");
    const pid_t child = ::fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        pin(1);
        const auto receiving = way->receiving();
        Word total = 0;
        for (bool last = false; !last;)
            total += receiving->receive(last);
        [[maybe_unused]] const auto said = ::write(done[1], &total, sizeof total);
        ::_exit(0);
    }
    pin(0);
    double cpu = 0;
    double seconds = 0;
    Word packets = 0;
    {
        const auto sending = way->sending();
        sending->send(1); // the other side is there, and everything is warm, when the clock starts
        const double cpuBefore = cpuSeconds(RUSAGE_SELF);
        const auto begun = steady_clock::now();
        do {
            for (int i = 0; i < 16; i++)
                sending->send(++packets);
        } while (secondsSince(begun) < options.seconds);
        sending->send(kLast);
        Word total = 0;
        if (::read(done[0], &total, sizeof total) != sizeof total)
            fail("the receiving process");
        seconds = secondsSince(begun);
        cpu = cpuSeconds(RUSAGE_SELF) - cpuBefore;
        const Word words = bytes / sizeof(Word);
        if (total != words * (1 + packets * (packets + 1) / 2 + kLast)) {
            std::fprintf(stderr, "%s: not all bytes arrived\n", name.c_str());
            std::exit(1);
        }
    }
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    cpu += static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    ::close(done[0]);
    ::close(done[1]);
    const double gigabytes = static_cast<double>(packets) * static_cast<double>(bytes) / 1e9;
    return {gigabytes / seconds, cpu / gigabytes};
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

std::vector<std::string> split(const std::string &list)
{
    std::vector<std::string> parts;
    for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        parts.push_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    return parts;
}

Options parse(int argc, char **argv)
{
    Options options;
    for (int i = 1; i < argc; i++) {
        const std::string argument = argv[i];
        const size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
        if (name == "ways")
            options.ways = split(value);
        else if (name == "depth")
            options.depth = std::strtoull(value.c_str(), nullptr, 10);
        else if (name == "seconds")
            options.seconds = std::strtod(value.c_str(), nullptr);
        else if (name == "rounds")
            options.rounds = std::max(1, std::atoi(value.c_str()));
        else if (name == "format")
            options.csv = value == "csv";
        else if (name == "sizes") {
            options.sizes.clear();
            for (const std::string &size : split(value))
                options.sizes.push_back(std::max<size_t>(std::strtoull(size.c_str(), nullptr, 10) / 8, 1) *
                                        8);
        } else {
            std::fputs(kUsage, argument == "--help" ? stdout : stderr);
            std::exit(argument == "--help" ? 0 : 2);
        }
    }
    return options;
}

} // namespace

int main(int argc, char **argv)
{
    const Options options = parse(argc, argv);
    if (!options.csv) {
        std::printf("GB/s (CPU seconds of both sides for a GB), medians of %d rounds\n%10s", options.rounds,
                    "packet");
        for (const std::string &way : options.ways)
            std::printf(" %16s", way.c_str());
        std::printf("\n");
    }
    for (const size_t bytes : options.sizes) {
        std::map<std::string, std::vector<double>> rates;
        std::map<std::string, std::vector<double>> cpus;
        for (int round = 0; round < options.rounds; round++) {
            for (const std::string &way : options.ways) {
                const Measured measured = measure(way, bytes, options);
                rates[way].push_back(measured.gigabytesPerSecond);
                cpus[way].push_back(measured.cpuSecondsPerGigabyte);
            }
        }
        if (!options.csv)
            std::printf("%10zu", bytes);
        for (const std::string &way : options.ways) {
            if (options.csv)
                std::printf("%zu,%s,%.4f,%.4f\n", bytes, way.c_str(), median(rates[way]), median(cpus[way]));
            else
                std::printf("   %6.2f (%5.2f)", median(rates[way]), median(cpus[way]));
        }
        if (!options.csv)
            std::printf("\n");
        std::fflush(stdout);
    }
}
