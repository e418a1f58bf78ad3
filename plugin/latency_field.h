// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A field of ring-stats that says how long things took: an array of counts, of ringcore's latency classes.
#pragma once

#include "ringcore/latency_classes.h"

#include <gst/gst.h>

namespace sharedring
{

inline void setLatencies(GstStructure *structure, const char *field, const ringcore::LatencyCounts &counts)
{
    GValue array = G_VALUE_INIT;
    gst_value_array_init(&array, static_cast<guint>(counts.size()));
    for (const uint64_t count : counts) {
        GValue value = G_VALUE_INIT;
        g_value_init(&value, G_TYPE_UINT64);
        g_value_set_uint64(&value, count);
        gst_value_array_append_and_take_value(&array, &value);
    }
    gst_structure_take_value(structure, field, &array);
}

} // namespace sharedring
