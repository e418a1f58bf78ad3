// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One stream through a queue, and through the pair of elements: what comes out of each, and whether it
// is the same.
#pragma once

#include "random_stream.h"

#include <string>
#include <vector>

using Lines = std::vector<std::string>; // of a StreamTranscript

Lines throughQueue(const std::vector<StreamItem> &stream);

// The elements' properties beside those of a lossless stream.
struct Cut {
    std::string sinkProperties;
    std::string srcProperties;
    bool otherProcess = false;
    bool clientComesLate = false; // when it is waited for; not of another process
};

Lines throughRing(const std::vector<StreamItem> &stream, const Cut &cut = {});

// Shows the first line that differs, with those before it.
void expectSameLines(const Lines &expected, const Lines &found);
