// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every interleaving of the sleeping protocol of SharedRing, with store buffers: who publishes does not
// fence between its cursor and the sleep flag, and who sleeps makes up for it. A waiter sleeps in steps,
// and misses a wake in the first and shortest of them alone; a poller, which has no steps, waits for the
// stores under way. Without either, one sleeps for good; so this model would see it.
#include "store_buffers.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_map>

namespace
{

using namespace ringtest;

// The words of memory. Data is the cursor: how many items there are.
enum Word : uint8_t { kData, kBell, kFlag, kWords };

struct Protocol {
    bool timedSteps = true;       // a sleeper wakes by itself after a while
    bool sleeperFences = true;    // between its flag and its second look
    bool awaitsStores = false;    // then also until the publisher's stores are seen (membarrier)
    bool keepsFlag = true;        // from one step of a wait to the next
    bool countsEveryStep = false; // also one that was cut short is followed by a longer one
    Buffering buffering = Buffering::InOrder;
    uint8_t items = 2;
};

enum class Publisher : uint8_t { StoreData, ReadFlag, Ring, Wake, Done };
enum class Sleeper : uint8_t {
    Look,
    ReadBell,
    SetFlag,
    Fence,
    AwaitStores,
    LookAgain,
    Wait,
    Asleep,
    Woken,
    Done
};

struct State {
    std::array<uint8_t, kWords> memory{};
    StoreBuffer publisherStores, sleeperStores;
    Publisher publisher = Publisher::StoreData;
    Sleeper sleeper = Sleeper::Look;
    uint8_t published = 0; // by the publisher, privately
    uint8_t consumed = 0;
    uint8_t bellSeen = 0;
    uint8_t publishedBefore = 0; // when the step began
    bool flagged = false;        // the sleeper's own flag is set
    bool firstStep = true;       // of the wait under way

    std::string key() const
    {
        return keyOf(memory, {&publisherStores, &sleeperStores},
                     {static_cast<uint8_t>(publisher), static_cast<uint8_t>(sleeper), published, consumed,
                      bellSeen, static_cast<uint8_t>(flagged), static_cast<uint8_t>(firstStep)});
    }
};

class Exploration
{
public:
    explicit Exploration(const Protocol &protocol) : protocol_(protocol)
    {
        number(State{});
        for (size_t at = 0; at < states_.size(); at++) {
            const State state = states_[at];
            next_.clear();
            stepPublisher(state);
            stepSleeper(state);
            drain(state, &State::publisherStores, protocol_.buffering, next_);
            drain(state, &State::sleeperStores, protocol_.buffering, next_);
            for (const State &successor : next_) {
                const size_t to = number(successor);
                cameFrom_[to].push_back(at);
            }
        }
    }

    // Whether from every state there is a way to all items consumed. The states are finite, so with a
    // machine on which whatever can happen does (a store is seen, a step ends), all end there.
    bool alwaysFinishes() const
    {
        std::vector<bool> finishes(states_.size());
        std::vector<size_t> open;
        for (size_t i = 0; i < states_.size(); i++) {
            if (states_[i].sleeper == Sleeper::Done) {
                finishes[i] = true;
                open.push_back(i);
            }
        }
        size_t count = open.size();
        while (!open.empty()) {
            const size_t at = open.back();
            open.pop_back();
            for (const size_t from : cameFrom_[at]) {
                if (finishes[from])
                    continue;
                finishes[from] = true;
                count++;
                open.push_back(from);
            }
        }
        return count == states_.size();
    }

    // Whether somebody sleeps beside an item that nobody will wake it for: in the first step of a wait,
    // or in a later and longer one.
    bool missesAWake(bool inFirstStep) const
    {
        return std::any_of(states_.begin(), states_.end(), [&](const State &state) {
            return state.sleeper == Sleeper::Asleep && state.publisher == Publisher::Done &&
                   state.publisherStores.count == 0 && state.consumed < state.memory[kData] &&
                   state.firstStep == inFirstStep;
        });
    }

    size_t states() const { return states_.size(); }

private:
    size_t number(const State &state)
    {
        const auto [at, isNew] = numbers_.try_emplace(state.key(), states_.size());
        if (isNew) {
            states_.push_back(state);
            cameFrom_.emplace_back();
        }
        return at->second;
    }

    void stepPublisher(const State &state)
    {
        State after = state;
        const Publisher afterItem =
            state.published == protocol_.items ? Publisher::Done : Publisher::StoreData;
        switch (state.publisher) {
        case Publisher::StoreData:
            if (!store(after.publisherStores, kData, static_cast<uint8_t>(state.published + 1)))
                return;
            after.published++;
            after.publisher = Publisher::ReadFlag; // no fence
            break;
        case Publisher::ReadFlag:
            after.publisher =
                load(state.memory, state.publisherStores, kFlag) != 0 ? Publisher::Ring : afterItem;
            break;
        case Publisher::Ring:
            // An atomic addition with release: what was stored before is seen first.
            if (state.publisherStores.count > 0)
                return;
            after.memory[kBell]++;
            after.publisher = Publisher::Wake;
            break;
        case Publisher::Wake:
            if (state.sleeper == Sleeper::Asleep)
                after.sleeper = Sleeper::Woken;
            after.publisher = afterItem;
            break;
        case Publisher::Done:
            return;
        }
        next_.push_back(after);
    }

    // What is there is consumed, and the wait is over.
    bool finishWait(State &state, uint8_t data) const
    {
        if (state.flagged && !store(state.sleeperStores, kFlag, 0))
            return false;
        state.flagged = false;
        state.firstStep = true;
        state.consumed = data;
        state.sleeper = data == protocol_.items ? Sleeper::Done : Sleeper::Look;
        return true;
    }

    void stepSleeper(const State &state)
    {
        State after = state;
        const uint8_t data = load(state.memory, state.sleeperStores, kData);
        switch (state.sleeper) {
        case Sleeper::Look:
            if (data == state.consumed)
                after.sleeper = Sleeper::ReadBell;
            else if (!finishWait(after, data))
                return;
            break;
        case Sleeper::ReadBell:
            after.bellSeen = load(state.memory, state.sleeperStores, kBell);
            after.sleeper = Sleeper::SetFlag;
            break;
        case Sleeper::SetFlag:
            if (!store(after.sleeperStores, kFlag, 1))
                return;
            after.flagged = true;
            after.sleeper = protocol_.sleeperFences ? Sleeper::Fence : Sleeper::LookAgain;
            break;
        case Sleeper::Fence:
            if (state.sleeperStores.count > 0)
                return;
            after.sleeper = protocol_.awaitsStores ? Sleeper::AwaitStores : Sleeper::LookAgain;
            break;
        case Sleeper::AwaitStores:
            if (state.publisherStores.count > 0)
                return;
            after.sleeper = Sleeper::LookAgain;
            break;
        case Sleeper::LookAgain:
            if (data == state.consumed)
                after.sleeper = Sleeper::Wait;
            else if (!finishWait(after, data))
                return;
            break;
        case Sleeper::Wait:
            after.sleeper = state.memory[kBell] == state.bellSeen ? Sleeper::Asleep : Sleeper::Woken;
            after.publishedBefore = state.published;
            break;
        case Sleeper::Asleep:
            // A step is longer than a store takes to be seen.
            if (!protocol_.timedSteps || state.memory[kData] < state.publishedBefore)
                return; // until somebody wakes it
            after.firstStep = false;
            after.sleeper = Sleeper::Woken;
            break;
        case Sleeper::Woken:
            after.publishedBefore = 0;
            if (protocol_.countsEveryStep)
                after.firstStep = false;
            if (!protocol_.keepsFlag) {
                if (!store(after.sleeperStores, kFlag, 0))
                    return;
                after.flagged = false;
            }
            after.sleeper = Sleeper::Look;
            break;
        case Sleeper::Done:
            return;
        }
        next_.push_back(after);
    }

    const Protocol protocol_;
    std::vector<State> states_;
    std::unordered_map<std::string, size_t> numbers_;
    std::vector<std::vector<size_t>> cameFrom_;
    std::vector<State> next_;
};

class RingModel : public testing::TestWithParam<Buffering>
{
protected:
    Protocol waiting() const
    {
        Protocol protocol;
        protocol.buffering = GetParam();
        return protocol;
    }
    // In a poll, which nobody but the publisher ends.
    Protocol polling() const
    {
        Protocol protocol = waiting();
        protocol.timedSteps = false;
        protocol.awaitsStores = true;
        return protocol;
    }
};

TEST_P(RingModel, NoWaitSleepsForGood)
{
    for (uint8_t items = 1; items <= 3; items++) {
        Protocol protocol = waiting();
        protocol.items = items;
        const Exploration exploration(protocol);
        EXPECT_TRUE(exploration.alwaysFinishes()) << int{items} << " items";
        RecordProperty("states", static_cast<int>(exploration.states()));
    }
}

TEST_P(RingModel, WithoutTimedStepsOneDoes)
{
    for (uint8_t items = 1; items <= 3; items++) {
        Protocol broken = waiting();
        broken.timedSteps = false;
        broken.items = items;
        EXPECT_FALSE(Exploration(broken).alwaysFinishes()) << int{items} << " items";
    }
}

TEST_P(RingModel, AWakeIsMissedInTheFirstStepAlone)
{
    const Exploration exploration(waiting());
    EXPECT_TRUE(exploration.missesAWake(true)); // the price of no fence
    EXPECT_FALSE(exploration.missesAWake(false));
}

TEST_P(RingModel, WithoutTheSleepersFenceItIsMissedInAnyStep)
{
    Protocol broken = waiting();
    broken.sleeperFences = false;
    EXPECT_TRUE(Exploration(broken).missesAWake(false));
}

TEST_P(RingModel, WithAFlagThatIsTakenBackBetweenStepsItIsMissedInAnyStep)
{
    Protocol broken = waiting();
    broken.keepsFlag = false;
    EXPECT_TRUE(Exploration(broken).missesAWake(false));
}

TEST_P(RingModel, WithStepsThatGrowWhenTheyAreCutShortItIsMissedInAnyStep)
{
    Protocol broken = waiting();
    broken.countsEveryStep = true;
    EXPECT_TRUE(Exploration(broken).missesAWake(false));
}

TEST_P(RingModel, NoPollSleepsForGood)
{
    for (uint8_t items = 1; items <= 3; items++) {
        Protocol protocol = polling();
        protocol.items = items;
        const Exploration exploration(protocol);
        EXPECT_TRUE(exploration.alwaysFinishes()) << int{items} << " items";
        EXPECT_FALSE(exploration.missesAWake(true));
    }
}

TEST_P(RingModel, WithoutAwaitingTheStoresUnderWayAPollDoes)
{
    Protocol broken = polling();
    broken.awaitsStores = false;
    EXPECT_FALSE(Exploration(broken).alwaysFinishes());
}

TEST_P(RingModel, WithoutTheSleepersFenceAPollDoes)
{
    Protocol broken = polling();
    broken.sleeperFences = false; // and then there is nothing to await stores after
    EXPECT_FALSE(Exploration(broken).alwaysFinishes());
}

INSTANTIATE_TEST_SUITE_P(Buffers, RingModel, testing::Values(Buffering::InOrder, Buffering::Reordered),
                         [](const auto &instance) {
                             return instance.param == Buffering::InOrder ? "InOrder" : "Reordered";
                         });

} // namespace
