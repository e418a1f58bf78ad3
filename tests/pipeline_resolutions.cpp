// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A stream whose resolution changes again and again, from very small to very large and back: right
// frames throughout, in bounded memory, and no holes in it at the end that are too small for a
// large frame.
#include "crossing.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>

namespace
{

struct Size {
    unsigned width, height;
};

constexpr Size kSizes[] = {{160, 120},   {3840, 2160}, {640, 360},  {1920, 1080}, {322, 242},
                           {2560, 1440}, {176, 144},   {1280, 720}, {1024, 576},  {854, 480}};
constexpr unsigned kStretches = 41; // 40 changes
constexpr unsigned kFramesOfEach = 3;
constexpr uint64_t kMemory = 96 << 20;             // bytes
constexpr uint64_t kLargest = 3840 * 2160 * 3 / 2; // bytes of a frame

Size sizeOf(unsigned stretch)
{
    return kSizes[stretch * 7 % std::size(kSizes)];
}

std::string capsOf(const Size &size)
{
    return "video/x-raw,format=I420,framerate=30/1,width=" + std::to_string(size.width) +
           ",height=" + std::to_string(size.height);
}

// The frames of a log have the size that the caps before them say; how often these changed.
size_t expectFramesAsTheirCaps(const TapLog &log)
{
    size_t changes = 0;
    size_t frame = 0;
    uint64_t expected = 0;
    for (const std::string &line : log.lines) {
        if (line.starts_with("caps ")) {
            const auto width = std::strtoull(line.c_str() + line.find("width=(int)") + 11, nullptr, 10);
            const auto height = std::strtoull(line.c_str() + line.find("height=(int)") + 12, nullptr, 10);
            expected = width * height * 3 / 2;
            changes++;
        } else if (line.starts_with("buffer ")) {
            const uint64_t size = log.buffers.at(frame++).size;
            EXPECT_GE(size, expected) << line; // rows may be padded
            EXPECT_LT(size, expected + expected / 8) << line;
        }
    }
    return changes;
}

// ---- one source that changes

class ChangingSource
{
public:
    ChangingSource()
        : producer_(
              "videotestsrc is-live=true pattern=ball ! capsfilter name=size caps-change-mode=delayed caps=" +
              capsOf(sizeOf(0)) +
              " ! sharedringsink name=tap sync=false slow-client=block wait-for-connection=true "
              "timestamps=preserve max-memory=" +
              std::to_string(kMemory) + " socket=" + socket_),
          consumer_("sharedringsrc name=tap is-live=false socket=" + socket_ + " ! fakevideosink sync=false")
    {
    }

    // Until the consumer has seen a frame after the change.
    bool changeTo(const Size &size)
    {
        const size_t changes = consumer_.log().all("caps ").size();
        producer_.command("set size caps " + capsOf(size));
        const auto until = std::chrono::steady_clock::now() + ChildProcess::kPatience;
        while (consumer_.log().all("caps ").size() == changes) {
            if (std::chrono::steady_clock::now() > until || !consumer_.running())
                return false;
            consumer_.waitForCount(consumer_.log().buffers.size() + 1);
        }
        return waitForFrames(1);
    }
    bool waitForFrames(size_t more) { return consumer_.waitForCount(consumer_.log().buffers.size() + more); }
    bool end()
    {
        producer_.command("eos");
        return producer_.waitFor("eos").has_value() && consumer_.waitFor("eos").has_value();
    }

    PeerProcess &producer() { return producer_; }
    PeerProcess &consumer() { return consumer_; }

private:
    std::string socket_ = freshPath(".socket");
    PeerProcess producer_;
    PeerProcess consumer_;
};

TEST(Resolutions, ChangeFortyTimesInMidStreamAndLeaveNoHolesBehind)
{
    ChangingSource source;
    ASSERT_TRUE(source.waitForFrames(1)) << source.producer().transcript();
    for (unsigned stretch = 1; stretch < kStretches; stretch++)
        ASSERT_TRUE(source.changeTo(sizeOf(stretch))) << stretch << source.producer().transcript();
    // The consumer returns the last of the larger frames when it has seen smaller ones.
    ASSERT_TRUE(source.waitForFrames(8));
    ASSERT_TRUE(source.end()) << source.producer().transcript() << source.consumer().transcript();

    expectSameStream(source.producer().log(), source.consumer().log());
    EXPECT_EQ(expectFramesAsTheirCaps(source.consumer().log()), kStretches);
    EXPECT_EQ(source.producer().stat("copies", "tap"), 0u);
    EXPECT_EQ(source.producer().stat("arena-size", "tap"), kMemory);
    EXPECT_LE(source.producer().stat("arena-populated", "tap"), kMemory);
    // But for some small frames all of it is one run again.
    EXPECT_GE(source.producer().stat("arena-largest-free", "tap"), kMemory - (1 << 20));
}

// ---- one source after the other

// Each keeps its pool, though its stream is over. The last one needs room for large frames.
std::string sourcesOfAllSizes()
{
    std::string line;
    for (unsigned stretch = 0; stretch < kStretches; stretch++)
        line += "videotestsrc pattern=" + std::string(stretch % 2 ? "gradient" : "ball") +
                " num-buffers=" + std::to_string(kFramesOfEach) + " ! " + capsOf(sizeOf(stretch + 3)) +
                " ! join. ";
    return line + "concat name=join";
}

TEST(Resolutions, ChangeFortyTimesFromSourceToSource)
{
    Crossing crossing({sourcesOfAllSizes(), "fakevideosink sync=false",
                       "timestamps=preserve max-memory=" + std::to_string(kMemory)});

    expectSameStream(crossing.sent(), crossing.received());
    EXPECT_EQ(expectFramesAsTheirCaps(crossing.received()), kStretches);
    ASSERT_EQ(crossing.received().buffers.size(), kStretches * kFramesOfEach);
    EXPECT_GE(crossing.received().buffers.back().size, kLargest);
    EXPECT_LE(crossing.sinkStat("arena-populated"), kMemory);
}

} // namespace
