// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ring_memory.h"

#include <utility>

namespace sharedring
{

namespace
{

constexpr char kMemoryType[] = "SharedRingMemory";

struct RingMemory {
    GstMemory base; // GStreamer's: first
    const std::byte *data;
    ringcore::Lease lease; // of a whole memory; a part holds its parent instead
};

gpointer mapMemory(GstMemory *memory, GstMapInfo *info, gsize)
{
    // The pages are read-only, and another process writes there: who asks to write gets nothing.
    if (info->flags & GST_MAP_WRITE)
        return nullptr;
    return const_cast<std::byte *>(reinterpret_cast<RingMemory *>(memory)->data);
}

void unmapMemory(GstMemory *, GstMapInfo *) {}

GstMemory *shareMemory(GstMemory *memory, gssize offset, gssize size);

} // namespace

} // namespace sharedring

struct SharedRingAllocator {
    GstAllocator parent;
};

struct SharedRingAllocatorClass {
    GstAllocatorClass parent_class;
};

static GType shared_ring_allocator_get_type();
G_DEFINE_FINAL_TYPE(SharedRingAllocator, shared_ring_allocator, GST_TYPE_ALLOCATOR)

static void shared_ring_allocator_free(GstAllocator *, GstMemory *memory)
{
    delete reinterpret_cast<sharedring::RingMemory *>(memory);
}

static void shared_ring_allocator_class_init(SharedRingAllocatorClass *klass)
{
    // Nothing is allocated here: payload comes from a producer.
    GST_ALLOCATOR_CLASS(klass)->alloc = nullptr;
    GST_ALLOCATOR_CLASS(klass)->free = shared_ring_allocator_free;
}

static void shared_ring_allocator_init(SharedRingAllocator *self)
{
    GstAllocator *allocator = GST_ALLOCATOR_CAST(self);
    allocator->mem_type = sharedring::kMemoryType;
    allocator->mem_map_full = sharedring::mapMemory;
    allocator->mem_unmap_full = sharedring::unmapMemory;
    allocator->mem_share = sharedring::shareMemory;
    GST_OBJECT_FLAG_SET(allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

namespace sharedring
{

namespace
{

// One for all connections; memory may outlive every element, so it is never freed.
GstAllocator *theAllocator()
{
    static GstAllocator *const allocator = [] {
        auto *created = GST_ALLOCATOR(g_object_new(shared_ring_allocator_get_type(), nullptr));
        gst_object_ref_sink(created);
        GST_OBJECT_FLAG_SET(created, GST_OBJECT_FLAG_MAY_BE_LEAKED);
        return created;
    }();
    return allocator;
}

GstMemory *shareMemory(GstMemory *memory, gssize offset, gssize size)
{
    GstMemory *whole = memory->parent ? memory->parent : memory;
    const auto *source = reinterpret_cast<const RingMemory *>(memory);
    const gsize begin = memory->offset + static_cast<gsize>(offset);
    const gsize length = size < 0 ? memory->size - static_cast<gsize>(offset) : static_cast<gsize>(size);
    auto *part = new RingMemory{{}, source->data, {}};
    gst_memory_init(&part->base, GST_MEMORY_FLAG_READONLY, memory->allocator, whole, memory->maxsize, 0,
                    begin, length);
    return &part->base;
}

} // namespace

MemoryOwner wrapPayload(std::span<const std::byte> bytes, ringcore::Lease lease)
{
    auto *memory = new RingMemory{{}, bytes.data(), std::move(lease)};
    gst_memory_init(&memory->base, GST_MEMORY_FLAG_READONLY, theAllocator(), nullptr, bytes.size(), 0, 0,
                    bytes.size());
    return MemoryOwner(&memory->base);
}

bool isWrappedPayload(GstMemory *memory)
{
    return gst_memory_is_type(memory, kMemoryType);
}

} // namespace sharedring
