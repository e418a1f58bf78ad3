// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What may travel through a ring of items: types that mean the same in another process, that carry
// nothing but what was put into them, and that no bytes of a hostile peer can make undefined.
#pragma once

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ringcore
{

// Say so for a type that kRingItem cannot look into (more than sixteen members, members that are C
// arrays, private ones, base classes) if it is trivially copyable, holds no pointers, no `bool` and no
// enumeration without a fixed underlying type, and has no padding:
//
//     template <> inline constexpr bool ringcore::kRingItem<MyFrame> = true;
//
// It is no answer but an error of the compiler, in membersOf(), for bit-fields and for C arrays of class
// types: say so there, too, or write the bits into a number, the array as a std::array.
template <typename T>
extern const bool kRingItem;

namespace detail
{

struct Anything {
    template <typename T>
    operator T() const noexcept;
};

template <size_t>
using AnythingAt = Anything;

// clang-format off
// Whether an enumeration's underlying type is fixed: only then is it made from a number.
template <typename T>
inline constexpr bool kHasFixedType = requires { T{0}; };
// clang-format on

template <typename T, typename Indices>
inline constexpr bool kTakes = false;
// clang-format off
template <typename T, size_t... I>
inline constexpr bool kTakes<T, std::index_sequence<I...>> = requires { T{AnythingAt<I>{}...}; };
// clang-format on

template <typename T>
concept Class = std::is_class_v<T>;

// Takes the place of a member of class type only.
struct AnyClass {
    template <Class T>
    operator T() const noexcept;
};

// Whether the member behind `I...` others is a C array of numbers: two values in braces, but no class.
template <typename T, typename Indices>
inline constexpr bool kArrayBehind = false;
// clang-format off
template <typename T, size_t... I>
inline constexpr bool kArrayBehind<T, std::index_sequence<I...>> =
    requires { T{AnythingAt<I>{}..., {Anything{}, Anything{}}}; } &&
    !requires { T{AnythingAt<I>{}..., AnyClass{}}; };
// clang-format on

template <typename B, typename T>
concept StrictBase = std::is_base_of_v<B, T> && !std::is_same_v<B, T>;

// Takes the place of a base class only, which no structured binding looks into.
template <typename T>
struct AnyBaseOf {
    template <StrictBase<T> B>
    operator B() const noexcept;
};
// clang-format off
template <typename T>
inline constexpr bool kHasBase = requires { T{AnyBaseOf<T>{}}; };
// clang-format on

inline constexpr size_t kMostMembers = 16;

// How many members an aggregate has; kMostMembers + 1: more than can be told.
template <typename T, size_t N = kMostMembers + 1>
constexpr size_t memberCount()
{
    if constexpr (kTakes<T, std::make_index_sequence<N>>)
        return N;
    else if constexpr (N == 0)
        return 0;
    else
        return memberCount<T, N - 1>();
}

// C arrays are taken for as many members as they have elements, which no structured binding agrees with.
template <typename T, size_t... I>
constexpr bool hasArray(std::index_sequence<I...>)
{
    return (kArrayBehind<T, std::make_index_sequence<I>> || ...);
}

template <typename... M>
struct Members {
};

// By their addresses: what has none is a bit-field, and would carry old memory in the bits beside it.
template <typename... M>
constexpr Members<M...> listed(const M *...)
{
    return {};
}

// The types of an aggregate's members, by structured bindings.
template <typename T>
auto membersOf(const T &t)
{
    constexpr size_t kCount = memberCount<T>();
    if constexpr (kCount == 1) {
        auto &[a] = t;
        return listed(&a);
    } else if constexpr (kCount == 2) {
        auto &[a, b] = t;
        return listed(&a, &b);
    } else if constexpr (kCount == 3) {
        auto &[a, b, c] = t;
        return listed(&a, &b, &c);
    } else if constexpr (kCount == 4) {
        auto &[a, b, c, d] = t;
        return listed(&a, &b, &c, &d);
    } else if constexpr (kCount == 5) {
        auto &[a, b, c, d, e] = t;
        return listed(&a, &b, &c, &d, &e);
    } else if constexpr (kCount == 6) {
        auto &[a, b, c, d, e, f] = t;
        return listed(&a, &b, &c, &d, &e, &f);
    } else if constexpr (kCount == 7) {
        auto &[a, b, c, d, e, f, g] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g);
    } else if constexpr (kCount == 8) {
        auto &[a, b, c, d, e, f, g, h] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h);
    } else if constexpr (kCount == 9) {
        auto &[a, b, c, d, e, f, g, h, i] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i);
    } else if constexpr (kCount == 10) {
        auto &[a, b, c, d, e, f, g, h, i, j] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j);
    } else if constexpr (kCount == 11) {
        auto &[a, b, c, d, e, f, g, h, i, j, k] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k);
    } else if constexpr (kCount == 12) {
        auto &[a, b, c, d, e, f, g, h, i, j, k, l] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l);
    } else if constexpr (kCount == 13) {
        auto &[a, b, c, d, e, f, g, h, i, j, k, l, m] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m);
    } else if constexpr (kCount == 14) {
        auto &[a, b, c, d, e, f, g, h, i, j, k, l, m, n] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m, &n);
    } else if constexpr (kCount == 15) {
        auto &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m, &n, &o);
    } else if constexpr (kCount == 16) {
        auto &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = t;
        return listed(&a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l, &m, &n, &o, &p);
    } else {
        return Members<>{};
    }
}

template <typename T>
struct IsStdArray : std::false_type {
};
template <typename E, size_t N>
struct IsStdArray<std::array<E, N>> : std::true_type {
};

template <typename T>
constexpr bool isRingItem();

template <typename... M>
constexpr bool areItemsOfSize(Members<M...>, size_t size)
{
    // Members that fill the whole leave no padding.
    return sizeof...(M) > 0 && (kRingItem<M> && ...) && (size_t{0} + ... + sizeof(M)) == size;
}

template <typename T>
constexpr bool isRingItem()
{
    if constexpr (!std::is_trivially_copyable_v<T> || std::is_const_v<T> || std::is_volatile_v<T>)
        return false;
    else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, long double>)
        return false; // a bool of 2 is undefined; a long double is padded
    else if constexpr (std::is_arithmetic_v<T>)
        return true;
    else if constexpr (std::is_enum_v<T>)
        return kHasFixedType<T>; // any value is one of its own
    else if constexpr (std::is_array_v<T> || std::is_union_v<T> || !std::is_class_v<T>)
        return false;
    else if constexpr (IsStdArray<T>::value)
        return kRingItem<typename T::value_type> &&
               sizeof(T) == std::tuple_size_v<T> * sizeof(typename T::value_type);
    else if constexpr (!std::is_aggregate_v<T> || kHasBase<T>)
        return false;
    else if constexpr (memberCount<T>() > kMostMembers ||
                       hasArray<T>(std::make_index_sequence<memberCount<T>()>{}))
        return false;
    else
        return areItemsOfSize(decltype(membersOf(std::declval<const T &>())){}, sizeof(T));
}

} // namespace detail

template <typename T>
inline constexpr bool kRingItem = detail::isRingItem<T>();

// Trivially copyable, no pointers, no padding that would carry old memory across, and every pattern
// of bits is a value: numbers, enumerations with a fixed underlying type, std::array and aggregates
// of these.
template <typename T>
concept RingItem = kRingItem<T>;

} // namespace ringcore
