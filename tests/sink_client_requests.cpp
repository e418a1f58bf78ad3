// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A sink hears of a hostile client's requests only what is let through, and as GStreamer can bear it.
#include "plugin/client_requests.h"
#include "tests/codec_wire.h"

#include <gst/base/gstbasesink.h>

#include <string>
#include <vector>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

constexpr uint32_t kClient = 1;

class Requests : public testing::Test
{
protected:
    Requests()
    {
        g_object_set(sink_.get(), "qos", TRUE, "async", FALSE, nullptr);
        gst_pad_add_probe(GST_BASE_SINK_PAD(sink_.get()), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, onEvent,
                          &events_, nullptr);
        gst_element_set_state(sink_.get(), GST_STATE_PAUSED);
    }
    ~Requests() override { gst_element_set_state(sink_.get(), GST_STATE_NULL); }

    bool take(WireRequest kind, const Hostile &request)
    {
        return requests_.take(kClient, static_cast<uint32_t>(kind), request.bytes());
    }

    const ObjectOwner<GstElement> sink_{
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("fakesink", nullptr)))};
    std::vector<EventOwner> events_; // that went upstream
    ClientRequests requests_{std::make_shared<WeakElement>(sink_.get()), "zoom"};

private:
    static GstPadProbeReturn onEvent(GstPad *, GstPadProbeInfo *info, gpointer events)
    {
        static_cast<std::vector<EventOwner> *>(events)->emplace_back(
            gst_event_ref(GST_PAD_PROBE_INFO_EVENT(info)));
        return GST_PAD_PROBE_OK;
    }
};

Hostile custom(const std::string &name, const std::string &field)
{
    return Hostile()
        .number(uint8_t{0})
        .text(name)
        .number(uint32_t{1})
        .text(field)
        .kind(Int)
        .number(int32_t{1});
}

bool isKnownName(const std::string &name)
{
    return g_quark_try_string(name.c_str()) != 0;
}

} // namespace

// Clients' streams may have begun before ours; GStreamer asserts that no time is before all time.
TEST_F(Requests, ForQosAreNoEarlierThanTheStream)
{
    requests_.setTimes(0, GST_SECOND);
    const int64_t time = GST_MSECOND;
    EXPECT_TRUE(take(WireRequest::Qos, Hostile()
                                           .number(static_cast<uint32_t>(GST_QOS_TYPE_OVERFLOW))
                                           .number(1.0)
                                           .number(-kMostLateness)
                                           .number(time)));
    ASSERT_EQ(events_.size(), 1u);
    GstClockTimeDiff lateness = 0;
    gst_event_parse_qos(events_.front().get(), nullptr, nullptr, &lateness, nullptr);
    EXPECT_EQ(lateness, -time);
}

// GStreamer up to 1.24 keeps every name for ever, and all peers of a process share one ration of them.
TEST_F(Requests, ThatAreNotLetThroughLeaveNoNamesBehind)
{
    EXPECT_TRUE(take(WireRequest::Custom, custom("strange", "strange-field")));
    EXPECT_FALSE(isKnownName("strange"));
    EXPECT_FALSE(isKnownName("strange-field"));
    EXPECT_EQ(requests_.statistics().refused, 1u);

    EXPECT_TRUE(take(WireRequest::Custom, custom("zoom", "factor")));
    EXPECT_EQ(requests_.statistics().granted, 1u);
    EXPECT_EQ(events_.size(), 1u);
}

TEST_F(Requests, ThatComeTooOftenLeaveNoNamesBehindEither)
{
    constexpr uint32_t kSent = 100; // in far less than the seconds that it takes to let them all through
    uint32_t names = 0;
    for (uint32_t i = 0; i < kSent; i++) {
        const std::string field = "field-" + std::to_string(i);
        EXPECT_TRUE(take(WireRequest::Custom, custom("zoom", field)));
        names += isKnownName(field);
    }
    EXPECT_GT(names, 0u);
    EXPECT_EQ(names, requests_.statistics().granted);
    EXPECT_EQ(requests_.statistics().granted + requests_.statistics().refused, kSent);
    EXPECT_LT(names, kSent);
}

TEST_F(Requests, ThatAreNoneAreTold)
{
    EXPECT_FALSE(take(static_cast<WireRequest>(0), Hostile()));
    EXPECT_FALSE(take(static_cast<WireRequest>(5), Hostile()));
    EXPECT_FALSE(take(WireRequest::Qos, Hostile()));
    EXPECT_FALSE(take(WireRequest::Custom, Hostile()));
    EXPECT_FALSE(take(WireRequest::Custom, custom("zoom", "no name")));
    EXPECT_FALSE(take(WireRequest::Custom, Hostile().number(uint8_t{0}).text(std::string(1000, 'n'))));
}
