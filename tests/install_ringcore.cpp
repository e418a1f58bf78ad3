// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is installed is what a stranger's program needs: it is found by pkg-config, compiles without a
// warning, links, and runs; it exports what tests/ringcore_symbols lists; its pages can be made.
#include "ring_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <vector>

namespace
{

namespace files = std::filesystem;
using ringtest::OwnDirectory;

std::string environment(const char *name)
{
    const char *value = std::getenv(name);
    return value ? value : "";
}

std::vector<std::string> words(const std::string &text)
{
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

std::string argument(const std::string &word)
{
    return "'" + word + "'";
}

struct Ran {
    int status; // the shell's, or -1
    std::string output;
};

Ran run(const std::string &command)
{
    Ran ran{-1, ""};
    FILE *pipe = ::popen(("{ " + command + "; } 2>&1 </dev/null").c_str(), "re");
    if (!pipe)
        return ran;
    char buffer[4096];
    while (const size_t size = std::fread(buffer, 1, sizeof buffer, pipe))
        ran.output.append(buffer, size);
    const int status = ::pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

testing::AssertionResult succeeds(const std::string &command)
{
    const auto ran = run(command);
    if (ran.status == 0)
        return testing::AssertionSuccess() << ran.output;
    return testing::AssertionFailure() << "exit status " << ran.status << ": " << command << "\n"
                                       << ran.output;
}

bool isThere(const std::string &program)
{
    return run("command -v " + program).status == 0;
}

const std::string kBuild = environment("SHAREDRING_BUILD_DIR");
const std::string kSource = environment("SHAREDRING_SOURCE_DIR");
const std::string kWarnings = "-std=c++20 -Wall -Wextra -Wshadow -Wconversion -Werror ";

// `meson install`, once for all tests, into a directory that stands for the root.
class Installed : public testing::Test
{
public:
    static void SetUpTestSuite()
    {
        if (directory_)
            return;
        directory_.emplace();
        ASSERT_TRUE(succeeds("meson install -C " + argument(kBuild) + " --no-rebuild --quiet --destdir " +
                             argument(root())));
        for (const auto &entry : files::recursive_directory_iterator(root()))
            if (entry.path().filename() == "ringcore.pc")
                pkgConfigPath_ = entry.path().parent_path();
    }

protected:
    static std::string root() { return *directory_ / "root"; }
    static std::string at(const std::string &name) { return *directory_ / name; }

    // Of this installation, wherever it will be one day.
    static std::string flags(const std::string &kind)
    {
        const auto ran = run("PKG_CONFIG_PATH=" + argument(pkgConfigPath_) + " PKG_CONFIG_SYSROOT_DIR=" +
                             argument(root()) + " pkg-config " + kind + " ringcore");
        EXPECT_EQ(ran.status, 0) << ran.output;
        return ran.output.substr(0, ran.output.find('\n'));
    }
    static std::string library() { return files::path(pkgConfigPath_).parent_path(); }
    static std::string headers() { return words(flags("--cflags-only-I")).at(0).substr(2) + "/ringcore"; }
    // A command line that runs an installed program.
    static std::string running(const std::string &program)
    {
        return "LD_LIBRARY_PATH=" + argument(library()) + " " + argument(at(program));
    }

    static void write(const std::string &name, const std::string &text) { std::ofstream(at(name)) << text; }

private:
    static inline std::optional<OwnDirectory> directory_;
    static inline std::string pkgConfigPath_;
};

// ---- the library

// Without its address, and the same whatever the version of binutils.
std::set<std::string> symbols(const std::string &text)
{
    std::set<std::string> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        line = std::regex_replace(line, std::regex("> (?=>)"), ">");
        if (!line.empty() && line[0] != '#')
            all.insert(line);
    }
    return all;
}

std::string difference(const std::set<std::string> &all, const std::set<std::string> &others)
{
    std::string lines;
    for (const auto &name : all)
        if (!others.contains(name))
            lines += "    " + name + "\n";
    return lines;
}

TEST_F(Installed, LibraryExportsWhatItsHeadersOfferAndNothingElse)
{
    const auto ran =
        run("nm -DC --defined-only " + argument(library() + "/libringcore.so") + " | sed 's/^[0-9a-f]* //'");
    ASSERT_EQ(ran.status, 0) << ran.output;
    std::ifstream file(kSource + "/tests/ringcore_symbols");
    const auto expected = symbols({std::istreambuf_iterator<char>(file), {}});
    const auto found = symbols(ran.output);

    EXPECT_EQ(difference(found, expected), "") << "are new: add them to tests/ringcore_symbols";
    EXPECT_EQ(difference(expected, found), "") << "are gone: that takes a new soname (ringcore/api.h)";
}

TEST_F(Installed, ProgramsAskForTheSoname)
{
    write("empty.cpp", "#include <ringcore/error.h>\n"
                       "int main() { return ringcore::describe(ringcore::Misuse{}).empty(); }\n");
    ASSERT_TRUE(succeeds("c++ " + kWarnings + argument(at("empty.cpp")) + " -o " + argument(at("empty")) +
                         " " + flags("--cflags --libs")));
    const auto needed = run("objdump -p " + argument(at("empty")));
    EXPECT_TRUE(std::regex_search(needed.output, std::regex("NEEDED +libringcore\\.so\\.[0-9]+\n")))
        << needed.output;
    EXPECT_TRUE(succeeds(running("empty")));
}

TEST_F(Installed, LibraryIsFoundWithoutBeingToldWhere)
{
    if (!library().starts_with(root() + "/usr/"))
        GTEST_SKIP() << "built for a prefix of its own";
    const auto looked = run("pkg-config --variable=pc_path pkg-config");
    ASSERT_EQ(looked.status, 0) << looked.output;
    const std::string directory = library().substr(root().size()) + "/pkgconfig";
    EXPECT_NE((":" + looked.output).find(":" + directory), std::string::npos)
        << directory << " is not in " << looked.output << "Meson asks dpkg-dev which it is";
}

// ---- the headers

TEST_F(Installed, HeadersAreThoseToBeIncludedAndWhatTheyInclude)
{
    std::set<std::string> installed;
    for (const auto &entry : files::directory_iterator(headers()))
        installed.insert(entry.path().filename());

    std::set<std::string> included;
    auto next = words(environment("SHAREDRING_API_HEADERS"));
    while (!next.empty()) {
        const std::string name = next.back();
        next.pop_back();
        if (!included.insert(name).second)
            continue;
        std::ifstream file(kSource + "/ringcore/" + name);
        for (std::string line; std::getline(file, line);) {
            std::smatch match;
            if (std::regex_match(line, match, std::regex("#include \"(.*)\"")))
                next.push_back(match[1]);
        }
    }
    EXPECT_EQ(installed, included);
}

TEST_F(Installed, AnOlderLanguageIsRefusedInWords)
{
    write("old.cpp", "#include <ringcore/ring.h>\n");
    const auto ran = run("c++ -std=c++17 -fsyntax-only " + argument(at("old.cpp")) + " " + flags("--cflags"));
    EXPECT_NE(ran.status, 0);
    EXPECT_NE(ran.output.find("ringcore needs C++20"), std::string::npos) << ran.output;
}

class Header : public Installed, public testing::WithParamInterface<std::tuple<std::string, std::string>>
{
};

TEST_P(Header, CompilesAlone)
{
    const auto &[compiler, name] = GetParam();
    if (!isThere(compiler))
        GTEST_SKIP() << compiler << " is not installed";
    write("alone.cpp", "#include <ringcore/" + name + ">\nint main() {}\n");
    EXPECT_TRUE(succeeds(compiler + " " + kWarnings + "-fsyntax-only " + argument(at("alone.cpp")) + " " +
                         flags("--cflags")));
}

INSTANTIATE_TEST_SUITE_P(, Header,
                         testing::Combine(testing::Values("g++", "clang++"),
                                          testing::ValuesIn(words(environment("SHAREDRING_API_HEADERS")))),
                         [](const auto &test) {
                             auto name = std::get<0>(test.param) + "_" + std::get<1>(test.param);
                             std::ranges::replace_if(
                                 name, [](char c) { return c == '+' || c == '.'; }, '_');
                             return name;
                         });

// ---- what the pages show

// The indented blocks of a text that are C++ of this library; "..." stands for what is left out.
std::vector<std::string> snippets(const std::string &path, const std::string &indent)
{
    std::vector<std::string> all;
    std::ifstream file(path);
    std::string block;
    const auto end = [&] {
        if (block.find("ringcore::") != std::string::npos && block.find(';') != std::string::npos)
            all.push_back(block);
        block.clear();
    };
    for (std::string line; std::getline(file, line);) {
        const bool blank = line.empty() || line == "//";
        if (!line.starts_with(indent) && !(blank && !block.empty()))
            end();
        else if (const auto code = blank ? "" : line.substr(indent.size()); code != "...")
            block += code + "\n";
    }
    end();
    return all;
}

TEST_F(Installed, SnippetsOfThePagesCompile)
{
    auto shown = snippets(kSource + "/README.md", "    ");
    EXPECT_FALSE(shown.empty());
    for (const auto &name : words(environment("SHAREDRING_API_HEADERS"))) {
        const auto more = snippets(kSource + "/ringcore/" + name, "//     ");
        EXPECT_TRUE(!more.empty() || !name.starts_with("ring")) << name;
        shown.insert(shown.end(), more.begin(), more.end());
    }
    std::string before = "#include <cstdio>\n";
    for (const auto &name : words(environment("SHAREDRING_API_HEADERS")))
        before += "#include <ringcore/" + name + ">\n";
    for (const auto &snippet : shown) {
        write("snippet.cpp", before + "int main()\n{\n" + snippet + "}\n");
        EXPECT_TRUE(succeeds("c++ " + kWarnings + "-fsyntax-only " + argument(at("snippet.cpp")) + " " +
                             flags("--cflags")))
            << snippet;
    }
}

// ---- programs

class Program : public Installed, public testing::WithParamInterface<std::string>
{
protected:
    void SetUp() override
    {
        if (!isThere(GetParam()))
            GTEST_SKIP() << GetParam() << " is not installed";
    }

    // One of pipelines/ringcore.
    testing::AssertionResult compiles(const std::string &name)
    {
        return succeeds(GetParam() + " " + kWarnings +
                        argument(kSource + "/pipelines/ringcore/" + name + ".cpp") + " " +
                        flags("--cflags --libs") + " -o " + argument(at(name)));
    }
};

TEST_P(Program, SendsARingToItsChild)
{
    ASSERT_TRUE(compiles("ring"));
    EXPECT_TRUE(succeeds(running("ring")));
}

TEST_P(Program, MeetsAnotherAtAPath)
{
    ASSERT_TRUE(compiles("ring_socket"));
    // The listener is there when its socket is.
    EXPECT_TRUE(succeeds(running("ring_socket") + " receive " + argument(at("meter")) + " & until [ -S " +
                         argument(at("meter")) + " ]; do kill -0 $! || exit 1; done; " +
                         running("ring_socket") + " send " + argument(at("meter")) + " && wait $!"));
}

TEST_P(Program, SendsBytesThatNobodyCanChange)
{
    ASSERT_TRUE(compiles("write_once"));
    EXPECT_TRUE(succeeds(running("write_once")));
}

TEST_P(Program, PublishesToAnotherThatSubscribes)
{
    ASSERT_TRUE(compiles("publisher"));
    ASSERT_TRUE(compiles("subscriber"));
    const auto ran = run(running("publisher") + " " + argument(at("pictures")) + " & " +
                         running("subscriber") + " " + argument(at("pictures")) + " && wait $!");
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_NE(ran.output.find("100 pictures\n"), std::string::npos) << ran.output;
}

TEST_P(Program, CanUseEveryMemberOfARing)
{
    write("every.cpp", "#include <ringcore/ring_socket.h>\n"
                       "template class ringcore::Sender<float>;\n"
                       "template class ringcore::Receiver<float>;\n"
                       "int main() {}\n");
    ASSERT_TRUE(succeeds(GetParam() + " " + kWarnings + argument(at("every.cpp")) + " " +
                         flags("--cflags --libs") + " -o " + argument(at("every"))));
    EXPECT_TRUE(succeeds(running("every")));
}

INSTANTIATE_TEST_SUITE_P(, Program, testing::Values("g++", "clang++"), [](const auto &test) {
    return test.param == "g++" ? std::string("Gcc") : std::string("Clang");
});

// ---- the elements

TEST_F(Installed, PluginIsWhereGStreamerLooks)
{
    const std::string plugin = environment("SHAREDRING_INSTALLED_PLUGIN");
    if (plugin.empty())
        GTEST_SKIP() << "built without the plugin, or for a prefix of its own";
    const auto looked = run("pkg-config --variable=pluginsdir gstreamer-1.0");
    EXPECT_EQ(files::path(plugin).parent_path().string() + "\n", looked.output);
    EXPECT_TRUE(files::exists(root() + plugin));
}

// ---- the pages

TEST(Pages, AreMadeWithoutAWarning)
{
    if (!isThere("doxygen"))
        GTEST_SKIP() << "doxygen is not installed";
    const OwnDirectory directory;
    const auto doxyfile = argument(kBuild + "/ringcore/Doxyfile");
    ASSERT_TRUE(
        succeeds("(cat " + doxyfile + "; echo 'OUTPUT_DIRECTORY = \"" + directory / "" + "\"') | doxygen -"));
    std::ifstream page(directory / "html/classringcore_1_1Sender.html");
    const std::string text{std::istreambuf_iterator<char>(page), {}};
    EXPECT_NE(text.find("How many items can be sent now"), std::string::npos) << "Sender::room()'s comment";
}

} // namespace
