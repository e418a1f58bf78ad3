// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace
{

using Clock = std::chrono::steady_clock;

int millisecondsLeft(Clock::time_point until)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::max<int64_t>(left, 0));
}

std::vector<char *> pointersTo(std::vector<std::string> &texts)
{
    std::vector<char *> pointers;
    for (std::string &text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

std::string directoryOfTests()
{
    char path[4096];
    const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
    const std::string whole(path, length > 0 ? static_cast<size_t>(length) : 0);
    return whole.substr(0, whole.rfind('/'));
}

} // namespace

ChildProcess::ChildProcess(std::vector<std::string> command, std::vector<std::string> environment)
{
    int toChild[2];
    int fromChild[2];
    if (::pipe2(toChild, O_CLOEXEC) != 0 || ::pipe2(fromChild, O_CLOEXEC) != 0)
        throw std::runtime_error("pipe");
    input_ = toChild[1];
    output_ = fromChild[0];

    std::vector<std::string> all;
    for (char **variable = environ; *variable; variable++)
        all.emplace_back(*variable);
    const char *preload = std::getenv("SHAREDRING_PRELOAD");
    const bool loadsOurModule = std::any_of(command.begin(), command.end(), [](const std::string &word) {
        return word.substr(word.rfind('/') + 1).starts_with("gst-");
    });
    if (preload && loadsOurModule) {
        all.push_back(std::string("LD_PRELOAD=") + preload);
        // They load toolkits that leak at their end; our own leaks show in pipeline-peer.
        const char *options = std::getenv("ASAN_OPTIONS");
        all.push_back(std::string("ASAN_OPTIONS=") + (options ? options : "") + ":detect_leaks=0");
    }
    all.insert(all.end(), environment.begin(), environment.end());
    // Of two settings of a variable the later one counts.
    std::map<std::string, std::string> byName;
    for (const std::string &variable : all)
        byName[variable.substr(0, variable.find('='))] = variable;
    all.clear();
    for (const auto &[name, variable] : byName)
        all.push_back(variable);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0);
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1);
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 2);
    const auto arguments = pointersTo(command);
    const auto variables = pointersTo(all);
    const int error =
        ::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(toChild[0]);
    ::close(fromChild[1]);
    if (error != 0)
        throw std::runtime_error(command[0] + ": " + std::strerror(error));
    pidFd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

ChildProcess::~ChildProcess()
{
    if (!status_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(input_);
    ::close(output_);
    if (pidFd_ >= 0)
        ::close(pidFd_);
}

void ChildProcess::send(const std::string &line)
{
    const std::string whole = line + "\n";
    [[maybe_unused]] const auto written = ::write(input_, whole.data(), whole.size());
}

void ChildProcess::signal(int number)
{
    if (!status_)
        ::kill(pid_, number);
}

bool ChildProcess::readMore(Time patience)
{
    pollfd fd{output_, POLLIN, 0};
    if (::poll(&fd, 1, static_cast<int>(patience.count())) <= 0)
        return false;
    char bytes[65536];
    const ssize_t size = ::read(output_, bytes, sizeof bytes);
    if (size <= 0)
        return false;
    transcript_.append(bytes, static_cast<size_t>(size));
    partial_.append(bytes, static_cast<size_t>(size));
    for (size_t end; (end = partial_.find('\n')) != std::string::npos; partial_.erase(0, end + 1))
        lines_.push_back(partial_.substr(0, end));
    return true;
}

std::optional<std::string> ChildProcess::take(const std::string &prefix)
{
    for (auto line = lines_.begin(); line != lines_.end(); ++line) {
        if (line->starts_with(prefix)) {
            std::string rest = line->substr(prefix.size());
            lines_.erase(line);
            return rest;
        }
    }
    return std::nullopt;
}

std::optional<std::string> ChildProcess::seen(const std::string &prefix)
{
    while (readMore(Time(0))) {
    }
    return take(prefix);
}

std::optional<std::string> ChildProcess::waitFor(const std::string &prefix, Time patience)
{
    const auto until = Clock::now() + patience;
    while (true) {
        if (auto line = take(prefix))
            return line;
        if (!readMore(Time(millisecondsLeft(until))))
            return take(prefix);
    }
}

std::optional<int> ChildProcess::waitForExit(Time patience)
{
    const auto until = Clock::now() + patience;
    while (!status_) {
        // Its output is read on, or it would stop at a full pipe.
        pollfd fds[] = {{output_, POLLIN, 0}, {pidFd_, POLLIN, 0}};
        const bool ended = pidFd_ < 0 || (::poll(fds, 2, millisecondsLeft(until)) > 0 && fds[1].revents != 0);
        while (readMore(Time(0))) {
        }
        int status = 0;
        if (ended && ::waitpid(pid_, &status, pidFd_ < 0 ? 0 : WNOHANG) == pid_)
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        else if (Clock::now() >= until)
            return std::nullopt;
        if (!status_ && fds[0].revents & POLLHUP)
            ::poll(fds + 1, 1, millisecondsLeft(until));
    }
    return status_;
}

bool ChildProcess::running()
{
    return !waitForExit(Time(0));
}

// ---- logs

std::vector<std::string> TapLog::all(const std::string &prefix) const
{
    std::vector<std::string> found;
    for (const std::string &line : lines) {
        if (line.starts_with(prefix))
            found.push_back(line.substr(prefix.size()));
    }
    return found;
}

// ---- peers

namespace
{

std::vector<std::string> asUser(unsigned uid)
{
    const std::string number = std::to_string(uid);
    return {"setpriv", "--reuid=" + number, "--regid=" + number, "--clear-groups"};
}

std::vector<std::string> peerCommand(std::vector<std::string> command, const std::string &launchLine,
                                     const std::vector<std::string> &options, const std::string &logPath)
{
    command.push_back(directoryOfTests() + "/pipeline-peer");
    command.insert(command.end(), {"--log", logPath});
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(launchLine);
    return command;
}

} // namespace

PeerProcess::PeerProcess(const std::string &launchLine, std::vector<std::string> options,
                         std::vector<std::string> environment)
    : PeerProcess(std::vector<std::string>{}, launchLine, std::move(options), freshPath(".log"),
                  std::move(environment))
{
}

PeerProcess::PeerProcess(User user, const std::string &launchLine, std::vector<std::string> options,
                         std::vector<std::string> environment)
    : PeerProcess(asUser(user.uid), launchLine, std::move(options), freshPath(".log"), std::move(environment))
{
}

PeerProcess::PeerProcess(RunBy other, const std::string &launchLine, std::vector<std::string> options,
                         std::vector<std::string> environment)
    : PeerProcess(std::move(other.command), launchLine, std::move(options), freshPath(".log"),
                  std::move(environment))
{
}

PeerProcess::PeerProcess(std::vector<std::string> wrapper, const std::string &launchLine,
                         std::vector<std::string> options, std::string logPath,
                         std::vector<std::string> environment)
    : ChildProcess(peerCommand(std::move(wrapper), launchLine, options, logPath), std::move(environment)),
      logPath_(std::move(logPath))
{
}

bool PeerProcess::User::canRun() const
{
    auto command = asUser(uid);
    command.insert(command.end(), {"test", "-x", directoryOfTests() + "/pipeline-peer"});
    return ::geteuid() == 0 && runToEnd(command).status == 0;
}

std::string PeerProcess::command(const std::string &line)
{
    send(line);
    const auto until = Clock::now() + kPatience;
    while (true) {
        if (auto answer = waitFor("ok", Time(50)))
            return answer->empty() ? *answer : answer->substr(1);
        if (auto refusal = seen("no ")) {
            ADD_FAILURE() << line << ": " << *refusal << "\n" << transcript();
            return "";
        }
        if (Clock::now() >= until || !running()) {
            ADD_FAILURE() << line << ": no answer\n" << transcript();
            return "";
        }
    }
}

uint64_t PeerProcess::stat(const std::string &field, const std::string &element)
{
    std::string text = command("get " + element + " ring-stats");
    std::erase(text, '\\'); // a serialized structure is quoted
    const size_t clients = text.find("clients=");
    if (clients != std::string::npos) // the sum stands before the array of the clients
        text.erase(clients);
    const size_t at = text.find(" " + field + "=");
    if (at == std::string::npos) {
        ADD_FAILURE() << "no " << field << " in " << text;
        return 0;
    }
    const size_t value = text.find(')', at);
    return std::strtoull(text.c_str() + value + 1, nullptr, 10);
}

std::optional<int> PeerProcess::quit()
{
    send("quit");
    return waitForExit();
}

bool PeerProcess::waitForCount(uint64_t buffers, Time patience)
{
    const auto until = Clock::now() + patience;
    while (Clock::now() < until) {
        if (std::strtoull(command("count").c_str(), nullptr, 10) >= buffers)
            return true;
        if (!running())
            return false;
        ::poll(nullptr, 0, 5);
    }
    return false;
}

bool PeerProcess::waitForLog(const std::string &prefix, Time patience)
{
    const auto until = Clock::now() + patience;
    while (log().all(prefix).empty()) {
        if (Clock::now() >= until || !running())
            return false;
        ::poll(nullptr, 0, 5);
    }
    return true;
}

bool PeerProcess::waitForStat(const std::string &field, uint64_t atLeast, Time patience)
{
    const auto until = Clock::now() + patience;
    while (stat(field) < atLeast) {
        if (Clock::now() >= until || !running())
            return false;
        ::poll(nullptr, 0, 5);
    }
    return true;
}

TapLog PeerProcess::log() const
{
    TapLog log;
    std::ifstream file(logPath_);
    for (std::string line; std::getline(file, line);) {
        log.lines.push_back(line);
        if (!line.starts_with("buffer "))
            continue;
        std::istringstream words(line.substr(7));
        LoggedBuffer buffer;
        words >> buffer.pts >> buffer.dts >> buffer.duration >> buffer.offset >> buffer.offsetEnd >>
            buffer.flags >> buffer.size >> buffer.md5;
        for (std::string word; words >> word;) {
            if (word.starts_with("video="))
                buffer.video = word.substr(6);
            buffer.readOnly |= word == "readonly";
            buffer.inArena |= word == "arena";
        }
        log.buffers.push_back(buffer);
    }
    return log;
}

// ---- the rest

Finished runToEnd(std::vector<std::string> command, std::chrono::milliseconds patience,
                  std::vector<std::string> environment)
{
    ChildProcess child(std::move(command), std::move(environment));
    const auto status = child.waitForExit(patience);
    return {status.value_or(-1), child.transcript()};
}

std::vector<std::string> gstLaunch(const std::string &line)
{
    std::vector<std::string> words{"gst-launch-1.0"};
    std::istringstream stream(line);
    for (std::string word; stream >> word;)
        words.push_back(word);
    return words;
}

std::string testProgram(const std::string &name)
{
    return directoryOfTests() + "/" + name;
}

std::string freshPath(const std::string &suffix)
{
    static std::atomic<int> next{0};
    const char *directory = std::getenv("TMPDIR");
    return std::string(directory ? directory : "/tmp") + "/" + std::to_string(::getpid()) + "-" +
           std::to_string(next++) + suffix;
}

namespace
{

std::string sample(const char *name)
{
    return std::string("/usr/share/forensics-samples/original-files/") + name;
}

} // namespace

std::string phoneVideo()
{
    return sample("movie1/VID_20191220_170832.mp4");
}
std::string smallPhoneVideo()
{
    return sample("movie2/movie-hello.mp4");
}
