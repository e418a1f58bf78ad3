// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which names from a peer may reach GStreamer. It asserts on malformed ones, and up to 1.24 keeps
// every name it ever saw in a table that is never freed, so new ones are also rationed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sharedring
{

inline constexpr size_t kMaxNameBytes = 128;

// All peers of this process together may bring this many names that it had not heard of before;
// real streams need a few dozen. 4096 names of 128 bytes cost less than 1 MiB, once.
inline constexpr size_t kMaxNewNames = 4096;

// A letter, then letters, digits and "/-_.:+": what a GstStructure may be called. The names of
// GStreamer 0.10's raw caps are refused, because each use of one writes a g_warning.
[[nodiscard]] bool isStructureName(std::string_view name);

// The same alphabet: GStreamer itself takes any field name, elements that print caps do not.
[[nodiscard]] bool isFieldName(std::string_view name);

// Letters, a colon, a letter, then letters and digits, and no kind of memory but the system's:
// a peer must not make downstream believe that plain shared memory is a dmabuf or a texture.
[[nodiscard]] bool isCarriedFeature(std::string_view name);

// Whether this well-formed name may be handed to GStreamer: it is known already, or there is room
// for one more. Any thread.
[[nodiscard]] bool admitPeerName(const std::string &name);

} // namespace sharedring
