// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The wire as a peer of another version would write it: the kinds' numbers are repeated here, so
// that a change of them turns tests red. And shorthands for round trips.
#pragma once

#include "plugin/structure_codec.h"
#include "plugin/value_codec.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace sharedring::wire
{

using Bytes = std::vector<std::byte>;

enum Kind : uint8_t {
    Int = 1,
    Uint,
    Int64,
    Uint64,
    Boolean,
    Double,
    Float,
    String,
    Fraction,
    Bitmask,
    Flagset,
    List,
    Array,
    Buffer,
    Structure,
    Caps,
    Date,
    DateTime,
    Sample,
    IntRange,
    Int64Range,
    DoubleRange,
    FractionRange,
    Uchar,
    Enum,
    Flags,
};

// What a peer writes, without any bound of ours.
struct Hostile {
    ringcore::ByteWriter out{64 * 1024 * 1024};

    template <typename T>
    Hostile &number(T value)
    {
        out.number(value);
        return *this;
    }
    Hostile &kind(Kind kind) { return number(static_cast<uint8_t>(kind)); }
    Hostile &text(std::string_view text)
    {
        out.counted(text);
        return *this;
    }
    Hostile &repeat(uint32_t times, const std::function<void(Hostile &)> &write)
    {
        for (uint32_t i = 0; i < times; ++i)
            write(*this);
        return *this;
    }
    Bytes bytes() const { return {out.bytes().begin(), out.bytes().end()}; }
};

inline bool decodes(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    MessageBudget budget;
    ValueOwner value;
    return decodeValue(in, *value, budget) && in.atEnd();
}

inline bool structureDecodes(const Hostile &hostile)
{
    ringcore::ByteReader in(hostile.out.bytes());
    MessageBudget budget;
    return decodeStructure(in, budget) != nullptr && in.atEnd();
}

inline bool encodes(const GValue &value)
{
    ringcore::ByteWriter out(64 * 1024 * 1024);
    MessageBudget budget;
    return encodeValue(value, out, budget) && !out.overflowed();
}

// Into bytes and back into `copy`.
inline bool crosses(const GValue &value, GValue &copy)
{
    ringcore::ByteWriter out(64 * 1024 * 1024);
    MessageBudget writing;
    MessageBudget reading;
    if (!encodeValue(value, out, writing) || out.overflowed())
        return false;
    ringcore::ByteReader in(out.bytes());
    return decodeValue(in, copy, reading) && in.atEnd();
}

} // namespace sharedring::wire
