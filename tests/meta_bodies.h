// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Metas as a peer of another version would write them, good ones unless something is changed.
#pragma once

#include "tests/codec_wire.h"

#include <gst/audio/audio.h>

#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

namespace sharedring::wire
{

// The numbers of the wire, as a peer of another version has them.
enum MetaKind : uint16_t {
    Video = 1,
    AudioKind,
    Crop,
    Affine,
    Region,
    TimeCode,
    Caption,
    BarKind,
    Afd,
    Clipping,
    Level,
    Downmix,
    Timestamp,
    Custom,
    Overlay,
    Sei,
    RtpSource,
    Protection,
    Unknown,
};

inline constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

inline Bytes numbers(std::initializer_list<uint32_t> all)
{
    Hostile out;
    for (const uint32_t number : all)
        out.number(number);
    return out.bytes();
}

inline Bytes affine(float changed = 1)
{
    Hostile out;
    for (int i = 0; i < 15; i++)
        out.number(1.0F);
    return out.number(changed).bytes();
}

struct RegionBody {
    std::string type = "face";
    uint32_t x = 1, y = 2, width = 3, height = 4;
    uint32_t params = 1;
    std::string param = "p";

    Bytes bytes() const
    {
        Hostile out;
        out.text(type).number(int32_t{1}).number(int32_t{-1});
        for (const uint32_t number : {x, y, width, height, params})
            out.number(number);
        return out.repeat(params, [this](Hostile &o) { o.text(param).number(uint32_t{0}); }).bytes();
    }
};

struct TimeCodeBody {
    uint32_t fpsN = 25, fpsD = 1, flags = 0, hours = 1, minutes = 2, seconds = 3, frames = 4, fields = 0;
    uint8_t hasJam = 0;
    uint8_t precision = 5, month = 2;

    Bytes bytes() const
    {
        Hostile out;
        for (const uint32_t number : {fpsN, fpsD, flags, hours, minutes, seconds, frames, fields})
            out.number(number);
        out.number(hasJam);
        if (hasJam != 0) {
            out.number(precision).number(uint16_t{2024}).number(month);
            for (const int part : {29, 1, 2, 3})
                out.number(static_cast<uint8_t>(part));
            out.number(uint32_t{0}).number(int16_t{0});
        }
        return out.bytes();
    }
};

inline Bytes withLastByte(Bytes bytes, uint8_t last)
{
    bytes.back() = static_cast<std::byte>(last);
    return bytes;
}

inline Bytes caption(uint32_t type, size_t size)
{
    return Hostile().number(type).text(std::string(size, 'x')).bytes();
}

inline Bytes sei(size_t size)
{
    Hostile out;
    out.repeat(16, [](Hostile &o) { o.number(uint8_t{0xdc}); });
    return out.text(std::string(size, '\0')).bytes();
}

inline Bytes bar(uint8_t field, uint8_t letterbox, uint32_t first, uint32_t second)
{
    return Hostile().number(field).number(letterbox).number(first).number(second).bytes();
}

inline Bytes afd(uint8_t field, uint32_t standard, uint32_t value)
{
    return Hostile().number(field).number(standard).number(value).bytes();
}

inline Bytes clipping(int32_t format, uint64_t start, uint64_t end)
{
    return Hostile().number(format).number(start).number(end).bytes();
}

inline Bytes level(uint8_t value, uint8_t voice)
{
    return Hostile().number(value).number(voice).bytes();
}

struct DownmixBody {
    int32_t from = 2, to = 1;
    int32_t fromPosition = 0, toPosition = 1;
    float coefficient = 0.5F;

    Bytes bytes() const
    {
        Hostile out;
        out.number(from).number(to);
        for (int32_t i = 0; i < from; i++)
            out.number(fromPosition);
        for (int32_t i = 0; i < to; i++)
            out.number(toPosition);
        for (int32_t i = 0; i < from * to; i++)
            out.number(coefficient);
        return out.bytes();
    }
};

inline Bytes rtpSource(uint8_t hasSource, uint32_t contributors)
{
    Hostile out;
    out.number(hasSource);
    if (hasSource != 0)
        out.number(uint32_t{1});
    return out.number(contributors).repeat(contributors, [](Hostile &o) { o.number(uint32_t{2}); }).bytes();
}

struct TimestampBody {
    std::string caps = "timestamp/x-a";
    uint64_t timestamp = 1, duration = 2;
    uint8_t hasInfo = 0;
    std::string info = "info";

    Bytes bytes() const
    {
        Hostile out;
        out.number(uint32_t{0})
            .text(caps)
            .number(uint32_t{0})
            .number(timestamp)
            .number(duration)
            .number(hasInfo);
        if (hasInfo != 0)
            out.text(info).number(uint32_t{0});
        return out.bytes();
    }
};

inline Bytes emptyStructure(const char *name)
{
    return Hostile().text(name).number(uint32_t{0}).bytes();
}

inline Bytes audio(uint64_t samples, uint32_t layout = GST_AUDIO_LAYOUT_INTERLEAVED)
{
    Hostile out;
    out.number(static_cast<uint32_t>(GST_AUDIO_FORMAT_S16)).number(layout);
    return out.number(int32_t{48000}).number(int32_t{2}).number(samples).bytes();
}

struct RectangleBody {
    int32_t x = 1, y = -1;
    uint32_t renderWidth = 3, renderHeight = 4, flags = 0;
    float alpha = 1;
    uint8_t format = 1;
    uint32_t width = 2, height = 2;
    int64_t morePixels = 0;

    void write(Hostile &out) const
    {
        out.number(x).number(y).number(renderWidth).number(renderHeight).number(flags).number(alpha);
        out.number(format).number(width).number(height);
        out.text(std::string(static_cast<size_t>(int64_t{width} * height * 4 + morePixels), '\x55'));
    }
    Bytes bytes(uint32_t count = 1) const
    {
        return Hostile().number(count).repeat(count, [this](Hostile &out) { write(out); }).bytes();
    }
};

inline Bytes rectangles(std::initializer_list<RectangleBody> all)
{
    Hostile out;
    out.number(static_cast<uint32_t>(all.size()));
    for (const RectangleBody &one : all)
        one.write(out);
    return out.bytes();
}

// All metas of one buffer.
inline Bytes message(std::initializer_list<std::pair<uint16_t, Bytes>> metas)
{
    Hostile out;
    out.number(static_cast<uint32_t>(metas.size()));
    for (const auto &[kind, body] : metas) {
        out.number(kind);
        out.out.counted(body);
    }
    return out.bytes();
}

} // namespace sharedring::wire
