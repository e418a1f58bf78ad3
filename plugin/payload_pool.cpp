// SPDX-License-Identifier: LGPL-2.1-or-later
#include "payload_pool.h"

#include "payload_allocator.h"

#include <gst/video/gstvideopool.h>

namespace sharedring
{

struct GstSharedRingPayloadPool {
    GstVideoBufferPool parent;
    std::shared_ptr<ringcore::FanOut> *stream; // owned
};

struct GstSharedRingPayloadPoolClass {
    GstVideoBufferPoolClass parent;
};

G_DEFINE_TYPE(GstSharedRingPayloadPool, gst_shared_ring_payload_pool, GST_TYPE_VIDEO_BUFFER_POOL)

namespace
{

// Marks what was allocated past the pool's maximum: not counted by it, so never to be queued.
GQuark pastMaximum()
{
    static const GQuark quark = g_quark_from_static_string("sharedring-past-maximum");
    return quark;
}

// Among the flags of an acquire: a buffer that lies idle, or none.
constexpr auto kOnlyIdle = static_cast<GstBufferPoolAcquireFlags>(GST_BUFFER_POOL_ACQUIRE_FLAG_LAST);

GstSharedRingPayloadPool *self(gpointer pool)
{
    return reinterpret_cast<GstSharedRingPayloadPool *>(pool);
}

GstFlowReturn allocate(GstBufferPool *pool, GstBuffer **buffer, GstBufferPoolAcquireParams *params)
{
    if (params && (params->flags & kOnlyIdle))
        return GST_FLOW_EOS;
    return GST_BUFFER_POOL_CLASS(gst_shared_ring_payload_pool_parent_class)
        ->alloc_buffer(pool, buffer, params);
}

GstFlowReturn acquire(GstBufferPool *pool, GstBuffer **buffer, GstBufferPoolAcquireParams *params)
{
    (*self(pool)->stream)->reap(); // what clients gave back stands in front of what is new
    GstBufferPoolAcquireParams patient{};
    if (params)
        patient = *params;
    patient.flags =
        static_cast<GstBufferPoolAcquireFlags>(patient.flags | GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT);
    GstBufferPoolClass *parent = GST_BUFFER_POOL_CLASS(gst_shared_ring_payload_pool_parent_class);
    GstFlowReturn result = parent->acquire_buffer(pool, buffer, &patient);
    if (result != GST_FLOW_EOS || (params && (params->flags & GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT)))
        return result;
    // Upstream set a maximum, and clients hold all of it: waiting would let them stop upstream.
    result = GST_BUFFER_POOL_GET_CLASS(pool)->alloc_buffer(pool, buffer, &patient);
    if (result == GST_FLOW_OK)
        gst_mini_object_set_qdata(GST_MINI_OBJECT_CAST(*buffer), pastMaximum(), pool, nullptr);
    return result;
}

void release(GstBufferPool *pool, GstBuffer *buffer)
{
    if (gst_mini_object_get_qdata(GST_MINI_OBJECT_CAST(buffer), pastMaximum())) {
        gst_buffer_unref(buffer);
        return;
    }
    // Private memory came in a shortage; kept, it would have to be copied for ever after.
    if (gst_buffer_n_memory(buffer) != 1 || !isPayload(gst_buffer_peek_memory(buffer, 0)))
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_TAG_MEMORY); // makes the base class discard it
    GST_BUFFER_POOL_CLASS(gst_shared_ring_payload_pool_parent_class)->release_buffer(pool, buffer);
}

void discardIdle(GstBufferPool *pool)
{
    GstBufferPoolAcquireParams params{};
    params.flags = static_cast<GstBufferPoolAcquireFlags>(kOnlyIdle | GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT);
    GstBuffer *buffer = nullptr;
    while (gst_buffer_pool_acquire_buffer(pool, &buffer, &params) == GST_FLOW_OK) {
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_TAG_MEMORY); // makes the base class discard it
        gst_buffer_unref(buffer);
    }
}

} // namespace

static void gst_shared_ring_payload_pool_finalize(GObject *object)
{
    delete self(object)->stream;
    G_OBJECT_CLASS(gst_shared_ring_payload_pool_parent_class)->finalize(object);
}

static void gst_shared_ring_payload_pool_class_init(GstSharedRingPayloadPoolClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = gst_shared_ring_payload_pool_finalize;
    GST_BUFFER_POOL_CLASS(klass)->alloc_buffer = allocate;
    GST_BUFFER_POOL_CLASS(klass)->acquire_buffer = acquire;
    GST_BUFFER_POOL_CLASS(klass)->release_buffer = release;
}

static void gst_shared_ring_payload_pool_init(GstSharedRingPayloadPool *) {}

GstBufferPool *newPayloadPool(std::shared_ptr<ringcore::FanOut> stream, IdlePools &pools)
{
    auto *pool = static_cast<GstSharedRingPayloadPool *>(
        g_object_new(gst_shared_ring_payload_pool_get_type(), nullptr));
    gst_object_ref_sink(pool);
    pool->stream = new std::shared_ptr<ringcore::FanOut>(std::move(stream));
    pools.add(GST_BUFFER_POOL_CAST(pool), discardIdle);
    return GST_BUFFER_POOL_CAST(pool);
}

bool isPayloadPool(GstBufferPool *pool)
{
    return pool && G_TYPE_CHECK_INSTANCE_TYPE(pool, gst_shared_ring_payload_pool_get_type());
}

} // namespace sharedring
