// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sharedringdevice.h"

#include "gst_owner.h"
#include "sharedringsrc.h"

struct _GstSharedRingDevice {
    GstDevice parent;
    gchar *socket;
};

G_DEFINE_FINAL_TYPE(GstSharedRingDevice, gst_shared_ring_device, GST_TYPE_DEVICE)

static GstElement *gst_shared_ring_device_create_element(GstDevice *device, const gchar *name)
{
    GstElement *element = gst_element_factory_make("sharedringsrc", name);
    if (element)
        g_object_set(element, "socket", GST_SHARED_RING_DEVICE(device)->socket, nullptr);
    return element;
}

// One that runs has copied its settings.
static gboolean gst_shared_ring_device_reconfigure_element(GstDevice *device, GstElement *element)
{
    if (!GST_IS_SHARED_RING_SRC(element) || GST_STATE(element) > GST_STATE_READY)
        return FALSE;
    g_object_set(element, "socket", GST_SHARED_RING_DEVICE(device)->socket, nullptr);
    return TRUE;
}

static void gst_shared_ring_device_finalize(GObject *object)
{
    g_free(GST_SHARED_RING_DEVICE(object)->socket);
    G_OBJECT_CLASS(gst_shared_ring_device_parent_class)->finalize(object);
}

static void gst_shared_ring_device_class_init(GstSharedRingDeviceClass *klass)
{
    GstDeviceClass *device = GST_DEVICE_CLASS(klass);
    device->create_element = gst_shared_ring_device_create_element;
    device->reconfigure_element = gst_shared_ring_device_reconfigure_element;
    G_OBJECT_CLASS(klass)->finalize = gst_shared_ring_device_finalize;
}

static void gst_shared_ring_device_init(GstSharedRingDevice *) {}

GstDevice *gst_shared_ring_device_new(const sharedring::LiveProducer &producer)
{
    const char *path = producer.socket.path.c_str();
    const sharedring::StructureOwner properties(gst_structure_new("sharedring-proplist", "device.api",
                                                                  G_TYPE_STRING, "sharedring", "device.path",
                                                                  G_TYPE_STRING, path, nullptr));
    if (producer.identity.pid != 0)
        gst_structure_set(properties.get(), "producer.pid", G_TYPE_INT, producer.identity.pid, "producer.uid",
                          G_TYPE_UINT, producer.identity.uid, nullptr);
    // What it sends is told to its clients only.
    const sharedring::CapsOwner caps(gst_caps_new_any());
    gchar *name = g_path_get_basename(path);
    auto *device = static_cast<GstDevice *>(
        g_object_new(GST_TYPE_SHARED_RING_DEVICE, "display-name", name, "caps", caps.get(), "device-class",
                     "Source/SharedRing", "properties", properties.get(), nullptr));
    g_free(name);
    GST_SHARED_RING_DEVICE(device)->socket = g_strdup(path);
    return device;
}
