// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GDate and GstDateTime to bytes and back. Each field is checked here: GLib raises a critical for a
// 30th of February, and GStreamer takes some numbers to mean "not known".
#pragma once

#include "plugin/gst_owner.h"
#include "ringcore/byte_codec.h"

namespace sharedring
{

[[nodiscard]] bool encodeDate(const GDate &date, ringcore::ByteWriter &out);
[[nodiscard]] bool decodeDate(ringcore::ByteReader &in, GValue &value);

// All precisions, from a bare year to microseconds. A time of day without seconds crosses only if
// its time zone is within 12 hours of UTC: GStreamer cannot make another.
[[nodiscard]] bool encodeDateTime(const GstDateTime &dateTime, ringcore::ByteWriter &out);
[[nodiscard]] DateTimeOwner decodeDateTime(ringcore::ByteReader &in);

} // namespace sharedring
