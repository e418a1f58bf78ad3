// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Words that another process may be writing while we read them.
//
// The peer can change a shared word between any two reads, so a check on one read says nothing
// about the next. Everything here reads once, into private memory, and hands out the copy only
// after a bound has been applied to it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <optional>

namespace ringcore
{

// What may stand in shared memory: a plain unsigned number with an address-free atomic. Pointers,
// non-trivial types and atomics that hide a lock do not compile.
template <typename T>
concept SharedWord = std::unsigned_integral<T> && !std::same_as<T, bool> &&
                     std::atomic<T>::is_always_lock_free && sizeof(std::atomic<T>) == sizeof(T);

template <SharedWord T>
class Untrusted
{
public:
    static Untrusted fetch(const std::atomic<T> &word) noexcept
    {
        return Untrusted(word.load(std::memory_order_acquire)); // pairs with the writer's release store
    }

    // A word from a record that was already copied into private memory.
    static Untrusted copied(T value) noexcept { return Untrusted(value); }

    // Modular distance from `base`, for free-running counters that wrap.
    std::optional<T> aheadOf(T base, T atMost) const noexcept
    {
        const T distance = static_cast<T>(value_ - base);
        return distance <= atMost ? std::optional(distance) : std::nullopt;
    }

    std::optional<T> atMost(T bound) const noexcept
    {
        return value_ <= bound ? std::optional(value_) : std::nullopt;
    }

    bool equals(T expected) const noexcept { return value_ == expected; }

    // For a log line only.
    T claimed() const noexcept { return value_; }

private:
    explicit Untrusted(T value) noexcept : value_(value) {}
    T value_;
};

} // namespace ringcore
