// SPDX-License-Identifier: LGPL-2.1-or-later
#include "control_protocol.h"

#include "byte_codec.h"
#include "wire.h"

#include <algorithm>

namespace ringcore
{

namespace
{

constexpr size_t kHeadBytes = 2 * sizeof(uint32_t);

ByteWriter begin(MessageType type)
{
    ByteWriter writer(kMessageLimit);
    writer.number(kMagic);
    writer.number(static_cast<uint32_t>(type));
    return writer;
}

Result<ByteReader> open(const Message &message, MessageType expected)
{
    const auto type = typeOf(message);
    if (!type)
        return tl::unexpected(type.error());
    if (*type != expected)
        return peerFault(FaultKind::MessageOutOfOrder, static_cast<uint64_t>(expected),
                         static_cast<uint64_t>(*type));
    const size_t fds = expected == MessageType::Welcome ? kMessageFds : 0;
    if (message.fds.size() != fds)
        return peerFault(FaultKind::WrongNumberOfFds, fds, message.fds.size());
    return ByteReader(std::span(message.bytes).subspan(kHeadBytes));
}

// A message is read whole: neither a byte missing nor a byte too many.
Result<void> close(const ByteReader &reader, MessageType type)
{
    if (reader.failed() || !reader.atEnd())
        return peerFault(FaultKind::MessageMalformed, static_cast<uint64_t>(type), reader.remaining());
    return {};
}

} // namespace

std::vector<std::byte> encode(const Hello &hello)
{
    ByteWriter writer = begin(MessageType::Hello);
    writer.number(hello.oldestVersion);
    writer.number(hello.newestVersion);
    writer.counted(hello.attachment);
    return writer.take();
}

std::vector<std::byte> encode(const Welcome &welcome)
{
    ByteWriter writer = begin(MessageType::Welcome);
    writer.number(welcome.version);
    writer.number(welcome.clientId);
    writer.number(welcome.maxBuffers);
    writer.number(welcome.slots);
    writer.number(welcome.ringCapacity);
    writer.number(welcome.arenaBytes);
    return writer.take();
}

std::vector<std::byte> encode(const Refusal &refusal)
{
    ByteWriter writer = begin(refusal.tryAgainLater ? MessageType::Busy : MessageType::Refused);
    writer.number(static_cast<uint32_t>(refusal.reason));
    writer.number(refusal.limit);
    return writer.take();
}

std::vector<std::byte> encodeAttachment(std::span<const std::byte> attachment)
{
    ByteWriter writer = begin(MessageType::Attachment);
    writer.counted(attachment);
    return writer.take();
}

std::vector<std::byte> encode(const Request &request)
{
    ByteWriter writer = begin(MessageType::Request);
    writer.number(request.kind);
    writer.counted(request.bytes);
    return writer.take();
}

std::vector<std::byte> encodeGoodbye(const PeerFault *fault)
{
    ByteWriter writer = begin(MessageType::Goodbye);
    writer.number(uint32_t{fault != nullptr});
    writer.number(fault ? static_cast<uint32_t>(fault->kind) : 0u);
    writer.number(fault ? fault->expected : uint64_t{0});
    writer.number(fault ? fault->found : uint64_t{0});
    return writer.take();
}

std::vector<std::byte> encodeEmpty(MessageType type)
{
    return begin(type).take();
}

Result<MessageType> typeOf(const Message &message)
{
    if (message.bytes.size() < kHeadBytes)
        return peerFault(FaultKind::MessageTooShort, kHeadBytes, message.bytes.size());
    ByteReader reader(message.bytes);
    const uint32_t magic = reader.number<uint32_t>();
    const uint32_t type = reader.number<uint32_t>();
    if (magic != kMagic)
        return peerFault(FaultKind::MessageUnknown, kMagic, magic);
    if (type < static_cast<uint32_t>(MessageType::Hello) ||
        type > static_cast<uint32_t>(MessageType::Request))
        return peerFault(FaultKind::MessageUnknown, static_cast<uint64_t>(MessageType::Request), type);
    return static_cast<MessageType>(type);
}

Result<Hello> decodeHello(const Message &message)
{
    auto reader = open(message, MessageType::Hello);
    if (!reader)
        return tl::unexpected(reader.error());
    Hello hello;
    hello.oldestVersion = reader->number<uint32_t>();
    hello.newestVersion = reader->number<uint32_t>();
    const auto attachment = reader->counted(kAttachmentLimit);
    // What a newer peer adds behind our fields is its own: the version decides what both speak.
    if (reader->failed() || (hello.newestVersion <= kWireVersion && !reader->atEnd()))
        return peerFault(FaultKind::MessageMalformed, static_cast<uint64_t>(MessageType::Hello),
                         reader->remaining());
    hello.attachment.assign(attachment.begin(), attachment.end());
    return hello;
}

Result<Welcome> decodeWelcome(const Message &message)
{
    auto reader = open(message, MessageType::Welcome);
    if (!reader)
        return tl::unexpected(reader.error());
    Welcome welcome;
    welcome.version = reader->number<uint32_t>();
    welcome.clientId = reader->number<uint32_t>();
    welcome.maxBuffers = reader->number<uint32_t>();
    welcome.slots = reader->number<uint32_t>();
    welcome.ringCapacity = reader->number<uint32_t>();
    welcome.arenaBytes = reader->number<uint64_t>();
    if (auto whole = close(*reader, MessageType::Welcome); !whole)
        return tl::unexpected(whole.error());
    if (welcome.version < kOldestWireVersion || welcome.version > kWireVersion)
        return peerFault(FaultKind::VersionUnsupported, kWireVersion, welcome.version);
    if (welcome.maxBuffers < 1 || welcome.maxBuffers > kMaxBuffersLimit)
        return peerFault(FaultKind::ContentInvalid, kMaxBuffersLimit, welcome.maxBuffers);
    if (welcome.slots != welcome.maxBuffers + kEventSlots)
        return peerFault(FaultKind::ContentInvalid, welcome.maxBuffers + kEventSlots, welcome.slots);
    if (welcome.ringCapacity != ringCapacityFor(welcome.maxBuffers))
        return peerFault(FaultKind::ContentInvalid, ringCapacityFor(welcome.maxBuffers),
                         welcome.ringCapacity);
    return welcome;
}

Result<Refusal> decodeRefusal(const Message &message)
{
    const auto type = typeOf(message);
    if (!type)
        return tl::unexpected(type.error());
    const bool busy = *type == MessageType::Busy;
    auto reader = open(message, busy ? MessageType::Busy : MessageType::Refused);
    if (!reader)
        return tl::unexpected(reader.error());
    const auto reason = static_cast<RefusalReason>(reader->number<uint32_t>());
    const uint64_t limit = reader->number<uint64_t>();
    if (auto whole = close(*reader, *type); !whole)
        return tl::unexpected(whole.error());
    return Refusal{reason, limit, busy};
}

Result<std::vector<std::byte>> decodeAttachment(const Message &message)
{
    auto reader = open(message, MessageType::Attachment);
    if (!reader)
        return tl::unexpected(reader.error());
    const auto bytes = reader->counted(kAttachmentLimit);
    if (auto whole = close(*reader, MessageType::Attachment); !whole)
        return tl::unexpected(whole.error());
    return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Result<Request> decodeRequest(const Message &message)
{
    auto reader = open(message, MessageType::Request);
    if (!reader)
        return tl::unexpected(reader.error());
    Request request;
    request.kind = reader->number<uint32_t>();
    const auto bytes = reader->counted(kRequestLimit);
    if (auto whole = close(*reader, MessageType::Request); !whole)
        return tl::unexpected(whole.error());
    request.bytes.assign(bytes.begin(), bytes.end());
    return request;
}

Result<std::optional<PeerFault>> decodeGoodbye(const Message &message)
{
    auto reader = open(message, MessageType::Goodbye);
    if (!reader)
        return tl::unexpected(reader.error());
    const uint32_t hasFault = reader->number<uint32_t>();
    PeerFault fault{};
    fault.kind = static_cast<FaultKind>(reader->number<uint32_t>());
    fault.expected = reader->number<uint64_t>();
    fault.found = reader->number<uint64_t>();
    if (auto whole = close(*reader, MessageType::Goodbye); !whole)
        return tl::unexpected(whole.error());
    return hasFault ? std::optional(fault) : std::nullopt;
}

Result<void> decodeEmpty(const Message &message, MessageType type)
{
    auto reader = open(message, type);
    if (!reader)
        return tl::unexpected(reader.error());
    return close(*reader, type);
}

Result<uint32_t> commonVersion(uint32_t oldest, uint32_t newest)
{
    const uint32_t version = std::min(newest, kWireVersion);
    if (version < kOldestWireVersion || version < oldest)
        return peerFault(FaultKind::VersionUnsupported, kWireVersion, newest);
    return version;
}

} // namespace ringcore
