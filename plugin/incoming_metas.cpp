// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugin/incoming_metas.h"

#include "plugin/audio_metas.h"
#include "plugin/buffer_checks.h"
#include "plugin/peer_names.h"
#include "plugin/planar_audio.h"
#include "plugin/rtp_metas.h"
#include "plugin/structured_metas.h"
#include "plugin/video_metas.h"

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug);
#define GST_CAT_DEFAULT gst_shared_ring_src_debug

namespace sharedring
{

namespace
{

constexpr size_t kKeptBytes = 1024 * 1024; // between buffers; only overlays need more
constexpr size_t kMaxLogged = 64;          // kinds, whose names are the producer's

} // namespace

bool IncomingMetas::fetch(std::span<const std::byte> claimed)
{
    if (claimed.size() > sizeof(uint32_t) + kMaxMetasBytes)
        return false;
    bytes_.assign(claimed.begin(), claimed.end());
    return true;
}

std::optional<std::string> IncomingMetas::attach(const MetaTarget &target, const Layout &layout,
                                                 unsigned &left)
{
    bool videoDone = false;
    bool audioSeen = false;
    bool audioDone = false;
    const auto metas = splitMetas(bytes_);
    if (!metas)
        return "malformed metas of " + std::to_string(bytes_.size()) + " bytes";
    MessageBudget budget;
    for (const MetaClaim &claim : *metas) {
        MetaVerdict verdict = MetaVerdict::Attached;
        if (claim.kind == WireMeta::Video) {
            verdict = videoDone || !claim.body.empty() ? MetaVerdict::Malformed : MetaVerdict::Attached;
            if (layout.video && !videoDone)
                addVideoMeta(target.buffer, *layout.video);
            videoDone = true;
        } else if (claim.kind == WireMeta::Audio && std::exchange(audioSeen, true)) {
            verdict = MetaVerdict::Malformed;
        } else {
            verdict = attachOne(claim, target, budget);
        }
        audioDone = audioDone || (claim.kind == WireMeta::Audio && verdict == MetaVerdict::Attached);
        if (verdict == MetaVerdict::Malformed)
            return "malformed meta of kind " + std::to_string(static_cast<unsigned>(claim.kind)) + ", " +
                   std::to_string(claim.body.size()) + " bytes";
        if (verdict == MetaVerdict::Left) {
            left++;
            logLeft(claim);
        }
    }
    if (layout.video && !videoDone)
        addVideoMeta(target.buffer, *layout.video);
    if (layout.planes && !audioDone)
        addPlanes(target.buffer, *target.audio, target.payloadSize);
    bytes_.clear();
    if (bytes_.capacity() > kKeptBytes)
        bytes_.shrink_to_fit();
    return std::nullopt;
}

MetaVerdict IncomingMetas::attachOne(const MetaClaim &claim, const MetaTarget &target, MessageBudget &budget)
{
    ringcore::ByteReader in(claim.body);
    const MetaVerdict verdict = decode(claim.kind, in, target, budget);
    return verdict != MetaVerdict::Malformed && in.atEnd() ? verdict : MetaVerdict::Malformed;
}

MetaVerdict IncomingMetas::decode(WireMeta kind, ringcore::ByteReader &in, const MetaTarget &target,
                                  MessageBudget &budget)
{
    switch (kind) {
    case WireMeta::Video:
        break; // has no body
    case WireMeta::Audio:
        return decodeAudio(in, target);
    case WireMeta::VideoCrop:
        return decodeVideoCrop(in, target);
    case WireMeta::VideoAffineTransformation:
        return decodeAffineTransformation(in, target);
    case WireMeta::VideoRegionOfInterest:
        return decodeRegionOfInterest(in, target, budget);
    case WireMeta::VideoTimeCode:
        return decodeTimeCode(in, target);
    case WireMeta::VideoCaption:
        return decodeCaption(in, target);
    case WireMeta::VideoBar:
        return decodeBar(in, target);
    case WireMeta::VideoAfd:
        return decodeAfd(in, target);
    case WireMeta::AudioClipping:
        return decodeClipping(in, target);
    case WireMeta::AudioLevel:
        return decodeLevel(in, target);
    case WireMeta::AudioDownmix:
        return decodeDownmix(in, target);
    case WireMeta::ReferenceTimestamp:
        return decodeReferenceTimestamp(in, target, budget);
    case WireMeta::Custom:
        return decodeCustomMeta(in, target, budget);
    case WireMeta::VideoSeiUserData:
        return decodeSeiUserData(in, target);
    case WireMeta::RtpSource:
        return decodeRtpSource(in, target);
    case WireMeta::Protection:
        return decodeProtection(in, target, budget);
    case WireMeta::VideoOverlayComposition:
        return overlays_.decode(in, target);
    }
    return MetaVerdict::Malformed; // a kind that we do not know
}

void IncomingMetas::logLeft(const MetaClaim &claim)
{
    std::string what = "kind " + std::to_string(static_cast<unsigned>(claim.kind));
    if (claim.kind == WireMeta::Custom) {
        ringcore::ByteReader in(claim.body);
        what = "name " + std::string(in.text(kMaxNameBytes));
    }
    if (logged_.size() < kMaxLogged && logged_.insert(what).second)
        GST_WARNING("metas of %s cannot be attached here", what.c_str());
}

} // namespace sharedring
