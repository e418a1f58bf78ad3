// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The metas that a producer says a buffer has, onto that buffer and in that order.
#pragma once

#include "plugin/message_budget.h"
#include "plugin/overlay_meta.h"
#include "plugin/stream_wire.h"

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sharedring
{

// One thread at a time.
class IncomingMetas
{
public:
    // Into private memory, before the block goes back to the producer. False: larger than metas may be.
    [[nodiscard]] bool fetch(std::span<const std::byte> claimed);

    // What the payload's bytes are, which is said elsewhere but has its place among the others.
    struct Layout {
        const VideoFields *video = nullptr; // checked; nullptr: no GstVideoMeta
        bool planes = false;                // of planar audio, one after the other
    };
    // Attaches what was fetched, and the layout. Why it is refused; nothing if it is as it should be.
    std::optional<std::string> attach(const MetaTarget &target, const Layout &layout, unsigned &left);

    // The stream is another one now.
    void forget() { overlays_.forget(); }

private:
    MetaVerdict attachOne(const MetaClaim &claim, const MetaTarget &target, MessageBudget &budget);
    MetaVerdict decode(WireMeta kind, ringcore::ByteReader &in, const MetaTarget &target,
                       MessageBudget &budget);
    void logLeft(const MetaClaim &claim);

    std::vector<std::byte> bytes_;
    OverlayDecoder overlays_;
    std::set<std::string> logged_;
};

} // namespace sharedring
