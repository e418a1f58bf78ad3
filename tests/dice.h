// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random choices that are the same for the same seed, on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>

class Dice
{
public:
    explicit Dice(uint64_t seed) : engine_(seed) {}

    uint64_t any() { return engine_(); }
    // Less than `bound`, which is not 0.
    uint64_t below(uint64_t bound) { return engine_() % bound; }
    // At least `least` and at most `most`.
    template <typename T>
    T between(T least, T most)
    {
        return static_cast<T>(least + static_cast<T>(below(static_cast<uint64_t>(most - least) + 1)));
    }
    bool oneIn(uint64_t chances) { return below(chances) == 0; }
    // Of the lengths of numbers each is as likely: 0 to `most`.
    uint64_t magnitude(uint64_t most)
    {
        const uint64_t number = engine_() >> below(64);
        return number <= most ? number : number % (most + 1);
    }
    template <typename Choices>
    const auto &pick(const Choices &choices)
    {
        return choices[below(std::size(choices))];
    }

private:
    std::mt19937_64 engine_; // the standard says which numbers it gives
};

// A seed, or how often: what the environment says, or what a test does without it.
inline uint64_t numberFrom(const char *variable, uint64_t otherwise)
{
    const char *text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}
