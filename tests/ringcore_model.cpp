// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every interleaving of the bell's protocol, with store buffers: none ends with data published and
// its reader asleep for ever. Without either fence, or with a writer that remembers having rung
// instead of changing the word that is slept on, one does; so this model would see it.
#include "store_buffers.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace
{

using namespace ringtest;

// The words of memory. Data is the cursor: how many records there are.
enum Word : uint8_t { kData, kBell, kFlag, kWords };

struct Protocol {
    bool writerFences = true;
    bool sleeperFences = true;
    // The writer rings once for each time it sees a sleeper, by a private memory of having rung, and
    // leaves the word slept on alone when it believes that the sleeper has been rung for.
    bool remembersRinging = false;
    Buffering buffering = Buffering::InOrder;
    uint8_t records = 3;
};

enum class Writer : uint8_t { StoreData, Fence, ReadFlag, Ring, Wake, Done };
enum class Sleeper : uint8_t { Look, ReadBell, SetFlag, Fence, LookAgain, Wait, Asleep, ClearFlag, Done };

struct State {
    std::array<uint8_t, kWords> memory{};
    StoreBuffer writerStores, sleeperStores;
    Writer writer = Writer::StoreData;
    Sleeper sleeper = Sleeper::Look;
    uint8_t published = 0; // by the writer, privately
    uint8_t consumed = 0;
    uint8_t bellSeen = 0;
    bool rangForThisSleep = false;

    std::string key() const
    {
        return keyOf(memory, {&writerStores, &sleeperStores},
                     {static_cast<uint8_t>(writer), static_cast<uint8_t>(sleeper), published, consumed,
                      bellSeen, static_cast<uint8_t>(rangForThisSleep)});
    }
};

class Exploration
{
public:
    explicit Exploration(Protocol protocol) : protocol_(protocol) {}

    // Whether some interleaving gets stuck with a record that nobody will ever be woken for.
    bool loses()
    {
        std::vector<State> open{State{}};
        seen_.insert(open.back().key());
        while (!open.empty()) {
            const State state = open.back();
            open.pop_back();
            next_.clear();
            stepWriter(state);
            stepSleeper(state);
            drain(state, &State::writerStores, protocol_.buffering, next_);
            drain(state, &State::sleeperStores, protocol_.buffering, next_);
            if (next_.empty()) {
                if (state.consumed < protocol_.records)
                    return true;
                finished_ = true;
            }
            for (State &successor : next_) {
                if (seen_.insert(successor.key()).second)
                    open.push_back(std::move(successor));
            }
        }
        return false;
    }

    size_t states() const { return seen_.size(); }
    bool finished() const { return finished_; } // some interleaving consumed everything

private:
    void stepWriter(const State &state)
    {
        State after = state;
        switch (state.writer) {
        case Writer::StoreData:
            if (!store(after.writerStores, kData, static_cast<uint8_t>(state.published + 1)))
                return;
            after.published++;
            after.writer = protocol_.writerFences ? Writer::Fence : Writer::ReadFlag;
            break;
        case Writer::Fence:
            if (state.writerStores.count > 0)
                return; // passable once everything is visible
            after.writer = Writer::ReadFlag;
            break;
        case Writer::ReadFlag: {
            const bool sleeps = load(state.memory, state.writerStores, kFlag) != 0;
            if (!sleeps)
                after.rangForThisSleep = false;
            after.writer = sleeps ? Writer::Ring : afterRecord(state);
            if (sleeps && protocol_.remembersRinging && state.rangForThisSleep)
                after.writer = afterRecord(state); // "it has been rung for"
            after.rangForThisSleep = sleeps;
            break;
        }
        case Writer::Ring:
            // An atomic addition: it empties the buffer and changes memory at once.
            if (state.writerStores.count > 0)
                return;
            after.memory[kBell]++;
            after.writer = Writer::Wake;
            break;
        case Writer::Wake:
            if (state.sleeper == Sleeper::Asleep)
                after.sleeper = Sleeper::ClearFlag;
            after.writer = afterRecord(state);
            break;
        case Writer::Done:
            return;
        }
        next_.push_back(std::move(after));
    }

    Writer afterRecord(const State &state) const
    {
        return state.published == protocol_.records ? Writer::Done : Writer::StoreData;
    }

    void stepSleeper(const State &state)
    {
        State after = state;
        const uint8_t data = load(state.memory, state.sleeperStores, kData);
        switch (state.sleeper) {
        case Sleeper::Look:
            if (data > state.consumed)
                after.consumed = data;
            else
                after.sleeper = Sleeper::ReadBell;
            if (after.consumed == protocol_.records)
                after.sleeper = Sleeper::Done;
            break;
        case Sleeper::ReadBell:
            after.bellSeen = load(state.memory, state.sleeperStores, kBell);
            after.sleeper = Sleeper::SetFlag;
            break;
        case Sleeper::SetFlag:
            if (!store(after.sleeperStores, kFlag, 1))
                return;
            after.sleeper = protocol_.sleeperFences ? Sleeper::Fence : Sleeper::LookAgain;
            break;
        case Sleeper::Fence:
            if (state.sleeperStores.count > 0)
                return;
            after.sleeper = Sleeper::LookAgain;
            break;
        case Sleeper::LookAgain:
            after.sleeper = data > state.consumed ? Sleeper::ClearFlag : Sleeper::Wait;
            break;
        case Sleeper::Wait:
            // The kernel compares under its own lock, and its barriers make our stores visible; but a
            // model without them is the stricter one for the sleeper's fence.
            after.sleeper = state.memory[kBell] == state.bellSeen ? Sleeper::Asleep : Sleeper::ClearFlag;
            break;
        case Sleeper::Asleep:
            return; // until somebody wakes it
        case Sleeper::ClearFlag:
            if (!store(after.sleeperStores, kFlag, 0))
                return;
            after.sleeper = Sleeper::Look;
            break;
        case Sleeper::Done:
            return;
        }
        next_.push_back(std::move(after));
    }

    const Protocol protocol_;
    std::unordered_set<std::string> seen_;
    std::vector<State> next_;
    bool finished_ = false;
};

class BellModel : public testing::TestWithParam<Buffering>
{
protected:
    Protocol protocol() const
    {
        Protocol protocol;
        protocol.buffering = GetParam();
        return protocol;
    }
};

TEST_P(BellModel, NoInterleavingLeavesARecordAndItsReaderAsleep)
{
    for (uint8_t records = 1; records <= 4; records++) {
        Protocol whole = protocol();
        whole.records = records;
        Exploration exploration(whole);
        EXPECT_FALSE(exploration.loses()) << int{records} << " records";
        EXPECT_TRUE(exploration.finished());
        RecordProperty("states", static_cast<int>(exploration.states()));
    }
}

TEST_P(BellModel, WithoutTheWritersFenceOneDoes)
{
    Protocol broken = protocol();
    broken.writerFences = false;
    EXPECT_TRUE(Exploration(broken).loses());
}

TEST_P(BellModel, WithoutTheSleepersFenceOneDoes)
{
    Protocol broken = protocol();
    broken.sleeperFences = false;
    EXPECT_TRUE(Exploration(broken).loses());
}

TEST_P(BellModel, AWriterThatRemembersRingingLosesTheNextSleep)
{
    Protocol broken = protocol();
    broken.remembersRinging = true;
    EXPECT_TRUE(Exploration(broken).loses());
}

TEST_P(BellModel, ASingleSleepDoesNotShowWhatRememberingLoses)
{
    Protocol broken = protocol();
    broken.remembersRinging = true;
    broken.records = 1;
    EXPECT_FALSE(Exploration(broken).loses());
}

INSTANTIATE_TEST_SUITE_P(Buffers, BellModel, testing::Values(Buffering::InOrder, Buffering::Reordered),
                         [](const auto &instance) {
                             return instance.param == Buffering::InOrder ? "InOrder" : "Reordered";
                         });

} // namespace
