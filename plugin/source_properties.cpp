// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source_properties.h"

namespace sharedring
{

namespace
{

enum {
    PROP_0,
    PROP_SOCKET,
    PROP_IS_LIVE,
    PROP_NUM_BUFFERS,
    PROP_DO_TIMESTAMP,
    PROP_FD,
    PROP_ON_DISCONNECT,
    PROP_CONNECTION_TIMEOUT,
    PROP_PAYLOAD_MODE,
    PROP_PRODUCER_UID,
    PROP_MAX_MEMORY,
    PROP_RING_STATS,
};

GType onDisconnectType()
{
    static const GEnumValue values[] = {
        {static_cast<gint>(OnDisconnect::Reconnect), "Look for a producer again, and say so on the bus",
         "reconnect"},
        {static_cast<gint>(OnDisconnect::EndOfStream), "End the stream", "eos"},
        {static_cast<gint>(OnDisconnect::Error), "Stop with an error", "error"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstSharedRingSrcOnDisconnect", values);
    return type;
}

GType payloadModeType()
{
    static const GEnumValue values[] = {
        {static_cast<gint>(PayloadMode::Auto), "Map raw video and audio, copy what will be parsed", "auto"},
        {static_cast<gint>(PayloadMode::Map), "Map all: the producer can change bytes while they are read",
         "map"},
        {static_cast<gint>(PayloadMode::Copy), "Copy all into private memory", "copy"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstSharedRingSrcPayloadMode", values);
    return type;
}

// False: it is no property that can be set.
bool setInto(SourceSettings &settings, unsigned id, const GValue *value)
{
    switch (id) {
    case PROP_SOCKET: {
        const char *path = g_value_get_string(value);
        settings.socket = path ? path : "";
        return true;
    }
    case PROP_IS_LIVE:
        settings.isLive = g_value_get_boolean(value) != FALSE;
        return true;
    case PROP_NUM_BUFFERS:
        settings.numBuffers = g_value_get_int(value);
        return true;
    case PROP_DO_TIMESTAMP:
        settings.doTimestamp = g_value_get_boolean(value) != FALSE;
        return true;
    case PROP_FD:
        settings.fd = g_value_get_int(value);
        return true;
    case PROP_ON_DISCONNECT:
        settings.onDisconnect = static_cast<OnDisconnect>(g_value_get_enum(value));
        return true;
    case PROP_CONNECTION_TIMEOUT:
        settings.connectionTimeout = g_value_get_uint64(value);
        return true;
    case PROP_PAYLOAD_MODE:
        settings.payloadMode = static_cast<PayloadMode>(g_value_get_enum(value));
        return true;
    case PROP_PRODUCER_UID:
        settings.producerUid = g_value_get_int64(value);
        return true;
    case PROP_MAX_MEMORY:
        settings.maxMemory = g_value_get_uint64(value);
        return true;
    default:
        return false;
    }
}

} // namespace

PropertySet setSourceProperty(Source &source, unsigned id, const GParamSpec &spec, const GValue &value)
{
    bool isKnown = false;
    const auto when = isMutableInReadyOnly(&spec) ? Source::Change::ReadyOnly : Source::Change::Anytime;
    if (!source.changeSettings(when,
                               [&](SourceSettings &settings) { isKnown = setInto(settings, id, &value); }))
        return PropertySet::TooLate;
    return isKnown ? PropertySet::Done : PropertySet::Unknown;
}

bool getSourceProperty(const Source &source, unsigned id, GValue &result)
{
    GValue *const value = &result;
    const SourceSettings settings = source.settings();
    switch (id) {
    case PROP_SOCKET:
        g_value_set_string(value, settings.socket.empty() ? nullptr : settings.socket.c_str());
        break;
    case PROP_IS_LIVE:
        g_value_set_boolean(value, settings.isLive);
        break;
    case PROP_NUM_BUFFERS:
        g_value_set_int(value, settings.numBuffers);
        break;
    case PROP_DO_TIMESTAMP:
        g_value_set_boolean(value, settings.doTimestamp);
        break;
    case PROP_FD:
        g_value_set_int(value, settings.fd);
        break;
    case PROP_ON_DISCONNECT:
        g_value_set_enum(value, static_cast<gint>(settings.onDisconnect));
        break;
    case PROP_CONNECTION_TIMEOUT:
        g_value_set_uint64(value, settings.connectionTimeout);
        break;
    case PROP_PAYLOAD_MODE:
        g_value_set_enum(value, static_cast<gint>(settings.payloadMode));
        break;
    case PROP_PRODUCER_UID:
        g_value_set_int64(value, settings.producerUid);
        break;
    case PROP_MAX_MEMORY:
        g_value_set_uint64(value, settings.maxMemory);
        break;
    case PROP_RING_STATS:
        g_value_take_boxed(value, source.statistics().release());
        break;
    default:
        return false;
    }
    return true;
}

void installSourceProperties(GObjectClass *klass)
{
    constexpr auto kFlags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
    constexpr auto kReady = static_cast<GParamFlags>(kFlags | GST_PARAM_MUTABLE_READY);
    constexpr auto kPlaying = static_cast<GParamFlags>(kFlags | GST_PARAM_MUTABLE_PLAYING);
    const SourceSettings defaults;

    g_object_class_install_property(
        klass, PROP_SOCKET,
        g_param_spec_string("socket", "Socket", "Path of the producer's control socket; mutable in READY",
                            nullptr, kReady));
    g_object_class_install_property(
        klass, PROP_IS_LIVE,
        g_param_spec_boolean(
            "is-live", "Is live",
            "Whether to act as a live source (no preroll; times follow the clock); mutable in READY",
            defaults.isLive, kReady));
    g_object_class_install_property(
        klass, PROP_NUM_BUFFERS,
        g_param_spec_int("num-buffers", "Number of buffers",
                         "Buffers to push before the end of the stream (-1 = no end); mutable in READY", -1,
                         G_MAXINT, defaults.numBuffers, kReady));
    g_object_class_install_property(
        klass, PROP_DO_TIMESTAMP,
        g_param_spec_boolean("do-timestamp", "Do timestamp",
                             "Give buffers without timestamps the time at which they come; mutable in "
                             "PLAYING: from the next buffer on",
                             defaults.doTimestamp, kPlaying));
    g_object_class_install_property(
        klass, PROP_FD,
        g_param_spec_int("fd", "File descriptor",
                         "A connected SOCK_SEQPACKET socket to the producer instead of a path; serves one "
                         "run (-1 = none); mutable in READY",
                         -1, G_MAXINT, defaults.fd, kReady));
    g_object_class_install_property(
        klass, PROP_ON_DISCONNECT,
        g_param_spec_enum("on-disconnect", "On disconnect",
                          "What to do when the producer is not there yet, or goes before the end of its "
                          "stream; mutable in PLAYING: a search that is under way follows",
                          onDisconnectType(), static_cast<gint>(defaults.onDisconnect), kPlaying));
    g_object_class_install_property(
        klass, PROP_CONNECTION_TIMEOUT,
        g_param_spec_uint64("connection-timeout", "Connection timeout",
                            "Nanoseconds without a producer that are an error (18446744073709551615 = wait "
                            "for ever); mutable in PLAYING: counts from when the search began",
                            0, G_MAXUINT64, defaults.connectionTimeout, kPlaying));
    g_object_class_install_property(
        klass, PROP_PAYLOAD_MODE,
        g_param_spec_enum("payload-mode", "Payload mode",
                          "Whether buffers lie in the producer's memory, which it can still change, or are "
                          "copied; mutable in PLAYING: from the next buffer on",
                          payloadModeType(), static_cast<gint>(defaults.payloadMode), kPlaying));
    g_object_class_install_property(
        klass, PROP_PRODUCER_UID,
        g_param_spec_int64("producer-uid", "Producer UID",
                           "Refuse a producer of another user (-1 = any); mutable in PLAYING: from the next "
                           "producer on",
                           -1, G_MAXUINT32, defaults.producerUid, kPlaying));
    g_object_class_install_property(
        klass, PROP_MAX_MEMORY,
        g_param_spec_uint64("max-memory", "Maximum memory",
                            "Refuse to map more than so many bytes, what is still held of former producers "
                            "included; mutable in PLAYING: from the next producer on",
                            1, G_MAXUINT64, defaults.maxMemory, kPlaying));
    g_object_class_install_property(
        klass, PROP_RING_STATS,
        g_param_spec_boxed("ring-stats", "Ring statistics", "What has come over the ring, and how",
                           GST_TYPE_STRUCTURE,
                           static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    gst_type_mark_as_plugin_api(onDisconnectType(), static_cast<GstPluginAPIFlags>(0));
    gst_type_mark_as_plugin_api(payloadModeType(), static_cast<GstPluginAPIFlags>(0));
}

} // namespace sharedring
