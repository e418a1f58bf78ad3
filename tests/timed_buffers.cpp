// SPDX-License-Identifier: LGPL-2.1-or-later
#include "timed_buffers.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

int64_t TimedBuffer::due() const
{
    return zero + std::strtoll(pts.c_str(), nullptr, 10);
}

int64_t TimedBuffer::decodedAt() const
{
    return zero + std::strtoll(dts.c_str(), nullptr, 10);
}

int64_t TimedBuffer::late() const
{
    return now - std::strtoll(pts.c_str(), nullptr, 10);
}

std::vector<TimedBuffer> timedBuffers(const TapLog &log)
{
    const auto times = log.all("times ");
    std::vector<TimedBuffer> all(std::min(times.size(), log.buffers.size()));
    for (size_t i = 0; i < all.size(); i++) {
        all[i].buffer = log.buffers[i];
        std::string now, zero; // "none", 0 here, without a clock
        std::istringstream(times[i]) >> now >> all[i].pts >> all[i].dts >> zero;
        all[i].now = std::strtoll(now.c_str(), nullptr, 10);
        all[i].zero = std::strtoll(zero.c_str(), nullptr, 10);
    }
    return all;
}

size_t forEachOfBoth(const PeerProcess &producer, const PeerProcess &consumer,
                     const std::function<void(const TimedBuffer &sent, const TimedBuffer &got)> &check)
{
    std::map<std::string, TimedBuffer> sent;
    for (const TimedBuffer &one : timedBuffers(producer.log()))
        sent[one.buffer.md5 + one.buffer.offset] = one;
    size_t both = 0;
    for (const TimedBuffer &one : timedBuffers(consumer.log())) {
        const auto found = sent.find(one.buffer.md5 + one.buffer.offset);
        if (found != sent.end() && found->second.hasClock() && one.hasClock()) {
            check(found->second, one);
            both++;
        }
    }
    return both;
}

std::string timedProducer(const std::string &socket, const std::string &source, const std::string &properties,
                          const std::string &more)
{
    return "videotestsrc " + source + " ! video/x-raw,format=I420,width=64,height=48,framerate=50/1 ! " +
           more + "identity name=tap ! sharedringsink name=ring socket=" + socket + " " + properties;
}

std::string timedConsumer(const std::string &socket, const std::string &properties, const std::string &rest)
{
    return "sharedringsrc name=ring socket=" + socket + " " + properties + " ! " + rest;
}
