// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whatever a client says or writes: it alone is dropped, with one line that names the fault and its
// numbers, and the honest client beside it gets every buffer.
#include "raw_client.h"
#include "ring_consumer.h"
#include "ring_producer.h"

#include "ringcore/bell.h"
#include "ringcore/byte_codec.h"
#include "ringcore/sealed_memfd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace
{

using namespace ringcore;
using ringtest::Consumer;
using ringtest::Producer;
using ringtest::ProducerOptions;
using ringtest::RawClient;
using ringtest::upTo;

constexpr auto kAny = ~uint64_t{0}; // in place of a number that depends on the kernel

uint64_t numberOf(MessageType type)
{
    return static_cast<uint64_t>(type);
}

// How far the client has gone, honestly, when the attack begins.
enum class Stage { Connected, Welcomed, Joined };

struct Attack {
    std::string name;
    Stage stage;
    std::function<void(RawClient &, Producer &, Consumer &honest)> act;
    std::optional<PeerFault> fault; // none: it stays
    std::optional<Refusal> refusal; // instead, and what the log says of it
    std::string line;
};

void PrintTo(const Attack &attack, std::ostream *out)
{
    *out << attack.name;
}

// ---- messages

std::vector<std::byte> words(std::initializer_list<uint32_t> numbers)
{
    ByteWriter writer(kMessageLimit);
    for (const uint32_t number : numbers)
        writer.number(number);
    return writer.take();
}

std::vector<std::byte> shorter(std::vector<std::byte> message)
{
    message.pop_back();
    return message;
}

std::vector<std::byte> longer(std::vector<std::byte> message)
{
    message.push_back(std::byte{0});
    return message;
}

// A hello or an attachment whose attachment says that it has `claimed` bytes, and has `real`.
std::vector<std::byte> withAttachment(MessageType type, uint32_t claimed, size_t real)
{
    auto message = type == MessageType::Hello ? words({kMagic, 1, kOldestWireVersion, kWireVersion, claimed})
                                              : words({kMagic, static_cast<uint32_t>(type), claimed});
    message.resize(message.size() + real);
    return message;
}

std::vector<std::byte> messageOf(MessageType type)
{
    switch (type) {
    case MessageType::Hello:
        return encode(Hello{kOldestWireVersion, kWireVersion, {}});
    case MessageType::Refused:
    case MessageType::Busy:
        return encode(Refusal{RefusalReason::TooOften, 1, type == MessageType::Busy});
    case MessageType::Welcome:
        return encode(Welcome{1, 1, 4, 20, 64, 4096});
    case MessageType::Attachment:
        return encodeAttachment({});
    case MessageType::Goodbye:
        return encodeGoodbye(nullptr);
    case MessageType::Request:
        return encode(Request{1, {}});
    case MessageType::Ready:
    case MessageType::Look:
        break;
    }
    return encodeEmpty(type);
}

auto sends(std::vector<std::byte> message)
{
    return [message = std::move(message)](RawClient &client, Producer &, Consumer &) {
        EXPECT_EQ(client.send(message), 0);
    };
}

PeerFault malformed(MessageType type, uint64_t left)
{
    return {FaultKind::MessageMalformed, numberOf(type), left};
}

std::vector<Attack> attacks()
{
    std::vector<Attack> all;
    const char *const stages[] = {"AtFirst", "InsteadOfReady", "Later"};
    const MessageType expected[] = {MessageType::Hello, MessageType::Ready, MessageType::Attachment};
    const char *const names[] = {"",      "Hello",      "Refused", "Busy",    "Welcome",
                                 "Ready", "Attachment", "Look",    "Goodbye", "Request"};
    for (const Stage stage : {Stage::Connected, Stage::Welcomed, Stage::Joined}) {
        const std::string when = stages[static_cast<int>(stage)];
        const auto add = [&](const std::string &name, std::vector<std::byte> message, PeerFault fault) {
            all.push_back({name + when, stage, sends(std::move(message)), fault, {}, {}});
        };
        add("EmptyPacket", {}, {FaultKind::MessageEmpty, 0, 0});
        add("HalfAHead", words({kMagic}), {FaultKind::MessageTooShort, 8, 4});
        add("WrongMagic", words({0x12345678, 1}), {FaultKind::MessageUnknown, kMagic, 0x12345678});
        add("TypeZero", words({kMagic, 0}), {FaultKind::MessageUnknown, 9, 0});
        add("UnknownType", words({kMagic, 4711}), {FaultKind::MessageUnknown, 9, 4711});
        add("LongerThanAnyMessage", std::vector<std::byte>(kMessageLimit + 1),
            {FaultKind::MessageTruncated, kMessageLimit, kAny});
        for (uint32_t number = 1; number <= 9; number++) {
            const auto type = static_cast<MessageType>(number);
            const bool inOrder =
                type == expected[static_cast<int>(stage)] ||
                (stage == Stage::Joined && (type == MessageType::Goodbye || type == MessageType::Request));
            if (!inOrder)
                add(names[number], messageOf(type),
                    {FaultKind::MessageOutOfOrder, numberOf(expected[static_cast<int>(stage)]), number});
        }
    }
    const auto add = [&](const std::string &name, Stage stage, std::vector<std::byte> message,
                         PeerFault fault) {
        all.push_back({name, stage, sends(std::move(message)), fault, {}, {}});
    };
    using enum MessageType;
    add("HelloThatEndsEarly", Stage::Connected, shorter(messageOf(Hello)), malformed(Hello, 3));
    add("HelloThatGoesOn", Stage::Connected, longer(messageOf(Hello)), malformed(Hello, 1));
    add("HelloWithTooLargeAnAttachment", Stage::Connected,
        withAttachment(Hello, kAttachmentLimit + 1, kAttachmentLimit + 1),
        malformed(Hello, kAttachmentLimit + 1));
    add("HelloWhoseAttachmentIsNotThere", Stage::Connected, withAttachment(Hello, 100, 3),
        malformed(Hello, 3));
    add("HelloWhoseAttachmentIsEndless", Stage::Connected, withAttachment(Hello, UINT32_MAX, 3),
        malformed(Hello, 3));
    add("ReadyThatGoesOn", Stage::Welcomed, longer(messageOf(Ready)), malformed(Ready, 1));
    add("AttachmentThatEndsEarly", Stage::Joined, shorter(messageOf(Attachment)), malformed(Attachment, 3));
    add("AttachmentThatGoesOn", Stage::Joined, longer(messageOf(Attachment)), malformed(Attachment, 1));
    add("TooLargeAnAttachment", Stage::Joined,
        withAttachment(Attachment, kAttachmentLimit + 1, kAttachmentLimit + 1),
        malformed(Attachment, kAttachmentLimit + 1));
    add("AttachmentThatIsNotThere", Stage::Joined, withAttachment(Attachment, 9, 2),
        malformed(Attachment, 2));
    // Request, a kind, and how many bytes it claims.
    const auto request = [](uint32_t claimed, size_t real) {
        auto message = words({kMagic, static_cast<uint32_t>(Request), 1, claimed});
        message.resize(message.size() + real);
        return message;
    };
    add("RequestThatEndsEarly", Stage::Joined, shorter(messageOf(Request)), malformed(Request, 3));
    add("RequestThatGoesOn", Stage::Joined, longer(messageOf(Request)), malformed(Request, 1));
    add("TooLargeARequest", Stage::Joined, request(kRequestLimit + 1, kRequestLimit + 1),
        malformed(Request, kRequestLimit + 1));
    add("RequestThatIsNotThere", Stage::Joined, request(9, 2), malformed(Request, 2));
    add("RequestThatIsEndless", Stage::Joined, request(UINT32_MAX, 2), malformed(Request, 2));
    add("GoodbyeThatEndsEarly", Stage::Joined, shorter(messageOf(Goodbye)), malformed(Goodbye, 7));
    add("GoodbyeThatGoesOn", Stage::Joined, longer(messageOf(Goodbye)), malformed(Goodbye, 1));

    // ---- versions
    const auto version = [&](const std::string &name, uint32_t oldest, uint32_t newest, bool served) {
        Attack attack{name, Stage::Connected, {}, {}, {}, {}};
        attack.act = [=](RawClient &client, Producer &, Consumer &) {
            EXPECT_EQ(client.sendHello(oldest, newest), 0);
            if (served) {
                EXPECT_TRUE(client.awaitWelcome() && client.map() && client.seal() &&
                            client.sendReady() == 0);
            }
        };
        if (!served) {
            attack.refusal = Refusal{RefusalReason::Version, kWireVersion, false};
            attack.line = describe(PeerFault{FaultKind::VersionUnsupported, kWireVersion, newest});
        }
        all.push_back(attack);
    };
    version("VersionOlderThanOurOldest", 0, kOldestWireVersion - 1, false);
    version("VersionNewerThanOurNewest", kWireVersion + 1, kWireVersion + 4, false);
    version("VersionsInWrongOrder", kWireVersion + 1, kWireVersion, false);
    version("NewerVersionsThatIncludeOurs", kOldestWireVersion, kWireVersion + 9, true);
    all.push_back({"HelloOfANewerVersionThatGoesOn",
                   Stage::Connected,
                   [](RawClient &client, Producer &, Consumer &) {
                       auto hello = encode(ringcore::Hello{kOldestWireVersion, kWireVersion + 1, {}});
                       hello.resize(hello.size() + 100);
                       EXPECT_EQ(client.send(hello), 0);
                       EXPECT_TRUE(client.awaitWelcome() && client.map() && client.seal());
                       EXPECT_EQ(client.sendReady(), 0);
                   },
                   {},
                   {},
                   {}});

    // ---- the return page is not sealed
    all.push_back({"ReadyWithoutASealedPage",
                   Stage::Welcomed,
                   [](RawClient &client, Producer &, Consumer &) { EXPECT_EQ(client.sendReady(), 0); },
                   PeerFault{FaultKind::SealsMissing, kSingleWriterSeals, kAny},
                   {},
                   {}});
    all.push_back({"ReadyWithSealsThatCanBeAddedTo",
                   Stage::Welcomed,
                   [](RawClient &client, Producer &, Consumer &) {
                       EXPECT_EQ(::fcntl(client.returnFd(), F_ADD_SEALS, 0x0010 /* FUTURE_WRITE */), 0);
                       EXPECT_EQ(client.sendReady(), 0);
                   },
                   PeerFault{FaultKind::SealsMissing, kSingleWriterSeals, kAny},
                   {},
                   {}});

    // ---- floods
    all.push_back({"MoreMessagesThanItMaySend",
                   Stage::Joined,
                   [](RawClient &client, Producer &, Consumer &) {
                       for (int i = 0; i < 101; i++) {
                           if (client.send(encodeAttachment({})) != 0)
                               i--; // its queue is full: the producer reads on
                       }
                   },
                   PeerFault{FaultKind::TooManyMessages, 100, 101},
                   {},
                   {}});

    // ---- the words of the return page
    const auto cursor = [&](const std::string &name, uint32_t claim, uint64_t distance) {
        all.push_back({name,
                       Stage::Joined,
                       [claim](RawClient &client, Producer &producer, Consumer &honest) {
                           client.returnPage().cursor.store(claim);
                           for (int event = 0; event < 65; event++) { // it looks when its ring seems full
                               const std::string text = "gap " + std::to_string(event) + ".";
                               producer.event(text);
                               ASSERT_TRUE(honest.await(text));
                           }
                       },
                       PeerFault{FaultKind::CursorBeyondRing, 64, distance},
                       {},
                       {}});
    };
    cursor("CursorBeyondTheRing", 1000, 1000);
    cursor("CursorOneBeyondWhatWasWritten", 65, 65);
    cursor("CursorBackwards", UINT32_MAX, UINT32_MAX);
    all.push_back({"NonsenseInEverySlotWord",
                   Stage::Joined,
                   [](RawClient &client, Producer &producer, Consumer &) {
                       std::mt19937 random(5);
                       for (auto &word : client.returnPage().generations)
                           word.store(static_cast<uint32_t>(random()));
                       producer.stream().reap();
                       for (auto &word : client.returnPage().generations)
                           word.store(UINT32_MAX);
                       producer.stream().reap();
                   },
                   {},
                   {},
                   {}});
    all.push_back({"WholeReturnPageOfOnes",
                   Stage::Joined,
                   [](RawClient &client, Producer &, Consumer &) {
                       auto *bytes = reinterpret_cast<unsigned char *>(&client.returnPage());
                       std::fill(bytes + sizeof(uint32_t), bytes + kReturnBytes, 0xff); // but the cursor
                   },
                   {},
                   {},
                   {}});
    all.push_back(
        {"SaysThatItSleepsAllTheTime",
         Stage::Joined,
         [](RawClient &client, Producer &, Consumer &) { client.returnPage().consumerSleeps.store(1); },
         {},
         {},
         {}});
    all.push_back({"UnmapsItsReturnPage",
                   Stage::Joined,
                   [](RawClient &client, Producer &, Consumer &) { client.unmapReturnPage(); },
                   {},
                   {},
                   {}});
    return all;
}

class HostileConsumer : public testing::TestWithParam<Attack>
{
};

TEST_P(HostileConsumer, IsDroppedAloneAndTheHonestOneGetsEverything)
{
    const Attack &attack = GetParam();
    Producer producer{ProducerOptions(8)};
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    uint32_t published = 0;
    const auto publishSome = [&] {
        for (int i = 0; i < 10; i++) {
            producer.deliver(++published);
            ASSERT_TRUE(honest.awaitBuffers(published));
        }
    };
    publishSome();

    RawClient client(producer.socket());
    if (attack.stage >= Stage::Welcomed) {
        ASSERT_TRUE(client.sendHello() == 0 && client.awaitWelcome() && client.map());
    }
    if (attack.stage == Stage::Joined) {
        ASSERT_TRUE(client.seal() && client.sendReady() == 0);
        producer.awaitJoined(2);
    }
    attack.act(client, producer, honest);
    ASSERT_FALSE(HasFatalFailure());
    publishSome();

    const std::string who =
        "warning client 2 (pid " + std::to_string(::getpid()) + ", uid " + std::to_string(::getuid()) + ")";
    if (attack.fault) {
        const auto words = client.awaitEnd();
        EXPECT_TRUE(words.hungUp);
        ASSERT_TRUE(words.fault) << producer.heard().warnings();
        EXPECT_EQ(words.fault->kind, attack.fault->kind) << nameOf(words.fault->kind);
        EXPECT_EQ(words.fault->expected, attack.fault->expected);
        if (attack.fault->found != kAny) {
            EXPECT_EQ(words.fault->found, attack.fault->found);
        }
        EXPECT_TRUE(producer.heard().await(who + " dropped: " + describe(*words.fault)))
            << producer.heard().warnings();
    } else if (attack.refusal) {
        const auto words = client.awaitEnd();
        EXPECT_TRUE(words.hungUp);
        ASSERT_TRUE(words.refusal);
        EXPECT_EQ(words.refusal->reason, attack.refusal->reason);
        EXPECT_EQ(words.refusal->limit, attack.refusal->limit);
        EXPECT_TRUE(producer.heard().await(who + " dropped: " + attack.line)) << producer.heard().warnings();
    } else {
        producer.awaitJoined(2);
        EXPECT_EQ(producer.stream().consumers(), 2u);
        EXPECT_EQ(producer.heard().warnings(), "");
    }
    if (attack.fault || attack.refusal) {
        ASSERT_TRUE(ringtest::awaitState([&] { return producer.publisher().connections() == 1; }));
        EXPECT_EQ(producer.heard().count("warning"), 1u) << producer.heard().warnings();
        producer.expectNothingOut();
    }
    publishSome();
    EXPECT_EQ(honest.buffers(), upTo(published));
    const auto texts = honest.texts();
    EXPECT_EQ(std::count_if(texts.begin(), texts.end(),
                            [](const auto &text) { return text.find("torn") != std::string::npos; }),
              0);
    producer.stop();
    producer.expectNothingOut();
}

INSTANTIATE_TEST_SUITE_P(All, HostileConsumer, testing::ValuesIn(attacks()),
                         [](const auto &instance) { return instance.param.name; });

TEST(HostileConsumer, DescriptorsFromAClientAreNotTaken)
{
    Producer producer;
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(2);
    const UniqueFd sent[1] = {UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))};
    const UniqueFd probe(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const int error = client.send(encodeAttachment({}), sent);
    if (refuseDescriptors(probe.get())) {
        EXPECT_EQ(error, EPERM);
    } else { // before Linux 6.16 the kernel cannot be asked to take none
        const auto words = client.awaitEnd();
        ASSERT_TRUE(words.fault);
        EXPECT_EQ(words.fault->kind, FaultKind::WrongNumberOfFds);
        EXPECT_EQ(words.fault->found, 1u);
    }
    producer.deliver(1);
    EXPECT_TRUE(honest.awaitBuffers(1));
}

TEST(HostileConsumer, CursorThatIsNonsenseFromTheStartIsFoundWhenItsRingIsFull)
{
    Producer producer;
    for (uint32_t place = 0; place < ringcore::kMaxStickyEvents; place++)
        ASSERT_TRUE(producer.sticky(place, "state"));
    RawClient client(producer.socket());
    ASSERT_TRUE(client.sendHello() == 0 && client.awaitWelcome() && client.map());
    client.returnPage().cursor.store(4711);
    ASSERT_TRUE(client.seal() && client.sendReady() == 0);
    producer.awaitJoined(1);
    for (uint32_t room = ringcore::ringCapacityFor(4) - ringcore::kMaxStickyEvents; room > 0; room--)
        producer.event("that it has room for");
    EXPECT_EQ(producer.stream().consumers(), 1u);
    producer.event("for which its cursor is looked at");
    const auto words = client.awaitEnd();
    ASSERT_TRUE(words.fault);
    EXPECT_EQ(words.fault->kind, FaultKind::CursorBeyondRing);
    EXPECT_EQ(words.fault->found, 4711u);
    ASSERT_TRUE(producer.awaitNoConnections());
    EXPECT_EQ(producer.stream().consumers(), 0u);
}

TEST(HostileConsumer, BellThatIsRungAllTheTimeCostsOnlyLooks)
{
    Producer producer{ProducerOptions(4, SlowClient::Block)};
    Consumer honest(producer.socket());
    producer.awaitJoined(1);
    RawClient client(producer.socket());
    ASSERT_TRUE(client.join());
    producer.awaitJoined(2);
    std::atomic<bool> over{false};
    std::thread hammer([&] {
        while (!over)
            ring(client.returnPage().bell);
    });
    // The stream waits for this client at every fourth buffer, and its bell never stands still.
    for (uint32_t number = 1; number <= 200; number++) {
        producer.deliver(number, 100);
        const auto record = client.read();
        ASSERT_TRUE(record);
        if (number < 197)
            client.giveBack(record->head);
    }
    std::thread stopper([&] {
        EXPECT_TRUE(client.awaitProducerAsleep());
        producer.stream().interrupt();
    });
    EXPECT_EQ(producer.publish(201, 100), PublishOutcome::Interrupted);
    stopper.join();
    over = true;
    hammer.join();
    ASSERT_TRUE(honest.awaitBuffers(200));
    EXPECT_EQ(honest.buffers(), upTo(200));
}

TEST(HostileConsumer, EveryWakeThatItAsksForInVainIsItsOwn)
{
    Producer producer{ProducerOptions(256)};
    RawClient liar(producer.socket());
    ASSERT_TRUE(liar.join());
    producer.awaitJoined(1);
    liar.returnPage().consumerSleeps.store(1);
    for (uint32_t number = 1; number <= 100; number++)
        producer.deliver(number, 100);
    EXPECT_EQ(producer.sum().wakes, 100u);
    EXPECT_EQ(producer.sum().buffers, 100u);
}

} // namespace
