// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A GstSegment to bytes and back. What comes out is one that GStreamer's segment functions take
// without an assertion, and whose sums do not wrap.
#pragma once

#include "ringcore/byte_codec.h"

#include <gst/gst.h>

#include <optional>

namespace sharedring
{

// Rates beyond these would turn any time into 0 or into more than 64 bits.
inline constexpr double kMinRate = 1e-6;
inline constexpr double kMaxRate = 1e6;

// The formats that mean the same in every process; registered ones are numbered as they come.
[[nodiscard]] bool isSharedFormat(GstFormat format);

// Appends `segment`; false if it is one that decodeSegment() would refuse.
[[nodiscard]] bool encodeSegment(const GstSegment &segment, ringcore::ByteWriter &out);

// nullopt if refused. Flags that we do not know are dropped.
[[nodiscard]] std::optional<GstSegment> decodeSegment(ringcore::ByteReader &in);

} // namespace sharedring
