// SPDX-License-Identifier: LGPL-2.1-or-later
//
// stream-witness LINE FILE [--no-seqnums]: plays the launch line's pipeline, and writes what comes out of
// the source pad of the element "end" (or of the line's only one) into the file. Says "line" for each line
// that it wrote, "eos" for the end and "error TEXT" or "warning TEXT" for what is on the bus. Ends with
// its standard input.
#include "meta_samples.h"
#include "stream_ends.h"

#include <cstdio>
#include <string_view>
#include <unistd.h>

namespace
{

using namespace sharedring;

ObjectOwner<GstElement> pipelineOf(GstElement *made)
{
    if (GST_IS_PIPELINE(made))
        return ObjectOwner<GstElement>(made);
    GstElement *pipeline = gst_pipeline_new(nullptr);
    gst_element_set_name(made, "end");
    gst_bin_add(GST_BIN(pipeline), made);
    return ObjectOwner<GstElement>(pipeline);
}

GstBusSyncReply sayComplaints(GstBus *, GstMessage *message, gpointer)
{
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR || GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
        gchar *text = gst_structure_to_string(gst_message_get_structure(message));
        std::printf("%s %s\n", GST_MESSAGE_TYPE_NAME(message), text);
        std::fflush(stdout);
        g_free(text);
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

} // namespace

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    // Of tags and custom metas a process gets those that it knows: here, those of these elements.
    samples::registerCustomMeta();
    for (const char *element : {"qtdemux", "vp8enc"}) {
        if (GstElement *made = gst_element_factory_make(element, nullptr))
            gst_object_unref(made);
    }
    const auto seqnums =
        argc == 4 && argv[3] == std::string_view("--no-seqnums") ? Seqnums::Hidden : Seqnums::Shown;
    if (argc < 3)
        return 2;
    std::FILE *const file = std::fopen(argv[2], "w");
    GError *error = nullptr;
    GstElement *made = gst_parse_launch(argv[1], &error);
    if (!file || !made || error) {
        std::printf("error %s\n", error ? error->message : argv[2]);
        return 1;
    }
    const auto pipeline = pipelineOf(made);
    const ObjectOwner<GstElement> end(gst_bin_get_by_name(GST_BIN(pipeline.get()), "end"));
    const ObjectOwner<GstBus> bus(gst_element_get_bus(pipeline.get()));
    gst_bus_set_sync_handler(bus.get(), sayComplaints, nullptr, nullptr);
    {
        const StreamWitness witness(
            end.get(),
            [file](const std::string &line) {
                std::fprintf(file, "%s\n", line.c_str());
                std::fflush(file);
                std::puts("line");
                if (line.starts_with("eos"))
                    std::puts("eos");
                std::fflush(stdout);
            },
            seqnums);
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        for (char byte; ::read(STDIN_FILENO, &byte, 1) > 0;) {
        }
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    }
    std::fclose(file);
    return 0;
}
