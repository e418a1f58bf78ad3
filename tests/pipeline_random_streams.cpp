// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random streams of events, buffers and metas: what comes out behind sharedringsink and sharedringsrc is
// what comes out behind a queue.
//
// SHAREDRING_RANDOM_SEED has the first seed (each stream's is one more than the one's before), and
// SHAREDRING_RANDOM_STREAMS how many streams there are: one alone to see a failure again, or thousands.
#include "dice.h"
#include "random_stream.h"
#include "stream_ways.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <iterator>

namespace
{

constexpr uint64_t kSeed = 20240229;
constexpr size_t kItems = 120; // of a stream, at least

class RandomStreams : public testing::Test
{
protected:
    static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

    // As many streams as this, or as the environment says, each through the ends that `cutOf` makes.
    template <typename CutOf>
    static void expectSame(uint64_t streams, CutOf cutOf)
    {
        const uint64_t first = numberFrom("SHAREDRING_RANDOM_SEED", kSeed);
        const uint64_t count = numberFrom("SHAREDRING_RANDOM_STREAMS", streams);
        size_t items = 0;
        for (uint64_t seed = first; seed < first + count && !HasFailure(); seed++) {
            const auto stream = randomStream(seed, kItems);
            const Lines expected = throughQueue(stream);
            ASSERT_EQ(expected.size(), stream.size()) << "seed " << seed << ": a queue loses nothing";
            SCOPED_TRACE("SHAREDRING_RANDOM_SEED=" + std::to_string(seed) + " SHAREDRING_RANDOM_STREAMS=1");
            expectSameLines(expected, throughRing(stream, cutOf(seed)));
            items += stream.size();
        }
        std::printf("%zu items in %llu streams, seeds from %llu\n", items,
                    static_cast<unsigned long long>(count), static_cast<unsigned long long>(first));
    }
};

TEST_F(RandomStreams, ComeOutAsBehindAQueue)
{
    expectSame(60, [](uint64_t seed) {
        static constexpr const char *kBuffers[] = {"", "max-buffers=1", "max-buffers=3", "max-buffers=256"};
        static constexpr const char *kModes[] = {"", "payload-mode=map", "payload-mode=copy"};
        return Cut{kBuffers[seed % std::size(kBuffers)], kModes[seed % std::size(kModes)]};
    });
}

TEST_F(RandomStreams, ComeOutOfAnotherProcessAsBehindAQueue)
{
    expectSame(10, [](uint64_t) { return Cut{"", "", true}; });
}

} // namespace
