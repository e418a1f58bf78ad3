// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Takes metas that no honest peer writes, while nothing may complain.
#pragma once

#include "plugin/incoming_metas.h"
#include "tests/meta_bodies.h"
#include "tests/meta_samples.h"

GST_DEBUG_CATEGORY_EXTERN(gst_shared_ring_src_debug); // the element makes it, which is not here

namespace sharedring::wire
{

inline GstAudioInfo audioInfo(GstAudioLayout layout)
{
    GstAudioInfo info;
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_S16, 48000, 2, nullptr);
    info.layout = layout;
    return info;
}

class Taker
{
public:
    explicit Taker(GstAudioLayout layout = GST_AUDIO_LAYOUT_INTERLEAVED) : audio_(audioInfo(layout)) {}

    // The buffer, or nothing if the message is refused.
    BufferOwner take(const Bytes &bytes)
    {
        BufferOwner buffer(gst_buffer_new_allocate(nullptr, 400, nullptr));
        if (!metas_.fetch(bytes))
            return nullptr;
        left = 0;
        const auto fault = metas_.attach({buffer.get(), 0, 0, &audio_, 400}, {}, left);
        return fault ? nullptr : std::move(buffer);
    }
    bool takes(const Bytes &bytes) { return take(bytes) != nullptr; }
    bool takes(uint16_t kind, const Bytes &body) { return takes(message({{kind, body}})); }

    unsigned left = 0;

private:
    const GstAudioInfo audio_;
    IncomingMetas metas_;
};

// What GStreamer logs as an error: nothing hostile shall get so far.
class HostileMetas : public testing::Test
{
protected:
    static void SetUpTestSuite()
    {
        if (!gst_shared_ring_src_debug)
            GST_DEBUG_CATEGORY_INIT(gst_shared_ring_src_debug, "sharedringsrc", 0, "");
    }
    void SetUp() override
    {
        samples::registerCustomMeta();
        complaints_ = 0;
        gst_debug_set_active(TRUE);
        gst_debug_set_default_threshold(GST_LEVEL_ERROR);
        gst_debug_remove_log_function(gst_debug_log_default);
        gst_debug_add_log_function(count, nullptr, nullptr);
    }
    void TearDown() override
    {
        gst_debug_remove_log_function(count);
        gst_debug_set_default_threshold(GST_LEVEL_NONE);
        EXPECT_EQ(complaints_, 0);
    }

    Taker taker_;

private:
    static void count(GstDebugCategory *, GstDebugLevel, const gchar *, const gchar *, gint, GObject *,
                      GstDebugMessage *message, gpointer)
    {
        complaints_++;
        ADD_FAILURE() << gst_debug_message_get(message);
    }
    static inline int complaints_ = 0;
};

} // namespace sharedring::wire
