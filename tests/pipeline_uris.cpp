// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A producer by its URI: what names a socket, what does not, and playback bins that make their source of it.
#include "peer_process.h"
#include "playing.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <ostream>
#include <string>

using namespace sharedring;

namespace
{

std::string taken(gchar *text)
{
    const std::string owned = text ? text : "(none)";
    g_free(text);
    return owned;
}

class UriOfASource : public testing::Test
{
protected:
    static ObjectOwner<GstElement> sourceOf(const std::string &uri)
    {
        gst_init(nullptr, nullptr);
        ObjectOwner<GstElement> source(gst_element_make_from_uri(GST_URI_SRC, uri.c_str(), nullptr, nullptr));
        if (source)
            gst_object_ref_sink(source.get());
        return source;
    }

    // GStreamer's name for what became of it, or "set".
    static std::string set(GstElement *source, const std::string &uri)
    {
        GError *error = nullptr;
        if (gst_uri_handler_set_uri(GST_URI_HANDLER(source), uri.c_str(), &error)) {
            EXPECT_EQ(error, nullptr);
            return "set";
        }
        if (!error)
            return "no error given";
        EXPECT_EQ(error->domain, GST_URI_ERROR);
        const int code = error->code;
        g_error_free(error);
        return code == GST_URI_ERROR_BAD_URI     ? "bad uri"
               : code == GST_URI_ERROR_BAD_STATE ? "bad state"
                                                 : "another error";
    }

    static std::string uri(GstElement *source)
    {
        return taken(gst_uri_handler_get_uri(GST_URI_HANDLER(source)));
    }

    static std::string socket(GstElement *source)
    {
        gchar *path = nullptr;
        g_object_get(source, "socket", &path, nullptr);
        return taken(path);
    }
};

struct Good {
    const char *name;
    const char *given;
    const char *socket;
    const char *canonical; // what it is read as; nullptr: what was given
};
void PrintTo(const Good &good, std::ostream *out)
{
    *out << good.given;
}

class GoodUri : public UriOfASource, public testing::WithParamInterface<Good>
{
};

TEST_P(GoodUri, IsTheSocketAndBack)
{
    const auto source = sourceOf(GetParam().given);
    ASSERT_TRUE(source);
    EXPECT_EQ(std::string(G_OBJECT_TYPE_NAME(source.get())), "GstSharedRingSrc");
    EXPECT_EQ(socket(source.get()), GetParam().socket);
    const std::string canonical = GetParam().canonical ? GetParam().canonical : GetParam().given;
    EXPECT_EQ(uri(source.get()), canonical);

    const auto again = sourceOf(canonical);
    ASSERT_TRUE(again);
    EXPECT_EQ(socket(again.get()), GetParam().socket);
}

constexpr Good kGood[] = {
    {"Plain", "sharedring:///run/x", "/run/x", nullptr},
    {"Blank", "sharedring:///run/a%20b", "/run/a b", nullptr},
    {"BlankUnescaped", "sharedring:///run/a b", "/run/a b", "sharedring:///run/a%20b"},
    {"Percent", "sharedring:///run/100%25", "/run/100%", nullptr},
    {"QuestionMarkAndHash", "sharedring:///run/a%3Fb%23c", "/run/a?b#c", nullptr},
    {"Umlaut", "sharedring:///run/%C3%A4", "/run/\xc3\xa4", nullptr},
    {"LowerCaseEscape", "sharedring:///run/%c3%a4", "/run/\xc3\xa4", "sharedring:///run/%C3%A4"},
    {"Reserved", "sharedring:///run/a:b@c=d", "/run/a:b@c=d", nullptr},
    {"UpperCaseScheme", "SharedRing:///run/x", "/run/x", "sharedring:///run/x"},
};
INSTANTIATE_TEST_SUITE_P(Uris, GoodUri, testing::ValuesIn(kGood),
                         [](const auto &good) { return std::string(good.param.name); });

struct Bad {
    const char *name;
    const char *given;
};
void PrintTo(const Bad &bad, std::ostream *out)
{
    *out << bad.given;
}

class BadUri : public UriOfASource, public testing::WithParamInterface<Bad>
{
};

TEST_P(BadUri, IsRefusedAndTheSocketStays)
{
    const auto source = sourceOf("sharedring:///run/x");
    ASSERT_TRUE(source);
    EXPECT_EQ(set(source.get(), GetParam().given), "bad uri");
    EXPECT_EQ(socket(source.get()), "/run/x");
}

constexpr Bad kBad[] = {
    {"NoSlashes", "sharedring:x"},
    {"OneSlash", "sharedring:/run/x"},
    {"Empty", "sharedring://"},
    {"Host", "sharedring://host/run/x"},
    {"Query", "sharedring:///run/x?is-live=false"},
    {"Fragment", "sharedring:///run/x#here"},
    {"HalfAnEscape", "sharedring:///run/x%2"},
    {"NoEscape", "sharedring:///run/x%zz"},
    {"EscapedZero", "sharedring:///run/x%00y"},
    {"Root", "sharedring:///"},
    {"Directory", "sharedring:///run/"},
};
INSTANTIATE_TEST_SUITE_P(Uris, BadUri, testing::ValuesIn(kBad),
                         [](const auto &bad) { return std::string(bad.param.name); });

TEST_F(UriOfASource, ChangesOnlyWhileItDoesNotRun)
{
    const auto source = sourceOf("sharedring:///run/x");
    ASSERT_TRUE(source);
    gst_element_set_state(source.get(), GST_STATE_READY);
    EXPECT_EQ(set(source.get(), "sharedring:///run/y"), "set");
    gst_element_set_state(source.get(), GST_STATE_PAUSED);
    EXPECT_EQ(set(source.get(), "sharedring:///run/z"), "bad state");
    EXPECT_EQ(uri(source.get()), "sharedring:///run/y");
    gst_element_set_state(source.get(), GST_STATE_PLAYING);
    EXPECT_EQ(set(source.get(), "sharedring:///run/z"), "bad state");
    gst_element_set_state(source.get(), GST_STATE_NULL);
    EXPECT_EQ(set(source.get(), "sharedring:///run/z"), "set");
    EXPECT_EQ(socket(source.get()), "/run/z");
}

TEST_F(UriOfASource, FollowsTheSocket)
{
    const auto source = sourceOf("sharedring:///run/x");
    ASSERT_TRUE(source);
    g_object_set(source.get(), "socket", "/run/a b", nullptr);
    EXPECT_EQ(uri(source.get()), "sharedring:///run/a%20b");
    g_object_set(source.get(), "socket", "here", nullptr);
    EXPECT_EQ(uri(source.get()), "sharedring://" + taken(g_get_current_dir()) + "/here");
    g_object_set(source.get(), "socket", nullptr, nullptr);
    EXPECT_EQ(uri(source.get()), "(none)");
}

// ---- playback

struct Media {
    const char *name;
    const char *sent;
    const char *arrives; // caps at the sink
};

constexpr Media kVideo{"RawVideo", "videotestsrc is-live=true ! video/x-raw,width=64,height=48",
                       "video/x-raw"};
constexpr Media kAudio{"RawAudio", "audiotestsrc is-live=true", "audio/x-raw"};
constexpr Media kJpeg{"Jpeg", "videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! jpegenc",
                      "video/x-raw"};
constexpr Media kTransport{"TransportStream",
                           "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48 ! "
                           "x264enc tune=zerolatency key-int-max=10 ! mpegtsmux",
                           "video/x-raw"};

class Player : public testing::TestWithParam<std::tuple<const char *, Media>>
{
protected:
    void SetUp() override
    {
        gst_init(nullptr, nullptr);
        player_.reset(gst_pipeline_new(nullptr));
        sink_.reset(gst_element_factory_make("fakesink", nullptr));
        gst_object_ref_sink(sink_.get());
        g_object_set(sink_.get(), "signal-handoffs", TRUE, "sync", FALSE, nullptr);
        g_signal_connect(
            sink_.get(), "handoff",
            G_CALLBACK(+[](GstElement *, GstBuffer *, GstPad *, std::atomic<int> *count) { ++*count; }),
            &buffers_);
    }
    void TearDown() override { gst_element_set_state(player_.get(), GST_STATE_NULL); }

    // playbin* has places for sinks; uridecodebin* has pads.
    void play(const std::string &bin, const std::string &uri)
    {
        GstElement *made = gst_element_factory_make(bin.c_str(), nullptr);
        ASSERT_TRUE(made);
        g_object_set(made, "uri", uri.c_str(), nullptr);
        if (bin.starts_with("playbin")) {
            gst_object_ref_sink(made);
            player_.reset(made);
            // Both, as it is not known before what comes; the one for what does not come stays unused.
            g_object_set(made, "video-sink", sink_.get(), "audio-sink",
                         std::string(std::get<1>(GetParam()).arrives).starts_with("audio")
                             ? sink_.get()
                             : gst_element_factory_make("fakesink", nullptr),
                         nullptr);
        } else {
            gst_bin_add_many(GST_BIN(player_.get()), made, GST_ELEMENT(gst_object_ref(sink_.get())), nullptr);
            g_signal_connect(made, "pad-added", G_CALLBACK(+[](GstElement *, GstPad *pad, GstElement *sink) {
                                 const ObjectOwner<GstPad> to(gst_element_get_static_pad(sink, "sink"));
                                 gst_pad_link(pad, to.get());
                             }),
                             sink_.get());
        }
        ASSERT_NE(gst_element_set_state(player_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    }

    std::string capsAtSink() const
    {
        const ObjectOwner<GstPad> pad(gst_element_get_static_pad(sink_.get(), "sink"));
        const CapsOwner caps(gst_pad_get_current_caps(pad.get()));
        return caps ? gst_structure_get_name(gst_caps_get_structure(caps.get(), 0)) : "none";
    }
    std::string error() const
    {
        const ObjectOwner<GstBus> bus(gst_element_get_bus(player_.get()));
        const MessageOwner message(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
        return message ? taken(gst_structure_to_string(gst_message_get_structure(message.get()))) : "";
    }

    ObjectOwner<GstElement> player_;
    ObjectOwner<GstElement> sink_;
    std::atomic<int> buffers_{0};
};

TEST_P(Player, PlaysTheProducer)
{
    const auto &[bin, media] = GetParam();
    const std::string path = freshPath(" %.socket"); // what has to be escaped
    PeerProcess producer(std::string(media.sent) + " ! sharedringsink sync=false socket=\"" + path + "\"");
    ASSERT_TRUE(producer.waitFor("state PLAYING")) << producer.transcript();
    ASSERT_NO_FATAL_FAILURE(
        play(bin, "sharedring://" + taken(g_uri_escape_string(path.c_str(), "/", FALSE))));

    EXPECT_TRUE(await([&] { return buffers_ >= 5; })) << error() << producer.transcript();
    EXPECT_EQ(capsAtSink(), media.arrives);
    EXPECT_EQ(producer.quit(), 0);
}

std::string nameOf(const testing::TestParamInfo<Player::ParamType> &player)
{
    return std::string(std::get<0>(player.param)) + std::get<1>(player.param).name;
}

INSTANTIATE_TEST_SUITE_P(Bins, Player,
                         testing::Combine(testing::Values("playbin3", "uridecodebin3", "playbin",
                                                          "uridecodebin"),
                                          testing::Values(kVideo, kAudio, kJpeg, kTransport)),
                         nameOf);

TEST(PlayerOfAFile, GetsEveryFrameAndTheEnd)
{
    const std::string path = freshPath(".socket");
    PeerProcess producer("videotestsrc num-buffers=30 ! video/x-raw,width=64,height=48 ! sharedringsink "
                         "@preset=lossless-file socket=" +
                         path);
    const Finished player = runToEnd(
        gstLaunch("-v uridecodebin3 uri=sharedring://" + path + " ! fakesink silent=false sync=false"));
    EXPECT_EQ(player.status, 0) << player.output;
    size_t frames = 0;
    for (size_t at = 0; (at = player.output.find("chain   *****", at)) != std::string::npos; at++)
        frames++;
    EXPECT_EQ(frames, 30u) << player.output;
}

} // namespace
