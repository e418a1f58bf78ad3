// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Starts, stops, kills and state changes of both sides, in any order: each time the stream goes on as soon
// as both run again, and a compositor with a second input waits for no producer.
//
// SHAREDRING_SCHEDULE_SEED has the first seed (each schedule's is one more than the one's before), and
// SHAREDRING_SCHEDULES how many there are: one alone to see a failure again.
#include "dice.h"
#include "peer_process.h"
#include "playing.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{

constexpr uint64_t kSeed = 20240301;
constexpr uint64_t kSchedules = 100;
constexpr unsigned kAtOnce = 4;
constexpr uint64_t kGoesOn = 3; // buffers that show it

// A process of a schedule, and what was done to it.
class Part
{
public:
    Part(std::string name, std::string line, bool seekable)
        : name_(std::move(name)), line_(std::move(line)), seekable_(seekable)
    {
    }

    void disturb(Dice &dice)
    {
        if (!process_)
            start();
        else if (stopped_)
            dice.oneIn(3) ? kill() : proceed();
        else if (dice.oneIn(2))
            change(dice.pick(kStates));
        else if (seekable_ && state_ == "play" && dice.oneIn(3))
            seek();
        else if (dice.oneIn(3))
            kill();
        else if (dice.oneIn(2))
            quit();
        else
            stop();
    }
    // Whatever it was: it plays.
    void restore()
    {
        if (!process_)
            start();
        if (stopped_)
            proceed();
        change("play");
    }
    PeerProcess &process() { return *process_; }
    std::string story() const
    {
        return name_ + ":" + story_ + "\n  " + line_ + "\n" + (process_ ? process_->transcript() : "");
    }

private:
    static constexpr const char *kStates[] = {"play", "pause", "ready", "null"};

    void start()
    {
        note("start");
        process_ = std::make_unique<PeerProcess>(line_, std::vector<std::string>{"--no-digest"});
        state_ = "play";
    }
    void quit()
    {
        note("quit");
        EXPECT_EQ(process_->quit(), 0) << story();
        process_.reset();
    }
    void kill()
    {
        note("kill");
        process_->signal(SIGKILL);
        EXPECT_EQ(process_->waitForExit(), -SIGKILL) << story();
        process_.reset();
        stopped_ = false;
    }
    void stop()
    {
        note("stop");
        process_->signal(SIGSTOP);
        stopped_ = true;
    }
    void proceed()
    {
        note("continue");
        process_->signal(SIGCONT);
        stopped_ = false;
    }
    void change(const std::string &state)
    {
        note(state);
        process_->command(state);
        state_ = state;
    }
    void seek()
    {
        note("seek");
        process_->command("seek 0");
    }
    void note(const std::string &what) { story_ += " " + what; }

    const std::string name_;
    const std::string line_;
    const bool seekable_;
    std::unique_ptr<PeerProcess> process_;
    bool stopped_ = false;
    std::string state_; // that it was told to go to
    std::string story_;
};

std::string producerLine(const std::string &socket, Dice &dice)
{
    static constexpr const char *kTimes[] = {"auto", "clock", "preserve"};
    static constexpr const char *kSlow[] = {"drop", "drop", "block", "disconnect"};
    // In real time, or the frames that find room would be due ever later.
    static constexpr const char *kPaces[][2] = {{"true", "true"}, {"true", "false"}, {"false", "true"}};
    const auto &[live, sync] = dice.pick(kPaces);
    const std::string width = std::to_string(16 * dice.between(1, 8));
    return std::string("videotestsrc is-live=") + live +
           " ! video/x-raw,format=I420,height=32,framerate=50/1,width=" + width +
           " ! sharedringsink name=ring socket=" + socket + " sync=" + sync +
           " timestamps=" + dice.pick(kTimes) + " slow-client=" + dice.pick(kSlow) +
           " wait-for-connection=" + (dice.oneIn(3) ? "true" : "false");
}

std::string consumerLine(const std::string &socket, Dice &dice)
{
    return std::string("sharedringsrc name=ring is-live=") + (dice.oneIn(3) ? "false" : "true") +
           " socket=" + socket + " ! fakesink name=tap sync=" + (dice.oneIn(2) ? "true" : "false");
}

// Of the compositor's frames and of those that the producer's stream gave it.
class Viewer
{
public:
    explicit Viewer(const std::string &socket)
        : playing_("compositor name=mix latency=20000000 ! identity name=tap ! fakesink sync=false "
                   "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=64,framerate=100/1 ! "
                   "mix. sharedringsrc name=ring socket=" +
                   socket + " ! mix.")
    {
    }
    uint64_t frames() const { return playing_.buffers(); }
    uint64_t stat(const char *field) const { return playing_.stat(field); } // of the sharedringsrc
    std::vector<std::string> errors() const { return playing_.messages(GST_MESSAGE_ERROR); }
    // What waits for a producer that is not there never gets so far.
    bool showsMore(uint64_t frames) const
    {
        return await([&, until = this->frames() + frames] { return this->frames() >= until; });
    }

private:
    Playing playing_;
};

// What the viewers' sources had before both sides ran for good.
struct Tally {
    std::atomic<uint64_t> connections{0};
    std::atomic<uint64_t> frames{0};
};

void runSchedule(uint64_t seed, Tally &tally)
{
    SCOPED_TRACE("SHAREDRING_SCHEDULE_SEED=" + std::to_string(seed) + " SHAREDRING_SCHEDULES=1");
    Dice dice(seed);
    const std::string socket = freshPath(".socket");
    const Viewer viewer(socket);
    std::vector<Part> parts;
    parts.emplace_back("producer", producerLine(socket, dice), true);
    for (uint64_t i = dice.between(1, 2); i > 0; i--)
        parts.emplace_back("consumer", consumerLine(socket, dice), false);

    const auto story = [&] {
        std::string all;
        for (const Part &part : parts)
            all += part.story();
        return all;
    };
    for (int step = dice.between(8, 24); step > 0; step--) {
        parts[dice.below(parts.size())].disturb(dice);
        ASSERT_TRUE(viewer.showsMore(dice.oneIn(5) ? 25 : dice.between<uint64_t>(2, 5))) << story();
    }
    tally.connections += viewer.stat("connections");
    tally.frames += viewer.stat("frames");
    for (Part &part : parts)
        part.restore();

    const uint64_t received = viewer.stat("frames");
    for (auto part = parts.begin() + 1; part != parts.end(); part++) {
        const uint64_t before = std::stoull(part->process().command("count"));
        ASSERT_TRUE(part->process().waitForCount(before + kGoesOn)) << story();
    }
    ASSERT_TRUE(await([&] { return viewer.stat("frames") >= received + kGoesOn; })) << story();
    ASSERT_TRUE(viewer.showsMore(kGoesOn)) << story();
    EXPECT_EQ(viewer.errors(), std::vector<std::string>());
    EXPECT_EQ(viewer.stat("faults"), 0u);
    for (Part &part : parts)
        EXPECT_FALSE(part.process().seen("error")) << story();
    for (auto part = parts.begin() + 1; part != parts.end(); part++)
        EXPECT_EQ(part->process().stat("faults"), 0u);
}

} // namespace

TEST(Schedules, OfBothSidesInAnyOrderLetTheStreamGoOn)
{
    gst_init(nullptr, nullptr);
    const uint64_t first = numberFrom("SHAREDRING_SCHEDULE_SEED", kSeed);
    const uint64_t count = numberFrom("SHAREDRING_SCHEDULES", kSchedules);
    std::atomic<uint64_t> next{0};
    Tally tally;
    std::vector<std::thread> lanes;
    // They wait most of the time.
    for (unsigned lane = 0; lane < kAtOnce; lane++) {
        lanes.emplace_back([&] {
            for (uint64_t mine = next++; mine < count && !testing::Test::HasFailure(); mine = next++)
                runSchedule(first + mine, tally);
        });
    }
    for (std::thread &lane : lanes)
        lane.join();
    std::printf("%llu schedules, seeds from %llu: %llu connections, %llu frames\n",
                static_cast<unsigned long long>(count), static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(tally.connections),
                static_cast<unsigned long long>(tally.frames));
}
