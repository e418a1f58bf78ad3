// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The messages on the control socket, each a packet: MessageHead, then what its struct says.
//
//   consumer                         producer
//   Hello{versions, attachment}  ->
//                                <-  Refused | Busy | Welcome{sizes} + fds: arena, forward, return
//   (checks, maps, populates, seals the return page)
//   Ready                        ->
//   Attachment{bytes}            ->  at any time later: what the hello had, changed
//   Request{kind, bytes}         ->  likewise: what it asks of the producer, who may refuse
//                                <-  Look: the epoch word changed
//   Goodbye{reason}             <->  the last message of who sends it
//
// The attachment and the requests are the application's: ringcore bounds them and passes them on.
#pragma once

#include "control_socket.h"
#include "error.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ringcore
{

enum class MessageType : uint32_t {
    Hello = 1,
    Refused,
    Busy,
    Welcome,
    Ready,
    Attachment,
    Look,
    Goodbye,
    Request,
};

inline constexpr uint32_t kMagic = 0x676e5253; // "SRng"; first word of every message
inline constexpr size_t kAttachmentLimit = 4096;
inline constexpr size_t kRequestLimit = 4096;

struct Hello {
    uint32_t oldestVersion = 0;
    uint32_t newestVersion = 0;
    std::vector<std::byte> attachment;
};

struct Welcome {
    uint32_t version = 0;
    uint32_t clientId = 0;
    uint32_t maxBuffers = 0;   // blocks the client may hold; 1..kMaxBuffersLimit
    uint32_t slots = 0;        // maxBuffers + kEventSlots
    uint32_t ringCapacity = 0; // ringCapacityFor(maxBuffers)
    uint64_t arenaBytes = 0;
};

struct Request {
    uint32_t kind = 0; // the application's
    std::vector<std::byte> bytes;
};

// Numbers stand as they are, in this order, without padding: see the .cpp.
std::vector<std::byte> encode(const Hello &hello);
std::vector<std::byte> encode(const Welcome &welcome);
std::vector<std::byte> encode(const Refusal &refusal); // Refused or Busy, by tryAgainLater
std::vector<std::byte> encodeAttachment(std::span<const std::byte> attachment);
std::vector<std::byte> encode(const Request &request);
std::vector<std::byte> encodeGoodbye(const PeerFault *fault); // nullptr: a plain good-bye
std::vector<std::byte> encodeEmpty(MessageType type);         // Ready, Look

// The type of a message. Faults: MessageTooShort, MessageUnknown (also for a wrong magic).
Result<MessageType> typeOf(const Message &message);

// Each expects its own type, and exactly the descriptors that belong to it (three with a Welcome,
// else none). Faults: MessageOutOfOrder, WrongNumberOfFds, MessageTooShort, MessageMalformed,
// ContentInvalid, VersionUnsupported.
Result<Hello> decodeHello(const Message &message);
Result<Welcome> decodeWelcome(const Message &message);
Result<Refusal> decodeRefusal(const Message &message);
Result<std::vector<std::byte>> decodeAttachment(const Message &message);
Result<Request> decodeRequest(const Message &message);
// What the peer holds against us, if anything (a claim, for a log line).
Result<std::optional<PeerFault>> decodeGoodbye(const Message &message);
Result<void> decodeEmpty(const Message &message, MessageType type);

// The version to speak with a peer of [oldest, newest], or a fault with the numbers.
Result<uint32_t> commonVersion(uint32_t oldest, uint32_t newest);

} // namespace ringcore
