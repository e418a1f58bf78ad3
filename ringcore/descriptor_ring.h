// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bounded wait-free single-producer single-consumer ring of records, over memory handed to it.
//
// Free-running 32-bit cursors, each written by one side and kept privately by it; the ring's
// capacity is a power of two, so that they wrap without a seam. It knows neither fds nor bells, so
// that ThreadSanitizer can run both sides over one mapping. After Lamport (1983), with the cached
// peer cursor of rigtorp::SPSCQueue and folly.
#pragma once

#include "error.h"
#include "untrusted.h"
#include "wire.h"

#include <atomic>
#include <cstring>
#include <span>

namespace ringcore
{

// One thread at a time. The reader is not trusted: its cursor is bounded by what was written.
class DescriptorWriter
{
public:
    // `ring`'s size is a power of two. `cursor` is the word that the reader watches; both begin at
    // `start` (0 on the wire; others are for tests of the wrap-around).
    DescriptorWriter(std::span<SharedRecord> ring, std::atomic<uint32_t> &cursor,
                     const std::atomic<uint32_t> &readCursor, uint32_t start = 0)
        : ring_(ring), cursor_(cursor), readCursor_(readCursor), written_(start), read_(start)
    {
    }

    // Records that may be written now; looks at the reader's cursor only when fewer than `wanted`
    // are known to be free. Fault: CursorBeyondRing.
    Result<uint32_t> room(uint32_t wanted)
    {
        const uint32_t known = capacity() - (written_ - read_);
        if (known >= wanted)
            return known;
        const auto claim = Untrusted<uint32_t>::fetch(readCursor_); // pairs with DescriptorReader::advance
        const auto ahead = claim.aheadOf(read_, written_ - read_);
        if (!ahead)
            return peerFault(FaultKind::CursorBeyondRing, written_ - read_, claim.claimed() - read_);
        read_ += *ahead;
        return capacity() - (written_ - read_);
    }

    // Writes one record and makes it visible. There must be room.
    void write(const Record &record)
    {
        stage(record);
        showStaged();
    }

    // Writes one record that the reader sees with the next showStaged(). There must be room.
    void stage(const Record &record)
    {
        uint64_t words[kRecordWords];
        std::memcpy(words, &record, sizeof words);
        SharedRecord &slot = ring_[written_ & (capacity() - 1)];
        const size_t used =
            (sizeof(RecordHead) + record.head.inlineSize + sizeof(uint64_t) - 1) / sizeof(uint64_t);
        for (size_t i = 0; i < used; i++)
            slot.words[i].store(words[i], std::memory_order_relaxed);
        written_++;
    }

    // Other flags for the record that was staged last, which is not visible yet.
    void amendStaged(uint32_t kind, uint32_t flags)
    {
        const uint32_t words[] = {kind, flags};
        static_assert(offsetof(RecordHead, kind) == 0 && offsetof(RecordHead, flags) == sizeof(uint32_t));
        uint64_t first;
        std::memcpy(&first, words, sizeof first);
        ring_[(written_ - 1) & (capacity() - 1)].words[0].store(first, std::memory_order_relaxed);
    }

    void showStaged()
    {
        cursor_.store(written_, std::memory_order_release); // pairs with DescriptorReader::available
    }

    uint32_t written() const { return written_; }
    uint32_t capacity() const { return static_cast<uint32_t>(ring_.size()); }
    // Records written and, as far as is known, not read.
    uint32_t unread() const { return written_ - read_; }

private:
    std::span<SharedRecord> ring_;
    std::atomic<uint32_t> &cursor_;
    const std::atomic<uint32_t> &readCursor_;
    uint32_t written_;
    uint32_t read_; // the last believed read cursor
};

// One thread at a time. The writer is not trusted: its cursor is bounded by our capacity, and a
// record is copied once, as words, before anybody looks at it.
class DescriptorReader
{
public:
    DescriptorReader(std::span<const SharedRecord> ring, const std::atomic<uint32_t> &cursor,
                     std::atomic<uint32_t> &readCursor, uint32_t start = 0)
        : ring_(ring), cursor_(cursor), readCursor_(readCursor), read_(start), written_(start)
    {
    }

    // Records that can be read now. Looks at the writer's cursor only when none is known. Fault:
    // CursorBeyondRing.
    Result<uint32_t> available()
    {
        if (written_ != read_)
            return written_ - read_;
        return refresh();
    }

    // As available(), but looks at the writer's cursor in any case.
    Result<uint32_t> refresh()
    {
        const auto claim = Untrusted<uint32_t>::fetch(cursor_); // pairs with DescriptorWriter::write
        const auto ahead = claim.aheadOf(read_, capacity());
        if (!ahead)
            return peerFault(FaultKind::CursorBeyondRing, capacity(), claim.claimed() - read_);
        written_ = read_ + *ahead;
        return *ahead;
    }

    // Copies the next record; available() said that there is one. Fault: InlineBeyondRecord.
    Result<void> copy(Record &record) const
    {
        const SharedRecord &slot = ring_[read_ & (capacity() - 1)];
        uint64_t words[kRecordWords];
        constexpr size_t kHeadWords = sizeof(RecordHead) / sizeof(uint64_t);
        for (size_t i = 0; i < kHeadWords; i++)
            words[i] = slot.words[i].load(std::memory_order_relaxed);
        std::memcpy(&record.head, words, sizeof record.head);
        const auto size = Untrusted<uint32_t>::copied(record.head.inlineSize).atMost(kInlineBytes);
        if (!size)
            return peerFault(FaultKind::InlineBeyondRecord, kInlineBytes, record.head.inlineSize);
        const size_t used = kHeadWords + (*size + sizeof(uint64_t) - 1) / sizeof(uint64_t);
        for (size_t i = kHeadWords; i < used; i++)
            words[i] = slot.words[i].load(std::memory_order_relaxed);
        std::memcpy(record.inlineBytes, words + kHeadWords, *size);
        return {};
    }

    // Gives the record's place back to the writer.
    void advance()
    {
        read_++;
        readCursor_.store(read_, std::memory_order_release); // pairs with DescriptorWriter::room
    }

    uint32_t position() const { return read_; }
    uint32_t capacity() const { return static_cast<uint32_t>(ring_.size()); }

private:
    std::span<const SharedRecord> ring_;
    const std::atomic<uint32_t> &cursor_;
    std::atomic<uint32_t> &readCursor_;
    uint32_t read_;
    uint32_t written_; // the last believed write cursor
};

} // namespace ringcore
