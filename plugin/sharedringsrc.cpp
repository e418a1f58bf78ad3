// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The GObject shell of the source: properties, signals, pads and state changes. What they do is in
// Source.

/**
 * SECTION:element-sharedringsrc
 * @title: sharedringsrc
 * @short_description: Receives a stream from a process that is not trusted, without copying it
 *
 * Connects to the socket of a #sharedringsink in another process and pushes what that one receives:
 * buffers, where they lie in shared memory, and events. The two processes need not trust each other.
 *
 * By default the source is live, waits for a producer, and looks for another one if it goes
 * (#sharedringsrc:on-disconnect). Buffers come in memory that is read-only, and that goes back to the
 * producer with its last reference.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc ! sharedringsink socket=/tmp/camera
 * gst-launch-1.0 sharedringsrc socket=/tmp/camera ! autovideosink
 * ]| Shows in one process what another one makes; they may be started in either order.
 * |[
 * gst-launch-1.0 -e sharedringsrc socket=/tmp/camera ! videoconvert ! x264enc ! mp4mux ! filesink
 * location=camera.mp4
 * ]| Records it until interrupted.
 * |[
 * gst-launch-1.0 sharedringsrc socket=/tmp/files is-live=false on-disconnect=eos ! filesink location=copy
 * ]| Takes a stream that is not live, with its timestamps as they are.
 * |[
 * gst-launch-1.0 playbin3 uri=sharedring:///tmp/camera
 * ]| Plays what the producer sends, raw or encoded, by its URI.
 *
 * ## Messages
 * Element messages: sharedring-producer-connected (pid, uid), sharedring-producer-disconnected (reason).
 */

#include "sharedringsrc.h"

#include "source.h"
#include "source_properties.h"
#include "source_uri.h"

GST_DEBUG_CATEGORY(gst_shared_ring_src_debug);
#define GST_CAT_DEFAULT gst_shared_ring_src_debug

using sharedring::Source;

struct _GstSharedRingSrc {
    GstElement parent;
    Source *state; // made in _init, deleted in _finalize
};

G_DEFINE_FINAL_TYPE_WITH_CODE(GstSharedRingSrc, gst_shared_ring_src, GST_TYPE_ELEMENT,
                              G_IMPLEMENT_INTERFACE(GST_TYPE_URI_HANDLER, sharedring::installUriHandler))
GST_ELEMENT_REGISTER_DEFINE(sharedringsrc, "sharedringsrc", GST_RANK_NONE, GST_TYPE_SHARED_RING_SRC)

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static Source &state_of(gpointer object)
{
    return *GST_SHARED_RING_SRC(object)->state;
}

static void run_task(gpointer pad)
{
    auto *element = GST_ELEMENT_CAST(GST_PAD_PARENT(pad));
    state_of(element).iterate();
}

static gboolean gst_shared_ring_src_activate_mode(GstPad *pad, GstObject *parent, GstPadMode mode,
                                                  gboolean active)
{
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    if (active)
        return gst_pad_start_task(pad, run_task, pad, nullptr);
    state_of(parent).interrupt();
    return gst_pad_stop_task(pad);
}

static gboolean gst_shared_ring_src_pad_event(GstPad *, GstObject *parent, GstEvent *event)
{
    return state_of(parent).handleUpstreamEvent(sharedring::EventOwner(event));
}

static gboolean gst_shared_ring_src_pad_query(GstPad *, GstObject *parent, GstQuery *query)
{
    return state_of(parent).query(query);
}

static gboolean gst_shared_ring_src_send_event(GstElement *element, GstEvent *event)
{
    return state_of(element).sendEvent(sharedring::EventOwner(event));
}

static GstStateChangeReturn gst_shared_ring_src_change_state(GstElement *element, GstStateChange transition)
{
    Source &source = state_of(element);
    switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
        source.open();
        break;
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        source.start();
        break;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
        source.setPlaying(true);
        break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
        source.setPlaying(false);
        break;
    default:
        break;
    }

    GstStateChangeReturn result =
        GST_ELEMENT_CLASS(gst_shared_ring_src_parent_class)->change_state(element, transition);

    switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        if (result == GST_STATE_CHANGE_FAILURE)
            source.stop();
        [[fallthrough]];
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
        if (result == GST_STATE_CHANGE_SUCCESS && source.isLive())
            result = GST_STATE_CHANGE_NO_PREROLL;
        break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
        source.stop();
        break;
    case GST_STATE_CHANGE_READY_TO_NULL:
        source.close();
        break;
    default:
        break;
    }
    return result;
}

static void gst_shared_ring_src_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    sharedring::reportPropertySet(sharedring::setSourceProperty(state_of(object), id, *spec, *value), object,
                                  id, spec);
}

static void gst_shared_ring_src_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    if (!sharedring::getSourceProperty(state_of(object), id, *value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_shared_ring_src_init(GstSharedRingSrc *self)
{
    GstPad *pad = gst_pad_new_from_static_template(&src_template, "src");
    gst_pad_set_activatemode_function(pad, gst_shared_ring_src_activate_mode);
    gst_pad_set_event_function(pad, gst_shared_ring_src_pad_event);
    gst_pad_set_query_function(pad, gst_shared_ring_src_pad_query);
    self->state = new Source(GST_ELEMENT(self), pad);
    gst_element_add_pad(GST_ELEMENT(self), pad);
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}

static void gst_shared_ring_src_finalize(GObject *object)
{
    delete GST_SHARED_RING_SRC(object)->state;
    G_OBJECT_CLASS(gst_shared_ring_src_parent_class)->finalize(object);
}

// The first handler that says no decides; who says nothing is taken for a yes.
static gboolean stop_at_first_no(GSignalInvocationHint *, GValue *result, const GValue *answer, gpointer)
{
    g_value_copy(answer, result);
    return g_value_get_boolean(answer);
}

static gboolean authorize_by_default(GstSharedRingSrc *, guint, guint, guint)
{
    return TRUE;
}

static void gst_shared_ring_src_class_init(GstSharedRingSrcClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    GST_DEBUG_CATEGORY_INIT(gst_shared_ring_src_debug, "sharedringsrc", 0, "shared ring source");

    object_class->set_property = gst_shared_ring_src_set_property;
    object_class->get_property = gst_shared_ring_src_get_property;
    object_class->finalize = gst_shared_ring_src_finalize;
    sharedring::installSourceProperties(object_class);

    /**
     * GstSharedRingSrc::authorize-producer:
     * @src: the source
     * @pid: of the producer; 0 if unknown
     * @uid: of the producer; G_MAXUINT if unknown
     * @gid: of the producer; G_MAXUINT if unknown
     *
     * Asked from a thread of the source's own before anything is said to a producer.
     *
     * Returns: %FALSE to have nothing to do with it
     */
    g_signal_new_class_handler("authorize-producer", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST,
                               G_CALLBACK(authorize_by_default), stop_at_first_no, nullptr, nullptr,
                               G_TYPE_BOOLEAN, 3, G_TYPE_UINT, G_TYPE_UINT, G_TYPE_UINT);

    element_class->change_state = gst_shared_ring_src_change_state;
    element_class->send_event = gst_shared_ring_src_send_event;
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Shared ring source", "Source",
        "Receives a stream from a process that is not trusted, without copying it", "The sharedring authors");
}
