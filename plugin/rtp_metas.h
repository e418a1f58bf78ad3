// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The meta of an RTP packet, or of what came in one, to bytes and back: who sent it.
#pragma once

#include "plugin/meta_codec.h"

#include <gst/rtp/rtp.h>

namespace sharedring
{

[[nodiscard]] bool encodeRtpSource(const GstRTPSourceMeta &meta, ringcore::ByteWriter &out);
[[nodiscard]] MetaVerdict decodeRtpSource(ringcore::ByteReader &in, const MetaTarget &target);

} // namespace sharedring
