// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_presets.h"

namespace sharedring
{

namespace
{

// A preset that a user saves says how a stream is served, and not where: loading it leaves that alone.
gchar **namesWithoutThePlace(GstPreset *preset)
{
    auto *defaults = static_cast<GstPresetInterface *>(g_type_default_interface_peek(GST_TYPE_PRESET));
    gchar **names = defaults->get_property_names(preset);
    gchar **kept = names;
    for (gchar **name = names; name && *name; name++) {
        if (g_str_equal(*name, "socket") || g_str_equal(*name, "fd"))
            g_free(*name);
        else
            *kept++ = *name;
    }
    if (kept)
        *kept = nullptr;
    return names;
}

} // namespace

void installSinkPresets(gpointer interface, gpointer)
{
    static_cast<GstPresetInterface *>(interface)->get_property_names = namesWithoutThePlace;
}

} // namespace sharedring
