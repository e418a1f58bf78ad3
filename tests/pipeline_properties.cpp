// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When a property may be changed: its flags say so to gst-inspect-1.0, its description to the reader, and
// the elements keep to it.
#include "peer_process.h"
#include "playing.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>

namespace
{

using namespace sharedring;

constexpr guint kMutable = GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PAUSED | GST_PARAM_MUTABLE_PLAYING;

struct Element {
    const char *name;
    std::set<std::string> inPlaying;
    std::set<std::string> inReady;
    std::set<std::string> readOnly;
};

class PropertiesOf : public testing::TestWithParam<Element>
{
};

// Of this type, and not of its base class.
std::vector<GParamSpec *> ownProperties(GstElement *element)
{
    guint number = 0;
    GParamSpec **all = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &number);
    std::vector<GParamSpec *> own;
    std::copy_if(all, all + number, std::back_inserter(own),
                 [&](const GParamSpec *spec) { return spec->owner_type == G_OBJECT_TYPE(element); });
    g_free(all);
    return own;
}

TEST_P(PropertiesOf, SayWhenTheyMayBeChanged)
{
    gst_init(nullptr, nullptr);
    const ObjectOwner<GstElement> element(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make(GetParam().name, nullptr))));
    std::set<std::string> inPlaying, inReady, readOnly;
    for (const GParamSpec *spec : ownProperties(element.get())) {
        const std::string blurb = g_param_spec_get_blurb(const_cast<GParamSpec *>(spec));
        const bool saysPlaying = blurb.find("; mutable in PLAYING: ") != std::string::npos;
        const bool saysReady = blurb.ends_with("; mutable in READY");
        EXPECT_EQ(blurb.find("mutable"), blurb.rfind("mutable")) << spec->name;
        const guint isMutable = static_cast<guint>(spec->flags) & kMutable;
        switch (isMutable) {
        case GST_PARAM_MUTABLE_PLAYING:
            inPlaying.insert(spec->name);
            EXPECT_TRUE(saysPlaying) << spec->name;
            EXPECT_TRUE(spec->flags & G_PARAM_WRITABLE) << spec->name;
            break;
        case GST_PARAM_MUTABLE_READY:
            inReady.insert(spec->name);
            EXPECT_TRUE(saysReady) << spec->name;
            EXPECT_TRUE(spec->flags & G_PARAM_WRITABLE) << spec->name;
            break;
        default:
            readOnly.insert(spec->name);
            EXPECT_EQ(isMutable, 0u) << spec->name;
            EXPECT_FALSE(spec->flags & G_PARAM_WRITABLE) << spec->name;
            EXPECT_FALSE(saysPlaying || saysReady) << spec->name;
        }
    }
    EXPECT_EQ(inPlaying, GetParam().inPlaying);
    EXPECT_EQ(inReady, GetParam().inReady);
    EXPECT_EQ(readOnly, GetParam().readOnly);
}

INSTANTIATE_TEST_SUITE_P(, PropertiesOf,
                         testing::Values(Element{"sharedringsink",
                                                 {"max-buffers", "max-clients", "max-clients-per-uid",
                                                  "negotiate-formats", "offer-pool", "slow-client",
                                                  "slow-client-timeout", "upstream-events",
                                                  "wait-for-connection"},
                                                 {"fd", "max-memory", "perms", "socket", "timestamps"},
                                                 {"num-clients", "ring-stats"}},
                                         Element{"sharedringsrc",
                                                 {"connection-timeout", "do-timestamp", "max-memory",
                                                  "on-disconnect", "payload-mode", "producer-uid"},
                                                 {"fd", "is-live", "num-buffers", "socket"},
                                                 {"ring-stats"}}),
                         [](const auto &one) { return std::string(one.param.name); });

// ---- too late

std::string valueOf(GstElement *element, const char *property)
{
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), property);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, spec->value_type);
    g_object_get_property(G_OBJECT(element), property, &value);
    gchar *text = gst_value_serialize(&value);
    const std::string result = text ? text : "";
    g_free(text);
    g_value_unset(&value);
    return result;
}

// What g_warning() says, while it lives.
class Warnings
{
public:
    Warnings()
        : id_(g_log_set_handler("sharedring", static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING), onLine, this))
    {
    }
    ~Warnings() { g_log_remove_handler("sharedring", id_); }
    Warnings(const Warnings &) = delete;

    std::vector<std::string> lines;

private:
    static void onLine(const gchar *, GLogLevelFlags, const gchar *text, gpointer self)
    {
        static_cast<Warnings *>(self)->lines.emplace_back(text);
    }
    guint id_;
};

struct Late {
    const char *element;
    const char *property;
    const char *value;
};

class SetTooLate : public testing::TestWithParam<Late>
{
};

TEST_P(SetTooLate, StaysAsItIsAndAWarningSaysSo)
{
    const auto &[element, property, value] = GetParam();
    const std::string socket = freshPath(".socket");
    Playing playing(std::string(element) == "sharedringsink"
                        ? "videotestsrc is-live=true name=tap ! sharedringsink name=ring socket=" + socket
                        : "sharedringsrc name=ring socket=" + socket + " ! identity name=tap ! fakesink");
    const auto ring = playing.named("ring");
    const std::string before = valueOf(ring.get(), property);
    {
        Warnings warnings;
        playing.set(property, value);
        ASSERT_EQ(warnings.lines.size(), 1u);
        EXPECT_NE(warnings.lines[0].find(property), std::string::npos) << warnings.lines[0];
    }
    EXPECT_EQ(valueOf(ring.get(), property), before);
    playing.setState(GST_STATE_READY);
    playing.set(property, value);
    EXPECT_NE(valueOf(ring.get(), property), before);
}

INSTANTIATE_TEST_SUITE_P(
    , SetTooLate,
    testing::Values(Late{"sharedringsink", "fd", "7"}, Late{"sharedringsink", "max-memory", "1000000"},
                    Late{"sharedringsink", "perms", "7"}, Late{"sharedringsink", "socket", "/x"},
                    Late{"sharedringsink", "timestamps", "clock"}, Late{"sharedringsrc", "fd", "7"},
                    Late{"sharedringsrc", "is-live", "false"}, Late{"sharedringsrc", "num-buffers", "7"},
                    Late{"sharedringsrc", "socket", "/x"}),
    [](const auto &one) {
        std::string name = std::string(one.param.element) + "_" + one.param.property;
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

// ---- in READY

TEST(SetInReady, IsWhatTheSinkAndTheSourceStartWith)
{
    const std::string before = freshPath(".socket");
    const std::string after = freshPath(".socket");
    Playing sink("videotestsrc is-live=true name=tap ! sharedringsink name=ring socket=" + before);
    Playing source("sharedringsrc name=ring socket=" + before + " ! identity name=tap ! fakesink");
    ASSERT_TRUE(await([&] { return source.buffers() > 0; }));
    for (const Playing *playing : {&sink, &source}) {
        playing->setState(GST_STATE_READY);
        playing->set("socket", after);
    }
    sink.set("perms", "384"); // as it was
    sink.set("max-memory", "1000000");
    sink.setState(GST_STATE_PLAYING);
    struct stat status;
    EXPECT_NE(::stat(before.c_str(), &status), 0);
    EXPECT_EQ(::stat(after.c_str(), &status), 0);
    source.setState(GST_STATE_PLAYING);
    EXPECT_TRUE(await([&, seen = source.buffers()] { return source.buffers() > seen; }));
    EXPECT_LT(sink.stat("arena-size"), 1100000u);
}

TEST(SetInReady, OfASinkThatCouldNotServeLetsItServe)
{
    const std::string socket = freshPath(".socket");
    Playing sink("videotestsrc is-live=true name=tap ! sharedringsink name=ring");
    ASSERT_TRUE(sink.awaitMessage(GST_MESSAGE_ERROR, "No socket was given"));
    sink.setState(GST_STATE_READY);
    sink.set("socket", socket);
    sink.setState(GST_STATE_PLAYING);
    Playing source("sharedringsrc socket=" + socket + " ! identity name=tap ! fakesink");
    EXPECT_TRUE(await([&] { return source.buffers() > 0; }));
}

// A sink in READY whose settings stand goes on with the clients that it has.
TEST(SetInReady, ToWhatItIsDisturbsNoClient)
{
    const std::string socket = freshPath(".socket");
    Playing sink("videotestsrc is-live=true name=tap ! sharedringsink name=ring socket=" + socket);
    ChildProcess client({testProgram("bare-client"), socket, "1"});
    ASSERT_TRUE(client.waitFor("held 1")) << client.transcript();
    sink.setState(GST_STATE_READY);
    sink.set("socket", socket);
    sink.set("timestamps", "clock");
    sink.setState(GST_STATE_PLAYING);
    ASSERT_TRUE(await([&, seen = sink.stat("frames")] { return sink.stat("frames") > seen; }));
    EXPECT_FALSE(client.seen("lost"));
}

// A connected one serves one run, which beginning anew would end.
TEST(SetInReady, WhatIsOfAPathLeavesAGivenDescriptorAlone)
{
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    Playing sink("videotestsrc is-live=true name=tap ! sharedringsink name=ring fd=" +
                 std::to_string(fds[0]));
    Playing source("sharedringsrc fd=" + std::to_string(fds[1]) + " ! identity name=tap ! fakesink");
    ASSERT_TRUE(await([&] { return source.buffers() > 0; }));
    sink.setState(GST_STATE_READY);
    sink.set("perms", "7");
    sink.set("socket", freshPath(".socket"));
    sink.setState(GST_STATE_PLAYING);
    EXPECT_TRUE(await([&, seen = sink.stat("frames")] { return sink.stat("frames") > seen; }));
    for (const int fd : fds)
        ::close(fd);
}

TEST(SetInReady, DescriptorOfTheSourceIsTheOneThatWasSetLast)
{
    int unused[2];
    int used[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, unused), 0);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, used), 0);
    Playing sink("videotestsrc is-live=true name=tap ! sharedringsink name=ring fd=" +
                 std::to_string(used[0]));
    Playing source("sharedringsrc name=ring fd=" + std::to_string(unused[0]) +
                   " ! identity name=tap ! fakesink");
    source.setState(GST_STATE_READY);
    source.set("fd", std::to_string(used[1]));
    source.setState(GST_STATE_PLAYING);
    EXPECT_TRUE(await([&] { return source.buffers() > 0; }));
    for (const int fd : {unused[0], unused[1], used[0], used[1]})
        ::close(fd);
}

} // namespace
