// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bodies are the members in the order of GStreamer's structs.
#include "plugin/video_metas.h"

#include "plugin/date_time_codec.h"
#include "plugin/peer_names.h"
#include "plugin/structure_codec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

struct Rectangle {
    uint32_t x, y, width, height;
};

bool isSane(const Rectangle &r)
{
    return std::max({r.x, r.y, r.width, r.height}) <= kMaxMetaDimension;
}

void put(const Rectangle &r, ByteWriter &out)
{
    for (const uint32_t number : {r.x, r.y, r.width, r.height})
        out.number(number);
}

Rectangle getRectangle(ByteReader &in)
{
    Rectangle r{};
    for (uint32_t *number : {&r.x, &r.y, &r.width, &r.height})
        *number = in.number<uint32_t>();
    return r;
}

// A label, which may have blanks in it: nothing but text that is not too long.
bool isRegionType(std::string_view type)
{
    return type.size() <= kMaxRegionTypeBytes && g_utf8_validate_len(type.data(), type.size(), nullptr);
}

bool isFrameRate(uint32_t numerator, uint32_t denominator)
{
    constexpr uint32_t kMax = std::numeric_limits<int32_t>::max(); // it becomes a fraction, sooner or later
    return numerator <= kMax && denominator <= kMax;
}

constexpr uint32_t kTimeCodeFlags =
    GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME | GST_VIDEO_TIME_CODE_FLAGS_INTERLACED;

// What no version of GStreamer has a use for.
bool isSane(const GstVideoTimeCode &code)
{
    const GstVideoTimeCodeConfig &rate = code.config;
    if (!isFrameRate(rate.fps_n, rate.fps_d) || rate.fps_n == 0 || rate.fps_d == 0)
        return false;
    const guint frames = rate.fps_n < rate.fps_d ? 1 : (rate.fps_n + rate.fps_d / 2) / rate.fps_d;
    return code.hours < 24 && code.minutes < 60 && code.seconds < 60 && code.frames < frames &&
           code.field_count <= kMaxFieldCount;
}

// Versions of GStreamer take different rates. Some take a drop-frame rate which they cannot count, and abort.
bool isKnown(const GstVideoTimeCode &code)
{
    const bool drops = (code.config.flags & GST_VIDEO_TIME_CODE_FLAGS_DROP_FRAME) != 0;
    return gst_video_time_code_is_valid(&code) &&
           (!drops || code.config.fps_n == 30000 || code.config.fps_n == 60000);
}

struct TimeCodeRelease {
    void operator()(GstVideoTimeCode *code) const { gst_video_time_code_free(code); }
};

bool isCaptionType(uint32_t type)
{
    return type >= GST_VIDEO_CAPTION_TYPE_CEA608_RAW && type <= GST_VIDEO_CAPTION_TYPE_CEA708_CDP;
}

// The values that ATSC A/53, ETSI TS 101 154 and SMPTE 2016-1 do not reserve; GStreamer asserts on others.
bool isAfd(uint8_t field, uint32_t standard, uint32_t value)
{
    constexpr uint32_t kKnown = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 8 | 1u << 9 | 1u << 10 |
                                1u << 11 | 1u << 13 | 1u << 14 | 1u << 15;
    return field <= 1 && standard <= GST_VIDEO_AFD_SPEC_SMPTE_ST2016_1 && value <= 15 &&
           (kKnown >> value & 1) != 0 && (standard != GST_VIDEO_AFD_SPEC_DVB_ETSI || value != 0);
}

bool isBar(uint8_t field, uint32_t first, uint32_t second)
{
    return field <= 1 && first <= kMaxMetaDimension && second <= kMaxMetaDimension;
}

MetaVerdict attached(const void *meta)
{
    return meta != nullptr ? MetaVerdict::Attached : MetaVerdict::Malformed;
}

} // namespace

bool encodeVideoCrop(const GstVideoCropMeta &meta, ByteWriter &out)
{
    const Rectangle crop{meta.x, meta.y, meta.width, meta.height};
    put(crop, out);
    return isSane(crop);
}

MetaVerdict decodeVideoCrop(ByteReader &in, const MetaTarget &target)
{
    const Rectangle crop = getRectangle(in);
    if (in.failed() || !isSane(crop))
        return MetaVerdict::Malformed;
    if (target.frameWidth > 0 &&
        (crop.x + crop.width > target.frameWidth || crop.y + crop.height > target.frameHeight))
        return MetaVerdict::Left;
    GstVideoCropMeta *meta = gst_buffer_add_video_crop_meta(target.buffer);
    meta->x = crop.x;
    meta->y = crop.y;
    meta->width = crop.width;
    meta->height = crop.height;
    return MetaVerdict::Attached;
}

bool encodeAffineTransformation(const GstVideoAffineTransformationMeta &meta, ByteWriter &out)
{
    bool finite = true;
    for (const gfloat element : meta.matrix) {
        out.number(element);
        finite = finite && std::isfinite(element);
    }
    return finite;
}

MetaVerdict decodeAffineTransformation(ByteReader &in, const MetaTarget &target)
{
    gfloat matrix[16];
    bool finite = true;
    for (gfloat &element : matrix) {
        element = in.number<gfloat>();
        finite = finite && std::isfinite(element);
    }
    if (in.failed() || !finite)
        return MetaVerdict::Malformed;
    std::copy(std::begin(matrix), std::end(matrix),
              gst_buffer_add_video_affine_transformation_meta(target.buffer)->matrix);
    return MetaVerdict::Attached;
}

bool encodeRegionOfInterest(const GstVideoRegionOfInterestMeta &meta, ByteWriter &out, MessageBudget &budget)
{
    const char *const name = meta.roi_type != 0 ? g_quark_to_string(meta.roi_type) : nullptr;
    const std::string_view type = name ? name : "";
    const Rectangle region{meta.x, meta.y, meta.w, meta.h};
    const guint params = g_list_length(meta.params);
    if (!isRegionType(type) || !isSane(region) || params > kMaxRegionParams)
        return false;
    out.counted(type);
    out.number(int32_t{meta.id});
    out.number(int32_t{meta.parent_id});
    put(region, out);
    out.number(uint32_t{params});
    for (const GList *param = meta.params; param; param = param->next) {
        if (!param->data || !encodeStructure(*static_cast<const GstStructure *>(param->data), out, budget))
            return false;
    }
    return true;
}

MetaVerdict decodeRegionOfInterest(ByteReader &in, const MetaTarget &target, MessageBudget &budget)
{
    const std::string type(in.text(kMaxRegionTypeBytes));
    const auto id = in.number<int32_t>();
    const auto parent = in.number<int32_t>();
    const Rectangle region = getRectangle(in);
    const auto params = in.number<uint32_t>();
    if (in.failed() || !isRegionType(type) || !isSane(region) || params > kMaxRegionParams ||
        (!type.empty() && !admitPeerName(type)))
        return MetaVerdict::Malformed;

    GstVideoRegionOfInterestMeta *meta = gst_buffer_add_video_region_of_interest_meta_id(
        target.buffer, type.empty() ? 0 : g_quark_from_string(type.c_str()), region.x, region.y, region.width,
        region.height);
    meta->id = id;
    meta->parent_id = parent;
    for (uint32_t i = 0; i < params; i++) {
        StructureOwner param = decodeStructure(in, budget);
        if (!param)
            return MetaVerdict::Malformed;
        gst_video_region_of_interest_meta_add_param(meta, param.release());
    }
    return MetaVerdict::Attached;
}

bool encodeTimeCode(const GstVideoTimeCodeMeta &meta, ByteWriter &out)
{
    const GstVideoTimeCode &code = meta.tc;
    if (!isSane(code) || !isKnown(code))
        return false;
    for (const uint32_t number :
         {code.config.fps_n, code.config.fps_d, static_cast<guint>(code.config.flags) & kTimeCodeFlags,
          code.hours, code.minutes, code.seconds, code.frames, code.field_count})
        out.number(number);
    GDateTime *jam = code.config.latest_daily_jam;
    out.number(static_cast<uint8_t>(jam ? 1 : 0));
    if (!jam)
        return true;
    const DateTimeOwner since(gst_date_time_new_from_g_date_time(g_date_time_ref(jam)));
    return since && encodeDateTime(*since, out);
}

MetaVerdict decodeTimeCode(ByteReader &in, const MetaTarget &target)
{
    uint32_t fpsN, fpsD, flags, hours, minutes, seconds, frames, fields;
    for (uint32_t *number : {&fpsN, &fpsD, &flags, &hours, &minutes, &seconds, &frames, &fields})
        *number = in.number<uint32_t>();
    const auto hasJam = in.number<uint8_t>();
    if (in.failed() || (flags & ~kTimeCodeFlags) != 0 || hasJam > 1)
        return MetaVerdict::Malformed;
    DateTimeOwner since;
    if (hasJam == 1 && (!(since = decodeDateTime(in)) || !gst_date_time_has_second(since.get())))
        return MetaVerdict::Malformed;

    GDateTime *jam = since ? gst_date_time_to_g_date_time(since.get()) : nullptr;
    const std::unique_ptr<GstVideoTimeCode, TimeCodeRelease> code(gst_video_time_code_new(
        fpsN, fpsD, jam, static_cast<GstVideoTimeCodeFlags>(flags), hours, minutes, seconds, frames, fields));
    if (jam)
        g_date_time_unref(jam);
    if (!isSane(*code))
        return MetaVerdict::Malformed;
    if (!isKnown(*code))
        return MetaVerdict::Left;
    return attached(gst_buffer_add_video_time_code_meta(target.buffer, code.get()));
}

bool encodeCaption(const GstVideoCaptionMeta &meta, ByteWriter &out)
{
    const auto type = static_cast<uint32_t>(meta.caption_type);
    if (!isCaptionType(type) || meta.size == 0 || meta.size > kMaxCaptionBytes)
        return false;
    out.number(type);
    out.counted(std::as_bytes(std::span(meta.data, meta.size)));
    return true;
}

MetaVerdict decodeCaption(ByteReader &in, const MetaTarget &target)
{
    const auto type = in.number<uint32_t>();
    const auto data = in.counted(kMaxCaptionBytes);
    if (!isCaptionType(type) || data.empty()) // as it is where the reader failed
        return MetaVerdict::Malformed;
    return attached(gst_buffer_add_video_caption_meta(target.buffer, static_cast<GstVideoCaptionType>(type),
                                                      reinterpret_cast<const guint8 *>(data.data()),
                                                      data.size()));
}

bool encodeBar(const GstVideoBarMeta &meta, ByteWriter &out)
{
    out.number(uint8_t{meta.field});
    out.number(static_cast<uint8_t>(meta.is_letterbox ? 1 : 0));
    out.number(uint32_t{meta.bar_data1});
    out.number(uint32_t{meta.bar_data2});
    return isBar(meta.field, meta.bar_data1, meta.bar_data2);
}

MetaVerdict decodeBar(ByteReader &in, const MetaTarget &target)
{
    const auto field = in.number<uint8_t>();
    const auto letterbox = in.number<uint8_t>();
    const auto first = in.number<uint32_t>();
    const auto second = in.number<uint32_t>();
    if (in.failed() || letterbox > 1 || !isBar(field, first, second))
        return MetaVerdict::Malformed;
    return attached(gst_buffer_add_video_bar_meta(target.buffer, field, letterbox == 1, first, second));
}

bool encodeAfd(const GstVideoAFDMeta &meta, ByteWriter &out)
{
    const auto standard = static_cast<uint32_t>(meta.spec);
    const auto value = static_cast<uint32_t>(meta.afd);
    out.number(uint8_t{meta.field});
    out.number(standard);
    out.number(value);
    return isAfd(meta.field, standard, value);
}

MetaVerdict decodeAfd(ByteReader &in, const MetaTarget &target)
{
    const auto field = in.number<uint8_t>();
    const auto standard = in.number<uint32_t>();
    const auto value = in.number<uint32_t>();
    if (in.failed() || !isAfd(field, standard, value))
        return MetaVerdict::Malformed;
    return attached(gst_buffer_add_video_afd_meta(
        target.buffer, field, static_cast<GstVideoAFDSpec>(standard), static_cast<GstVideoAFDValue>(value)));
}

bool encodeSeiUserData(const GstVideoSEIUserDataUnregisteredMeta &meta, ByteWriter &out)
{
    if (!meta.data || meta.size == 0 || meta.size > kMaxSeiBytes)
        return false;
    out.append(meta.uuid, sizeof meta.uuid);
    out.counted(std::as_bytes(std::span(meta.data, meta.size)));
    return true;
}

MetaVerdict decodeSeiUserData(ByteReader &in, const MetaTarget &target)
{
    guint8 uuid[sizeof GstVideoSEIUserDataUnregisteredMeta::uuid];
    for (guint8 &byte : uuid)
        byte = in.number<uint8_t>();
    const auto data = in.counted(kMaxSeiBytes);
    if (data.empty()) // as it is where the reader failed
        return MetaVerdict::Malformed;
    // It copies them, but has no const of its own.
    auto *bytes = const_cast<guint8 *>(reinterpret_cast<const guint8 *>(data.data()));
    return attached(
        gst_buffer_add_video_sei_user_data_unregistered_meta(target.buffer, uuid, bytes, data.size()));
}

} // namespace sharedring
