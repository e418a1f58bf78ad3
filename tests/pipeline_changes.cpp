// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Properties that are mutable in PLAYING, changed there: each does what it says, and a stream that waits
// for what it was sees it.
#include "peer_process.h"
#include "playing.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>

namespace
{

using namespace sharedring;

constexpr auto kAnyError = GST_MESSAGE_ERROR;

class SinkThatPlays : public testing::Test
{
protected:
    void play(const std::string &properties)
    {
        producer_.emplace("videotestsrc is-live=true ! "
                          "video/x-raw,format=I420,width=64,height=48,framerate=200/1 ! identity name=tap ! "
                          "sharedringsink name=ring sync=false timestamps=preserve socket=" +
                          socket_ + " " + properties);
    }
    std::unique_ptr<Playing> client(const std::string &downstream = "identity name=tap ! fakesink sync=false",
                                    const std::string &properties = "")
    {
        return std::make_unique<Playing>("sharedringsrc name=ring socket=" + socket_ + " " + properties +
                                         " ! " + downstream);
    }
    guint clients() const
    {
        guint number = 0;
        g_object_get(producer_->named("ring").get(), "num-clients", &number, nullptr);
        return number;
    }
    bool goesOn(const Playing &playing) const
    {
        return await([&, seen = playing.buffers()] { return playing.buffers() > seen + 10; });
    }

    const std::string socket_ = freshPath(".socket");
    std::optional<Playing> producer_;
};

// Its client gives nothing back.
class BlockedSink : public SinkThatPlays
{
protected:
    void SetUp() override
    {
        play("slow-client=block max-buffers=4");
        keeper_.emplace(std::vector<std::string>{testProgram("bare-client"), socket_, "all"});
        ASSERT_TRUE(keeper_->waitFor("held 4")) << keeper_->transcript();
    }
    std::optional<ChildProcess> keeper_;
};

} // namespace

// ---- the sink

TEST_F(BlockedSink, GoesOnAtOnceWhenSlowClientsAreToLoseBuffers)
{
    producer_->set("slow-client", "drop");
    EXPECT_TRUE(goesOn(*producer_));
    EXPECT_GT(producer_->stat("drops"), 0u);
    EXPECT_EQ(clients(), 1u);
}

TEST_F(BlockedSink, GoesOnAtOnceWhenSlowClientsAreToBeDisconnected)
{
    producer_->set("slow-client", "disconnect");
    EXPECT_TRUE(goesOn(*producer_));
    EXPECT_TRUE(keeper_->waitFor("lost ")) << keeper_->transcript();
}

TEST_F(BlockedSink, CountsATimeoutFromWhenItsWaitBegan)
{
    producer_->set("slow-client-timeout", "1");
    EXPECT_TRUE(keeper_->waitFor("lost ")) << keeper_->transcript();
    EXPECT_TRUE(goesOn(*producer_));
}

TEST_F(SinkThatPlays, BlocksOnceItIsToldTo)
{
    play("max-buffers=4");
    ChildProcess keeper({testProgram("bare-client"), socket_, "all"});
    ASSERT_TRUE(await([&] { return producer_->stat("drops") > 0; }));
    producer_->set("slow-client", "block");
    // Those that are on their way, and the one that waits.
    ASSERT_TRUE(await([&] {
        const uint64_t before = producer_->stat("published");
        std::this_thread::sleep_for(std::chrono::milliseconds(100)); // twenty frames
        return producer_->stat("published") == before;
    }));
    EXPECT_EQ(clients(), 1u);
}

TEST_F(SinkThatPlays, PrerollsWithoutAClientWhenNoneIsToBeWaitedForAnyMore)
{
    play("wait-for-connection=true");
    ASSERT_TRUE(producer_->awaitMessage(GST_MESSAGE_INFO, "Waiting for a client"));
    producer_->set("wait-for-connection", "false");
    EXPECT_TRUE(goesOn(*producer_));
}

TEST_F(SinkThatPlays, RendersWithoutAClientWhenNoneIsToBeWaitedForAnyMore)
{
    play("wait-for-connection=true");
    ASSERT_TRUE(producer_->awaitMessage(GST_MESSAGE_INFO, "Waiting for a client"));
    ASSERT_TRUE(goesOn(*client()));
    ASSERT_TRUE(producer_->awaitMessage(GST_MESSAGE_INFO, "Waiting for a client"));
    producer_->set("wait-for-connection", "false");
    EXPECT_TRUE(goesOn(*producer_));
}

TEST_F(SinkThatPlays, WaitsForAClientOnceItIsToldTo)
{
    play("");
    ASSERT_TRUE(goesOn(*producer_));
    producer_->set("wait-for-connection", "true");
    ASSERT_TRUE(producer_->awaitMessage(GST_MESSAGE_INFO, "Waiting for a client"));
    EXPECT_TRUE(goesOn(*client()));
}

TEST_F(SinkThatPlays, ThrowsNobodyOutForALowerMaximum)
{
    play("");
    const auto first = client();
    const auto second = client();
    ASSERT_TRUE(goesOn(*first));
    ASSERT_TRUE(goesOn(*second));
    for (const char *maximum : {"max-clients", "max-clients-per-uid"}) {
        producer_->set(maximum, "1");
        const auto third = client();
        ASSERT_TRUE(third->awaitMessage(GST_MESSAGE_INFO, "limit 1"));
        EXPECT_EQ(clients(), 2u);
        producer_->set(maximum, "16");
        EXPECT_TRUE(goesOn(*third)) << maximum;
    }
    EXPECT_TRUE(goesOn(*first));
    EXPECT_TRUE(goesOn(*second));
}

TEST_F(SinkThatPlays, LetsNewClientsHoldWhatItSaysNow)
{
    play("max-buffers=4");
    ChildProcess first({testProgram("bare-client"), socket_, "all"});
    ASSERT_TRUE(first.waitFor("held 4")) << first.transcript();
    producer_->set("max-buffers", "2");
    ChildProcess second({testProgram("bare-client"), socket_, "all"});
    ASSERT_TRUE(second.waitFor("held 2")) << second.transcript();
    ASSERT_TRUE(
        await([&, before = producer_->stat("drops")] { return producer_->stat("drops") > before + 10; }));
    guint held = 0;
    gst_structure_get_uint(producer_->stats().get(), "held", &held);
    EXPECT_EQ(held, 6u);
}

TEST_F(SinkThatPlays, TakesItsPoolBackAndOffersItAgain)
{
    play("");
    const auto one = client();
    ASSERT_TRUE(goesOn(*one));
    ASSERT_EQ(producer_->stat("copies"), 0u);
    producer_->set("offer-pool", "false");
    EXPECT_TRUE(await([&] { return producer_->stat("copies") > 10; }));
    producer_->set("offer-pool", "true");
    EXPECT_TRUE(await([&] {
        const uint64_t copies = producer_->stat("copies");
        return goesOn(*one) && producer_->stat("copies") == copies;
    }));
}

TEST_F(SinkThatPlays, NegotiatesFormatsFromTheNextClientOn)
{
    producer_.emplace("videotestsrc is-live=true ! "
                      "video/x-raw,format={I420,BGRx},width=64,height=48,framerate=200/1 ! "
                      "sharedringsink name=ring sync=false negotiate-formats=false socket=" +
                          socket_,
                      "ring", "sink");
    ASSERT_TRUE(goesOn(*producer_));
    const ObjectOwner<GstPad> pad(gst_element_get_static_pad(producer_->element(), "sink"));
    const CapsOwner caps(gst_pad_get_current_caps(pad.get()));
    const std::string present = gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "format");
    const std::string onlyOther = "video/x-raw,format=" + std::string(present == "I420" ? "BGRx" : "I420") +
                                  " ! identity name=tap ! fakesink sync=false";
    {
        const auto refused = client(onlyOther);
        ASSERT_TRUE(refused->awaitMessage(kAnyError, present));
    }
    producer_->set("negotiate-formats", "true");
    EXPECT_TRUE(goesOn(*client(onlyOther)));
}

TEST_F(SinkThatPlays, LetsThroughWhatItNamesNow)
{
    play("");
    const auto one = client();
    ASSERT_TRUE(goesOn(*one));
    const auto ask = [&](const char *name) {
        return one->sendUpstream(
            gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty(name)));
    };
    ask("zoom");
    ASSERT_TRUE(await([&] { return producer_->stat("requests-refused") == 1; }));
    producer_->set("upstream-events", "zoom");
    ask("zoom");
    EXPECT_TRUE(await([&] { return producer_->events(GST_EVENT_CUSTOM_UPSTREAM, "zoom").size() == 1; }));
    producer_->set("upstream-events", "");
    ask("zoom");
    EXPECT_TRUE(await([&] { return producer_->stat("requests-refused") == 2; }));
}

// ---- the source

class SourceThatPlays : public SinkThatPlays
{
protected:
    std::unique_ptr<Playing> connect(const std::string &properties = "")
    {
        auto one = client("identity name=tap ! fakesink sync=false", properties);
        EXPECT_TRUE(goesOn(*one));
        return one;
    }
};

TEST_F(SourceThatPlays, StampsBuffersFromThenOn)
{
    producer_.emplace("fakesrc sizetype=fixed sizemax=16 ! "
                      "identity name=tap sleep-time=5000 ! sharedringsink name=ring sync=false "
                      "timestamps=preserve socket=" +
                      socket_);
    const auto one = connect();
    ASSERT_EQ(one->lastPts(), GST_CLOCK_TIME_NONE);
    one->set("do-timestamp", "true");
    EXPECT_TRUE(await([&] { return one->lastPts() != GST_CLOCK_TIME_NONE; }));
    one->set("do-timestamp", "false");
    EXPECT_TRUE(await([&] { return one->lastPts() == GST_CLOCK_TIME_NONE; }));
}

TEST_F(SourceThatPlays, EndsItsSearchWhenItIsToEnd)
{
    const auto one = client();
    ASSERT_TRUE(one->awaitMessage(GST_MESSAGE_INFO, "Waiting for a producer"));
    one->set("on-disconnect", "eos");
    EXPECT_TRUE(one->awaitMessage(GST_MESSAGE_EOS, ""));
}

TEST_F(SourceThatPlays, DoesWhatIsChosenByTheTimeItsProducerGoes)
{
    PeerProcess producer("videotestsrc is-live=true ! sharedringsink sync=false socket=" + socket_);
    const auto ends = connect();
    const auto fails = connect();
    const auto waits = connect("on-disconnect=error");
    ends->set("on-disconnect", "eos");
    fails->set("on-disconnect", "error");
    waits->set("on-disconnect", "reconnect");
    producer.signal(SIGKILL);
    EXPECT_TRUE(ends->awaitMessage(GST_MESSAGE_EOS, ""));
    EXPECT_TRUE(fails->awaitMessage(kAnyError, socket_));
    EXPECT_TRUE(waits->awaitMessage(GST_MESSAGE_WARNING, socket_));
}

TEST_F(SourceThatPlays, EndsItsSearchAtATimeoutThatIsSetMeanwhile)
{
    const auto one = client();
    ASSERT_TRUE(one->awaitMessage(GST_MESSAGE_INFO, "Waiting for a producer"));
    one->set("connection-timeout", "1");
    EXPECT_TRUE(one->awaitMessage(kAnyError, "in time"));
}

TEST_F(SourceThatPlays, CopiesAndMapsFromTheNextBufferOn)
{
    play("");
    const auto one = connect("payload-mode=map");
    ASSERT_EQ(one->stat("copies"), 0u);
    one->set("payload-mode", "copy");
    EXPECT_TRUE(await([&] { return one->stat("copies") > 10; }));
    one->set("payload-mode", "map");
    EXPECT_TRUE(await([&] {
        const uint64_t copies = one->stat("copies");
        return goesOn(*one) && one->stat("copies") == copies;
    }));
}

TEST_F(SourceThatPlays, KeepsItsProducerAndRefusesTheNextOneByWhatIsWantedNow)
{
    play("");
    const auto user = connect();
    const auto memory = connect();
    user->set("producer-uid", std::to_string(::getuid() + 1));
    memory->set("max-memory", "4096");
    ASSERT_TRUE(goesOn(*user));
    ASSERT_TRUE(goesOn(*memory));
    play(""); // another one
    EXPECT_TRUE(user->awaitMessage(kAnyError, "is wanted"));
    EXPECT_TRUE(memory->awaitMessage(kAnyError, "size beyond"));
}

// ---- both, by another thread

TEST_F(SinkThatPlays, MayBeChangedByAnyThreadWhileBuffersFlow)
{
    play("slow-client=block max-buffers=8");
    const auto one = client();
    const auto other = client();
    std::atomic<bool> over{false};
    std::thread changes([&] {
        for (unsigned turn = 0; !over; turn++) {
            const bool odd = turn % 2 != 0;
            const std::string number = std::to_string(4 + turn % 13);
            producer_->set("slow-client", odd ? "drop" : "block");
            producer_->set("slow-client-timeout", odd ? "3600000000000" : "18446744073709551615");
            producer_->set("wait-for-connection", odd ? "true" : "false");
            producer_->set("max-clients", number);
            producer_->set("max-clients-per-uid", number);
            producer_->set("max-buffers", number);
            producer_->set("offer-pool", odd ? "true" : "false");
            producer_->set("negotiate-formats", odd ? "true" : "false");
            producer_->set("upstream-events", odd ? "zoom" : "GstForceKeyUnit,zoom");
            for (const auto *playing : {one.get(), other.get()}) {
                playing->set("do-timestamp", odd ? "true" : "false");
                playing->set("on-disconnect", odd ? "eos" : "reconnect");
                playing->set("connection-timeout", odd ? "3600000000000" : "18446744073709551615");
                playing->set("payload-mode", odd ? "copy" : "auto");
                playing->set("producer-uid", odd ? "-1" : std::to_string(::getuid()));
                playing->set("max-memory", odd ? "1073741824" : "2147483648");
            }
        }
    });
    EXPECT_TRUE(await([&] { return one->buffers() > 300 && other->buffers() > 300; }));
    auto late = client();
    EXPECT_TRUE(goesOn(*late));
    over = true;
    changes.join();
    for (const auto *playing : {&*producer_, one.get(), other.get()})
        EXPECT_TRUE(playing->messages(kAnyError).empty());
}
