// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shared_ring.h"

#include "control_socket.h"

#include <bit>
#include <cerrno>
#include <linux/membarrier.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ringcore
{

using std::chrono::steady_clock;

namespace
{

constexpr size_t kPageBytes = 4096; // of a receiver's memory, whatever the machine's page is

RingRole otherThan(RingRole role)
{
    return role == RingRole::Sender ? RingRole::Receiver : RingRole::Sender;
}

Result<void> check(const RingGeometry &geometry)
{
    if (geometry.capacity == 0)
        return misuse(MisuseKind::CapacityTooSmall, 1, geometry.capacity);
    const uint64_t most = std::min<uint64_t>(kMostItems, (uint64_t{1} << 46) / geometry.itemBytes);
    if (geometry.capacity > most)
        return misuse(MisuseKind::CapacityTooBig, most, geometry.capacity);
    return {};
}

size_t bytesOf(RingRole role, const RingGeometry &geometry)
{
    return roundUpToPage(role == RingRole::Sender ? kRingItemsOffset + geometry.itemsBytes() : kPageBytes);
}

// Whether `fd` is a socket as create() makes them. Of anything else poll() may take as long as the peer
// likes (a FUSE file), or there is no waiting for it.
Result<void> checkSignal(int fd)
{
    const auto asked = [fd](int option, int expected) -> Result<void> {
        int found = 0;
        socklen_t size = sizeof found;
        if (::getsockopt(fd, SOL_SOCKET, option, &found, &size) != 0)
            found = errno;
        else if (found == expected)
            return {};
        return peerFault(FaultKind::NotASocket, static_cast<uint64_t>(expected),
                         static_cast<uint64_t>(found));
    };
    return asked(SO_TYPE, SOCK_SEQPACKET).and_then([&] { return asked(SO_DOMAIN, AF_UNIX); });
}

} // namespace

// ---- memory

Result<std::unique_ptr<SharedRing>> SharedRing::create(RingRole role, const RingGeometry &geometry,
                                                       const RingOptions &options)
{
    if (auto good = check(geometry); !good)
        return tl::unexpected(good.error());
    std::unique_ptr<SharedRing> ring(new SharedRing(role, geometry, options.locked));
    if (auto made = ring->create(options); !made)
        return tl::unexpected(made.error());
    if (auto taken = ring->takeOwnSide(Begin::Anew); !taken)
        return tl::unexpected(taken.error());
    if (auto locked = ring->lock(ring->ownMemory_); !locked)
        return tl::unexpected(locked.error());
    return ring;
}

Result<std::unique_ptr<SharedRing>> SharedRing::open(RingRole role, const RingGeometry &geometry,
                                                     std::vector<UniqueFd> fds, const RingOptions &options)
{
    if (auto good = check(geometry); !good)
        return tl::unexpected(good.error());
    if (const size_t expected = fdsForPeer(options.exposure); fds.size() != expected)
        return peerFault(FaultKind::WrongNumberOfFds, expected, fds.size());
    if (auto socket = checkSignal(fds.back().get()); !socket)
        return tl::unexpected(socket.error());
    std::unique_ptr<SharedRing> ring(new SharedRing(role, geometry, options.locked));
    ring->pages_ = options.hugePages == Wanted::No ? Pages::Ordinary : Pages::Huge;
    if (auto opened = ring->open(fds, options); !opened)
        return tl::unexpected(opened.error());
    if (auto peer = ring->lookForPeer(); !peer)
        return tl::unexpected(peer.error());
    else if (!*peer)
        return peerFault(FaultKind::NotARing, kRingMagic, 0);
    if (auto locked = ring->lock(ring->ownMemory_); !locked)
        return tl::unexpected(locked.error());
    ring->signal_ = std::move(fds.back());
    refuseDescriptors(ring->signal_.get());
    [[maybe_unused]] const auto said = ::send(ring->signal_.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    return ring;
}

size_t SharedRing::attachedBytes(const RingGeometry &geometry)
{
    return sizeof(RingSide) + kRingItemsOffset + static_cast<size_t>(geometry.itemsBytes());
}

Result<std::unique_ptr<SharedRing>> SharedRing::attach(RingRole role, const RingGeometry &geometry,
                                                       std::span<std::byte> memory)
{
    if (auto good = check(geometry); !good)
        return tl::unexpected(good.error());
    if (memory.size() < attachedBytes(geometry))
        return misuse(MisuseKind::MemoryTooSmall, attachedBytes(geometry), memory.size());
    if (const auto address = reinterpret_cast<uintptr_t>(memory.data()); address % kAttachedAlignment != 0)
        return misuse(MisuseKind::MemoryUnaligned, kAttachedAlignment, address);
    std::unique_ptr<SharedRing> ring(new SharedRing(role, geometry));
    ring->placeTogether(memory.data());
    if (auto taken = ring->takeOwnSide(Begin::WhereItWas); !taken)
        return tl::unexpected(taken.error());
    return ring;
}

Result<void> SharedRing::create(const RingOptions &options)
{
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return systemError(errno, "socketpair");
    signal_.reset(pair[0]);
    signalOfPeer_.reset(pair[1]);
    refuseDescriptors(signal_.get());

    const bool huge = options.hugePages != Wanted::No;
    auto made = createMemory(options, huge ? Pages::Huge : Pages::Ordinary);
    if (!made && options.hugePages == Wanted::IfPossible) {
        fallBack(made.error(), "the ring has ordinary pages");
        made = createMemory(options, Pages::Ordinary);
    }
    return made;
}

Result<void> SharedRing::createMemory(const RingOptions &options, Pages pages)
{
    pages_ = pages;
    if (options.exposure == Exposure::Shared) {
        auto both = SealedMemfd::createForPeer("ring", attachedBytes(geometry_), pages);
        if (!both)
            return tl::unexpected(both.error());
        auto mapping = Mapping::create(both->fd(), both->size(), Mapping::Access::ReadWrite);
        if (!mapping)
            return tl::unexpected(mapping.error());
        ownMemfd_ = std::move(*both);
        ownMemory_ = std::move(*mapping);
        placeTogether(ownMemory_.data());
    } else {
        const RingRole theirs = otherThan(role_);
        auto own = SealedMemfd::createOwned("ring", bytesOf(role_, geometry_), pagesOf(role_));
        if (!own)
            return tl::unexpected(own.error());
        auto other = SealedMemfd::createForPeer("ring-peer", bytesOf(theirs, geometry_), pagesOf(theirs));
        if (!other)
            return tl::unexpected(other.error());
        ownMemory_ = own->takeMapping();
        ownMemfd_ = std::move(*own);
        otherMemfd_ = std::move(*other);
        placeApart();
    }
    return ownMemory_.populateForWriting(0, ownMemory_.size());
}

void SharedRing::fallBack(const Error &why, const char *instead)
{
    fallback_ += (fallback_.empty() ? "" : "; ") + describe(why) + ": " + instead;
}

Result<void> SharedRing::open(const std::vector<UniqueFd> &fds, const RingOptions &options)
{
    if (options.exposure == Exposure::Shared) {
        const size_t size = roundUpToPage(attachedBytes(geometry_));
        auto both = mapReceived(fds[0].get(), size, kFixedSizeSeals, Mapping::Access::ReadWrite, pages_);
        if (!both)
            return asFault(both.error(), FaultKind::SealsMissing, size);
        ownMemory_ = std::move(*both);
        if (auto real = ownMemory_.populateForWriting(0, ownMemory_.size()); !real)
            return asFault(real.error(), FaultKind::CannotPopulate, ownMemory_.size());
        placeTogether(ownMemory_.data());
        return takeOwnSide(Begin::Anew);
    }
    // The peer's first: without its seals nothing here is to be written.
    const size_t own = role_ == RingRole::Sender ? 0 : 1;
    if (auto opened = openOther(fds[1 - own].get()); !opened)
        return opened;
    return openOwn(fds[own].get());
}

Result<void> SharedRing::openOther(int fd)
{
    const RingRole other = otherThan(role_);
    const size_t size = bytesOf(other, geometry_);
    auto mapping = mapReceived(fd, size, kSingleWriterSeals, Mapping::Access::ReadOnly, pagesOf(other));
    if (!mapping) // huge pages that there are not, say
        return asFault(mapping.error(), FaultKind::CannotPopulate, size);
    otherMemory_ = std::move(*mapping);
    if (auto real = otherMemory_.populateForReading(0, otherMemory_.size()); !real)
        return asFault(real.error(), FaultKind::CannotPopulate, otherMemory_.size());
    return lock(otherMemory_);
}

Result<void> SharedRing::openOwn(int fd)
{
    const size_t size = bytesOf(role_, geometry_);
    auto mapping = mapReceived(fd, size, kFixedSizeSeals, Mapping::Access::ReadWrite, pagesOf(role_));
    if (!mapping) // already closed to writers, say
        return asFault(mapping.error(), FaultKind::SealsMissing, size);
    ownMemory_ = std::move(*mapping);
    if (auto real = ownMemory_.populateForWriting(0, sizeof(RingSide)); !real)
        return asFault(real.error(), FaultKind::CannotPopulate, sizeof(RingSide));
    // The head before the seal: whoever sees the seal finds the head.
    placeApart();
    if (auto taken = takeOwnSide(Begin::Anew); !taken)
        return taken;
    if (auto sealed = sealAsOnlyWriter(fd); !sealed)
        return asFault(sealed.error(), FaultKind::SealsMissing, size);
    // After sealing: from here on nobody can punch a hole under our stores.
    if (auto real = ownMemory_.populateForWriting(0, ownMemory_.size()); !real)
        return asFault(real.error(), FaultKind::CannotPopulate, size);
    return {};
}

void SharedRing::placeTogether(std::byte *memory)
{
    auto *const receiver = reinterpret_cast<RingSide *>(memory);
    RingSide *const sender = receiver + 1;
    own_ = role_ == RingRole::Sender ? sender : receiver;
    other_ = role_ == RingRole::Sender ? receiver : sender;
    items_ = memory + sizeof(RingSide) + kRingItemsOffset;
}

void SharedRing::placeApart()
{
    own_ = ownMemory_.at<RingSide>();
    other_ = otherMemory_.valid() ? otherMemory_.at<RingSide>() : nullptr;
    const Mapping &ofSender = role_ == RingRole::Sender ? ownMemory_ : otherMemory_;
    items_ = ofSender.valid() ? ofSender.data() + kRingItemsOffset : nullptr;
}

Result<void> SharedRing::lock(const Mapping &memory)
{
    if (locked_ == Wanted::No || ::mlock(memory.data(), memory.size()) == 0)
        return {};
    const int number = errno;
    const std::string what = "mlock of " + std::to_string(memory.size()) + " bytes";
    if (locked_ == Wanted::Required)
        return systemError(number, what);
    fallBack(SystemError{number, what}, "the ring is not locked in memory");
    return {};
}

Result<std::vector<UniqueFd>> SharedRing::takeFdsForPeer()
{
    if (!signalOfPeer_.valid())
        return misuse(MisuseKind::NoSocket);
    const auto &ofSender = role_ == RingRole::Sender ? ownMemfd_ : otherMemfd_;
    const auto &ofReceiver = role_ == RingRole::Sender ? otherMemfd_ : ownMemfd_;
    std::vector<UniqueFd> fds;
    for (const auto *memfd : {&ofSender, &ofReceiver}) {
        if (!*memfd) // one memory for both
            continue;
        auto fd = (*memfd)->reopenForSending();
        if (!fd)
            return tl::unexpected(fd.error());
        fds.push_back(std::move(*fd));
    }
    fds.push_back(std::move(signalOfPeer_));
    return fds;
}

// ---- the two sides

Result<void> SharedRing::takeOwnSide(Begin begin)
{
    // For the peer's awaitStoresUnderWay().
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
    RingSide &side = *own_;
    if (begin == Begin::WhereItWas && side.magic.load(std::memory_order_acquire) != 0) {
        if (auto good = checkHead(side, role_); !good) {
            own_ = nullptr; // whosever it is: nothing is to be written there
            return good;
        }
        start_ = side.cursor.load(std::memory_order_relaxed);
        goesOn_ = true;
        wakeUp();
        return {};
    }
    wakeUp();
    side.cursor.store(0, std::memory_order_relaxed); // who made the memory may have left something there
    side.version.store(kRingVersion, std::memory_order_relaxed);
    side.role.store(static_cast<uint32_t>(role_), std::memory_order_relaxed);
    side.capacity.store(geometry_.capacity, std::memory_order_relaxed);
    side.itemBytes.store(geometry_.itemBytes, std::memory_order_relaxed);
    side.itemAlignment.store(geometry_.itemAlignment, std::memory_order_relaxed);
    side.magic.store(kRingMagic, std::memory_order_release); // pairs with lookForPeer
    return {};
}

Result<void> SharedRing::checkHead(const RingSide &side, RingRole role) const
{
    const auto word = [](const std::atomic<uint32_t> &shared) { return Untrusted<uint32_t>::fetch(shared); };
    struct {
        Untrusted<uint32_t> claim;
        uint32_t expected;
        FaultKind fault;
    } const claims[] = {
        {word(side.magic), kRingMagic, FaultKind::NotARing},
        {word(side.version), kRingVersion, FaultKind::VersionUnsupported},
        {word(side.role), static_cast<uint32_t>(role), FaultKind::RoleUnexpected},
        {word(side.capacity), geometry_.capacity, FaultKind::CapacityMismatch},
        {word(side.itemBytes), geometry_.itemBytes, FaultKind::ItemMismatch},
        {word(side.itemAlignment), geometry_.itemAlignment, FaultKind::ItemMismatch},
    };
    for (const auto &[claim, expected, fault] : claims) {
        if (!claim.equals(expected))
            return peerFault(fault, expected, claim.claimed());
    }
    return {};
}

Result<const RingSide *> SharedRing::lookForPeer()
{
    if (otherMemfd_ && !other_) { // we created the ring: is the peer the only writer of its memory yet?
        if (!checkSeals(otherMemfd_->fd(), kSingleWriterSeals))
            return nullptr;
        if (auto opened = openOther(otherMemfd_->fd()); !opened)
            return tl::unexpected(opened.error());
        placeApart();
    }
    if (!otherMemfd_ && Untrusted<uint32_t>::fetch(other_->magic).equals(0))
        return nullptr; // not here yet, in memory that is nobody's alone
    if (auto good = checkHead(*other_, otherThan(role_)); !good)
        return tl::unexpected(good.error());
    peer_ = other_;
    ownMemfd_.reset();
    otherMemfd_.reset();
    return peer_;
}

SharedRing::~SharedRing()
{
    if (!own_)
        return;
    wakeUp();
    if (signal_.valid())
        ::shutdown(signal_.get(), SHUT_RDWR);
    if (peer_) // it looks at the socket when it is awake
        wakePeer(static_cast<uint32_t>(SleepState::OnBell));
}

} // namespace ringcore
