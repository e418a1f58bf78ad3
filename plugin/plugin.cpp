// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The plugin: its two elements, and the provider that finds producers.
#include "sharedringdeviceprovider.h"
#include "sharedringsink.h"
#include "sharedringsrc.h"

static gboolean pluginInit(GstPlugin *plugin)
{
    return GST_ELEMENT_REGISTER(sharedringsink, plugin) && GST_ELEMENT_REGISTER(sharedringsrc, plugin) &&
           GST_DEVICE_PROVIDER_REGISTER(sharedringdeviceprovider, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, sharedring,
                  "Buffers between processes that do not trust each other, without a copy", pluginInit,
                  VERSION, "LGPL", PACKAGE, "https://gstreamer.freedesktop.org/")
