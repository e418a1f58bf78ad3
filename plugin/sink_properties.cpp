// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_properties.h"

#include "ringcore/wire.h"

namespace sharedring
{

namespace
{

enum Property : guint {
    kSocket = 1,
    kFd,
    kPerms,
    kWaitForConnection,
    kMaxClients,
    kMaxClientsPerUid,
    kMaxMemory,
    kOfferPool,
    kNegotiateFormats,
    kMaxBuffers,
    kSlowClient,
    kSlowClientTimeout,
    kTimestamps,
    kUpstreamEvents,
    kNumClients,
    kRingStats,
};

constexpr guint64 kLeastMemory = 64 * 1024;
constexpr guint64 kMostMemory = guint64{1} << 40;
constexpr guint kMostClients = 1024;

GType slowClientType()
{
    static const GEnumValue values[] = {
        {static_cast<gint>(ringcore::SlowClient::Drop), "Drop its newest buffers", "drop"},
        {static_cast<gint>(ringcore::SlowClient::Block), "Block the stream until it has room", "block"},
        {static_cast<gint>(ringcore::SlowClient::Disconnect), "Disconnect it", "disconnect"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstSharedRingSlowClient", values);
    return type;
}

GType timestampsType()
{
    static const GEnumValue values[] = {
        {static_cast<gint>(TimestampsChoice::Auto),
         "Clock if upstream is live or the sink syncs, else preserve", "auto"},
        {static_cast<gint>(TimestampsChoice::Clock), "Times of the machine's monotonic clock", "clock"},
        {static_cast<gint>(TimestampsChoice::Preserve), "Times and segment as they are", "preserve"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("GstSharedRingTimestamps", values);
    return type;
}

constexpr auto kInReady =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto kInPlaying =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto kReadOnly = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

} // namespace

void installSinkProperties(GObjectClass *klass)
{
    const SinkSettings defaults;
    const auto install = [klass](guint id, GParamSpec *spec) {
        g_object_class_install_property(klass, id, spec);
    };

    install(kSocket,
            g_param_spec_string("socket", "Socket",
                                "Path of the control socket that clients connect to (required, or fd); "
                                "mutable in READY",
                                nullptr, kInReady));
    install(kFd, g_param_spec_int(
                     "fd", "File descriptor",
                     "A SOCK_SEQPACKET unix socket instead of the path: a listening one, or one that is "
                     "connected to the only client; it is duplicated (-1 = none); mutable in READY",
                     -1, G_MAXINT, defaults.fd, kInReady));
    install(kPerms, g_param_spec_uint("perms", "Permissions",
                                      "Permission bits of the socket (384 = 0600); mutable in READY", 0,
                                      07777, defaults.perms, kInReady));
    install(kWaitForConnection,
            g_param_spec_boolean("wait-for-connection", "Wait for a connection",
                                 "Hold the stream until a client is there; mutable in PLAYING: a stream "
                                 "that is held goes on at once",
                                 defaults.waitForConnection, kInPlaying));
    install(kMaxClients,
            g_param_spec_uint("max-clients", "Maximum clients",
                              "Further clients are told to try again later; mutable in PLAYING: who is "
                              "here stays",
                              1, kMostClients, defaults.maxClients, kInPlaying));
    install(kMaxClientsPerUid,
            g_param_spec_uint("max-clients-per-uid", "Maximum clients of a user",
                              "Further clients of the same user id are told to try again later; mutable "
                              "in PLAYING: who is here stays",
                              1, kMostClients, defaults.maxClientsPerUid, kInPlaying));
    install(kMaxMemory, g_param_spec_uint64("max-memory", "Maximum memory",
                                            "Size of the shared memory for buffers, in bytes; it is used as "
                                            "needed; mutable in READY",
                                            kLeastMemory, kMostMemory, defaults.maxMemory, kInReady));
    install(kOfferPool,
            g_param_spec_boolean("offer-pool", "Offer a pool",
                                 "Let upstream write straight into shared memory, where clients can see "
                                 "unfinished frames; mutable in PLAYING: upstream is asked to negotiate "
                                 "again",
                                 defaults.offerPool, kInPlaying));
    install(kNegotiateFormats,
            g_param_spec_boolean("negotiate-formats", "Negotiate formats",
                                 "Prefer raw formats that all clients take; mutable in PLAYING: from the "
                                 "next client or negotiation on",
                                 defaults.negotiateFormats, kInPlaying));
    install(kMaxBuffers,
            g_param_spec_uint("max-buffers", "Maximum buffers",
                              "Buffers that one client may hold; mutable in PLAYING: for clients that come "
                              "from then on",
                              1, ringcore::kMaxBuffersLimit, defaults.maxBuffers, kInPlaying));
    install(kSlowClient,
            g_param_spec_enum("slow-client", "Slow client",
                              "What to do with a client that holds all it may; mutable in PLAYING: a "
                              "stream that is blocked follows at once",
                              slowClientType(), static_cast<gint>(defaults.slowClient), kInPlaying));
    install(kSlowClientTimeout,
            g_param_spec_uint64("slow-client-timeout", "Slow client timeout",
                                "With slow-client=block: disconnect it after this many ns (max = wait for "
                                "ever); mutable in PLAYING: counts from when the stream was blocked",
                                0, G_MAXUINT64, defaults.slowClientTimeout, kInPlaying));
    install(kTimestamps,
            g_param_spec_enum("timestamps", "Timestamps", "Which times clients get; mutable in READY",
                              timestampsType(), static_cast<gint>(defaults.timestamps), kInReady));
    install(kUpstreamEvents,
            g_param_spec_string("upstream-events", "Upstream events",
                                "What clients may send upstream, separated by commas: GstForceKeyUnit, and "
                                "the names of custom or navigation events; mutable in PLAYING: for what "
                                "they send from then on",
                                defaults.upstreamEvents.c_str(), kInPlaying));
    install(kNumClients, g_param_spec_uint("num-clients", "Number of clients",
                                           "Clients that are connected now", 0, G_MAXUINT, 0, kReadOnly));
    install(kRingStats,
            g_param_spec_boxed("ring-stats", "Ring statistics",
                               "Counts of frames, bytes, drops, copies, wakes, buffers held and latencies, "
                               "in sum and for each client",
                               GST_TYPE_STRUCTURE, kReadOnly));
}

namespace
{

// False: it is no property that can be set.
bool setInto(SinkSettings &settings, guint id, const GValue *value)
{
    const auto text = [value] {
        const gchar *given = g_value_get_string(value);
        return std::string(given ? given : "");
    };
    switch (id) {
    case kSocket:
        settings.socket = text();
        return true;
    case kFd:
        settings.fd = g_value_get_int(value);
        return true;
    case kPerms:
        settings.perms = g_value_get_uint(value);
        return true;
    case kWaitForConnection:
        settings.waitForConnection = g_value_get_boolean(value);
        return true;
    case kMaxClients:
        settings.maxClients = g_value_get_uint(value);
        return true;
    case kMaxClientsPerUid:
        settings.maxClientsPerUid = g_value_get_uint(value);
        return true;
    case kMaxMemory:
        settings.maxMemory = g_value_get_uint64(value);
        return true;
    case kOfferPool:
        settings.offerPool = g_value_get_boolean(value);
        return true;
    case kNegotiateFormats:
        settings.negotiateFormats = g_value_get_boolean(value);
        return true;
    case kMaxBuffers:
        settings.maxBuffers = g_value_get_uint(value);
        return true;
    case kSlowClient:
        settings.slowClient = static_cast<ringcore::SlowClient>(g_value_get_enum(value));
        return true;
    case kSlowClientTimeout:
        settings.slowClientTimeout = g_value_get_uint64(value);
        return true;
    case kTimestamps:
        settings.timestamps = static_cast<TimestampsChoice>(g_value_get_enum(value));
        return true;
    case kUpstreamEvents:
        settings.upstreamEvents = text();
        return true;
    default:
        return false;
    }
}

} // namespace

PropertySet setSinkProperty(SinkState &state, guint id, const GParamSpec *spec, const GValue *value)
{
    bool isKnown = false;
    bool poolChanged = false;
    const auto when = isMutableInReadyOnly(spec) ? SinkState::Change::ReadyOnly : SinkState::Change::Anytime;
    const bool inTime = state.changeSettings(when, [&](SinkSettings &settings) {
        const bool before = settings.offerPool;
        isKnown = setInto(settings, id, value);
        poolChanged = settings.offerPool != before;
    });
    if (!inTime)
        return PropertySet::TooLate;
    if (poolChanged && state.current()) // or upstream would keep the memory that it has
        gst_pad_push_event(GST_BASE_SINK_PAD(state.sink), gst_event_new_reconfigure());
    return isKnown ? PropertySet::Done : PropertySet::Unknown;
}

bool getSinkProperty(SinkState &state, guint id, GValue *value)
{
    const SinkSettings settings = state.copyOfSettings();
    switch (id) {
    case kSocket:
        g_value_set_string(value, settings.socket.empty() ? nullptr : settings.socket.c_str());
        return true;
    case kFd:
        g_value_set_int(value, settings.fd);
        return true;
    case kPerms:
        g_value_set_uint(value, settings.perms);
        return true;
    case kWaitForConnection:
        g_value_set_boolean(value, settings.waitForConnection);
        return true;
    case kMaxClients:
        g_value_set_uint(value, settings.maxClients);
        return true;
    case kMaxClientsPerUid:
        g_value_set_uint(value, settings.maxClientsPerUid);
        return true;
    case kMaxMemory:
        g_value_set_uint64(value, settings.maxMemory);
        return true;
    case kOfferPool:
        g_value_set_boolean(value, settings.offerPool);
        return true;
    case kNegotiateFormats:
        g_value_set_boolean(value, settings.negotiateFormats);
        return true;
    case kMaxBuffers:
        g_value_set_uint(value, settings.maxBuffers);
        return true;
    case kSlowClient:
        g_value_set_enum(value, static_cast<gint>(settings.slowClient));
        return true;
    case kSlowClientTimeout:
        g_value_set_uint64(value, settings.slowClientTimeout);
        return true;
    case kUpstreamEvents:
        g_value_set_string(value, settings.upstreamEvents.c_str());
        return true;
    case kTimestamps:
        g_value_set_enum(value, static_cast<gint>(settings.timestamps));
        return true;
    case kNumClients: {
        const auto stream = state.current();
        g_value_set_uint(value, stream ? stream->fanOut().consumers() : 0);
        return true;
    }
    case kRingStats: {
        const auto stream = state.current();
        g_value_take_boxed(value,
                           stream ? stream->statistics() : gst_structure_new_empty("sharedring-sink-stats"));
        return true;
    }
    default:
        return false;
    }
}

} // namespace sharedring
