// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What libringcore.so offers: that which is marked RINGCORE_API, and the inline code of the headers
// that users include (ring.h, ring_socket.h, write_once.h, publisher.h, subscriber.h,
// control_socket.h). The rest, and the headers that these bring along, are the library's own.
//
// Only the build of the shared library exports anything. In the static one the mark is empty, so
// that a plugin made of it neither offers our symbols to its process nor takes those of another
// version that is loaded there.
//
// The soname (meson.build) changes with the binary interface: a symbol of tests/ringcore_symbols that
// goes or changes, and the layout of a type that inline code or callers see. The layouts that two
// processes share have versions of their own (ring_wire.h, wire.h): ends built from different
// releases can talk while those are equal, and refuse each other by name (VersionUnsupported) when
// they are not.
#pragma once

#if __cplusplus < 202002L
#error "ringcore needs C++20: -std=c++20"
#endif

#ifdef RINGCORE_SHARED_BUILD
#define RINGCORE_API [[gnu::visibility("default")]]
#else
#define RINGCORE_API
#endif
