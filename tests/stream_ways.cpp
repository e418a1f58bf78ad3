// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_ways.h"

#include "peer_process.h"
#include "stream_ends.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <poll.h>
#include <thread>

using namespace sharedring;

namespace
{

constexpr std::chrono::seconds kPatience{10};
constexpr GstClockTime kStatePatience = 10 * GST_SECOND;

class Pipeline
{
public:
    // The launch line of one element.
    explicit Pipeline(const std::string &line)
        : pipeline_(gst_pipeline_new(nullptr)), end_(gst_parse_launch(line.c_str(), nullptr))
    {
        gst_object_ref_sink(end_.get());
        gst_bin_add(GST_BIN(pipeline_.get()), end_.get());
    }
    ~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    Pipeline(const Pipeline &) = delete;
    Pipeline &operator=(const Pipeline &) = delete;

    GstElement *end() const { return end_.get(); }
    // The sink says so when it waits for a client.
    bool waitForInfo()
    {
        const ObjectOwner<GstBus> bus(gst_element_get_bus(pipeline_.get()));
        GstMessage *message = gst_bus_timed_pop_filtered(bus.get(), kStatePatience, GST_MESSAGE_INFO);
        if (message)
            gst_message_unref(message);
        return message != nullptr;
    }
    // A lossless stream has none.
    void expectNoComplaints() const
    {
        const ObjectOwner<GstBus> bus(gst_element_get_bus(pipeline_.get()));
        constexpr auto kComplaints = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
        while (GstMessage *message = gst_bus_pop_filtered(bus.get(), kComplaints)) {
            gchar *text = gst_structure_to_string(gst_message_get_structure(message));
            ADD_FAILURE() << text;
            g_free(text);
            gst_message_unref(message);
        }
    }
    void play() { gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING); }
    // Until it plays and does not think of another state. A flush in between loses it its state for good:
    // a sink that is on its way to PLAYING waits for a preroll which nobody hears of.
    bool settle()
    {
        return gst_element_get_state(pipeline_.get(), nullptr, nullptr, kStatePatience) ==
               GST_STATE_CHANGE_SUCCESS;
    }

private:
    ObjectOwner<GstElement> pipeline_;
    ObjectOwner<GstElement> end_;
};

// Where a stream comes out.
class FarEnd
{
public:
    virtual ~FarEnd() = default;
    virtual bool waitForCount(size_t lines) = 0;
    virtual Lines lines() = 0;
};

class FarEndHere : public FarEnd
{
public:
    explicit FarEndHere(GstElement *element) : witness_(element) {}
    bool waitForCount(size_t lines) override { return witness_.waitForCount(lines, kPatience); }
    Lines lines() override { return witness_.lines(); }

private:
    StreamWitness witness_;
};

// A sharedringsrc with a witness, in a process of its own.
class FarEndThere : public FarEnd
{
public:
    FarEndThere(const std::string &socket, const std::string &properties)
        : process_(
              {testProgram("stream-witness"), "sharedringsrc socket=" + socket + " " + properties, path_})
    {
    }
    bool waitForCount(size_t lines) override
    {
        while (seen_ < lines) {
            if (!process_.waitFor("line", kPatience))
                return false;
            seen_++;
        }
        return true;
    }
    Lines lines() override
    {
        std::ifstream file(path_);
        Lines lines;
        for (std::string line; std::getline(file, line);)
            lines.push_back(line);
        return lines;
    }

private:
    const std::string path_ = freshPath(".lines");
    ChildProcess process_;
    size_t seen_ = 0;
};

bool beginsFlush(const StreamItem &item)
{
    GstMiniObject *object = item.object.get();
    return GST_IS_EVENT(object) && GST_EVENT_TYPE(object) == GST_EVENT_FLUSH_START;
}

// What came out, of a stream of which everything is to come out.
Lines passed(const std::vector<StreamItem> &stream, Pipeline &pipeline, FarEnd &farEnd)
{
    StreamPusher pusher(pipeline.end());
    size_t pushed = 0;
    for (const StreamItem &item : stream) {
        if (item.isAlone && !farEnd.waitForCount(pushed))
            break;
        if (beginsFlush(item) && !pipeline.settle())
            break;
        if (!pusher.push(item.object.get())) {
            ADD_FAILURE() << "item " << pushed << " was not taken";
            break;
        }
        pushed++;
        if (item.isAlone && !farEnd.waitForCount(pushed))
            break;
    }
    farEnd.waitForCount(stream.size());
    return farEnd.lines();
}

bool waitForClient(GstElement *sink)
{
    for (const auto begun = std::chrono::steady_clock::now();
         std::chrono::steady_clock::now() - begun < kPatience;) {
        guint clients = 0;
        g_object_get(sink, "num-clients", &clients, nullptr);
        if (clients == 1)
            return true;
        ::poll(nullptr, 0, 1);
    }
    return false;
}

} // namespace

Lines throughQueue(const std::vector<StreamItem> &stream)
{
    Pipeline pipeline("queue");
    FarEndHere farEnd(pipeline.end());
    pipeline.play();
    return passed(stream, pipeline, farEnd);
}

Lines throughRing(const std::vector<StreamItem> &stream, const Cut &cut)
{
    const std::string socket = freshPath(".socket");
    Pipeline producer("sharedringsink timestamps=preserve sync=false slow-client=block socket=" + socket +
                      " " + cut.sinkProperties);
    const std::string properties = "is-live=false " + cut.srcProperties;
    producer.play();
    std::unique_ptr<Pipeline> consumer;
    std::unique_ptr<FarEnd> farEnd;
    if (cut.otherProcess) {
        farEnd = std::make_unique<FarEndThere>(socket, properties);
    } else {
        consumer = std::make_unique<Pipeline>("sharedringsrc socket=" + socket + " " + properties);
        farEnd = std::make_unique<FarEndHere>(consumer->end());
    }
    std::thread late;
    if (cut.clientComesLate) {
        late = std::thread([&] {
            EXPECT_TRUE(producer.waitForInfo()) << "nobody was waited for";
            consumer->play();
        });
    } else {
        if (consumer)
            consumer->play();
        EXPECT_TRUE(waitForClient(producer.end())) << "nobody came";
    }
    Lines lines = passed(stream, producer, *farEnd);
    if (late.joinable())
        late.join();
    producer.expectNoComplaints();
    if (consumer)
        consumer->expectNoComplaints();
    consumer.reset(); // before its witness
    return lines;
}

// The first line that differs, with those before it.
void expectSameLines(const Lines &expected, const Lines &found)
{
    const auto [left, right] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
    if (left == expected.end() && right == found.end())
        return;
    std::string context;
    for (auto line = left - std::min<std::ptrdiff_t>(left - expected.begin(), 5); line != left; line++)
        context += "\n    both:       " + line->substr(0, 200);
    for (auto line = right + (right != found.end() ? 1 : 0); line != found.end() && line - right < 3; line++)
        context += "\n    ring, then: " + line->substr(0, 200);
    ADD_FAILURE() << "line " << left - expected.begin() << " of " << expected.size() << " and "
                  << found.size() << "\n    queue:      " << (left != expected.end() ? *left : "nothing")
                  << "\n    ring:       " << (right != found.end() ? *right : "nothing") << context;
}
