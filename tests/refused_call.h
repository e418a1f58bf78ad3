// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A process without a system call, as on an older kernel, in a sandbox, or where memory is short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <ostream>
#include <sys/prctl.h>

namespace ringtest
{

// A system call that is answered by `number`, if (argument & mask) == value.
struct Refused {
    const char *name;
    long call;
    int number;
    unsigned argument = 0;
    uint32_t mask = 0;
    uint32_t value = 0;
    unsigned second = 0; // and another one, that has to be equal
    uint32_t secondMask = 0;
    uint32_t secondValue = 0;
};
inline void PrintTo(const Refused &refused, std::ostream *out)
{
    *out << refused.name;
}

// From now on, for this thread and its children. False: seccomp filters are not allowed here.
inline bool refuse(const Refused &refused)
{
    const auto offsetOf = [](unsigned argument) {
        return static_cast<uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(uint64_t));
    };
    const sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(refused.call), 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetOf(refused.argument)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, refused.mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused.value, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetOf(refused.second)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, refused.secondMask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused.secondValue, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(refused.number)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{std::size(program), const_cast<sock_filter *>(program)};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace ringtest
