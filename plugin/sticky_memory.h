// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which sticky events were pushed last, as they came over the wire. A producer tells its whole state
// again to one that was behind or joins anew; what downstream knows already is not pushed twice. And
// as a pad keeps a sticky event for each name, the number of names is bounded here.
#pragma once

#include "plugin/event_codec.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sharedring
{

class StickyMemory
{
public:
    static constexpr size_t kMaxNames = 64;

    enum class Verdict { Push, Skip, TooMany };

    // `name` tells events of one type apart (the name of their structure). `isReplay`: the producer
    // only tells it again.
    Verdict consider(WireEvent type, const std::string &name, std::span<const std::byte> bytes,
                     bool isReplay);

    // What is forgotten will be pushed again, replay or not.
    void forget(WireEvent type);
    void forgetAll() { pushed_.clear(); }

private:
    struct Pushed {
        WireEvent type;
        std::string name;
        std::vector<std::byte> bytes;
        bool valid;
    };
    std::vector<Pushed> pushed_;
};

} // namespace sharedring
