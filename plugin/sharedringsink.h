// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The sharedringsink element's type.
#pragma once

#include <gst/base/gstbasesink.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SHARED_RING_SINK (gst_shared_ring_sink_get_type())
G_DECLARE_FINAL_TYPE(GstSharedRingSink, gst_shared_ring_sink, GST, SHARED_RING_SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE(sharedringsink)

G_END_DECLS
