// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bounded writing and reading of flat messages. A reader never looks past its bytes and never
// believes a length before it compared it with what is left and with the caller's own bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ringcore
{

// No bool: a byte that is neither 0 nor 1 must not become one. Write uint8_t and check it.
template <typename T>
concept PlainNumber = std::is_arithmetic_v<T> && !std::is_same_v<std::remove_cv_t<T>, bool>;

// Appends numbers in host byte order (both peers are on one machine) and counted byte strings, up
// to `limit` bytes. Past the limit nothing is appended and overflowed() stays true.
class ByteWriter
{
public:
    explicit ByteWriter(size_t limit) : limit_(limit) {}

    template <PlainNumber T>
    void number(T value)
    {
        append(&value, sizeof value);
    }

    // Bytes preceded by their count as uint32_t.
    void counted(std::span<const std::byte> bytes)
    {
        number(static_cast<uint32_t>(bytes.size()));
        append(bytes.data(), bytes.size());
    }
    void counted(std::string_view text) { counted(std::as_bytes(std::span(text.data(), text.size()))); }

    void append(const void *data, size_t size)
    {
        if (overflowed_ || size > limit_ - bytes_.size()) {
            overflowed_ = true;
            return;
        }
        if (size > 0) {
            const auto *first = static_cast<const std::byte *>(data);
            bytes_.insert(bytes_.end(), first, first + size);
        }
    }

    bool overflowed() const { return overflowed_; }
    size_t size() const { return bytes_.size(); }
    std::span<const std::byte> bytes() const { return bytes_; }
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
    size_t limit_;
    bool overflowed_ = false;
};

// Reads what a ByteWriter wrote, from private memory: copy shared memory before reading it with
// this. After the first failure every later read fails too, so one check of failed() at the end
// covers a whole message; each result is a harmless zero or empty view then.
class ByteReader
{
public:
    explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <PlainNumber T>
    T number()
    {
        T value{};
        if (failed_ || rest_.size() < sizeof value) {
            failed_ = true;
            return T{};
        }
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_ = rest_.subspan(sizeof value);
        return value;
    }

    // A counted byte string of at most `limit` bytes; the view lives as long as the message.
    std::span<const std::byte> counted(size_t limit)
    {
        const uint32_t size = number<uint32_t>();
        if (failed_ || size > limit || size > rest_.size()) {
            failed_ = true;
            return {};
        }
        const auto bytes = rest_.first(size);
        rest_ = rest_.subspan(size);
        return bytes;
    }
    std::string_view text(size_t limit)
    {
        const auto bytes = counted(limit);
        return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
    }

    void fail() { failed_ = true; }
    bool failed() const { return failed_; }
    bool atEnd() const { return rest_.empty(); }
    size_t remaining() const { return rest_.size(); }

private:
    std::span<const std::byte> rest_;
    bool failed_ = false;
};

} // namespace ringcore
