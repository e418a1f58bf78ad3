// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: which parts there are as uint8_t, the buffer, the caps, the info.
#include "plugin/sample_codec.h"

#include "plugin/caps_codec.h"
#include "plugin/structure_codec.h"
#include "plugin/value_codec.h"

namespace sharedring
{

namespace
{

constexpr uint8_t kHasCaps = 1;
constexpr uint8_t kHasInfo = 2;

} // namespace

bool encodeSample(GstSample &sample, ringcore::ByteWriter &out, MessageBudget &budget)
{
    GstBuffer *buffer = gst_sample_get_buffer(&sample);
    const GstCaps *caps = gst_sample_get_caps(&sample);
    const GstStructure *info = gst_sample_get_info(&sample);
    if (buffer == nullptr)
        return false;

    out.number(static_cast<uint8_t>((caps ? kHasCaps : 0) | (info ? kHasInfo : 0)));
    return encodeBuffer(*buffer, out) && (!caps || encodeCaps(*caps, out, budget)) &&
           (!info || encodeStructure(*info, out, budget));
}

SampleOwner decodeSample(ringcore::ByteReader &in, MessageBudget &budget)
{
    const auto parts = in.number<uint8_t>();
    if (in.failed() || (parts & ~(kHasCaps | kHasInfo)) != 0)
        return nullptr;

    const BufferOwner buffer = decodeBuffer(in);
    if (!buffer)
        return nullptr;
    CapsOwner caps;
    if ((parts & kHasCaps) != 0 && !(caps = decodeCaps(in, budget)))
        return nullptr;
    StructureOwner info;
    if ((parts & kHasInfo) != 0 && !(info = decodeStructure(in, budget)))
        return nullptr;
    return SampleOwner(gst_sample_new(buffer.get(), caps.get(), nullptr, info.release()));
}

} // namespace sharedring
