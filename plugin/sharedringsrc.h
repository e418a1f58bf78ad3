// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The element that receives a stream from another process, which it does not trust.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SHARED_RING_SRC (gst_shared_ring_src_get_type())
G_DECLARE_FINAL_TYPE(GstSharedRingSrc, gst_shared_ring_src, GST, SHARED_RING_SRC, GstElement)

GST_ELEMENT_REGISTER_DECLARE(sharedringsrc)

G_END_DECLS
