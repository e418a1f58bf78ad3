// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The consumer against an honest producer, and against one that lies about everything: each lie
// ends in the fault that names it, within its time, and the memory that is held stays good.
#include "subscriber_fixture.h"

#include <gtest/gtest.h>

#include <atomic>

using namespace ringcore;

namespace
{

Record changed(Record record, const std::function<void(RecordHead &)> &change)
{
    change(record.head);
    return record;
}

} // namespace

// ---- an honest producer

TEST_F(SubscriberTest, DeliversRecordsAndGivesSlotsBack)
{
    join();
    std::memset(producer->at(8192), 5, 100);
    Record record = HostileProducer::buffer(3, 7, 8192, 100);
    record.head.inlineSize = 4;
    std::memcpy(record.inlineBytes, "abcd", 4);
    producer->write(record);
    ASSERT_EQ(receive(), Received::Record);
    EXPECT_EQ(delivery.inlineBytes.size(), 4u);
    EXPECT_EQ(std::memcmp(delivery.inlineBytes.data(), "abcd", 4), 0);
    ASSERT_EQ(delivery.payload.size(), 100u);
    EXPECT_EQ(delivery.payload[99], std::byte{5});
    EXPECT_FALSE(delivery.nearBound);
    EXPECT_EQ(subscriber->statistics().heldBlocks, 1u);
    EXPECT_EQ(producer->page().generations[3].load(), 0u);
    delivery.lease.giveBack();
    EXPECT_EQ(producer->page().generations[3].load(), 7u);
    EXPECT_EQ(producer->page().cursor.load(), 1u);
    EXPECT_EQ(subscriber->statistics().heldBlocks, 0u);
}

TEST_F(SubscriberTest, ALeaseOutlivesSubscriberAndProducer)
{
    join();
    std::memset(producer->at(4096), 9, 4096);
    producer->write(HostileProducer::buffer(0, 1, 4096, 4096));
    ASSERT_EQ(receive(), Received::Record);
    const auto payload = delivery.payload;
    Lease lease = std::move(delivery.lease);
    const auto budget = std::make_shared<MemoryBudget>();
    subscriber.reset();
    ReturnPage &page = producer->page();
    producer->socket = ControlSocket(UniqueFd());
    EXPECT_EQ(payload[4095], std::byte{9});
    std::thread([&] { lease.giveBack(); }).join();
    EXPECT_EQ(page.generations[0].load(), 1u);
}

TEST_F(SubscriberTest, HeldArenasCountAgainstTheBudget)
{
    const auto budget = std::make_shared<MemoryBudget>();
    config.budget = budget;
    config.maxMemory = HostileProducer::kArenaBytes * 3 / 2;
    join();
    producer->write(HostileProducer::buffer(0, 1, 0, 1));
    ASSERT_EQ(receive(), Received::Record);
    Lease lease = std::move(delivery.lease);
    subscriber.reset();
    EXPECT_EQ(budget->taken(), HostileProducer::kArenaBytes);

    config = {};
    config.budget = budget;
    config.maxMemory = HostileProducer::kArenaBytes * 3 / 2;
    connect();
    ASSERT_TRUE(producer->hears(MessageType::Hello));
    producer->sendWelcome();
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_NE(delivery.loss.text.find(nameOf(FaultKind::SizeBeyondBound)), std::string::npos);
    lease.giveBack();
    EXPECT_EQ(budget->taken(), 0u);
}

TEST_F(SubscriberTest, SleepsAndIsWokenByTheBell)
{
    join();
    std::thread late([this] {
        producer->waitUntil([this] { return producer->page().consumerSleeps.load() != 0; });
        producer->write(HostileProducer::plain(2));
    });
    EXPECT_EQ(receive(), Received::Record);
    late.join();
    EXPECT_EQ(producer->page().consumerSleeps.load(), 0u);
    EXPECT_EQ(subscriber->statistics().sleeps, 1u);
}

TEST_F(SubscriberTest, WakesAProducerThatSleeps)
{
    join();
    producer->header().producerSleeps = 1;
    const uint32_t bell = producer->page().bell.load();
    producer->write(HostileProducer::buffer(0, 1, 0, 1));
    ASSERT_EQ(receive(), Received::Record); // there is room in the ring again
    EXPECT_EQ(producer->page().bell.load(), bell + 1);
    delivery.lease.giveBack();
    EXPECT_EQ(producer->page().bell.load(), bell + 2);
}

TEST_F(SubscriberTest, AdvisesToCopyNearItsBound)
{
    join();
    producer->header().boundBlocks = 4;
    std::vector<Lease> held;
    std::vector<bool> advice;
    for (uint32_t i = 0; i < 4; i++) {
        producer->write(HostileProducer::buffer(i, 1, 4096 * i, 100));
        ASSERT_EQ(receive(), Received::Record);
        advice.push_back(delivery.nearBound);
        held.push_back(std::move(delivery.lease));
    }
    EXPECT_EQ(advice, (std::vector<bool>{false, false, true, true}));
    held.clear();
    producer->header().boundBlocks = 16;
    producer->header().boundBytes = 3 * 65536;
    producer->write(HostileProducer::buffer(0, 2, 0, 65536));
    ASSERT_EQ(receive(), Received::Record);
    EXPECT_FALSE(delivery.nearBound);
    producer->header().boundBytes = 3 * 65536 - 1;
    producer->write(HostileProducer::buffer(0, 3, 0, 65536));
    ASSERT_EQ(receive(), Received::Record);
    EXPECT_TRUE(delivery.nearBound);
    // A slot stands for both of its blocks.
    producer->header().boundBytes = 3 * 65536;
    for (const uint32_t more : {0u, 1u}) {
        Record both = HostileProducer::buffer(0, 4 + more, 0, 100);
        both.head.extraOffset = 4096;
        both.head.extraSize = 65536 - 100 + more;
        producer->write(both);
        ASSERT_EQ(receive(), Received::Record);
        EXPECT_EQ(delivery.nearBound, more == 1);
    }
}

TEST_F(SubscriberTest, CanBeInterrupted)
{
    join();
    std::thread late([this] {
        producer->waitUntil([this] { return producer->page().consumerSleeps.load() != 0; });
        subscriber->interrupt();
    });
    EXPECT_EQ(subscriber->receive(delivery), Received::Interrupted);
    late.join();
    subscriber->interrupt();
    EXPECT_EQ(subscriber->receive(delivery), Received::Interrupted);
    producer->write(HostileProducer::plain(2));
    EXPECT_EQ(receive(), Received::Record);
}

TEST_F(SubscriberTest, SendsAttachmentsThatChanged)
{
    observer->setAttachment({std::byte{1}});
    connect();
    const auto hello = producer->receive();
    ASSERT_TRUE(hello);
    EXPECT_EQ(decodeHello(*hello).value().attachment, std::vector<std::byte>{std::byte{1}});
    producer->sendWelcome();
    ASSERT_TRUE(producer->hears(MessageType::Ready));
    ASSERT_EQ(receive(), Received::Joined);
    subscriber->attachmentChanged(); // it did not
    observer->setAttachment({std::byte{2}});
    subscriber->attachmentChanged();
    const auto attachment = producer->receive();
    ASSERT_TRUE(attachment);
    EXPECT_EQ(decodeAttachment(*attachment).value(), std::vector<std::byte>{std::byte{2}});
    for (int i = 0; i < 100; i++)
        subscriber->attachmentChanged();
    EXPECT_FALSE(producer->receive(300ms));
}

// ---- the end of a stream, and of a producer

TEST_F(SubscriberTest, DeliversTheEndAfterTheLastRecord)
{
    join();
    producer->write(HostileProducer::plain(2));
    producer->endStream();
    EXPECT_EQ(receive(), Received::Record);
    EXPECT_EQ(receive(), Received::EndOfStream);
    producer->write(HostileProducer::plain(3)); // it begins anew
    EXPECT_EQ(receive(), Received::Record);
    producer->endStream();
    EXPECT_EQ(receive(), Received::EndOfStream);
    EXPECT_EQ(receive(100ms), Received::Interrupted); // once
    producer.reset();
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_TRUE(delivery.loss.afterEndOfStream);
    EXPECT_FALSE(delivery.loss.retrying);
}

TEST_F(SubscriberTest, DeliversWhatIsInTheRingOfAProducerThatIsGone)
{
    join();
    for (uint32_t i = 0; i < 10; i++)
        producer->write(HostileProducer::buffer(i, 1, 4096 * i, 10));
    producer->endStream();
    producer.reset();
    for (uint32_t i = 0; i < 10; i++)
        EXPECT_EQ(receive(), Received::Record) << i;
    EXPECT_EQ(receive(), Received::EndOfStream);
    EXPECT_EQ(receive(), Received::Lost);
}

TEST_F(SubscriberTest, AProducerThatHangsUpButWritesOnIsLostAllTheSame)
{
    join();
    producer->write(HostileProducer::plain(2));
    ASSERT_EQ(::shutdown(producer->socket.fd(), SHUT_RDWR), 0);
    std::atomic<bool> stop{false};
    std::thread writing([&] {
        while (!stop) {
            if (producer->writer.room(1).value() > 0)
                producer->write(HostileProducer::plain(2));
        }
    });
    Received received = Received::Record;
    for (int i = 0; i < 1000000 && received == Received::Record; i++)
        received = subscriber->receive(delivery);
    EXPECT_EQ(received, Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Gone);
    stop = true;
    writing.join();
}

TEST_F(SubscriberTest, HearsWhyItIsDisconnected)
{
    join();
    const PeerFault fault{FaultKind::SlowConsumer, 4, 5};
    producer->send(encodeGoodbye(&fault));
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Disconnected);
    EXPECT_NE(delivery.loss.text.find(describe(fault)), std::string::npos);
}

TEST_F(SubscriberTest, SaysGoodbyeWhenItStops)
{
    join();
    subscriber->stop();
    EXPECT_TRUE(producer->hears(MessageType::Goodbye));
}

// ---- flushes

TEST_F(SubscriberTest, PassesAFlushOnOnceAndDiscardsWhatWasBefore)
{
    join();
    producer->write(HostileProducer::buffer(0, 1, 0, 10));
    producer->write(HostileProducer::buffer(1, 1, 4096, 10));
    producer->setEpoch(1);
    producer->look();
    ASSERT_TRUE(producer->waitUntil([this] { return observer->flushes == 1; })); // by the control thread
    producer->setEpoch(2, true);
    producer->look();
    producer->write(
        changed(HostileProducer::buffer(2, 1, 8192, 10), [](RecordHead &head) { head.epoch = 2; }));
    ASSERT_EQ(receive(), Received::FlushStop);
    EXPECT_TRUE(delivery.resetTime);
    ASSERT_EQ(receive(), Received::Record);
    EXPECT_EQ(delivery.record.head.slot, 2u);
    EXPECT_EQ(producer->page().generations[0].load(), 1u);
    EXPECT_EQ(producer->page().generations[1].load(), 1u);
    EXPECT_EQ(observer->flushes, 1);
    EXPECT_EQ(subscriber->statistics().discarded, 2u);
}

TEST_F(SubscriberTest, HearsTheNumbersOfFlushesAndOfTheEnd)
{
    join();
    producer->endStream(0, 0xfedcba98);
    ASSERT_EQ(receive(), Received::EndOfStream);
    EXPECT_EQ(delivery.number, 0xfedcba98);
    producer->setEpoch(1, false, 0x7fffffff);
    producer->look();
    ASSERT_TRUE(producer->waitUntil([this] { return observer->flushes == 1; }));
    EXPECT_EQ(observer->flushNumber, 0x7fffffffu);
    producer->setEpoch(2, true, 1234);
    ASSERT_EQ(receive(), Received::FlushStop);
    EXPECT_EQ(delivery.number, 1234u);
    EXPECT_TRUE(delivery.resetTime);
}

TEST_F(SubscriberTest, SeesAFlushWithoutBeingTold)
{
    join();
    producer->setEpoch(1); // rings, but says nothing over the socket
    std::thread late([this] {
        producer->waitUntil([this] { return observer->flushes == 1; });
        producer->setEpoch(2);
    });
    EXPECT_EQ(receive(), Received::FlushStop);
    EXPECT_FALSE(delivery.resetTime);
    late.join();
}

TEST_F(SubscriberTest, FlushesThatFollowUnseenCountAsOne)
{
    join();
    producer->setEpoch(6, true);
    producer->look();
    ASSERT_EQ(receive(), Received::FlushStop);
    producer->setEpoch(8);
    ASSERT_EQ(receive(), Received::FlushStop);
    EXPECT_EQ(observer->flushes, 2);
    EXPECT_EQ(receive(100ms), Received::Interrupted);
}

TEST_F(SubscriberTest, AnEndBeforeAFlushIsNoEndAfterIt)
{
    join();
    producer->endStream();
    ASSERT_EQ(receive(), Received::EndOfStream);
    producer->setEpoch(2);
    ASSERT_EQ(receive(), Received::FlushStop);
    EXPECT_EQ(receive(100ms), Received::Interrupted);
    producer->endStream(2);
    ASSERT_EQ(receive(), Received::EndOfStream);
}

TEST_F(SubscriberTest, AProducerThatGoesWhileFlushingLeavesNobodyFlushing)
{
    join();
    producer->setEpoch(1);
    producer->look();
    ASSERT_TRUE(producer->waitUntil([this] { return observer->flushes == 1; }));
    producer.reset();
    EXPECT_EQ(receive(), Received::FlushStop);
    EXPECT_EQ(receive(), Received::Lost);
    EXPECT_EQ(observer->flushes, 1);
}

TEST_F(SubscriberTest, AFaultWhileFlushingLeavesNobodyFlushing)
{
    join();
    producer->setEpoch(1);
    producer->look();
    ASSERT_TRUE(producer->waitUntil([this] { return observer->flushes == 1; }));
    producer->header().cursor = 100000;
    ring(producer->header().bell);
    EXPECT_EQ(receive(), Received::FlushStop);
    expectFault(FaultKind::CursorBeyondRing);
    EXPECT_EQ(observer->flushes, 1);
}

// ---- lies in the ring

TEST_F(SubscriberTest, RefusesACursorBeyondTheRing)
{
    join();
    producer->header().cursor = producer->welcome.ringCapacity + 1;
    ring(producer->header().bell);
    expectFault(FaultKind::CursorBeyondRing, producer->welcome.ringCapacity,
                producer->welcome.ringCapacity + 1);
}

TEST_F(SubscriberTest, RefusesAnEpochThatGoesBack)
{
    join();
    producer->setEpoch(4);
    ASSERT_EQ(receive(), Received::FlushStop);
    producer->setEpoch(2);
    expectFault(FaultKind::EpochUnexpected, 4, 2);
}

TEST_F(SubscriberTest, RefusesAnEpochThatGoesBackWhenToldOverTheSocket)
{
    join();
    producer->setEpoch(4);
    ASSERT_EQ(receive(), Received::FlushStop);
    producer->header().epoch = packEpoch(2, false, 0);
    producer->look();
    ASSERT_TRUE(producer->waitUntil([this] { return !observer->lines().empty(); })); // by the control thread
    expectFault(FaultKind::EpochUnexpected, 4, 2);
}

namespace
{

struct Lie {
    const char *name;
    FaultKind kind;
    std::function<void(RecordHead &)> change;
    std::optional<uint64_t> expected, found;
};

constexpr uint64_t kArena = HostileProducer::kArenaBytes;
constexpr uint32_t kSlots = HostileProducer::kMaxBuffers + kEventSlots;

const Lie kLies[] = {
    {"SlotBeyondTheTable", FaultKind::SlotBeyondTable, [](RecordHead &h) { h.slot = kSlots; }, kSlots,
     kSlots},
    {"SlotFarBeyondTheTable",
     FaultKind::SlotBeyondTable,
     [](RecordHead &h) { h.slot = 1u << 30; },
     kSlots,
     {}},
    {"PayloadWithoutASlot", FaultKind::SlotBeyondTable, [](RecordHead &h) { h.slot = kNoSlot; }, kSlots,
     kNoSlot},
    {"ExtraWithoutASlot", FaultKind::SlotBeyondTable,
     [](RecordHead &h) {
         h.slot = kNoSlot;
         h.payloadSize = 0;
         h.extraSize = 1;
     },
     kSlots, kNoSlot},
    {"OffsetAtTheEnd", FaultKind::BlockBeyondArena, [](RecordHead &h) { h.payloadOffset = kArena; }, kArena,
     kArena},
    {"OffsetFarBeyond",
     FaultKind::BlockBeyondArena,
     [](RecordHead &h) { h.payloadOffset = UINT64_MAX; },
     kArena,
     {}},
    {"SizeBeyond", FaultKind::BlockBeyondArena,
     [](RecordHead &h) {
         h.payloadOffset = 4096;
         h.payloadSize = kArena - 4095;
     },
     kArena, kArena - 4095},
    {"OffsetAndSizeWrapAround",
     FaultKind::BlockBeyondArena,
     [](RecordHead &h) {
         h.payloadOffset = 4096;
         h.payloadSize = UINT64_MAX - 4000;
     },
     kArena,
     {}},
    {"ExtraBeyond", FaultKind::BlockBeyondArena,
     [](RecordHead &h) {
         h.extraOffset = kArena - 1;
         h.extraSize = 2;
     },
     kArena, 2},
    {"ExtraOffsetBeyond",
     FaultKind::BlockBeyondArena,
     [](RecordHead &h) {
         h.extraOffset = UINT64_MAX;
         h.extraSize = UINT32_MAX;
     },
     kArena,
     {}},
    {"OddEpoch", FaultKind::EpochUnexpected, [](RecordHead &h) { h.epoch = 1; }, 0, 1},
    {"EpochOfTheFuture", FaultKind::EpochUnexpected, [](RecordHead &h) { h.epoch = 2; }, 0, 2},
};

class LyingRecord : public SubscriberTest, public testing::WithParamInterface<Lie>
{
};

} // namespace

TEST_P(LyingRecord, IsRefused)
{
    join();
    producer->write(HostileProducer::buffer(0, 1, 0, 4096));
    ASSERT_EQ(receive(), Received::Record);
    Lease good = std::move(delivery.lease);
    const auto payload = delivery.payload;
    producer->write(changed(HostileProducer::buffer(1, 1, 4096, 100), GetParam().change));
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Faulty);
    const auto goodbye = producer->hearsGoodbye();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->kind, GetParam().kind) << delivery.loss.text;
    if (GetParam().expected) {
        EXPECT_EQ(goodbye->expected, *GetParam().expected);
    }
    if (GetParam().found) {
        EXPECT_EQ(goodbye->found, *GetParam().found);
    }
    EXPECT_EQ(observer->lines().size(), 1u);
    // Who holds an earlier block notices nothing.
    EXPECT_EQ(payload[4095], std::byte{0});
    good.giveBack();
    EXPECT_EQ(producer->page().generations[0].load(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Lies, LyingRecord, testing::ValuesIn(kLies),
                         [](const auto &param) { return param.param.name; });

TEST_F(SubscriberTest, RefusesInlineBytesBeyondTheRecord)
{
    join();
    auto &record = *producer->forward.mapping().at<SharedRecord>(kForwardRingOffset);
    RecordHead head = HostileProducer::plain(1).head;
    head.inlineSize = kInlineBytes + 1;
    uint64_t words[sizeof head / sizeof(uint64_t)];
    std::memcpy(words, &head, sizeof head);
    for (size_t i = 0; i < std::size(words); i++)
        record.words[i] = words[i];
    producer->header().cursor = 1;
    ring(producer->header().bell);
    expectFault(FaultKind::InlineBeyondRecord, kInlineBytes, kInlineBytes + 1);
}

TEST_F(SubscriberTest, TakesBlocksUpToTheVeryEnd)
{
    join();
    producer->write(HostileProducer::buffer(kSlots - 1, 1, 0, kArena));
    ASSERT_EQ(receive(), Received::Record);
    EXPECT_EQ(delivery.payload.size(), kArena);
    producer->write(HostileProducer::buffer(0, 1, kArena - 1, 1));
    EXPECT_EQ(receive(), Received::Record);
}

// A producer can claim one slot twice and any generation: it only confuses itself.
TEST_F(SubscriberTest, StoresTheGenerationThatWasClaimed)
{
    join();
    producer->write(HostileProducer::buffer(4, 0xdeadbeef, 0, 1));
    ASSERT_EQ(receive(), Received::Record);
    Lease first = std::move(delivery.lease);
    producer->write(HostileProducer::buffer(4, 0, 0, 1));
    ASSERT_EQ(receive(), Received::Record);
    delivery.lease.giveBack();
    EXPECT_EQ(producer->page().generations[4].load(), 0u);
    first.giveBack();
    EXPECT_EQ(producer->page().generations[4].load(), 0xdeadbeef);
}

TEST_F(SubscriberTest, DropsAProducerWhoseContentMakesNoSense)
{
    join();
    producer->write(HostileProducer::plain(99));
    ASSERT_EQ(receive(), Received::Record);
    subscriber->refuseContent("kind 99");
    ASSERT_EQ(receive(), Received::Lost);
    EXPECT_EQ(delivery.loss.cause, Loss::Cause::Faulty);
    EXPECT_EQ(producer->hearsGoodbye()->kind, FaultKind::ContentInvalid);
}

// It stores records and rings as fast as it can, all of them of a flushed epoch.
TEST_F(SubscriberTest, CanBeInterruptedWhileAProducerFeedsItNothingButOldRecords)
{
    join();
    producer->setEpoch(2);
    ASSERT_EQ(receive(), Received::FlushStop);
    std::atomic<bool> stop{false};
    std::thread feeding([&] {
        while (!stop) {
            if (producer->writer.room(1).value() > 0)
                producer->write(HostileProducer::plain(2));
        }
    });
    EXPECT_EQ(receive(200ms), Received::Interrupted);
    stop = true;
    feeding.join();
}
