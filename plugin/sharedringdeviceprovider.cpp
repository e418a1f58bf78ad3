// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:provider-sharedringdeviceprovider
 * @title: sharedringdeviceprovider
 *
 * Lists the producers that serve a socket in #sharedringdeviceprovider:directory, as they come and go.
 * A socket that nobody serves any more, such as a killed producer's, is not listed. Whether somebody does
 * is found out by a connection for each socket that appears, which asks for nothing.
 *
 * ## Example launch lines
 * |[
 * mkdir -p $XDG_RUNTIME_DIR/sharedring
 * gst-launch-1.0 videotestsrc ! sharedringsink socket=$XDG_RUNTIME_DIR/sharedring/camera
 * gst-device-monitor-1.0 -f Source/SharedRing
 * ]|
 */
#include "sharedringdeviceprovider.h"

#include "gst_owner.h"
#include "producer_watch.h"
#include "sharedringdevice.h"

GST_DEBUG_CATEGORY_STATIC(gst_shared_ring_device_provider_debug);
#define GST_CAT_DEFAULT gst_shared_ring_device_provider_debug

namespace
{

enum { PROP_0, PROP_DIRECTORY };

struct ProviderState {
    std::string directory; // under the object's lock; empty: the default
    // The provider's own lock serializes start and stop. What `devices` has is the watch's thread's while
    // there is one.
    std::unique_ptr<sharedring::ProducerWatch> watch;
    std::map<std::string, sharedring::ObjectOwner<GstDevice>> devices; // by socket
};

} // namespace

struct _GstSharedRingDeviceProvider {
    GstDeviceProvider parent;
    ProviderState *state; // made in _init, deleted in _finalize
};

G_DEFINE_FINAL_TYPE(GstSharedRingDeviceProvider, gst_shared_ring_device_provider, GST_TYPE_DEVICE_PROVIDER)
// A GstDeviceMonitor leaves out those of rank none.
GST_DEVICE_PROVIDER_REGISTER_DEFINE(sharedringdeviceprovider, "sharedringdeviceprovider", GST_RANK_MARGINAL,
                                    GST_TYPE_SHARED_RING_DEVICE_PROVIDER)

static ProviderState &state_of(gpointer object)
{
    return *GST_SHARED_RING_DEVICE_PROVIDER(object)->state;
}

static std::string directory_of(gpointer object)
{
    GST_OBJECT_LOCK(object);
    std::string directory = state_of(object).directory;
    GST_OBJECT_UNLOCK(object);
    if (directory.empty())
        directory = std::string(g_get_user_runtime_dir()) + "/sharedring";
    return directory;
}

static GList *gst_shared_ring_device_provider_probe(GstDeviceProvider *provider)
{
    GList *devices = nullptr;
    for (const auto &socket : sharedring::socketsIn(directory_of(provider))) {
        if (const auto producer = sharedring::producerAt(socket))
            devices = g_list_prepend(devices, gst_shared_ring_device_new(*producer));
    }
    return devices;
}

static gboolean gst_shared_ring_device_provider_start(GstDeviceProvider *provider)
{
    ProviderState &state = state_of(provider);
    const sharedring::ProducerWatch::Callbacks callbacks{
        [provider, &state](const sharedring::LiveProducer &producer) {
            GstDevice *device = gst_shared_ring_device_new(producer);
            gst_object_ref_sink(device);
            state.devices[producer.socket.path].reset(device);
            gst_device_provider_device_add(provider, device);
        },
        [provider, &state](const std::string &socket) {
            if (const auto entry = state.devices.extract(socket))
                gst_device_provider_device_remove(provider, entry.mapped().get());
        }};
    GError *error = nullptr;
    state.watch = sharedring::ProducerWatch::start(directory_of(provider), callbacks, &error);
    if (!state.watch) {
        GST_ERROR_OBJECT(provider, "no thread to watch with: %s", error->message);
        g_error_free(error);
        for (const auto &[socket, device] : state.devices)
            gst_device_provider_device_remove(provider, device.get());
        state.devices.clear();
    }
    return state.watch != nullptr;
}

static void gst_shared_ring_device_provider_stop(GstDeviceProvider *provider)
{
    state_of(provider).watch.reset();
    state_of(provider).devices.clear();
}

static void gst_shared_ring_device_provider_set_property(GObject *object, guint id, const GValue *value,
                                                         GParamSpec *spec)
{
    if (id != PROP_DIRECTORY) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    const gchar *directory = g_value_get_string(value);
    GST_OBJECT_LOCK(object);
    state_of(object).directory = directory ? directory : "";
    GST_OBJECT_UNLOCK(object);
}

static void gst_shared_ring_device_provider_get_property(GObject *object, guint id, GValue *value,
                                                         GParamSpec *spec)
{
    if (id == PROP_DIRECTORY)
        g_value_set_string(value, directory_of(object).c_str());
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_shared_ring_device_provider_finalize(GObject *object)
{
    delete GST_SHARED_RING_DEVICE_PROVIDER(object)->state;
    G_OBJECT_CLASS(gst_shared_ring_device_provider_parent_class)->finalize(object);
}

static void gst_shared_ring_device_provider_init(GstSharedRingDeviceProvider *self)
{
    self->state = new ProviderState;
}

static void gst_shared_ring_device_provider_class_init(GstSharedRingDeviceProviderClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstDeviceProviderClass *provider_class = GST_DEVICE_PROVIDER_CLASS(klass);

    GST_DEBUG_CATEGORY_INIT(gst_shared_ring_device_provider_debug, "sharedringdeviceprovider", 0,
                            "shared ring device provider");

    object_class->set_property = gst_shared_ring_device_provider_set_property;
    object_class->get_property = gst_shared_ring_device_provider_get_property;
    object_class->finalize = gst_shared_ring_device_provider_finalize;
    g_object_class_install_property(
        object_class, PROP_DIRECTORY,
        g_param_spec_string("directory", "Directory",
                            "Where producers' sockets are looked for; null = $XDG_RUNTIME_DIR/sharedring. "
                            "A change holds from the next start on",
                            nullptr, static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)));

    provider_class->probe = gst_shared_ring_device_provider_probe;
    provider_class->start = gst_shared_ring_device_provider_start;
    provider_class->stop = gst_shared_ring_device_provider_stop;
    gst_device_provider_class_set_static_metadata(
        provider_class, "Shared ring device provider", "Source/SharedRing",
        "Lists the producers that serve a socket in a directory", "The sharedring authors");
}
