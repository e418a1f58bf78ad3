// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What becomes of a property that is set: one that may not change any more stays as it is, and a
// warning says so.
#pragma once

#include <gst/gst.h>

namespace sharedring
{

enum class PropertySet {
    Done,
    TooLate, // it is mutable in READY, and the element is beyond it
    Unknown,
};

inline bool isMutableInReadyOnly(const GParamSpec *spec)
{
    return (spec->flags & GST_PARAM_MUTABLE_READY) != 0;
}

// For set_property, without a lock held.
inline void reportPropertySet(PropertySet outcome, GObject *object, guint id, GParamSpec *spec)
{
    if (outcome == PropertySet::TooLate)
        g_warning("%s: \"%s\" can be changed in the states NULL and READY only, and stays as it is",
                  GST_OBJECT_NAME(object), spec->name);
    if (outcome == PropertySet::Unknown)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

} // namespace sharedring
