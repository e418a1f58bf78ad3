// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A directory of a test's own, which is gone after it, and what lies in it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace ringtest
{

class OwnDirectory
{
public:
    OwnDirectory()
    {
        const char *parent = std::getenv("XDG_RUNTIME_DIR");
        std::string name = std::string(parent ? parent : "/tmp") + "/XXXXXX";
        if (const char *made = ::mkdtemp(name.data()))
            path_ = made;
        EXPECT_FALSE(path_.empty());
    }
    ~OwnDirectory()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    OwnDirectory(const OwnDirectory &) = delete;
    OwnDirectory &operator=(const OwnDirectory &) = delete;

    const std::string &path() const { return path_; }
    std::string operator/(const std::string &name) const { return path_ + "/" + name; }

    std::vector<std::string> names() const
    {
        std::vector<std::string> names;
        for (const auto &entry : std::filesystem::directory_iterator(path_))
            names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }

private:
    std::string path_;
};

} // namespace ringtest
