// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a model of threads over shared memory needs: stores that others see later.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace ringtest
{

enum class Buffering {
    InOrder,  // as x86 does: stores of a thread become visible in their order
    Reordered // as a weakly ordered machine may: stores to different words overtake each other
};

struct Store {
    uint8_t word;
    uint8_t value;
};

// One thread's stores that others do not see yet.
struct StoreBuffer {
    static constexpr size_t kCapacity = 6;
    std::array<Store, kCapacity> stores{};
    uint8_t count = 0;
};

// A thread sees its own stores first.
template <size_t N>
uint8_t load(const std::array<uint8_t, N> &memory, const StoreBuffer &own, uint8_t word)
{
    for (size_t i = own.count; i-- > 0;) {
        if (own.stores[i].word == word)
            return own.stores[i].value;
    }
    return memory[word];
}

// What tells one state from another: its memory, the stores under way, and the numbers in `rest`.
template <size_t N>
std::string keyOf(const std::array<uint8_t, N> &memory, std::initializer_list<const StoreBuffer *> buffers,
                  std::initializer_list<uint8_t> rest)
{
    std::string text;
    const auto add = [&](uint8_t value) { text.push_back(static_cast<char>(value)); };
    for (const uint8_t word : memory)
        add(word);
    for (const StoreBuffer *buffer : buffers) {
        add(buffer->count);
        for (size_t i = 0; i < buffer->count; i++) {
            add(buffer->stores[i].word);
            add(buffer->stores[i].value);
        }
    }
    for (const uint8_t value : rest)
        add(value);
    return text;
}

inline bool store(StoreBuffer &buffer, uint8_t word, uint8_t value)
{
    if (buffer.count == StoreBuffer::kCapacity)
        return false; // wait for a drain
    buffer.stores[buffer.count++] = {word, value};
    return true;
}

// The states after one buffered store has reached memory: the oldest, or any that is the oldest of its word.
template <typename State>
void drain(const State &state, StoreBuffer State::*which, Buffering buffering, std::vector<State> &next)
{
    const StoreBuffer &buffer = state.*which;
    const size_t candidates = buffering == Buffering::InOrder ? 1 : buffer.count;
    for (size_t i = 0; i < std::min<size_t>(candidates, buffer.count); i++) {
        bool oldestOfItsWord = true;
        for (size_t j = 0; j < i; j++)
            oldestOfItsWord &= buffer.stores[j].word != buffer.stores[i].word;
        if (!oldestOfItsWord)
            continue;
        State after = state;
        StoreBuffer &left = after.*which;
        after.memory[left.stores[i].word] = left.stores[i].value;
        for (size_t j = i; j + 1 < left.count; j++)
            left.stores[j] = left.stores[j + 1];
        left.count--;
        next.push_back(std::move(after));
    }
}

} // namespace ringtest
