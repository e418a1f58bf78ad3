// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Numbers of a type that has a name of its own: enumerations, flags, sets of flags.
#pragma once

#include "ringcore/byte_codec.h"

#include <gst/gst.h>

namespace sharedring
{

[[nodiscard]] bool encodeEnum(const GValue &value, ringcore::ByteWriter &out);
[[nodiscard]] bool encodeFlags(const GValue &value, ringcore::ByteWriter &out);
[[nodiscard]] bool encodeFlagset(const GValue &value, ringcore::ByteWriter &out);

// Into a value that is G_VALUE_INIT; false: refused. An enumeration or flags of a type that this
// process has not registered become the plain number: nobody here can ask for the type.
[[nodiscard]] bool decodeEnum(ringcore::ByteReader &in, GValue &value);
[[nodiscard]] bool decodeFlags(ringcore::ByteReader &in, GValue &value);
[[nodiscard]] bool decodeFlagset(ringcore::ByteReader &in, GValue &value);

} // namespace sharedring
