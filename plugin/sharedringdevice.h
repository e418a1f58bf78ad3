// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A live producer as a GstDevice, which makes a sharedringsrc for it.
#pragma once

#include "producer_directory.h"

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SHARED_RING_DEVICE (gst_shared_ring_device_get_type())
G_DECLARE_FINAL_TYPE(GstSharedRingDevice, gst_shared_ring_device, GST, SHARED_RING_DEVICE, GstDevice)

G_END_DECLS

// Floating, as new devices are.
GstDevice *gst_shared_ring_device_new(const sharedring::LiveProducer &producer);
