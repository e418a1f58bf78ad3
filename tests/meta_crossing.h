// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A buffer's metas into bytes and onto another buffer, for the tests of what arrives.
#pragma once

#include "plugin/incoming_metas.h"
#include "plugin/outgoing_metas.h"
#include "tests/meta_samples.h"
#include "tests/meta_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace sharedring
{

inline constexpr size_t kMetaRoom = 64 * 1024 * 1024;

struct Arrived {
    BufferOwner buffer{gst_buffer_new()};
    std::optional<std::string> fault;
    unsigned left = 0;
};

// What is on the other side of the wire.
class Receiver
{
public:
    Arrived receive(const std::vector<std::byte> &bytes, MetaTarget target = {},
                    const IncomingMetas::Layout &layout = {})
    {
        Arrived arrived;
        gst_buffer_append_memory(
            arrived.buffer.get(),
            gst_allocator_alloc(nullptr, std::max<size_t>(target.payloadSize, 1), nullptr));
        target.buffer = arrived.buffer.get();
        EXPECT_TRUE(metas_.fetch(bytes));
        arrived.fault = metas_.attach(target, layout, arrived.left);
        return arrived;
    }

private:
    IncomingMetas metas_;
};

class Metas : public testing::Test
{
protected:
    std::vector<std::byte> sent(size_t limit = kMetaRoom)
    {
        return out_.encode(buffer_.get(), gst_buffer_get_size(buffer_.get()), limit);
    }

    // All of them arrive, and look the same.
    void expectToCross(const MetaTarget &target = {}, const IncomingMetas::Layout &layout = {})
    {
        const Arrived arrived = receiver_.receive(sent(), target, layout);
        EXPECT_FALSE(arrived.fault) << *arrived.fault;
        EXPECT_EQ(arrived.left, 0u);
        EXPECT_EQ(out_.left(), 0u);
        EXPECT_NE(metasOf(buffer_.get()), "");
        EXPECT_EQ(metasOf(arrived.buffer.get()), metasOf(buffer_.get()));
    }

    // Not one, but a meta beside it.
    void expectToBeLeft(unsigned count = 1)
    {
        gst_buffer_add_audio_level_meta(buffer_.get(), 5, FALSE);
        const Arrived arrived = receiver_.receive(sent());
        EXPECT_FALSE(arrived.fault) << *arrived.fault;
        EXPECT_EQ(out_.left(), count);
        EXPECT_EQ(metasOf(arrived.buffer.get()), "GstAudioLevelMeta 5 0\n");
    }

    BufferOwner buffer_{gst_buffer_new()};
    OutgoingMetas out_{nullptr};
    Receiver receiver_;
};

inline GstAudioInfo audioInfo(GstAudioLayout layout, gint channels = 2)
{
    GstAudioInfo info;
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_S16, 48000, channels, nullptr);
    info.layout = layout;
    return info;
}

} // namespace sharedring
