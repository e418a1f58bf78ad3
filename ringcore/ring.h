// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A bounded wait-free ring of items between two processes that need not trust each other: a
// Sender<T> in one, a Receiver<T> in the other.
//
//     auto sender = ringcore::Sender<float>::create(4096).value();
//     auto fds = sender.takeFdsForPeer().value(); // send these over any unix socket
//     ...
//     auto receiver = ringcore::Receiver<float>::open(4096, std::move(fds)).value(); // elsewhere
//     sender.send(1.5f);
//     receiver.receive(); // 1.5f
//
// Either side creates the ring and the other one opens it. What one side writes, the other can only
// read: the kernel sees to it (Exposure::SingleWriter). Sending and receiving make no system call, but
// to wake a peer that sleeps, and to ask for one that has not opened its end yet; they take a bounded number
// of instructions whatever the peer does. A peer that breaks the rules is told by a PeerFault, and nothing
// else comes of it; so do not go on with that ring. After shmem-ipc's `sharedring`.
//
// One thread at a time for each end, but for interrupt(), which any thread may call.
#pragma once

#include "receiver.h"
#include "sender.h"
