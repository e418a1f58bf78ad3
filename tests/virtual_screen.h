// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An X server without hardware, and the picture that is on its screen.
#pragma once

#include "peer_process.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

using Rgb = std::array<uint8_t, 3>;

class VirtualScreen
{
public:
    // Xvfb, a screen of 800x600 for this test; it serves when this returns. False: it could not be started.
    VirtualScreen();
    bool isServing() const { return !display_.empty(); }
    // For who shows something: DISPLAY=...
    std::string environment() const { return "DISPLAY=" + display_; }

    // What is on the screen now.
    struct Picture {
        uint32_t width = 0;
        uint32_t height = 0;
        std::vector<Rgb> pixels;
        const Rgb &at(uint32_t x, uint32_t y) const { return pixels[size_t{y} * width + x]; }
    };
    Picture look() const;

private:
    std::string directory_;
    std::optional<ChildProcess> server_;
    std::string display_;
};
