// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout of a reference timestamp: the caps, the times, whether there is an info, the info. Of a protection
// meta: its structure. Of a custom meta: the same, and the structure's name is the meta's.
#include "plugin/structured_metas.h"

#include "plugin/caps_codec.h"
#include "plugin/structure_codec.h"

#include <limits>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr uint64_t kMaxTime = std::numeric_limits<int64_t>::max();

bool areTimes(uint64_t timestamp, uint64_t duration)
{
    return timestamp <= kMaxTime && (duration <= kMaxTime || duration == GST_CLOCK_TIME_NONE);
}

// What a GstReferenceTimestampMeta says beside its times; GStreamer 1.28 has that.
const GstStructure *infoOf([[maybe_unused]] const GstReferenceTimestampMeta &meta)
{
#if GST_CHECK_VERSION(1, 28, 0)
    return meta.info;
#else
    return nullptr;
#endif
}

void setInfo([[maybe_unused]] GstReferenceTimestampMeta *meta, [[maybe_unused]] StructureOwner info)
{
#if GST_CHECK_VERSION(1, 28, 0)
    meta->info = info.release();
#endif
}

} // namespace

bool encodeReferenceTimestamp(const GstReferenceTimestampMeta &meta, ByteWriter &out, MessageBudget &budget)
{
    if (!meta.reference || !encodeCaps(*meta.reference, out, budget))
        return false;
    out.number(uint64_t{meta.timestamp});
    out.number(uint64_t{meta.duration});
    const GstStructure *info = infoOf(meta);
    out.number(static_cast<uint8_t>(info ? 1 : 0));
    return areTimes(meta.timestamp, meta.duration) && (!info || encodeStructure(*info, out, budget));
}

MetaVerdict decodeReferenceTimestamp(ByteReader &in, const MetaTarget &target, MessageBudget &budget)
{
    const CapsOwner reference = decodeCaps(in, budget);
    if (!reference)
        return MetaVerdict::Malformed;
    const auto timestamp = in.number<uint64_t>();
    const auto duration = in.number<uint64_t>();
    const auto hasInfo = in.number<uint8_t>();
    if (in.failed() || !areTimes(timestamp, duration) || hasInfo > 1)
        return MetaVerdict::Malformed;
    StructureOwner info;
    if (hasInfo == 1 && !(info = decodeStructure(in, budget)))
        return MetaVerdict::Malformed;
    setInfo(gst_buffer_add_reference_timestamp_meta(target.buffer, reference.get(), timestamp, duration),
            std::move(info));
    return MetaVerdict::Attached;
}

bool encodeProtection(const GstProtectionMeta &meta, ByteWriter &out, MessageBudget &budget)
{
    return meta.info && encodeStructure(*meta.info, out, budget);
}

MetaVerdict decodeProtection(ByteReader &in, const MetaTarget &target, MessageBudget &budget)
{
    StructureOwner info = decodeStructure(in, budget);
    if (!info)
        return MetaVerdict::Malformed;
    gst_buffer_add_protection_meta(target.buffer, info.release());
    return MetaVerdict::Attached;
}

bool encodeCustomMeta(const GstCustomMeta &meta, ByteWriter &out, MessageBudget &budget)
{
    // The accessor changes nothing, but has no const of its own.
    const GstStructure *structure = gst_custom_meta_get_structure(const_cast<GstCustomMeta *>(&meta));
    return structure && encodeStructure(*structure, out, budget);
}

MetaVerdict decodeCustomMeta(ByteReader &in, const MetaTarget &target, MessageBudget &budget)
{
    const StructureOwner claimed = decodeStructure(in, budget);
    if (!claimed)
        return MetaVerdict::Malformed;
    GstCustomMeta *meta = gst_buffer_add_custom_meta(target.buffer, gst_structure_get_name(claimed.get()));
    if (!meta)
        return MetaVerdict::Left;
    GstStructure *structure = gst_custom_meta_get_structure(meta);
    for (gint i = 0; i < gst_structure_n_fields(claimed.get()); i++) {
        const char *name = gst_structure_nth_field_name(claimed.get(), static_cast<guint>(i));
        gst_structure_set_value(structure, name, gst_structure_get_value(claimed.get(), name));
    }
    return MetaVerdict::Attached;
}

} // namespace sharedring
