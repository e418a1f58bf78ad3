// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sticky_memory.h"

#include <algorithm>

namespace sharedring
{

StickyMemory::Verdict StickyMemory::consider(WireEvent type, const std::string &name,
                                             std::span<const std::byte> bytes, bool isReplay)
{
    const auto known = std::find_if(pushed_.begin(), pushed_.end(), [&](const Pushed &pushed) {
        return pushed.type == type && pushed.name == name;
    });
    if (known == pushed_.end()) {
        if (pushed_.size() >= kMaxNames)
            return Verdict::TooMany;
        pushed_.push_back({type, name, {bytes.begin(), bytes.end()}, true});
        return Verdict::Push;
    }
    if (isReplay && known->valid &&
        std::equal(bytes.begin(), bytes.end(), known->bytes.begin(), known->bytes.end()))
        return Verdict::Skip;
    known->bytes.assign(bytes.begin(), bytes.end());
    known->valid = true;
    return Verdict::Push;
}

void StickyMemory::forget(WireEvent type)
{
    for (Pushed &pushed : pushed_) {
        if (pushed.type == type)
            pushed.valid = false;
    }
}

} // namespace sharedring
