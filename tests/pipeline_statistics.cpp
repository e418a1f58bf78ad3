// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What applications are told of clients and producers: element messages on the bus, and ring-stats.
#include "peer_process.h"
#include "playing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <regex>
#include <unistd.h>

namespace
{

using namespace sharedring;

std::string producerLine(const std::string &socket, const std::string &properties = "",
                         const std::string &source = "is-live=true")
{
    return "videotestsrc name=tap " + source +
           " ! video/x-raw,format=I420,width=64,height=48,framerate=200/1 ! "
           "sharedringsink name=ring sync=false timestamps=preserve socket=" +
           socket + " " + properties;
}

std::string consumerLine(const std::string &socket)
{
    return "sharedringsrc name=ring is-live=false socket=" + socket +
           " ! fakesink name=tap sync=false enable-last-sample=false";
}

// A number in an element message, or in ring-stats.
uint64_t numberIn(const std::string &text, const std::string &field)
{
    std::smatch found;
    if (!std::regex_search(text, found, std::regex("\\b" + field + "=\\([a-z0-9]+\\)([0-9]+)"))) {
        ADD_FAILURE() << "no " << field << " in " << text;
        return 0;
    }
    return std::stoull(found[1]);
}

// The counts of an array in ring-stats, in sum.
uint64_t sumOf(PeerProcess &peer, const std::string &field)
{
    std::string text = peer.command("get ring ring-stats");
    std::erase(text, '\\');
    std::smatch found;
    if (!std::regex_search(text, found, std::regex("\\b" + field + "=\\(guint64\\)< ([0-9, ]+)>"))) {
        ADD_FAILURE() << "no " << field << " in " << text;
        return 0;
    }
    const std::string numbers = found[1];
    uint64_t sum = 0;
    const std::regex number("[0-9]+");
    for (std::sregex_iterator one(numbers.begin(), numbers.end(), number); one != std::sregex_iterator();
         ++one)
        sum += std::stoull(one->str());
    return sum;
}

// A producer with one client, which is stopped until it loses buffers.
class StoppedClient : public testing::Test
{
protected:
    void SetUp() override
    {
        ASSERT_TRUE(client.waitForCount(1)) << client.transcript();
        EXPECT_FALSE(producer.seen("element sharedring-drop"));
        client.signal(SIGSTOP);
        ASSERT_TRUE(producer.waitFor("element sharedring-drop-start, id=(uint)1;")) << producer.transcript();
        ASSERT_TRUE(producer.waitForStat("drops", 20)) << producer.transcript();
        EXPECT_FALSE(producer.seen("element sharedring-drop-end"));
    }
    void TearDown() override { client.signal(SIGCONT); }

    const std::string socket = freshPath(".socket");
    PeerProcess producer{producerLine(socket)};
    PeerProcess client{consumerLine(socket)};
};

} // namespace

// ---- messages

TEST(Messages, SayWhoConnectsAndWhoGoes)
{
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(socket));
    PeerProcess first(consumerLine(socket));
    ASSERT_TRUE(first.waitForCount(1)) << first.transcript();
    const auto came = producer.waitFor("element sharedring-client-connected, ");
    ASSERT_TRUE(came) << producer.transcript();
    EXPECT_EQ(numberIn(*came, "id"), 1u);
    EXPECT_EQ(numberIn(*came, "pid"), static_cast<uint64_t>(first.pid()));
    EXPECT_EQ(numberIn(*came, "uid"), ::getuid());
    PeerProcess second(consumerLine(socket));
    ASSERT_TRUE(producer.waitFor("element sharedring-client-connected, id=(uint)2")) << producer.transcript();

    first.quit();
    const auto left = producer.waitFor("element sharedring-client-disconnected, id=(uint)1, ");
    ASSERT_TRUE(left) << producer.transcript();
    EXPECT_NE(left->find("reason=(string)"), std::string::npos) << *left;
    second.signal(SIGKILL);
    EXPECT_TRUE(producer.waitFor("element sharedring-client-disconnected, id=(uint)2, "))
        << producer.transcript();
}

TEST(Messages, SayWhichProducerConnectsAndWhyItGoes)
{
    const std::string socket = freshPath(".socket");
    auto producer = std::make_unique<PeerProcess>(producerLine(socket));
    PeerProcess consumer(consumerLine(socket));
    for (int turn = 0; turn < 2; turn++) {
        const auto came = consumer.waitFor("element sharedring-producer-connected, ");
        ASSERT_TRUE(came) << consumer.transcript();
        EXPECT_EQ(numberIn(*came, "pid"), static_cast<uint64_t>(producer->pid()));
        EXPECT_EQ(numberIn(*came, "uid"), ::getuid());
        producer->signal(SIGKILL);
        const auto left = consumer.waitFor("element sharedring-producer-disconnected, reason=(string)");
        ASSERT_TRUE(left) << consumer.transcript();
        EXPECT_NE(left->find(socket), std::string::npos) << *left;
        producer = std::make_unique<PeerProcess>(producerLine(socket));
    }
}

TEST_F(StoppedClient, IsToldOfWithTheNumberOfItsDropsWhenItGoesOn)
{
    client.signal(SIGCONT);
    // On a loaded machine there may be more runs than one.
    uint64_t told = 0;
    EXPECT_TRUE(await([&] {
        while (const auto end = producer.seen("element sharedring-drop-end, id=(uint)1, "))
            told += numberIn(*end, "dropped");
        return told > 0 && told == producer.stat("drops");
    })) << told
        << "\n"
        << producer.transcript();
}

TEST_F(StoppedClient, IsToldOfToTheEndWhenItIsKilled)
{
    const uint64_t delivered = producer.stat("frames");
    client.signal(SIGKILL);
    ASSERT_TRUE(producer.waitFor("element sharedring-client-disconnected, ")) << producer.transcript();
    const auto end = producer.waitFor("element sharedring-drop-end, id=(uint)1, ");
    ASSERT_TRUE(end) << producer.transcript();
    const std::string all = producer.transcript();
    EXPECT_LT(all.find("element sharedring-drop-end"), all.find("element sharedring-client-disconnected"));
    // The sums stay.
    EXPECT_EQ(producer.stat("drops"), numberIn(*end, "dropped"));
    EXPECT_EQ(producer.stat("frames"), delivered);
    EXPECT_EQ(producer.stat("held"), 0u);
}

// ---- ring-stats

TEST(RingStats, HaveALatencyForEachFrame)
{
    constexpr uint64_t kFrames = 300;
    const std::string socket = freshPath(".socket");
    PeerProcess producer(producerLine(socket, "slow-client=block wait-for-connection=true",
                                      "num-buffers=" + std::to_string(kFrames)));
    PeerProcess first(consumerLine(socket));
    ASSERT_TRUE(first.waitFor("eos")) << first.transcript();
    EXPECT_EQ(first.stat("frames"), kFrames);
    EXPECT_EQ(sumOf(first, "receive-latency"), kFrames);
    EXPECT_EQ(first.stat("stamps-refused"), 0u);
    // Nobody looks for what came back after the last frame.
    const uint64_t seen = sumOf(producer, "return-latency");
    EXPECT_GE(seen, kFrames - 16);
    EXPECT_EQ(seen, kFrames - producer.stat("held"));
    first.quit();
    ASSERT_TRUE(producer.waitFor("disconnected")) << producer.transcript();
    EXPECT_EQ(sumOf(producer, "return-latency"), seen);
    EXPECT_EQ(producer.stat("frames"), kFrames);
}

// ---- an application that takes its time

namespace
{

// Keeps whoever posts a message of this name until it is told to let go.
class SlowListener
{
public:
    SlowListener(const Playing &playing, const char *name) : name_(name)
    {
        const ObjectOwner<GstObject> pipeline(gst_object_get_parent(GST_OBJECT(playing.named("ring").get())));
        bus_.reset(gst_element_get_bus(GST_ELEMENT(pipeline.get())));
        gst_bus_set_sync_handler(bus_.get(), onMessage, this, nullptr);
    }
    ~SlowListener()
    {
        letGo();
        gst_bus_set_sync_handler(bus_.get(), nullptr, nullptr, nullptr);
    }
    bool awaitHeard()
    {
        std::unique_lock guard(lock_);
        return changed_.wait_for(guard, std::chrono::seconds(20), [this] { return heard_; });
    }
    void letGo()
    {
        const std::lock_guard guard(lock_);
        isPatient_ = false;
        changed_.notify_all();
    }

private:
    static GstBusSyncReply onMessage(GstBus *, GstMessage *message, gpointer data)
    {
        auto *self = static_cast<SlowListener *>(data);
        if (gst_message_has_name(message, self->name_)) {
            std::unique_lock guard(self->lock_);
            self->heard_ = true;
            self->changed_.notify_all();
            self->changed_.wait(guard, [self] { return !self->isPatient_; });
        }
        return GST_BUS_PASS;
    }

    const char *const name_;
    ObjectOwner<GstBus> bus_;
    std::mutex lock_; // guards what follows
    std::condition_variable changed_;
    bool heard_ = false;
    bool isPatient_ = true;
};

} // namespace

class SlowApplication : public testing::TestWithParam<const char *>
{
};

TEST_P(SlowApplication, DoesNotHoldTheStream)
{
    const std::string socket = freshPath(".socket");
    Playing producer(producerLine(socket, "max-buffers=4"));
    SlowListener listener(producer, GetParam());
    std::optional<ChildProcess> keeper(std::in_place,
                                       std::vector<std::string>{testProgram("bare-client"), socket, "all"});
    if (std::string(GetParam()) == "sharedring-client-disconnected") {
        ASSERT_TRUE(keeper->waitFor("held")) << keeper->transcript();
        keeper.reset();
    }
    ASSERT_TRUE(listener.awaitHeard());
    EXPECT_TRUE(await([&, seen = producer.buffers()] { return producer.buffers() > seen + 50; }));
}

INSTANTIATE_TEST_SUITE_P(, SlowApplication,
                         testing::Values("sharedring-client-connected", "sharedring-client-disconnected",
                                         "sharedring-drop-start"),
                         [](const auto &one) {
                             std::string name = one.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });
