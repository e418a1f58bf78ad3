// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A stream whose resolution changes again and again, from very small to very large and back: right
// frames throughout, in bounded memory, and no holes in it at the end that are too small for a
// large frame.
#include "crossing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace
{

struct Size {
    unsigned width, height;
};

constexpr Size kSizes[] = {{160, 120},   {3840, 2160}, {640, 360},  {1920, 1080}, {322, 242},
                           {2560, 1440}, {176, 144},   {1280, 720}, {3840, 2160}, {854, 480}};
constexpr unsigned kStretches = 41; // 40 changes
constexpr unsigned kFramesOfEach = 3;
constexpr uint64_t kMemory = 96 << 20;        // bytes
constexpr uint64_t kLargest = 3840 * 2160 * 3 / 2; // bytes of a frame

Size sizeOf(unsigned stretch)
{
    return kSizes[stretch * 7 % std::size(kSizes)];
}

std::string sizeText(unsigned stretch)
{
    const Size size = sizeOf(stretch);
    return "width=" + std::to_string(size.width) + ",height=" + std::to_string(size.height);
}

// One source after the other, each with its own size.
std::string sourcesOfAllSizes()
{
    std::string line;
    for (unsigned stretch = 0; stretch < kStretches; stretch++)
        line += "videotestsrc pattern=" + std::string(stretch % 2 ? "gradient" : "ball") +
                " num-buffers=" + std::to_string(kFramesOfEach) + " ! video/x-raw,format=I420,framerate=30/1," +
                sizeText(stretch) + " ! join. ";
    return line + "concat name=join";
}

size_t capsThatName(const TapLog &log, const Size &size)
{
    size_t found = 0;
    for (const std::string &caps : log.all("caps "))
        found += caps.find("width=(int)" + std::to_string(size.width) + ",") != std::string::npos &&
                 caps.find("height=(int)" + std::to_string(size.height) + ",") != std::string::npos;
    return found;
}

void expectAllChanges(const TapLog &log)
{
    EXPECT_EQ(log.all("caps ").size(), kStretches);
    ASSERT_EQ(log.buffers.size(), kStretches * kFramesOfEach);
    for (unsigned frame = 0; frame < log.buffers.size(); frame++) {
        const Size size = sizeOf(frame / kFramesOfEach);
        EXPECT_GE(log.buffers[frame].size, size.width * size.height * 3 / 2) << "frame " << frame;
        EXPECT_GE(capsThatName(log, size), 1u);
    }
}

void expectBoundedMemory(Crossing &crossing)
{
    EXPECT_EQ(crossing.sinkStat("arena-size"), kMemory);
    EXPECT_LE(crossing.sinkStat("arena-populated"), kMemory);
    EXPECT_GE(crossing.sinkStat("arena-largest-free"), kLargest);
    RecordProperty(crossing);
}

} // namespace
