// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outgoing_metas.h"

#include "audio_metas.h"
#include "rtp_metas.h"
#include "structured_metas.h"
#include "video_metas.h"

#include <algorithm>
#include <array>
#include <type_traits>

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

namespace sharedring
{

namespace
{

using ringcore::ByteWriter;

using Encode = bool (*)(const GstMeta &, ByteWriter &, MessageBudget &);

template <typename Meta, auto encode>
bool encodeAs(const GstMeta &meta, ByteWriter &out, MessageBudget &budget)
{
    const auto &one = reinterpret_cast<const Meta &>(meta);
    if constexpr (std::is_invocable_v<decltype(encode), const Meta &, ByteWriter &, MessageBudget &>)
        return encode(one, out, budget);
    else
        return encode(one, out);
}

struct Carried {
    GType api;
    WireMeta kind;
    Encode encode;
};

// Those that need nothing but themselves.
const Carried *carriedAs(GType api)
{
    static const std::array table{
        Carried{GST_VIDEO_CROP_META_API_TYPE, WireMeta::VideoCrop,
                encodeAs<GstVideoCropMeta, encodeVideoCrop>},
        Carried{GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE, WireMeta::VideoAffineTransformation,
                encodeAs<GstVideoAffineTransformationMeta, encodeAffineTransformation>},
        Carried{GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE, WireMeta::VideoRegionOfInterest,
                encodeAs<GstVideoRegionOfInterestMeta, encodeRegionOfInterest>},
        Carried{GST_VIDEO_TIME_CODE_META_API_TYPE, WireMeta::VideoTimeCode,
                encodeAs<GstVideoTimeCodeMeta, encodeTimeCode>},
        Carried{GST_VIDEO_CAPTION_META_API_TYPE, WireMeta::VideoCaption,
                encodeAs<GstVideoCaptionMeta, encodeCaption>},
        Carried{GST_VIDEO_BAR_META_API_TYPE, WireMeta::VideoBar, encodeAs<GstVideoBarMeta, encodeBar>},
        Carried{GST_VIDEO_AFD_META_API_TYPE, WireMeta::VideoAfd, encodeAs<GstVideoAFDMeta, encodeAfd>},
        Carried{GST_VIDEO_SEI_USER_DATA_UNREGISTERED_META_API_TYPE, WireMeta::VideoSeiUserData,
                encodeAs<GstVideoSEIUserDataUnregisteredMeta, encodeSeiUserData>},
        Carried{GST_AUDIO_CLIPPING_META_API_TYPE, WireMeta::AudioClipping,
                encodeAs<GstAudioClippingMeta, encodeClipping>},
        Carried{GST_AUDIO_LEVEL_META_API_TYPE, WireMeta::AudioLevel,
                encodeAs<GstAudioLevelMeta, encodeLevel>},
        Carried{GST_AUDIO_DOWNMIX_META_API_TYPE, WireMeta::AudioDownmix,
                encodeAs<GstAudioDownmixMeta, encodeDownmix>},
        Carried{GST_RTP_SOURCE_META_API_TYPE, WireMeta::RtpSource,
                encodeAs<GstRTPSourceMeta, encodeRtpSource>},
        Carried{GST_REFERENCE_TIMESTAMP_META_API_TYPE, WireMeta::ReferenceTimestamp,
                encodeAs<GstReferenceTimestampMeta, encodeReferenceTimestamp>},
        Carried{GST_PROTECTION_META_API_TYPE, WireMeta::Protection,
                encodeAs<GstProtectionMeta, encodeProtection>},
    };
    const auto found =
        std::find_if(table.begin(), table.end(), [api](const Carried &one) { return one.api == api; });
    return found != table.end() ? &*found : nullptr;
}

// The source says these again from BufferFields and from the caps.
bool isLayout(const GstMeta &meta)
{
    if (meta.info->api == GST_VIDEO_META_API_TYPE)
        return true;
    return meta.info->api == GST_AUDIO_META_API_TYPE &&
           GST_AUDIO_INFO_LAYOUT(&reinterpret_cast<const GstAudioMeta &>(meta).info) ==
               GST_AUDIO_LAYOUT_NON_INTERLEAVED;
}

// It speaks of this process's memory, and means nothing where that is not.
bool isOfMemory(const GstMeta &meta)
{
    static const GQuark tags[] = {g_quark_from_static_string(GST_META_TAG_MEMORY_STR),
                                  g_quark_from_static_string(GST_META_TAG_MEMORY_REFERENCE_STR)};
    return std::any_of(std::begin(tags), std::end(tags),
                       [&](GQuark tag) { return gst_meta_api_type_has_tag(meta.info->api, tag); });
}

bool addEncoded(WireMeta kind, Encode encode, const GstMeta &meta, MetaWriter &metas, MessageBudget &budget)
{
    ByteWriter body(kMaxPlainMetaBytes);
    return encode(meta, body, budget) && !body.overflowed() && metas.add(kind, body.bytes());
}

} // namespace

bool OutgoingMetas::saysMore(GstBuffer *buffer)
{
    gpointer state = nullptr;
    while (const GstMeta *meta = gst_buffer_iterate_meta(buffer, &state)) {
        if (!isLayout(*meta))
            return true;
    }
    return false;
}

std::vector<std::byte> OutgoingMetas::encodeAll(GstBuffer *buffer, size_t payloadSize, size_t limit)
{
    MetaWriter metas(limit);
    MessageBudget budget;
    const GstMeta *const video = GST_META_CAST(gst_buffer_get_video_meta(buffer)); // BufferFields has it
    const GstMeta *const audio = GST_META_CAST(gst_buffer_get_audio_meta(buffer));
    bool more = false;
    gpointer state = nullptr;
    while (const GstMeta *meta = gst_buffer_iterate_meta(buffer, &state)) {
        const GType api = meta->info->api;
        bool carried = false;
        if (meta == video) {
            carried = metas.add(WireMeta::Video, {});
        } else if (meta == audio) {
            ByteWriter body(kMaxPlainMetaBytes);
            carried = encodeAudio(*reinterpret_cast<const GstAudioMeta *>(meta), payloadSize, body) &&
                      metas.add(WireMeta::Audio, body.bytes());
            more = more || (carried && !isLayout(*meta));
        } else if (const Carried *known = carriedAs(api)) {
            carried = addEncoded(known->kind, known->encode, *meta, metas, budget);
            more = more || carried;
        } else if (api == GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE) {
            carried = addOverlay(*reinterpret_cast<const GstVideoOverlayCompositionMeta *>(meta), metas);
            more = more || carried;
        } else if (!isLayout(*meta) && isOfMemory(*meta)) {
            continue;
        } else if (gst_meta_info_is_custom(meta->info)) {
            carried =
                addEncoded(WireMeta::Custom, encodeAs<GstCustomMeta, encodeCustomMeta>, *meta, metas, budget);
            more = more || carried;
        }
        if (!carried)
            leave(*meta);
    }
    return more ? metas.take() : std::vector<std::byte>{};
}

bool OutgoingMetas::addOverlay(const GstVideoOverlayCompositionMeta &meta, MetaWriter &metas)
{
    if (!meta.overlay)
        return false;
    if (meta.overlay != lastOverlay_.get()) {
        ByteWriter body(kMaxOverlayBytes);
        lastOverlay_.reset(gst_video_overlay_composition_ref(meta.overlay));
        lastOverlayBytes_.clear();
        if (encodeOverlay(meta.overlay, body))
            lastOverlayBytes_ = body.take();
    }
    return !lastOverlayBytes_.empty() && metas.add(WireMeta::VideoOverlayComposition, lastOverlayBytes_);
}

void OutgoingMetas::leave(const GstMeta &meta)
{
    left_.fetch_add(1, std::memory_order_relaxed);
    if (logged_.insert(meta.info->type).second)
        GST_WARNING_OBJECT(element_, "%s is not carried%s", g_type_name(meta.info->type),
                           carriedAs(meta.info->api) ? ": it is too large, or makes no sense" : "");
}

} // namespace sharedring
