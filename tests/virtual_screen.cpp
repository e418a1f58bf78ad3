// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virtual_screen.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace
{

// The server keeps its screen in a file of xwd's format: words in network order, then the colours,
// then the pixels.
enum HeaderWord { HeaderSize = 0, Width = 4, Height = 5, BytesPerLine = 12, Colors = 19, HeaderWords = 25 };
constexpr size_t kBytesPerColor = 12;
constexpr size_t kBytesPerPixel = 4; // blue, green, red, nothing

uint32_t wordAt(const std::string &file, HeaderWord word)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++)
        value = value << 8 | static_cast<uint8_t>(file[static_cast<size_t>(word) * 4 + i]);
    return value;
}

} // namespace

VirtualScreen::VirtualScreen() : directory_(freshPath(".screen"))
{
    std::filesystem::create_directory(directory_);
    server_.emplace(std::vector<std::string>{"Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24",
                                             "-nolisten", "tcp", "-noreset", "-fbdir", directory_});
    while (display_.empty()) {
        const auto line = server_->waitFor("");
        if (!line)
            return;
        // It says its number when it serves; other lines are warnings.
        if (!line->empty() && std::all_of(line->begin(), line->end(),
                                          [](unsigned char letter) { return std::isdigit(letter) != 0; }))
            display_ = ":" + *line;
    }
}

VirtualScreen::Picture VirtualScreen::look() const
{
    std::ifstream stream(directory_ + "/Xvfb_screen0", std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    Picture picture;
    if (file.size() < size_t{HeaderWords} * 4)
        return picture;
    const size_t bytesPerLine = wordAt(file, BytesPerLine);
    const size_t pixels = wordAt(file, HeaderSize) + wordAt(file, Colors) * kBytesPerColor;
    const uint32_t width = wordAt(file, Width);
    const uint32_t height = wordAt(file, Height);
    if (file.size() < pixels + bytesPerLine * height || bytesPerLine < width * kBytesPerPixel)
        return picture;
    picture.width = width;
    picture.height = height;
    for (size_t y = 0; y < height; y++) {
        const auto *line = reinterpret_cast<const uint8_t *>(file.data()) + pixels + y * bytesPerLine;
        for (size_t x = 0; x < width; x++) {
            const uint8_t *pixel = line + x * kBytesPerPixel;
            picture.pixels.push_back({pixel[2], pixel[1], pixel[0]});
        }
    }
    return picture;
}
