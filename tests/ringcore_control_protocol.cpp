// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The control socket and its messages against a peer that sends anything else than it should.
#include "ringcore/control_protocol.h"
#include "ringcore/wire.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/socket.h>
#include <sys/un.h>

using namespace ringcore;

namespace
{

struct Pair {
    UniqueFd peer;
    ControlSocket ours;

    static Pair create()
    {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        return {UniqueFd(fds[0]), ControlSocket(UniqueFd(fds[1]))};
    }
};

std::vector<UniqueFd> someFds(size_t count)
{
    std::vector<UniqueFd> fds;
    for (size_t i = 0; i < count; i++)
        fds.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return fds;
}

// As the peer: any bytes, any number of descriptors.
void sendRaw(int fd, std::span<const std::byte> bytes, size_t fdCount = 0)
{
    const auto fds = someFds(fdCount);
    std::vector<char> control(CMSG_SPACE(std::max<size_t>(fdCount, 1) * sizeof(int)));
    iovec part{const_cast<std::byte *>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (fdCount > 0) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fdCount * sizeof(int));
        cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fdCount * sizeof(int));
        for (size_t i = 0; i < fdCount; i++) {
            const int one = fds[i].get();
            std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &one, sizeof one);
        }
    }
    ASSERT_EQ(::sendmsg(fd, &header, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

FaultKind faultKindOf(const auto &result)
{
    if (result)
        return FaultKind{UINT32_MAX};
    const auto *fault = std::get_if<PeerFault>(&result.error());
    return fault ? fault->kind : FaultKind{UINT32_MAX};
}

int errnoOf(const auto &result)
{
    if (result)
        return 0;
    const auto *system = std::get_if<SystemError>(&result.error());
    return system ? system->number : -1;
}

size_t openFds()
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += ::fcntl(fd, F_GETFD) >= 0;
    return count;
}

Message messageOf(std::vector<std::byte> bytes, size_t fds = 0)
{
    return Message{std::move(bytes), someFds(fds)};
}

Hello someHello()
{
    return {kOldestWireVersion, kWireVersion, std::vector<std::byte>(100, std::byte{7})};
}
Welcome someWelcome()
{
    return {kWireVersion, 1, 16, 16 + kEventSlots, ringCapacityFor(16), 1 << 20};
}
const PeerFault kSomeFault{FaultKind::SlowConsumer, 4, 5};

// Each message there is, and the one function that reads it.
struct Kind {
    const char *name;
    std::vector<std::byte> bytes;
    size_t fds;
    std::function<std::optional<Error>(const Message &)> decode;
};

template <typename Decode>
auto reading(Decode decode)
{
    return [decode](const Message &message) -> std::optional<Error> {
        const auto result = decode(message);
        return result ? std::nullopt : std::optional<Error>(result.error());
    };
}

std::vector<Kind> allKinds()
{
    return {
        {"Hello", encode(someHello()), 0, reading(decodeHello)},
        {"Refused", encode(Refusal{RefusalReason::Unauthorized, 0, false}), 0, reading(decodeRefusal)},
        {"Busy", encode(Refusal{RefusalReason::TooManyClients, 16, true}), 0, reading(decodeRefusal)},
        {"Welcome", encode(someWelcome()), kMessageFds, reading(decodeWelcome)},
        {"Ready", encodeEmpty(MessageType::Ready), 0,
         reading([](const Message &message) { return decodeEmpty(message, MessageType::Ready); })},
        {"Attachment", encodeAttachment(someHello().attachment), 0, reading(decodeAttachment)},
        {"Look", encodeEmpty(MessageType::Look), 0,
         reading([](const Message &message) { return decodeEmpty(message, MessageType::Look); })},
        {"Goodbye", encodeGoodbye(&kSomeFault), 0, reading(decodeGoodbye)},
        {"Request", encode(Request{7, std::vector<std::byte>(9, std::byte{1})}), 0, reading(decodeRequest)},
    };
}

FaultKind faultKindOf(const std::optional<Error> &error)
{
    const auto *fault = error ? std::get_if<PeerFault>(&*error) : nullptr;
    return fault ? fault->kind : FaultKind{UINT32_MAX};
}

class EachMessage : public testing::TestWithParam<size_t>
{
protected:
    const Kind kind = allKinds()[GetParam()];
};

} // namespace

TEST_P(EachMessage, IsReadAsItWasWritten)
{
    EXPECT_FALSE(kind.decode(messageOf(kind.bytes, kind.fds)));
}

TEST_P(EachMessage, IsRefusedAtEveryShorterLength)
{
    for (size_t size = 0; size < kind.bytes.size(); size++) {
        auto bytes = kind.bytes;
        bytes.resize(size);
        const FaultKind fault = faultKindOf(kind.decode(messageOf(bytes, kind.fds)));
        EXPECT_EQ(fault, size < 8 ? FaultKind::MessageTooShort : FaultKind::MessageMalformed) << size;
    }
}

TEST_P(EachMessage, IsRefusedWithAByteTooMany)
{
    auto bytes = kind.bytes;
    bytes.push_back(std::byte{0});
    EXPECT_EQ(faultKindOf(kind.decode(messageOf(bytes, kind.fds))), FaultKind::MessageMalformed);
}

TEST_P(EachMessage, IsRefusedWithADescriptorTooManyOrTooFew)
{
    EXPECT_EQ(faultKindOf(kind.decode(messageOf(kind.bytes, kind.fds + 1))), FaultKind::WrongNumberOfFds);
    if (kind.fds > 0) {
        EXPECT_EQ(faultKindOf(kind.decode(messageOf(kind.bytes, kind.fds - 1))), FaultKind::WrongNumberOfFds);
    }
}

TEST_P(EachMessage, IsRefusedInPlaceOfAnother)
{
    for (const Kind &other : allKinds()) {
        const bool bothRefusals = (std::string(kind.name) == "Refused" || std::string(kind.name) == "Busy") &&
                                  (std::string(other.name) == "Refused" || std::string(other.name) == "Busy");
        if (std::string(other.name) == kind.name || bothRefusals)
            continue;
        EXPECT_EQ(faultKindOf(kind.decode(messageOf(other.bytes, other.fds))), FaultKind::MessageOutOfOrder)
            << other.name;
    }
}

TEST_P(EachMessage, IsRefusedWithAnotherMagicOrAnUnknownType)
{
    for (const size_t at : {size_t{0}, size_t{3}}) {
        auto bytes = kind.bytes;
        bytes[at] ^= std::byte{0x40};
        EXPECT_EQ(faultKindOf(kind.decode(messageOf(bytes, kind.fds))), FaultKind::MessageUnknown);
    }
    for (const uint32_t type : {0u, static_cast<uint32_t>(MessageType::Request) + 1, UINT32_MAX}) {
        auto bytes = kind.bytes;
        std::memcpy(bytes.data() + 4, &type, sizeof type);
        EXPECT_EQ(faultKindOf(kind.decode(messageOf(bytes, kind.fds))), FaultKind::MessageUnknown);
    }
}

INSTANTIATE_TEST_SUITE_P(All, EachMessage, testing::Range(size_t{0}, allKinds().size()),
                         [](const auto &param) { return allKinds()[param.param].name; });

TEST(Protocol, BoundsAnAttachment)
{
    EXPECT_TRUE(decodeAttachment(messageOf(encodeAttachment(std::vector<std::byte>(kAttachmentLimit)))));
    const auto tooLarge = encodeAttachment(std::vector<std::byte>(kAttachmentLimit + 1));
    EXPECT_EQ(faultKindOf(decodeAttachment(messageOf(tooLarge))), FaultKind::MessageMalformed);
    Hello hello = someHello();
    hello.attachment.resize(kAttachmentLimit + 1);
    EXPECT_EQ(faultKindOf(decodeHello(messageOf(encode(hello)))), FaultKind::MessageMalformed);
}

TEST(Protocol, BoundsARequest)
{
    const auto most = decodeRequest(messageOf(encode(Request{7, std::vector<std::byte>(kRequestLimit)})));
    ASSERT_TRUE(most);
    EXPECT_EQ(most->kind, 7u);
    EXPECT_EQ(most->bytes.size(), kRequestLimit);
    const auto tooLarge = encode(Request{7, std::vector<std::byte>(kRequestLimit + 1)});
    EXPECT_EQ(faultKindOf(decodeRequest(messageOf(tooLarge))), FaultKind::MessageMalformed);
}

TEST(Protocol, RefusesAWelcomeWhoseNumbersDoNotFitTogether)
{
    const auto refused = [](auto change) {
        Welcome welcome = someWelcome();
        change(welcome);
        return faultKindOf(decodeWelcome(messageOf(encode(welcome), kMessageFds)));
    };
    EXPECT_EQ(refused([](Welcome &w) { w.version = 0; }), FaultKind::VersionUnsupported);
    EXPECT_EQ(refused([](Welcome &w) { w.version = kWireVersion + 1; }), FaultKind::VersionUnsupported);
    EXPECT_EQ(refused([](Welcome &w) { w.maxBuffers = 0; }), FaultKind::ContentInvalid);
    EXPECT_EQ(refused([](Welcome &w) { w.maxBuffers = kMaxBuffersLimit + 1; }), FaultKind::ContentInvalid);
    EXPECT_EQ(refused([](Welcome &w) { w.maxBuffers = UINT32_MAX; }), FaultKind::ContentInvalid);
    EXPECT_EQ(refused([](Welcome &w) { w.slots++; }), FaultKind::ContentInvalid);
    EXPECT_EQ(refused([](Welcome &w) { w.slots = UINT32_MAX; }), FaultKind::ContentInvalid);
    EXPECT_EQ(refused([](Welcome &w) { w.ringCapacity *= 2; }), FaultKind::ContentInvalid);
    EXPECT_EQ(refused([](Welcome &w) { w.ringCapacity = 0; }), FaultKind::ContentInvalid);
}

TEST(Protocol, SpeaksTheHighestCommonVersion)
{
    EXPECT_EQ(commonVersion(1, 1).value(), 1u);
    EXPECT_EQ(commonVersion(1, 99).value(), kWireVersion);
    EXPECT_EQ(faultKindOf(commonVersion(kWireVersion + 1, 99)), FaultKind::VersionUnsupported);
    EXPECT_EQ(faultKindOf(commonVersion(0, 0)), FaultKind::VersionUnsupported);
    EXPECT_EQ(faultKindOf(commonVersion(5, 1)), FaultKind::VersionUnsupported);
}

TEST(Protocol, ANewerPeerMayAddToItsHello)
{
    Hello hello = someHello();
    hello.newestVersion = kWireVersion + 1;
    auto bytes = encode(hello);
    bytes.push_back(std::byte{1});
    EXPECT_TRUE(decodeHello(messageOf(bytes)));
}

TEST(ControlSocket, TellsNothingFromTheEnd)
{
    auto pair = Pair::create();
    EXPECT_FALSE(pair.ours.receive(0).value());
    pair.peer.reset();
    EXPECT_EQ(errnoOf(pair.ours.receive(0)), ECONNRESET);
    EXPECT_EQ(errnoOf(pair.ours.receive(0)), ECONNRESET);
}

TEST(ControlSocket, TellsAnEmptyMessageFromTheEnd)
{
    auto pair = Pair::create();
    sendRaw(pair.peer.get(), {});
    EXPECT_EQ(faultKindOf(pair.ours.receive(0)), FaultKind::MessageEmpty);
    pair.peer.reset();
    EXPECT_EQ(errnoOf(pair.ours.receive(0)), ECONNRESET);
}

TEST(ControlSocket, AHalfClosedPeerIsNoEndlessStreamOfNothing)
{
    auto pair = Pair::create();
    ASSERT_EQ(::shutdown(pair.peer.get(), SHUT_WR), 0);
    EXPECT_FALSE(pair.ours.receive(0));
}

TEST(ControlSocket, RefusesWhatDoesNotFit)
{
    auto pair = Pair::create();
    sendRaw(pair.peer.get(), std::vector<std::byte>(kMessageLimit + 1));
    EXPECT_EQ(faultKindOf(pair.ours.receive(0)), FaultKind::MessageTruncated);
    sendRaw(pair.peer.get(), std::vector<std::byte>(kMessageLimit));
    EXPECT_EQ(pair.ours.receive(0).value()->bytes.size(), kMessageLimit);
}

TEST(ControlSocket, RefusesDescriptorsBeyondTheBoundAndClosesThem)
{
    auto pair = Pair::create();
    const size_t before = openFds();
    const std::vector<std::byte> bytes(8);
    sendRaw(pair.peer.get(), bytes, 1);
    EXPECT_EQ(faultKindOf(pair.ours.receive(0)), FaultKind::WrongNumberOfFds);
    sendRaw(pair.peer.get(), bytes, kMessageFds + 1); // there is room for this one
    EXPECT_EQ(faultKindOf(pair.ours.receive(kMessageFds)), FaultKind::WrongNumberOfFds);
    sendRaw(pair.peer.get(), bytes, 200);
    EXPECT_EQ(faultKindOf(pair.ours.receive(kMessageFds)), FaultKind::MessageTruncated);
    sendRaw(pair.peer.get(), {}, 2);
    EXPECT_EQ(faultKindOf(pair.ours.receive(kMessageFds)), FaultKind::MessageEmpty);
    EXPECT_EQ(openFds(), before);
    sendRaw(pair.peer.get(), bytes, kMessageFds);
    EXPECT_EQ(pair.ours.receive(kMessageFds).value()->fds.size(), kMessageFds);
}

TEST(ControlSocket, HearsThePeersLastWordsAlthoughItReadNothing)
{
    auto pair = Pair::create();
    ASSERT_TRUE(pair.ours.send(encode(someHello())));
    sendRaw(pair.peer.get(), encode(Refusal{RefusalReason::TooManyClients, 16, true}));
    pair.peer.reset(); // with our hello unread
    const auto answer = pair.ours.receive(kMessageFds);
    ASSERT_TRUE(answer);
    ASSERT_TRUE(*answer);
    EXPECT_EQ(decodeRefusal(**answer).value().limit, 16u);
    EXPECT_EQ(errnoOf(pair.ours.receive(kMessageFds)), ECONNRESET);
}

TEST(ControlSocket, SendingNeverWaitsAndRaisesNoSignal)
{
    auto pair = Pair::create();
    int number = 0;
    for (int i = 0; i < 100000 && number == 0; i++)
        number = errnoOf(pair.ours.send(encodeEmpty(MessageType::Look)));
    EXPECT_EQ(number, EAGAIN);
    pair.peer.reset();
    EXPECT_EQ(errnoOf(pair.ours.send(encodeEmpty(MessageType::Look))), ECONNRESET); // it left much unread
    EXPECT_EQ(errnoOf(pair.ours.send(encodeEmpty(MessageType::Look))), EPIPE);
}
