// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A consumer in a process of its own: ring_client SOCKET hold|read. It says "joined" once it is, and
// then, until it is killed, reads and gives back everything, or holds everything.
#include "raw_client.h"

#include <cstdio>
#include <string>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const bool holds = std::string(argv[2]) == "hold";
    ringtest::RawClient client(argv[1]);
    if (!client.join())
        return 1;
    std::puts("joined");
    std::fflush(stdout);
    while (const auto record = client.read()) {
        if (!holds)
            client.giveBack(record->head);
    }
    return 0;
}
