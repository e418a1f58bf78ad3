// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Lists the live producers of a directory as devices.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SHARED_RING_DEVICE_PROVIDER (gst_shared_ring_device_provider_get_type())
G_DECLARE_FINAL_TYPE(GstSharedRingDeviceProvider, gst_shared_ring_device_provider, GST,
                     SHARED_RING_DEVICE_PROVIDER, GstDeviceProvider)

GST_DEVICE_PROVIDER_REGISTER_DECLARE(sharedringdeviceprovider)

G_END_DECLS
