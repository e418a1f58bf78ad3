// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The presets of sharedringsink: what they set, that a stream runs by them, and what saving one keeps.
#include "peer_process.h"
#include "plugin/gst_owner.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

using namespace sharedring;

namespace
{

ObjectOwner<GstElement> newSink()
{
    ::setenv("XDG_DATA_HOME", freshPath(".data").c_str(), 0); // before the first gst_init()
    gst_init(nullptr, nullptr);
    GstElement *sink = gst_element_factory_make("sharedringsink", nullptr);
    return ObjectOwner<GstElement>(sink ? GST_ELEMENT(gst_object_ref_sink(sink)) : nullptr);
}

std::vector<std::string> taken(gchar **names)
{
    std::vector<std::string> all;
    for (gchar **name = names; name && *name; name++)
        all.emplace_back(*name);
    g_strfreev(names);
    return all;
}

std::string valueOf(GstElement *element, const char *property)
{
    ValueOwner value;
    g_object_get_property(G_OBJECT(element), property, value.get());
    gchar *text = gst_value_serialize(value.get());
    const std::string owned = text;
    g_free(text);
    return owned;
}

std::string valuesOf(GstElement *element)
{
    std::string all;
    for (const char *property :
         {"sync", "timestamps", "slow-client", "slow-client-timeout", "wait-for-connection", "max-clients"})
        all += std::string(property) + "=" + valueOf(element, property) + " ";
    return all;
}

struct Preset {
    const char *name;
    const char *values;
};
void PrintTo(const Preset &preset, std::ostream *out)
{
    *out << preset.name;
}

constexpr Preset kPresets[] = {
    {"live-camera", "sync=false timestamps=clock slow-client=drop slow-client-timeout=18446744073709551615 "
                    "wait-for-connection=false max-clients=16 "},
    {"lossless-file",
     "sync=false timestamps=preserve slow-client=block slow-client-timeout=18446744073709551615 "
     "wait-for-connection=true max-clients=16 "},
    {"sandboxed-decoder",
     "sync=false timestamps=preserve slow-client=block slow-client-timeout=18446744073709551615 "
     "wait-for-connection=true max-clients=1 "},
};

class SinkPreset : public testing::TestWithParam<Preset>
{
};

TEST_P(SinkPreset, SetsWhatItIsForWhateverWasSetBefore)
{
    const auto sink = newSink();
    ASSERT_TRUE(sink);
    g_object_set(sink.get(), "sync", TRUE, "slow-client-timeout", guint64{1}, "max-clients", 3, "socket",
                 "/run/x", nullptr);
    for (const Preset &other : kPresets)
        EXPECT_TRUE(gst_preset_load_preset(GST_PRESET(sink.get()), other.name));
    ASSERT_TRUE(gst_preset_load_preset(GST_PRESET(sink.get()), GetParam().name));
    EXPECT_EQ(valuesOf(sink.get()), GetParam().values);
    EXPECT_EQ(valueOf(sink.get(), "socket"), "/run/x");
}

TEST_P(SinkPreset, SaysWhatItIsFor)
{
    const auto sink = newSink();
    ASSERT_TRUE(sink);
    gchar *comment = nullptr;
    EXPECT_TRUE(gst_preset_get_meta(GST_PRESET(sink.get()), GetParam().name, "comment", &comment));
    EXPECT_GT(std::string(comment ? comment : "").size(), 20u);
    g_free(comment);
}

INSTANTIATE_TEST_SUITE_P(Presets, SinkPreset, testing::ValuesIn(kPresets), [](const auto &preset) {
    std::string name = preset.param.name;
    name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
    return name;
});

TEST(SinkPresets, AreTheseThree)
{
    const auto sink = newSink();
    ASSERT_TRUE(sink);
    EXPECT_EQ(taken(gst_preset_get_preset_names(GST_PRESET(sink.get()))),
              (std::vector<std::string>{"live-camera", "lossless-file", "sandboxed-decoder"}));
}

TEST(SavedPreset, KeepsHowAndNotWhere)
{
    const auto sink = newSink();
    ASSERT_TRUE(sink);
    GstPreset *const presets = GST_PRESET(sink.get());
    const auto names = taken(gst_preset_get_property_names(presets));
    const auto has = [&](const char *name) { return std::count(names.begin(), names.end(), name) == 1; };
    EXPECT_TRUE(has("max-buffers") && has("sync") && has("upstream-events"));
    EXPECT_FALSE(has("socket") || has("fd"));

    g_object_set(sink.get(), "socket", "/run/x", "max-buffers", 5, nullptr);
    ASSERT_TRUE(gst_preset_save_preset(presets, "mine"));
    g_object_set(sink.get(), "socket", "/run/y", "fd", 9, "max-buffers", 6, nullptr);
    EXPECT_TRUE(gst_preset_load_preset(presets, "mine"));
    EXPECT_EQ(valueOf(sink.get(), "max-buffers"), "5");
    EXPECT_EQ(valueOf(sink.get(), "socket"), "/run/y");
    EXPECT_EQ(valueOf(sink.get(), "fd"), "9");
    EXPECT_TRUE(gst_preset_delete_preset(presets, "mine"));
}

TEST(InstalledPresets, AreWhereGStreamerLooks)
{
    const char *installed = std::getenv("SHAREDRING_INSTALLED_PRESETS");
    if (!installed)
        GTEST_SKIP() << "a prefix of its own: GST_PRESET_PATH has to say so";
    const Finished listed =
        runToEnd({"meson", "introspect", "--installed", std::getenv("SHAREDRING_BUILD_DIR")});
    ASSERT_EQ(listed.status, 0) << listed.output;
    EXPECT_NE(listed.output.find(std::string(installed) + "/GstSharedRingSink.prs\""), std::string::npos)
        << listed.output;
}

// ---- streams

TEST(LosslessFile, WaitsForItsClientAndDropsNothing)
{
    const std::string path = freshPath(".socket");
    PeerProcess producer("videotestsrc num-buffers=60 ! video/x-raw,width=64,height=48 ! sharedringsink "
                         "name=ring @preset=lossless-file socket=" +
                         path);
    PeerProcess consumer("sharedringsrc name=tap is-live=false socket=" + path + " ! fakesink sync=false",
                         {"--slow", "5"});
    ASSERT_TRUE(consumer.waitFor("eos")) << consumer.transcript() << producer.transcript();
    EXPECT_EQ(consumer.command("count"), "60");
    EXPECT_EQ(consumer.log().buffers.front().pts, "0");
    EXPECT_EQ(consumer.quit(), 0);
}

TEST(SandboxedDecoder, ServesOneApplication)
{
    const std::string path = freshPath(".socket");
    PeerProcess producer("videotestsrc ! video/x-raw,width=64,height=48 ! sharedringsink name=ring "
                         "@preset=sandboxed-decoder socket=" +
                         path);
    PeerProcess application("sharedringsrc name=tap socket=" + path + " ! fakesink sync=false");
    ASSERT_TRUE(application.waitForCount(5)) << application.transcript() << producer.transcript();
    const Finished second = runToEnd(
        gstLaunch("sharedringsrc connection-timeout=200000000 socket=" + path + " ! fakesink sync=false"));
    EXPECT_EQ(second.status, 1) << second.output;
    EXPECT_TRUE(application.waitForCount(std::stoull(application.command("count")) + 5));
    EXPECT_EQ(producer.command("get ring num-clients"), "1");
}

TEST(LiveCamera, IsNotHeldUpByAClientThatStops)
{
    const std::string path = freshPath(".socket");
    PeerProcess producer("videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=120/1 ! "
                         "identity name=tap ! sharedringsink name=ring @preset=live-camera socket=" +
                         path);
    ASSERT_TRUE(producer.waitForCount(5)) << "it waits for nobody: " << producer.transcript();
    PeerProcess stuck("sharedringsrc name=tap socket=" + path + " ! fakesink sync=false",
                      {"--block-at", "2"});
    ASSERT_TRUE(producer.waitForStat("drops", 1)) << producer.transcript();
    EXPECT_TRUE(producer.waitForCount(std::stoull(producer.command("count")) + 20));
}

} // namespace
