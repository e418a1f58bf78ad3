// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The launch lines of the README, word for word, in two processes: the picture in the window is the
// picture that was sent, whichever starts first, and whichever video sink there is.
#include "virtual_screen.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <poll.h>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace
{

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char *kVideoSinks[] = {
    "ximagesink",     "xvimagesink",
    "glimagesink",    "gtksink",
    "gtkglsink",      "cacasink",
    "aasink",         "dfbvideosink",
    "waylandsink",    "kmssink",
    "fbdevsink",      "gtkwaylandsink",
    "v4l2sink",       "vulkansink",
    "qmlglsink",      "qml6glsink",
    "glsinkbin",      "sdlsink",
    "intervideosink", "decklinkvideosink",
    "fpsdisplaysink", "clutterautovideosink",
};

// autovideosink finds this one and no other.
std::string onlySink(const std::string &only)
{
    std::string ranks = "GST_PLUGIN_FEATURE_RANK=" + only + ":MAX";
    for (const std::string name : kVideoSinks) {
        if (name != only)
            ranks += "," + name + ":NONE";
    }
    return ranks;
}

// ---- what videotestsrc draws, left alone

struct Window {
    uint32_t width = 0;
    uint32_t height = 0;
};

bool isNear(const Rgb &a, const Rgb &b)
{
    constexpr int kTolerance = 16; // conversions between YUV and RGB
    for (size_t i = 0; i < a.size(); i++) {
        if (std::abs(a[i] - b[i]) > kTolerance)
            return false;
    }
    return true;
}

// The window in the upper left corner of a black screen: its bars reach its right edge, and below them
// is something that is not black at its left edge.
Window windowOn(const VirtualScreen::Picture &screen)
{
    const Rgb black{0, 0, 0};
    Window window;
    for (uint32_t x = 0; x < screen.width; x++) {
        if (screen.at(x, 8) != black)
            window.width = x + 1;
    }
    for (uint32_t y = 0; y < screen.height; y++) {
        if (screen.at(8, y) != black)
            window.height = y + 1;
    }
    return window;
}

// The centres of the seven bars, and of the seven fields below them.
bool showsTestPicture(const VirtualScreen::Picture &screen)
{
    constexpr Rgb kWhite{255, 255, 255}, kYellow{255, 255, 0}, kCyan{0, 255, 255}, kGreen{0, 255, 0},
        kMagenta{255, 0, 255}, kRed{255, 0, 0}, kBlue{0, 0, 255}, kBlack{0, 0, 0};
    constexpr std::array kBars{kWhite, kYellow, kCyan, kGreen, kMagenta, kRed, kBlue};
    constexpr std::array kFields{kBlue, kBlack, kMagenta, kBlack, kCyan, kBlack, kWhite};
    const Window window = windowOn(screen);
    if (window.width < 64 || window.height < 64)
        return false;
    for (uint32_t i = 0; i < kBars.size(); i++) {
        const uint32_t x = window.width * (2 * i + 1) / 14;
        if (!isNear(screen.at(x, window.height / 3), kBars[i]) ||
            !isNear(screen.at(x, window.height * 17 / 24), kFields[i]))
            return false;
    }
    return true;
}

// Until the picture is there, or the process that shows it ended, or nothing came of it.
bool waitForTestPicture(const VirtualScreen &screen, ChildProcess &viewer, std::chrono::milliseconds patience)
{
    const auto until = Clock::now() + patience;
    while (!showsTestPicture(screen.look())) {
        if (Clock::now() > until || !viewer.running())
            return false;
        ::poll(nullptr, 0, 20); // a look costs some milliseconds
    }
    return true;
}

bool waitForSocket(const std::string &path)
{
    const auto until = Clock::now() + ChildProcess::kPatience;
    while (!std::filesystem::is_socket(path)) {
        if (Clock::now() > until)
            return false;
        ::poll(nullptr, 0, 5);
    }
    return true;
}

void expectInterruptible(ChildProcess &launch)
{
    launch.signal(SIGINT);
    EXPECT_EQ(launch.waitForExit(), 0) << launch.transcript();
}

// ---- windows

enum class First { Producer, Consumer };

class VideoSink : public testing::TestWithParam<std::tuple<const char *, First>>
{
protected:
    void SetUp() override
    {
        ASSERT_TRUE(screen_.isServing());
        if (const std::string &why = whyItDoesNotRun(); !why.empty())
            GTEST_SKIP() << sink() << " shows no picture here in one process either:\n" << why;
    }

    // Found out once for each. ximagesink runs wherever there is a screen.
    static const std::string &whyItDoesNotRun()
    {
        static std::map<std::string, std::string> known{{"ximagesink", ""}};
        if (const auto found = known.find(sink()); found != known.end())
            return found->second;
        VirtualScreen screen;
        ChildProcess alone(gstLaunch("videotestsrc ! videoconvert ! " + sink()), environmentOn(screen));
        const bool shown = waitForTestPicture(screen, alone, ChildProcess::kPatience);
        return known[sink()] = shown ? "" : "it said: " + alone.transcript();
    }

    static std::string sink() { return std::get<0>(GetParam()); }
    static std::vector<std::string> environmentOn(const VirtualScreen &screen)
    {
        return {screen.environment(), onlySink(sink()), "LIBGL_ALWAYS_SOFTWARE=1"};
    }

    VirtualScreen screen_;
};

TEST_P(VideoSink, ShowsThePictureThatWasSent)
{
    const std::string path = freshPath(".socket");
    const auto sending = gstLaunch("videotestsrc ! sharedringsink socket=" + path);
    const auto showing = gstLaunch("sharedringsrc socket=" + path + " ! autovideosink");
    std::optional<ChildProcess> producer, consumer;
    if (std::get<1>(GetParam()) == First::Producer) {
        producer.emplace(sending);
        ASSERT_TRUE(waitForSocket(path)) << producer->transcript();
        consumer.emplace(showing, environmentOn(screen_));
    } else {
        consumer.emplace(showing, environmentOn(screen_));
        ASSERT_TRUE(consumer->waitFor("Waiting for a producer")) << consumer->transcript();
        producer.emplace(sending);
    }

    EXPECT_TRUE(waitForTestPicture(screen_, *consumer, ChildProcess::kPatience))
        << consumer->transcript() << producer->transcript();
    expectInterruptible(*consumer);
    expectInterruptible(*producer);
    for (ChildProcess *process : {&*producer, &*consumer}) {
        EXPECT_EQ(process->transcript().find("CRITICAL"), std::string::npos) << process->transcript();
    }
}

std::string nameOf(const testing::TestParamInfo<VideoSink::ParamType> &sink)
{
    return std::string(std::get<0>(sink.param)) +
           (std::get<1>(sink.param) == First::Producer ? "AfterTheProducer" : "BeforeTheProducer");
}

INSTANTIATE_TEST_SUITE_P(Screens, VideoSink,
                         testing::Combine(testing::Values("ximagesink", "xvimagesink", "glimagesink",
                                                          "gtksink"),
                                          testing::Values(First::Producer, First::Consumer)),
                         nameOf);

// ---- a second client

// A client that takes these formats, with a log of what it gets.
std::string taking(const std::string &path, const std::string &formats)
{
    return "sharedringsrc name=tap socket=" + path + " ! video/x-raw,format=" + formats + " ! fakesink";
}

// Consecutive frames of videotestsrc at its own size, each as large as the format before it says.
void expectWholeFrames(const TapLog &log)
{
    size_t size = 0;
    std::optional<uint64_t> next;
    for (const std::string &line : log.lines) {
        if (line.starts_with("caps "))
            size = line.find("(string)I420") != std::string::npos ||
                           line.find("(string)NV12") != std::string::npos
                       ? 320 * 240 * 3 / 2
                       : 320 * 240 * 4;
        if (!line.starts_with("buffer "))
            continue;
        std::istringstream words(line.substr(7));
        std::string pts, dts, duration, offsetEnd;
        uint64_t offset = 0, flags = 0, bytes = 0;
        words >> pts >> dts >> duration >> offset >> offsetEnd >> flags >> bytes;
        EXPECT_EQ(bytes, size) << line;
        EXPECT_EQ(offset, next.value_or(offset)) << line;
        next = offset + 1;
    }
}

std::string formatsIn(const TapLog &log)
{
    std::string formats;
    for (const std::string &caps : log.all("caps ")) {
        const size_t at = caps.find("format=(string)");
        formats += (formats.empty() ? "" : " ") + caps.substr(at + 15, caps.find(',', at) - at - 15);
    }
    return formats;
}

struct Pair {
    const char *name;
    const char *first;
    const char *second;
    const char *firstSees;
    const char *secondSees;
};

std::ostream &operator<<(std::ostream &out, const Pair &pair)
{
    return out << pair.name;
}

class SecondClient : public testing::TestWithParam<Pair>
{
};

TEST_P(SecondClient, JoinsAndTheFirstMissesNothing)
{
    const std::string path = freshPath(".socket");
    PeerProcess producer("videotestsrc ! sharedringsink slow-client=block socket=" + path);
    PeerProcess first(taking(path, GetParam().first));
    ASSERT_TRUE(first.waitForCount(3)) << first.transcript();

    PeerProcess second(taking(path, GetParam().second));
    ASSERT_TRUE(second.waitForCount(10)) << second.transcript() << producer.transcript();
    const uint64_t seen = std::stoull(first.command("count"));
    ASSERT_TRUE(first.waitForCount(seen + 5)) << first.transcript();

    EXPECT_EQ(second.quit(), 0);
    EXPECT_EQ(first.quit(), 0);
    expectWholeFrames(first.log());
    expectWholeFrames(second.log());
    EXPECT_EQ(formatsIn(first.log()), GetParam().firstSees);
    EXPECT_EQ(formatsIn(second.log()), GetParam().secondSees);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, SecondClient,
    testing::Values(Pair{"TakesWhatIsThere", "{I420,BGRx}", "I420", "I420", "I420"},
                    Pair{"MakesTheFormatChange", "{NV12,I420,BGRx}", "BGRx", "I420 BGRx", "BGRx"},
                    Pair{"TakesOnlyI420BesideOneThatPrefersAnother", "{BGRx,I420}", "I420", "I420", "I420"}),
    testing::PrintToStringParamName());

TEST(ClientThatNoCommonFormatServes, GetsTheErrorThatSaysSoAlone)
{
    VirtualScreen screen;
    ASSERT_TRUE(screen.isServing());
    const std::string path = freshPath(".socket");
    ChildProcess producer(gstLaunch("videotestsrc ! sharedringsink socket=" + path));
    ASSERT_TRUE(waitForSocket(path)) << producer.transcript();
    ChildProcess window(gstLaunch("sharedringsrc socket=" + path + " ! autovideosink"),
                        {screen.environment(), onlySink("ximagesink")});
    PeerProcess witness(taking(path, "{BGRx,GRAY8}"));
    ASSERT_TRUE(waitForTestPicture(screen, window, ChildProcess::kPatience)) << window.transcript();
    ASSERT_TRUE(witness.waitForCount(3)) << witness.transcript();

    const Finished newcomer =
        runToEnd(gstLaunch("sharedringsrc socket=" + path + " ! video/x-raw,format=I420 ! fakesink"));

    EXPECT_EQ(newcomer.status, 1) << newcomer.output;
    for (const char *word : {"BGRx", "I420", "videoconvert"})
        EXPECT_NE(newcomer.output.find(word), std::string::npos) << newcomer.output;
    const uint64_t seen = std::stoull(witness.command("count"));
    EXPECT_TRUE(witness.waitForCount(seen + 5)) << witness.transcript();
    EXPECT_TRUE(showsTestPicture(screen.look()));
    EXPECT_EQ(formatsIn(witness.log()), "BGRx");
    expectInterruptible(window);
    expectInterruptible(producer);
}

} // namespace
