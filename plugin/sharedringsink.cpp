// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-sharedringsink
 * @title: sharedringsink
 *
 * Gives its buffers, without a copy, to any number of sharedringsrc elements in other processes. The
 * processes need not trust each other: clients can only read, and a slow, stopped or hostile one
 * disturbs neither this pipeline nor the other clients.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc ! sharedringsink socket=/run/x
 * gst-launch-1.0 sharedringsrc socket=/run/x ! autovideosink
 * ]|
 * |[
 * gst-launch-1.0 filesrc location=video.mkv ! sharedringsink @preset=lossless-file socket=/run/x
 * ]| One of three presets: live-camera, lossless-file, sandboxed-decoder.
 *
 * ## Messages
 * Element messages, from a thread of the client that they are about: sharedring-client-connected (id, pid,
 * uid), sharedring-client-disconnected (id, reason), sharedring-drop-start (id) when a client begins to lose
 * buffers, sharedring-drop-end (id, dropped) when it gets them again or is gone.
 */
#include "sharedringsink.h"

#include "late_property.h"
#include "sink_presets.h"
#include "sink_properties.h"
#include "sink_signals.h"
#include "sink_state.h"

GST_DEBUG_CATEGORY(gst_shared_ring_sink_debug);
#define GST_CAT_DEFAULT gst_shared_ring_sink_debug

struct _GstSharedRingSink {
    GstBaseSink parent;
    sharedring::SinkState *state;
};

G_DEFINE_TYPE_WITH_CODE(GstSharedRingSink, gst_shared_ring_sink, GST_TYPE_BASE_SINK,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, sharedring::installSinkPresets))
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(sharedringsink, "sharedringsink", GST_RANK_NONE,
                                      GST_TYPE_SHARED_RING_SINK,
                                      GST_DEBUG_CATEGORY_INIT(gst_shared_ring_sink_debug, "sharedringsink", 0,
                                                              "Shared ring sink"))

static GstStaticPadTemplate sinkTemplate =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static sharedring::SinkState &stateOf(gpointer sink)
{
    return *GST_SHARED_RING_SINK(sink)->state;
}

static gboolean gst_shared_ring_sink_start(GstBaseSink *base)
{
    stateOf(base).start();
    return TRUE;
}

// What cannot be served is one error on the bus. A failed state change would bring a second one, the
// base class's own, which says nothing; and so would a stream that ends in GST_FLOW_ERROR. The error is
// posted on the way to PLAYING: gst-launch-1.0 forgets one that it is told before its main loop runs,
// and waits for ever. So a sink that failed does not preroll, or PLAYING would not be reached.
static GstStateChangeReturn change_state_of_failed(GstElement *element, GstStateChange transition)
{
    GstBaseSink *base = GST_BASE_SINK_CAST(element);
    const gboolean isAsync = gst_base_sink_is_async_enabled(base);
    gst_base_sink_set_async_enabled(base, FALSE);
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(gst_shared_ring_sink_parent_class)->change_state(element, transition);
    gst_base_sink_set_async_enabled(base, isAsync);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
        stateOf(element).postFailure();
    return result;
}

static GstStateChangeReturn gst_shared_ring_sink_change_state(GstElement *element, GstStateChange transition)
{
    sharedring::SinkState &state = stateOf(element);
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        state.leaveReady();
    if (const auto stream = state.current(); stream && transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
        stream->play(); // before the base class wakes the streaming thread
    const GstStateChangeReturn result =
        state.startFailed()
            ? change_state_of_failed(element, transition)
            : GST_ELEMENT_CLASS(gst_shared_ring_sink_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
        state.returnToReady();
    return result;
}

static gboolean gst_shared_ring_sink_stop(GstBaseSink *base)
{
    stateOf(base).stop();
    return TRUE;
}

static gboolean gst_shared_ring_sink_unlock(GstBaseSink *base)
{
    if (const auto stream = stateOf(base).current())
        stream->unlock();
    return TRUE;
}

static gboolean gst_shared_ring_sink_unlock_stop(GstBaseSink *base)
{
    if (const auto stream = stateOf(base).current())
        stream->unlockStop();
    return TRUE;
}

static GstFlowReturn gst_shared_ring_sink_preroll(GstBaseSink *base, GstBuffer *)
{
    const auto stream = stateOf(base).current();
    return stream ? stream->preroll() : GST_FLOW_FLUSHING;
}

static GstFlowReturn gst_shared_ring_sink_render(GstBaseSink *base, GstBuffer *buffer)
{
    const auto stream = stateOf(base).current();
    return stream ? stream->render(buffer) : GST_FLOW_FLUSHING;
}

static GstFlowReturn gst_shared_ring_sink_render_list(GstBaseSink *base, GstBufferList *list)
{
    const auto stream = stateOf(base).current();
    return stream ? stream->renderList(list) : GST_FLOW_FLUSHING;
}

static GstFlowReturn gst_shared_ring_sink_wait_event(GstBaseSink *base, GstEvent *event)
{
    const GstFlowReturn flow =
        GST_BASE_SINK_CLASS(gst_shared_ring_sink_parent_class)->wait_event(base, event);
    if (flow != GST_FLOW_OK)
        return flow;
    const auto stream = stateOf(base).current();
    if (!stream)
        return GST_FLOW_FLUSHING;
    if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
        return stream->gap(event);
    if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
        stream->endOfStream(gst_event_get_seqnum(event));
    return GST_FLOW_OK;
}

static gboolean gst_shared_ring_sink_event(GstBaseSink *base, GstEvent *event)
{
    const auto stream = stateOf(base).current();
    if (!stream)
        return GST_BASE_SINK_CLASS(gst_shared_ring_sink_parent_class)->event(base, event);
    const GstEventType type = GST_EVENT_TYPE(event);
    const guint32 seqnum = gst_event_get_seqnum(event);
    gboolean resetTime = TRUE;
    if (type == GST_EVENT_FLUSH_STOP)
        gst_event_parse_flush_stop(event, &resetTime);
    if (type == GST_EVENT_FLUSH_START)
        stream->flushStart(seqnum);
    else if (type != GST_EVENT_FLUSH_STOP && type != GST_EVENT_EOS && type != GST_EVENT_GAP)
        stream->event(event);
    const gboolean handled = GST_BASE_SINK_CLASS(gst_shared_ring_sink_parent_class)->event(base, event);
    if (type == GST_EVENT_FLUSH_STOP)
        stream->flushStop(resetTime, seqnum);
    return handled;
}

static GstCaps *gst_shared_ring_sink_get_caps(GstBaseSink *base, GstCaps *filter)
{
    if (!filter || gst_caps_is_any(filter)) // nothing to put into an order
        return gst_pad_get_pad_template_caps(GST_BASE_SINK_PAD(base));
    return stateOf(base).formats->order(filter).release();
}

static gboolean gst_shared_ring_sink_propose_allocation(GstBaseSink *base, GstQuery *query)
{
    if (const auto stream = stateOf(base).current())
        stream->proposeAllocation(query, stateOf(base).copyOfSettings().offerPool);
    return TRUE;
}

static gboolean gst_shared_ring_sink_send_event(GstElement *element, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) {
        if (const auto stream = stateOf(element).current())
            stream->latencyChanged();
    }
    return GST_ELEMENT_CLASS(gst_shared_ring_sink_parent_class)->send_event(element, event);
}

static void gst_shared_ring_sink_set_property(GObject *object, guint id, const GValue *value,
                                              GParamSpec *spec)
{
    sharedring::reportPropertySet(sharedring::setSinkProperty(stateOf(object), id, spec, value), object, id,
                                  spec);
}

static void gst_shared_ring_sink_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    if (!sharedring::getSinkProperty(stateOf(object), id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_shared_ring_sink_finalize(GObject *object)
{
    delete GST_SHARED_RING_SINK(object)->state;
    G_OBJECT_CLASS(gst_shared_ring_sink_parent_class)->finalize(object);
}

static void gst_shared_ring_sink_class_init(GstSharedRingSinkClass *klass)
{
    GObjectClass *object = G_OBJECT_CLASS(klass);
    GstElementClass *element = GST_ELEMENT_CLASS(klass);
    GstBaseSinkClass *base = GST_BASE_SINK_CLASS(klass);

    object->set_property = gst_shared_ring_sink_set_property;
    object->get_property = gst_shared_ring_sink_get_property;
    object->finalize = gst_shared_ring_sink_finalize;
    sharedring::installSinkProperties(object);
    sharedring::installSinkSignals(object);

    element->change_state = gst_shared_ring_sink_change_state;
    element->send_event = gst_shared_ring_sink_send_event;
    gst_element_class_set_static_metadata(element, "Shared ring sink", "Sink",
                                          "Gives buffers to other processes through sealed shared memory",
                                          "The shared ring authors");
    gst_element_class_add_static_pad_template(element, &sinkTemplate);

    base->start = gst_shared_ring_sink_start;
    base->stop = gst_shared_ring_sink_stop;
    base->unlock = gst_shared_ring_sink_unlock;
    base->unlock_stop = gst_shared_ring_sink_unlock_stop;
    base->preroll = gst_shared_ring_sink_preroll;
    base->render = gst_shared_ring_sink_render;
    base->render_list = gst_shared_ring_sink_render_list;
    base->wait_event = gst_shared_ring_sink_wait_event;
    base->event = gst_shared_ring_sink_event;
    base->get_caps = gst_shared_ring_sink_get_caps;
    base->propose_allocation = gst_shared_ring_sink_propose_allocation;
}

static void gst_shared_ring_sink_init(GstSharedRingSink *self)
{
    self->state = new sharedring::SinkState(GST_BASE_SINK_CAST(self));
    // It would keep a block that clients wait for; and an accurate seek needs the frames before its
    // target.
    gst_base_sink_set_last_sample_enabled(GST_BASE_SINK_CAST(self), FALSE);
    gst_base_sink_set_drop_out_of_segment(GST_BASE_SINK_CAST(self), FALSE);
}
