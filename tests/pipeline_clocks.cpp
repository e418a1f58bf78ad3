// SPDX-License-Identifier: LGPL-2.1-or-later
//
// In clock mode a frame is due at the same instant on both sides, whatever clocks the two pipelines run
// by, and however these drift apart.
#include "timed_buffers.h"

#include "plugin/gst_owner.h"

#include <gst/net/gstnet.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

using namespace sharedring;

namespace
{

// Serves a clock that goes 0.05 % too slow, to GstNetClientClocks of this machine.
class TimeServer
{
public:
    TimeServer()
    {
        gst_init(nullptr, nullptr);
        clock_.reset(GST_CLOCK(gst_object_ref_sink(g_object_new(GST_TYPE_SYSTEM_CLOCK, nullptr))));
        const GstClockTime now = gst_clock_get_internal_time(clock_.get());
        gst_clock_set_calibration(clock_.get(), now, now + 1000 * GST_SECOND, 9995, 10000);
        provider_.reset(gst_net_time_provider_new(clock_.get(), "127.0.0.1", 0));
        gint port = 0;
        g_object_get(provider_.get(), "port", &port, nullptr);
        name_ = "net:" + std::to_string(port);
    }

    const std::string &name() const { return name_; }

private:
    ObjectOwner<GstClock> clock_;
    ObjectOwner<GstNetTimeProvider> provider_;
    std::string name_;
};

std::string withPtp()
{
    return std::string(std::getenv("SHAREDRING_SOURCE_DIR")) + "/tests/with-ptp";
}

// 2000 ppm are twenty times what a crystal does, so that some seconds are minutes.
class Clocks : public testing::TestWithParam<const char *>
{
protected:
    std::unique_ptr<PeerProcess> peer(const std::string &line, const std::string &clock) const
    {
        if (clock == "monotonic")
            return std::make_unique<PeerProcess>(line, std::vector<std::string>{"--times"});
        if (clock == "ptp") // whose master is allowed to drift less
            return std::make_unique<PeerProcess>(PeerProcess::RunBy{{withPtp(), "1000"}}, line,
                                                 std::vector<std::string>{"--times", "--clock", "ptp"});
        return std::make_unique<PeerProcess>(
            line, std::vector<std::string>{"--times", "--clock", clock == "net" ? server_.name() : clock});
    }

private:
    const TimeServer server_;
};

constexpr int kCannotBeHad = 77; // with-ptp's exit status
constexpr int64_t kFrame = 20 * kMillisecond;
constexpr uint64_t kFrames = 250; // in which they drift 10 ms apart, or 20
// What the two taps' readings of the clocks, on a busy machine, and following 0.2 % are off.
constexpr int64_t kTolerance = 6 * kMillisecond;

} // namespace

TEST_P(Clocks, OfTheProducerAndOfConsumersMayDriftApart)
{
    const std::string socket = freshPath(".socket");
    const std::string clock = GetParam();
    std::vector<std::string> clocks{"monotonic", "realtime", "audio:-2000", "net"};
    if (clock == "ptp") {
        if (::geteuid() != 0 || runToEnd({withPtp(), "0", "true"}).status == kCannotBeHad)
            GTEST_SKIP() << "a network namespace for PTP cannot be had here";
        clocks = {"monotonic", "ptp"};
    }
    const auto sender = peer(timedProducer(socket, "is-live=true", "sync=false"), clock);
    std::vector<std::unique_ptr<PeerProcess>> receivers;
    for (const std::string &one : clocks)
        receivers.push_back(peer(timedConsumer(socket), one));

    for (const auto &receiver : receivers) {
        ASSERT_TRUE(receiver->waitForCount(kFrames)) << receiver->transcript() << sender->transcript();
        const size_t both =
            forEachOfBoth(*sender, *receiver, [](const TimedBuffer &sent, const TimedBuffer &got) {
                EXPECT_NEAR(static_cast<double>(got.due()), static_cast<double>(sent.due()),
                            static_cast<double>(kTolerance))
                    << "frame " << got.buffer.offset;
            });
        EXPECT_GE(both, kFrames - 10);

        // No frame is nearer to the one before than its producer's clock says.
        const auto got = timedBuffers(receiver->log());
        for (size_t i = 1; i < got.size(); i++) {
            const auto number = [](const std::string &text) {
                return std::strtoll(text.c_str(), nullptr, 10);
            };
            if (!got[i - 1].hasClock())
                continue;
            const int64_t frames = number(got[i].buffer.offset) - number(got[i - 1].buffer.offset);
            EXPECT_NEAR(static_cast<double>(number(got[i].pts) - number(got[i - 1].pts)),
                        static_cast<double>(frames * kFrame), static_cast<double>(kTolerance))
                << "frame " << got[i].buffer.offset;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Of, Clocks, testing::Values("monotonic", "audio:2000", "net", "ptp"),
                         [](const auto &one) {
                             const std::string name = one.param;
                             return name.substr(0, name.find(':'));
                         });
