// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Owners for GStreamer's reference-counted things: the reference goes when the owner does, also on
// every early return of a decoder that refuses its input half way.
#pragma once

#include <gst/gst.h>

#include <memory>

namespace sharedring
{

// One overload for each type, so that the owners' types are the same in every translation unit
// (GStreamer's unref functions are static inline and would not be, as template arguments).
struct GstRelease {
    void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
    void operator()(GstBufferList *list) const { gst_buffer_list_unref(list); }
    void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
    void operator()(GstCapsFeatures *features) const { gst_caps_features_free(features); }
    void operator()(GstDateTime *dateTime) const { gst_date_time_unref(dateTime); }
    void operator()(GstEvent *event) const { gst_event_unref(event); }
    void operator()(GstMessage *message) const { gst_message_unref(message); }
    void operator()(GstMemory *memory) const { gst_memory_unref(memory); }
    void operator()(GstQuery *query) const { gst_query_unref(query); }
    void operator()(GstSample *sample) const { gst_sample_unref(sample); }
    void operator()(GstStructure *structure) const { gst_structure_free(structure); }
    void operator()(GstTagList *tags) const { gst_tag_list_unref(tags); }
    void operator()(GstToc *toc) const { gst_toc_unref(toc); }
    void operator()(GstTocEntry *entry) const { gst_toc_entry_unref(entry); }
};

// Any GstObject: an element, pad, bus, pool, allocator.
struct GstObjectRelease {
    template <typename T>
    void operator()(T *object) const
    {
        gst_object_unref(object);
    }
};

using BufferOwner = std::unique_ptr<GstBuffer, GstRelease>;
using BufferListOwner = std::unique_ptr<GstBufferList, GstRelease>;
using CapsOwner = std::unique_ptr<GstCaps, GstRelease>;
using CapsFeaturesOwner = std::unique_ptr<GstCapsFeatures, GstRelease>;
using DateTimeOwner = std::unique_ptr<GstDateTime, GstRelease>;
using EventOwner = std::unique_ptr<GstEvent, GstRelease>;
using MemoryOwner = std::unique_ptr<GstMemory, GstRelease>;
using MessageOwner = std::unique_ptr<GstMessage, GstRelease>;
using QueryOwner = std::unique_ptr<GstQuery, GstRelease>;
using SampleOwner = std::unique_ptr<GstSample, GstRelease>;
using StructureOwner = std::unique_ptr<GstStructure, GstRelease>;
using TagListOwner = std::unique_ptr<GstTagList, GstRelease>;
using TocOwner = std::unique_ptr<GstToc, GstRelease>;
using TocEntryOwner = std::unique_ptr<GstTocEntry, GstRelease>;
template <typename T>
using ObjectOwner = std::unique_ptr<T, GstObjectRelease>;

// A GValue that begins empty and is unset at the end, unless something took it away.
class ValueOwner final
{
public:
    ValueOwner() = default;
    ValueOwner(const ValueOwner &) = delete;
    ValueOwner &operator=(const ValueOwner &) = delete;
    ~ValueOwner()
    {
        if (G_IS_VALUE(&value_))
            g_value_unset(&value_);
    }

    GValue *get() { return &value_; }
    GValue &operator*() { return value_; }

    // For GStreamer's *_take_value functions, which move the contents out.
    void forget() { value_ = G_VALUE_INIT; }

private:
    GValue value_ = G_VALUE_INIT;
};

} // namespace sharedring
