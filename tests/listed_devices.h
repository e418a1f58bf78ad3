// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The devices that a provider of the test's own directory lists, and sockets that are there to be listed.
#pragma once

#include "peer_process.h"
#include "playing.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace fs = std::filesystem;

// A socket in this process, on which nobody accepts unless asked to.
class Listener
{
public:
    explicit Listener(const std::string &path, int type = SOCK_SEQPACKET, int backlog = 8)
        : fd_(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr *>(&address), sizeof address), 0) << path;
        EXPECT_EQ(::listen(fd_, backlog), 0);
    }
    ~Listener() { ::close(fd_); }
    Listener(const Listener &) = delete;

    int fd() const { return fd_; }
    // How many connected since it was asked last.
    int connections() const
    {
        int count = 0;
        for (int fd; (fd = ::accept(fd_, nullptr, nullptr)) >= 0; count++)
            ::close(fd);
        return count;
    }

private:
    const int fd_;
};

inline int connectedTo(const std::string &path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address), 0);
    return fd;
}

inline std::string serving(const std::string &path)
{
    return "videotestsrc is-live=true ! video/x-raw,width=16,height=16 ! sharedringsink name=ring socket=" +
           path;
}

class Devices : public testing::Test
{
protected:
    void SetUp() override
    {
        gst_init(nullptr, nullptr);
        const sharedring::ObjectOwner<GstDeviceProviderFactory> factory(
            gst_device_provider_factory_find("sharedringdeviceprovider"));
        ASSERT_TRUE(factory);
        provider_.reset(gst_device_provider_factory_get(factory.get()));
        setDirectory(directory_);
        fs::create_directory(directory_);
    }
    void TearDown() override
    {
        if (started_)
            gst_device_provider_stop(provider_.get());
    }

    void setDirectory(const std::string &path)
    {
        g_object_set(provider_.get(), "directory", path.empty() ? nullptr : path.c_str(), nullptr);
    }
    void start()
    {
        started_ = gst_device_provider_start(provider_.get());
        ASSERT_TRUE(started_);
    }
    void stop()
    {
        gst_device_provider_stop(provider_.get());
        started_ = false;
    }

    std::vector<sharedring::ObjectOwner<GstDevice>> devices() const
    {
        std::vector<sharedring::ObjectOwner<GstDevice>> found;
        GList *list = gst_device_provider_get_devices(provider_.get());
        for (GList *item = list; item; item = item->next)
            found.emplace_back(GST_DEVICE(item->data));
        g_list_free(list);
        return found;
    }
    std::set<std::string> names() const
    {
        std::set<std::string> all;
        for (const auto &device : devices()) {
            gchar *name = gst_device_get_display_name(device.get());
            all.insert(name);
            g_free(name);
        }
        return all;
    }
    bool become(const std::set<std::string> &expected)
    {
        const bool became = await([&] { return names() == expected; }, std::chrono::seconds(10));
        EXPECT_EQ(names(), expected);
        return became;
    }
    // Everything that happened to the directory before has been looked at.
    void settle()
    {
        const std::string name = "settled" + std::to_string(settled_++);
        markers_.push_back(std::make_unique<Listener>(in(name)));
        EXPECT_TRUE(await([&] { return names().contains(name); }, std::chrono::seconds(10)));
    }
    std::string in(const std::string &name) const { return directory_ + "/" + name; }

    const std::string directory_ = freshPath(".d");
    sharedring::ObjectOwner<GstDeviceProvider> provider_;
    bool started_ = false;
    int settled_ = 0;
    std::vector<std::unique_ptr<Listener>> markers_;
};

using Set = std::set<std::string>;
