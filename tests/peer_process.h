// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pipeline-peer (or gst-launch-1.0) in a process of its own, as a test holds it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

// A child process whose standard input and output we hold. Killed with its owner.
class ChildProcess
{
public:
    using Time = std::chrono::milliseconds;
    static constexpr Time kPatience{20000};

    // The program is looked up in PATH. SHAREDRING_PRELOAD goes in front of GStreamer's own
    // programs, which load our module without a sanitizer's runtime of their own. fds that
    // are not close-on-exec are inherited.
    explicit ChildProcess(std::vector<std::string> command, std::vector<std::string> environment = {});
    virtual ~ChildProcess();
    ChildProcess(const ChildProcess &) = delete;
    ChildProcess &operator=(const ChildProcess &) = delete;

    pid_t pid() const { return pid_; }
    void send(const std::string &line);
    void signal(int number);

    // The next line that begins with `prefix`, without it; other lines are kept for later calls.
    // Nothing in time, or the output ended.
    std::optional<std::string> waitFor(const std::string &prefix, Time patience = kPatience);
    // Whether such a line is there already.
    std::optional<std::string> seen(const std::string &prefix);

    // Waits for the end. The exit status, or -SIGNAL; nothing in time.
    std::optional<int> waitForExit(Time patience = kPatience);
    bool running();
    // All lines so far, for messages.
    std::string transcript() const { return transcript_; }

private:
    bool readMore(Time patience);
    std::optional<std::string> take(const std::string &prefix);

    pid_t pid_ = -1;
    int pidFd_ = -1;
    int input_ = -1;
    int output_ = -1;
    std::string partial_;
    std::deque<std::string> lines_;
    std::string transcript_;
    std::optional<int> status_;
};

// One line of a tap's log.
struct LoggedBuffer {
    std::string pts, dts, duration, offset, offsetEnd;
    uint64_t flags = 0;
    uint64_t size = 0;
    std::string md5;
    std::string video; // of a GstVideoMeta: size, stride@offset of each plane
    bool readOnly = false;
    bool inArena = false;
};

struct TapLog {
    std::vector<LoggedBuffer> buffers;
    std::vector<std::string> lines; // everything, in order

    // Lines that begin with `prefix`, without it.
    std::vector<std::string> all(const std::string &prefix) const;
};

class PeerProcess : public ChildProcess
{
public:
    // Options as for pipeline-peer; a log is always kept.
    explicit PeerProcess(const std::string &launchLine, std::vector<std::string> options = {},
                         std::vector<std::string> environment = {});

    // As another user (we must be root): every path it is given must be one that it can get at.
    struct User {
        unsigned uid;
        bool canRun() const; // whether this user gets at our programs; else a test is skipped
    };
    PeerProcess(User user, const std::string &launchLine, std::vector<std::string> options = {},
                std::vector<std::string> environment = {});

    // Run by another program, which is given the command.
    struct RunBy {
        std::vector<std::string> command;
    };
    PeerProcess(RunBy other, const std::string &launchLine, std::vector<std::string> options = {},
                std::vector<std::string> environment = {});

    // Sends the command and returns its answer without "ok "; fails the test if it is "no ...".
    std::string command(const std::string &line);
    // Of the property ring-stats of the element named "ring" (or the one given), a number by name;
    // in the sum, not of one client.
    uint64_t stat(const std::string &field, const std::string &element = "ring");
    // quit, and the exit status.
    std::optional<int> quit();
    TapLog log() const;
    // Waits until the tap saw so many buffers.
    bool waitForCount(uint64_t buffers, Time patience = kPatience);
    // Waits until the log has a line that begins so.
    bool waitForLog(const std::string &prefix, Time patience = kPatience);
    // Waits until a number of ring-stats is at least so much.
    bool waitForStat(const std::string &field, uint64_t atLeast, Time patience = kPatience);

private:
    PeerProcess(std::vector<std::string> wrapper, const std::string &launchLine,
                std::vector<std::string> options, std::string logPath, std::vector<std::string> environment);
    std::string logPath_;
};

// Runs a command to its end and returns its output, with its exit status.
struct Finished {
    int status; // -1: did not end in time, and was killed
    std::string output;
};
Finished runToEnd(std::vector<std::string> command,
                  std::chrono::milliseconds patience = ChildProcess::kPatience,
                  std::vector<std::string> environment = {});

// gst-launch-1.0 with the words of this line (split at blanks; quotes are not looked at).
std::vector<std::string> gstLaunch(const std::string &line);

// Where the programs that the tests start are built.
std::string testProgram(const std::string &name);

// A path in this test's own temporary directory that nobody has used yet.
std::string freshPath(const std::string &suffix);

// The phone videos of Debian's forensics-samples-files.
std::string phoneVideo(); // 1080p, some seconds
std::string smallPhoneVideo();
