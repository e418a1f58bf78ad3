// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Ranges of numbers to bytes and back: fixed caps have none, the structures of events may.
#pragma once

#include "ringcore/byte_codec.h"

#include <gst/gst.h>

namespace sharedring
{

void encodeIntRange(const GValue &value, ringcore::ByteWriter &out);
void encodeInt64Range(const GValue &value, ringcore::ByteWriter &out);
void encodeDoubleRange(const GValue &value, ringcore::ByteWriter &out);
void encodeFractionRange(const GValue &value, ringcore::ByteWriter &out);

// Into a value that is G_VALUE_INIT; false: refused, because GStreamer would assert on it.
[[nodiscard]] bool decodeIntRange(ringcore::ByteReader &in, GValue &value);
[[nodiscard]] bool decodeInt64Range(ringcore::ByteReader &in, GValue &value);
[[nodiscard]] bool decodeDoubleRange(ringcore::ByteReader &in, GValue &value);
[[nodiscard]] bool decodeFractionRange(ringcore::ByteReader &in, GValue &value);

// One that gst_value_set_fraction() takes: whose denominator is not 0 and whose signs can be turned.
[[nodiscard]] bool isFraction(int32_t numerator, int32_t denominator);

} // namespace sharedring
