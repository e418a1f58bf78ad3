// SPDX-License-Identifier: LGPL-2.1-or-later
#include "payload_allocator.h"

#include <algorithm>
#include <cstring>

namespace sharedring
{

struct _GstSharedRingPayloadAllocator {
    GstAllocator parent;
    // Owned; pointers, since GObject runs no constructors.
    std::shared_ptr<ringcore::FanOut> *stream;
    std::shared_ptr<IdlePools> *pools;
};

G_DEFINE_TYPE(GstSharedRingPayloadAllocator, gst_shared_ring_payload_allocator, GST_TYPE_ALLOCATOR)

namespace
{

constexpr const char *kMemoryType = "SharedRingPayload";
constexpr size_t kUsualAlignment = 64; // of a cache line, and of what SIMD code asks for

struct PayloadMemory {
    GstMemory memory; // first: GStreamer sees this
    ringcore::Block block;
    std::byte *data; // of the block
};

ringcore::FanOut &streamOf(GstAllocator *allocator)
{
    return **GST_SHARED_RING_PAYLOAD_ALLOCATOR(allocator)->stream;
}

std::optional<ringcore::Block> allocateBlock(GstAllocator *allocator, size_t size, size_t alignment)
{
    ringcore::FanOut &stream = streamOf(allocator);
    auto block = stream.arena().allocate(size, alignment);
    if (block)
        return block;
    stream.reap();
    block = stream.arena().allocate(size, alignment);
    if (block)
        return block;
    (*GST_SHARED_RING_PAYLOAD_ALLOCATOR(allocator)->pools)->discardAll();
    block = stream.arena().allocate(size, alignment);
    if (block)
        return block;
    stream.relieveShortage(size);
    return stream.arena().allocate(size, alignment);
}

// `before` bytes of prefix, then `size`, then padding, as GstAllocationParams has them.
GstMemory *wrap(GstAllocator *allocator, ringcore::Block block, GstMemoryFlags flags, size_t maxSize,
                size_t align, size_t before, size_t size)
{
    auto *payload = g_new0(PayloadMemory, 1);
    payload->block = block;
    payload->data = streamOf(allocator).arena().at(block.offset);
    gst_memory_init(GST_MEMORY_CAST(payload), flags, allocator, nullptr, maxSize, align, before, size);
    return GST_MEMORY_CAST(payload);
}

GstMemory *allocate(GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
    const size_t maxSize = size + params->prefix + params->padding;
    const size_t alignment = std::max<size_t>(params->align + 1, kUsualAlignment);
    std::optional<ringcore::Block> block;
    if (alignment <= ringcore::Arena::kMaxAlignment)
        block = allocateBlock(allocator, maxSize, alignment);
    if (!block)
        return gst_allocator_alloc(nullptr, size, params);
    GstMemory *memory = wrap(allocator, *block, params->flags, maxSize, alignment - 1, params->prefix, size);
    // A block was somebody else's before: what was asked to be zero must be made so.
    std::byte *data = reinterpret_cast<PayloadMemory *>(memory)->data;
    if (params->flags & GST_MEMORY_FLAG_ZERO_PREFIXED)
        std::memset(data, 0, params->prefix);
    if (params->flags & GST_MEMORY_FLAG_ZERO_PADDED)
        std::memset(data + params->prefix + size, 0, params->padding);
    return memory;
}

void release(GstAllocator *allocator, GstMemory *memory)
{
    auto *payload = reinterpret_cast<PayloadMemory *>(memory);
    if (!memory->parent)
        streamOf(allocator).arena().free(payload->block);
    g_free(payload);
}

gpointer map(GstMemory *memory, gsize, GstMapFlags)
{
    return reinterpret_cast<PayloadMemory *>(memory)->data;
}

void unmap(GstMemory *) {}

// Decoders copy the frames that they keep as references: into the arena as well, or each of them
// would be copied once more on its way out.
GstMemory *copy(GstMemory *memory, gssize offset, gssize size)
{
    const size_t length = size < 0 ? memory->size - static_cast<size_t>(offset) : static_cast<size_t>(size);
    GstAllocationParams params;
    gst_allocation_params_init(&params);
    GstMemory *made = gst_allocator_alloc(memory->allocator, length, &params);
    GstMapInfo info;
    if (!gst_memory_map(made, &info, GST_MAP_WRITE)) {
        gst_memory_unref(made);
        return nullptr;
    }
    const auto *payload = reinterpret_cast<PayloadMemory *>(memory);
    std::memcpy(info.data, payload->data + memory->offset + offset, length);
    gst_memory_unmap(made, &info);
    return made;
}

GstMemory *share(GstMemory *memory, gssize offset, gssize size)
{
    const auto *payload = reinterpret_cast<PayloadMemory *>(memory);
    GstMemory *parent = memory->parent ? memory->parent : memory;
    auto *part = g_new0(PayloadMemory, 1);
    part->block = payload->block;
    part->data = payload->data;
    const size_t length = size < 0 ? memory->size - static_cast<size_t>(offset) : static_cast<size_t>(size);
    gst_memory_init(
        GST_MEMORY_CAST(part),
        static_cast<GstMemoryFlags>(GST_MINI_OBJECT_FLAGS(parent) | GST_MINI_OBJECT_FLAG_LOCK_READONLY),
        memory->allocator, parent, memory->maxsize, memory->align,
        memory->offset + static_cast<size_t>(offset), length);
    return GST_MEMORY_CAST(part);
}

gboolean isSpan(GstMemory *first, GstMemory *second, gsize *offset)
{
    const auto *a = reinterpret_cast<PayloadMemory *>(first);
    const auto *b = reinterpret_cast<PayloadMemory *>(second);
    if (offset)
        *offset = first->offset - first->parent->offset;
    return a->data + first->offset + first->size == b->data + second->offset;
}

} // namespace

static void gst_shared_ring_payload_allocator_finalize(GObject *object)
{
    delete GST_SHARED_RING_PAYLOAD_ALLOCATOR(object)->stream;
    delete GST_SHARED_RING_PAYLOAD_ALLOCATOR(object)->pools;
    G_OBJECT_CLASS(gst_shared_ring_payload_allocator_parent_class)->finalize(object);
}

static void gst_shared_ring_payload_allocator_class_init(GstSharedRingPayloadAllocatorClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = gst_shared_ring_payload_allocator_finalize;
    GST_ALLOCATOR_CLASS(klass)->alloc = allocate;
    GST_ALLOCATOR_CLASS(klass)->free = release;
}

static void gst_shared_ring_payload_allocator_init(GstSharedRingPayloadAllocator *self)
{
    GstAllocator *allocator = GST_ALLOCATOR_CAST(self);
    allocator->mem_type = kMemoryType;
    allocator->mem_map = map;
    allocator->mem_unmap = unmap;
    allocator->mem_copy = copy;
    allocator->mem_share = share;
    allocator->mem_is_span = isSpan;
}

GstAllocator *newPayloadAllocator(std::shared_ptr<ringcore::FanOut> stream, std::shared_ptr<IdlePools> pools)
{
    auto *self = static_cast<GstSharedRingPayloadAllocator *>(
        g_object_new(gst_shared_ring_payload_allocator_get_type(), nullptr));
    gst_object_ref_sink(self);
    self->stream = new std::shared_ptr<ringcore::FanOut>(std::move(stream));
    self->pools = new std::shared_ptr<IdlePools>(std::move(pools));
    return GST_ALLOCATOR_CAST(self);
}

GstMemory *allocatePayload(GstAllocator *allocator, size_t size, size_t alignment)
{
    const auto block = allocateBlock(allocator, size, alignment);
    if (!block)
        return nullptr;
    return wrap(allocator, *block, GstMemoryFlags{}, size, alignment - 1, 0, size);
}

bool isPayload(GstMemory *memory)
{
    return memory->allocator && GST_IS_SHARED_RING_PAYLOAD_ALLOCATOR(memory->allocator);
}

std::optional<PayloadPlace> payloadPlaceOf(GstMemory *memory, const ringcore::FanOut &stream)
{
    if (!isPayload(memory) || &streamOf(memory->allocator) != &stream)
        return std::nullopt;
    const auto *payload = reinterpret_cast<PayloadMemory *>(memory);
    return PayloadPlace{{payload->block.offset + memory->offset, memory->size}, payload->block.size};
}

} // namespace sharedring
