// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: whether there is an SSRC, the SSRC, how many CSRCs, the CSRCs.
#include "plugin/rtp_metas.h"

#include <algorithm>
#include <span>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

constexpr uint32_t kMaxContributors = 15; // a packet has no room for more
static_assert(kMaxContributors == GST_RTP_SOURCE_META_MAX_CSRC_COUNT);

} // namespace

bool encodeRtpSource(const GstRTPSourceMeta &meta, ByteWriter &out)
{
    if (meta.csrc_count > kMaxContributors)
        return false;
    out.number(static_cast<uint8_t>(meta.ssrc_valid ? 1 : 0));
    if (meta.ssrc_valid)
        out.number(uint32_t{meta.ssrc});
    out.number(uint32_t{meta.csrc_count});
    for (const guint32 contributor : std::span(meta.csrc).first(meta.csrc_count))
        out.number(uint32_t{contributor});
    return true;
}

MetaVerdict decodeRtpSource(ByteReader &in, const MetaTarget &target)
{
    const auto hasSource = in.number<uint8_t>();
    const uint32_t source = hasSource == 1 ? in.number<uint32_t>() : 0;
    const auto count = in.number<uint32_t>();
    if (in.failed() || hasSource > 1 || count > kMaxContributors)
        return MetaVerdict::Malformed;
    uint32_t contributors[kMaxContributors];
    std::generate_n(contributors, count, [&] { return in.number<uint32_t>(); });
    if (in.failed())
        return MetaVerdict::Malformed;
    gst_buffer_add_rtp_source_meta(target.buffer, hasSource == 1 ? &source : nullptr, contributors, count);
    return MetaVerdict::Attached;
}

} // namespace sharedring
