// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What may travel through a ring of items, and what may not: decided when this file is compiled.
#include "ringcore/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

using namespace ringcore;

namespace
{

enum class Scoped : uint8_t { A, B };
enum class ScopedWithoutSaying { A, B }; // int
enum Fixed : uint16_t { kFixedA, kFixedB };
enum Free { kFreeA, kFreeB }; // only the values that its enumerators need are its own

struct One {
    float value;
};
struct Two {
    uint32_t a;
    uint32_t b;
};
struct Nested {
    Two two;
    std::array<One, 2> ones;
    std::array<std::array<uint16_t, 2>, 2> matrix;
    Fixed fixed;
    uint16_t more;
};
struct Sixteen {
    uint8_t a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};
struct Seventeen {
    uint8_t a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q;
};
struct SixteenOfClass {
    Two a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};

struct WithPointer {
    uint64_t a;
    const char *b;
};
struct WithPointerInside {
    uint64_t a;
    std::array<WithPointer, 1> b;
};
struct WithMemberPointer {
    int Two::*member;
};
struct WithFunction {
    void (*call)();
};
struct WithBool {
    uint8_t a;
    bool b;
};
struct WithFreeEnum {
    Free value;
};
struct WithLongDouble {
    long double value;
};
struct WithReference {
    uint32_t &value;
};
struct PaddedBehind {
    uint32_t a;
    uint16_t b;
};
struct PaddedBetween {
    uint8_t a;
    uint32_t b;
};
struct PaddedInside {
    PaddedBehind a;
    std::array<uint8_t, 8> b;
};
struct alignas(16) PaddedByAlignment {
    uint64_t a;
};
struct alignas(16) AlignedAndFull {
    uint64_t a;
    uint64_t b;
};
struct Empty {
};
struct WithEmpty {
    Empty a;
    uint8_t b;
};
struct Virtual {
    virtual void call() {}
    uint64_t a;
};
struct WithDestructor {
    ~WithDestructor() {}
    uint64_t a;
};
struct WithArray {
    uint32_t a[4];
};
struct WithArrayBehind {
    uint32_t a;
    uint32_t b[3];
};
struct WithArrayBetween {
    uint32_t a;
    uint32_t b[2];
    uint32_t c;
};
struct WithArrayOfOne {
    uint32_t a;
    uint32_t b[1];
};
struct WithArrayInside {
    Two a;
    WithArrayOfOne b;
};
struct WithPointerArray {
    const char *a[2];
};
struct WithConstructor {
    explicit WithConstructor(uint32_t value) : a(value) {}
    uint32_t a;
};
class Private
{
public:
    uint32_t value() const { return a_; }

private:
    uint32_t a_;
};
struct WithBase : Two {
    uint32_t c;
};
struct WithBases : One, Two {
};
struct WithEmptyBase : Empty {
    uint32_t a;
};
struct WithBaseInside {
    uint32_t a;
    WithBase b;
};
union Either {
    uint32_t a;
    float b;
};
struct WithUnion {
    Either either;
};
struct WithAtomic {
    std::atomic<uint32_t> a;
};
struct WithOptional {
    std::optional<uint32_t> a;
};

// They were looked at by who wrote this.
struct Frame {
    uint64_t number;
    uint8_t bytes[24];
};
struct ManyMembers {
    uint8_t a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r;
};
struct HoldsFrames {
    std::array<Frame, 2> frames;
    Frame last;
};

} // namespace

template <>
inline constexpr bool ringcore::kRingItem<Frame> = true;
template <>
inline constexpr bool ringcore::kRingItem<ManyMembers> = true;

TEST(RingItem, IsANumber)
{
    static_assert(RingItem<char> && RingItem<signed char> && RingItem<unsigned char>);
    static_assert(RingItem<char8_t> && RingItem<char16_t> && RingItem<char32_t> && RingItem<wchar_t>);
    static_assert(RingItem<int8_t> && RingItem<uint16_t> && RingItem<int32_t> && RingItem<uint64_t>);
    static_assert(RingItem<long> && RingItem<unsigned long long>);
    static_assert(RingItem<float> && RingItem<double>);
    static_assert(!RingItem<bool> && !RingItem<long double>);
    static_assert(!RingItem<const int> && !RingItem<volatile int>);
}

TEST(RingItem, IsAnEnumerationWithAFixedType)
{
    static_assert(RingItem<std::byte> && RingItem<Scoped> && RingItem<ScopedWithoutSaying>);
    static_assert(RingItem<Fixed>);
    static_assert(!RingItem<Free> && !RingItem<WithFreeEnum>);
}

TEST(RingItem, IsAnAggregateOfThese)
{
    static_assert(RingItem<One> && RingItem<Two> && RingItem<Nested>);
    static_assert(RingItem<Sixteen> && RingItem<SixteenOfClass>);
    static_assert(RingItem<AlignedAndFull>);
    static_assert(RingItem<std::array<float, 7>> && RingItem<std::array<Two, 1000>>);
    static_assert(RingItem<std::array<std::array<std::byte, 3>, 5>>);
}

TEST(RingItem, IsNothingWithAnAddress)
{
    static_assert(!RingItem<int *> && !RingItem<const void *> && !RingItem<std::nullptr_t>);
    static_assert(!RingItem<void (*)()> && !RingItem<int Two::*> && !RingItem<uint32_t &>);
    static_assert(!RingItem<WithPointer> && !RingItem<WithPointerInside> && !RingItem<WithMemberPointer>);
    static_assert(!RingItem<WithFunction> && !RingItem<WithReference> && !RingItem<Virtual>);
    static_assert(!RingItem<std::array<char *, 2>> && !RingItem<WithPointerArray>);
}

TEST(RingItem, IsNothingThatSomeBytesAreNoValueOf)
{
    static_assert(!RingItem<WithBool> && !RingItem<std::array<bool, 4>>);
    static_assert(!RingItem<WithOptional> && !RingItem<std::optional<int>>);
}

TEST(RingItem, HasNoPadding)
{
    static_assert(!RingItem<PaddedBehind> && !RingItem<PaddedBetween> && !RingItem<PaddedInside>);
    static_assert(!RingItem<PaddedByAlignment> && !RingItem<WithLongDouble>);
    static_assert(!RingItem<std::array<PaddedBehind, 2>>);
    static_assert(!RingItem<Empty> && !RingItem<WithEmpty> && !RingItem<std::array<uint32_t, 0>>);
}

TEST(RingItem, IsNothingThatCannotBeLookedInto)
{
    static_assert(!RingItem<Seventeen>);
    static_assert(!RingItem<WithArray> && !RingItem<WithArrayBehind> && !RingItem<WithArrayBetween>);
    static_assert(!RingItem<WithArrayOfOne> && !RingItem<WithArrayInside>);
    static_assert(!RingItem<uint32_t[4]>);
    static_assert(!RingItem<Either> && !RingItem<WithUnion>);
    static_assert(!RingItem<WithConstructor> && !RingItem<Private>);
    static_assert(!RingItem<std::complex<float>>);
    static_assert(!RingItem<WithBase> && !RingItem<WithBases> && !RingItem<WithEmptyBase>);
    static_assert(!RingItem<WithBaseInside> && !RingItem<std::array<WithBase, 2>>);
}

TEST(RingItem, IsTriviallyCopied)
{
    static_assert(!RingItem<WithDestructor> && !RingItem<std::string>);
    static_assert(!RingItem<WithAtomic>);
}

TEST(RingItem, IsWhateverItsAuthorAnswersFor)
{
    static_assert(RingItem<Frame> && RingItem<ManyMembers>);
    static_assert(RingItem<HoldsFrames> && RingItem<std::array<Frame, 3>>);
    auto sender = Sender<Frame>::create(4).value();
    auto receiver = Receiver<Frame>::open(4, sender.takeFdsForPeer().value()).value();
    ASSERT_TRUE(sender.send({7, {1, 2, 3}}).value());
    const auto frame = receiver.receive().value();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->number, 7u);
    EXPECT_EQ(frame->bytes[2], 3);
}
