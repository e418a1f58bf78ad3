// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Non-interleaved audio, which GStreamer maps only with a GstAudioMeta. The meta does not cross: the
// planes do, one right after the other, and the source says so again.
#pragma once

#include <gst/audio/audio.h>

#include <cstddef>
#include <optional>

namespace sharedring
{

// The sink's side. Whether there is a meta whose planes do not lie so (clipping leaves gaps).
bool hasLoosePlanes(GstBuffer *buffer);
// Of such a buffer: the bytes of all planes, and the planes themselves. False: cannot be mapped.
size_t bytesOfPlanes(GstBuffer *buffer);
bool copyPlanes(GstBuffer *buffer, std::byte *to);

// The source's side. Whether caps name such audio at all.
bool isPlanar(const GstStructure *caps);
// Of audio/x-raw. Nothing: it is not of a kind that we map.
std::optional<GstAudioInfo> rawAudioOf(const GstCaps *caps);
// `size` bytes, a whole number of samples.
void addPlanes(GstBuffer *buffer, const GstAudioInfo &audio, size_t size);

} // namespace sharedring
