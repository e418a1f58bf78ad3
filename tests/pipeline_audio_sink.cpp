// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The launch lines of the README with sound, word for word: the tone that was sent is heard, without a
// gap, whichever process starts first. The loudspeaker is a PulseAudio null sink of our own.
#include "peer_process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <optional>
#include <poll.h>
#include <string>
#include <vector>

namespace
{

using Clock = std::chrono::steady_clock;

constexpr size_t kRate = 44100; // as audiotestsrc and PulseAudio have it, so nothing is resampled
constexpr double kTone = 440;

std::vector<int16_t> samplesOf(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    const auto size = static_cast<size_t>(std::filesystem::file_size(path)) / sizeof(int16_t);
    std::vector<int16_t> samples(size);
    file.read(reinterpret_cast<char *>(samples.data()),
              static_cast<std::streamsize>(samples.size() * sizeof(int16_t)));
    samples.resize(static_cast<size_t>(file.gcount()) / sizeof(int16_t));
    return samples;
}

// The longest stretch that is one sine of 440 Hz. Each sample of a sine follows from the two before it;
// a block that is missing, doubled or silent breaks that at its edge.
size_t longestTone(const std::vector<int16_t> &samples)
{
    constexpr double kFullVolume = 0.8 * 32767; // audiotestsrc's
    constexpr double kTolerance = 0.01 * kFullVolume;
    const double factor = 2 * std::cos(2 * std::numbers::pi * kTone / kRate);
    size_t longest = 0;
    size_t stretch = 0;
    size_t sincePeak = 0;
    for (size_t i = 2; i < samples.size(); i++) {
        const double expected = factor * samples[i - 1] - samples[i - 2];
        sincePeak = std::abs(samples[i]) > 0.9 * kFullVolume ? 0 : sincePeak + 1;
        const bool continues = std::abs(samples[i] - expected) < kTolerance && sincePeak < kRate / 440;
        stretch = continues ? stretch + 1 : 0;
        longest = std::max(longest, stretch);
    }
    return longest;
}

enum class First { Producer, Consumer };

class Loudspeaker : public testing::TestWithParam<First>
{
protected:
    void SetUp() override
    {
        std::filesystem::create_directory(directory_);
        server_.emplace(
            std::vector<std::string>{"pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no",
                                     "--exit-idle-time=-1", "--disable-shm=yes", "--high-priority=no",
                                     "--realtime=no", "-L",
                                     "module-native-protocol-unix auth-anonymous=1 socket=" + socket_, "-L",
                                     "module-null-sink sink_name=loudspeaker rate=44100"},
            std::vector<std::string>{"PULSE_RUNTIME_PATH=" + directory_, "PULSE_STATE_PATH=" + directory_,
                                     "DBUS_SESSION_BUS_ADDRESS=disabled:"});
        const auto until = Clock::now() + ChildProcess::kPatience;
        while (runToEnd({"pactl", "get-default-sink"}, ChildProcess::kPatience, environment()).status != 0) {
            ASSERT_TRUE(Clock::now() < until && server_->running()) << server_->transcript();
            ::poll(nullptr, 0, 20);
        }
    }

    std::vector<std::string> environment() const
    {
        return {"PULSE_SERVER=unix:" + socket_, "GST_PLUGIN_FEATURE_RANK=pulsesink:MAX"};
    }

    const std::string directory_ = freshPath(".pulse");
    const std::string socket_ = directory_ + "/native";
    std::optional<ChildProcess> server_;
};

TEST_P(Loudspeaker, PlaysTheToneThatWasSentWithoutAGap)
{
    const std::string path = freshPath(".socket");
    const std::string recording = freshPath(".raw");
    ChildProcess recorder({"parec", "--raw", "--device=loudspeaker.monitor", "--rate=44100", "--channels=1",
                           "--format=s16le", "--latency-msec=50", recording},
                          environment());
    const auto sending = gstLaunch("audiotestsrc ! sharedringsink socket=" + path);
    const auto playing = gstLaunch("sharedringsrc socket=" + path + " ! autoaudiosink");
    std::optional<ChildProcess> producer, consumer;
    const auto until = Clock::now() + ChildProcess::kPatience;
    if (GetParam() == First::Producer) {
        producer.emplace(sending);
        while (!std::filesystem::is_socket(path) && Clock::now() < until)
            ::poll(nullptr, 0, 5);
        consumer.emplace(playing, environment());
    } else {
        consumer.emplace(playing, environment());
        ASSERT_TRUE(consumer->waitFor("Waiting for a producer")) << consumer->transcript();
        producer.emplace(sending);
    }

    // On a busy machine the sound server itself stumbles now and then; not for so long.
    size_t heard = 0;
    while ((heard = std::filesystem::exists(recording) ? longestTone(samplesOf(recording)) : 0) < 2 * kRate &&
           Clock::now() < until && consumer->running() && producer->running())
        ::poll(nullptr, 0, 100);

    EXPECT_GE(heard, 2 * kRate) << consumer->transcript() << producer->transcript() << server_->transcript();
    RecordProperty("samplesWithoutGap", static_cast<int>(heard));
    for (ChildProcess *process : {&*consumer, &*producer}) {
        process->signal(SIGINT);
        EXPECT_EQ(process->waitForExit(), 0) << process->transcript();
        EXPECT_EQ(process->transcript().find("WARNING"), std::string::npos) << process->transcript();
    }
}

std::string nameOf(const testing::TestParamInfo<First> &first)
{
    return first.param == First::Producer ? "StartedAfterTheProducer" : "StartedBeforeTheProducer";
}

INSTANTIATE_TEST_SUITE_P(Orders, Loudspeaker, testing::Values(First::Producer, First::Consumer), nameOf);

} // namespace
