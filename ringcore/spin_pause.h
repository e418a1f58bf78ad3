// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The instruction for who looks at a word in a loop: leaves the word's cache line, for some tens of
// nanoseconds, to who is about to write it.
#pragma once

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace ringcore
{

inline void spinPause() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

} // namespace ringcore
