// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a producer says about a video buffer, against the caps and the bytes there are: each lie is
// refused, and whatever is accepted leads nobody out of the buffer.
#include "plugin/buffer_checks.h"
#include "plugin/gst_owner.h"

#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <string>

using namespace sharedring;

namespace
{

PayloadFormat formatOf(const char *text)
{
    const CapsOwner caps(gst_caps_from_string(text));
    EXPECT_TRUE(caps) << text;
    const auto format = payloadFormatOf(caps.get());
    EXPECT_TRUE(format) << text;
    return format.value_or(PayloadFormat{});
}

// The fields of a buffer in the default layout of `info`.
BufferFields fieldsFor(const GstVideoInfo &info)
{
    BufferFields fields{};
    fields.video.present = 1;
    fields.video.format = static_cast<uint32_t>(GST_VIDEO_INFO_FORMAT(&info));
    fields.video.width = static_cast<uint32_t>(info.width);
    fields.video.height = static_cast<uint32_t>(info.height);
    fields.video.planes = GST_VIDEO_INFO_N_PLANES(&info);
    for (guint plane = 0; plane < fields.video.planes; plane++) {
        fields.video.strides[plane] = info.stride[plane];
        fields.video.offsets[plane] = info.offset[plane];
    }
    return fields;
}

constexpr char kI420[] = "video/x-raw, format=I420, width=640, height=360, framerate=30/1";
constexpr size_t kI420Size = 640 * 360 * 3 / 2;

struct Lie {
    const char *name;
    std::function<void(VideoFields &)> change;
};

const Lie kLies[] = {
    {"AnotherFormat", [](VideoFields &v) { v.format = GST_VIDEO_FORMAT_NV12; }},
    {"FormatOfTheFuture", [](VideoFields &v) { v.format = UINT32_MAX; }},
    {"FewerPlanes", [](VideoFields &v) { v.planes = 2; }},
    {"MorePlanes", [](VideoFields &v) { v.planes = 4; }},
    {"MorePlanesThanThereCanBe", [](VideoFields &v) { v.planes = UINT32_MAX; }},
    {"LessWidth", [](VideoFields &v) { v.width = 639; }},
    {"LessHeight", [](VideoFields &v) { v.height = 359; }},
    {"NoWidth", [](VideoFields &v) { v.width = 0; }},
    {"MoreWidthThanTheStride", [](VideoFields &v) { v.width = 642; }},
    {"MoreHeightThanTheBuffer", [](VideoFields &v) { v.height = 362; }},
    {"WidthThatOverflows", [](VideoFields &v) { v.width = UINT32_MAX; }},
    {"HeightThatOverflows", [](VideoFields &v) { v.height = UINT32_MAX; }},
    {"BothAsLargeAsCanBe", [](VideoFields &v) { v.width = v.height = 65536; }},
    {"NoStride", [](VideoFields &v) { v.strides[0] = 0; }},
    {"ShortStride", [](VideoFields &v) { v.strides[0] = 639; }},
    {"ShortChromaStride", [](VideoFields &v) { v.strides[2] = 319; }},
    {"NegativeStride", [](VideoFields &v) { v.strides[0] = -640; }},
    {"LeastStride", [](VideoFields &v) { v.strides[0] = std::numeric_limits<int32_t>::min(); }},
    {"LongStride", [](VideoFields &v) { v.strides[0] = 1300; }},
    {"LongestStride", [](VideoFields &v) { v.strides[0] = std::numeric_limits<int32_t>::max(); }},
    {"OffsetAtTheEnd", [](VideoFields &v) { v.offsets[2] = kI420Size; }},
    {"OffsetAByteTooFar", [](VideoFields &v) { v.offsets[2] += 1; }},
    {"OffsetBeyond", [](VideoFields &v) { v.offsets[0] = kI420Size + 1; }},
    {"OffsetThatWrapsAround", [](VideoFields &v) { v.offsets[1] = UINT64_MAX - 100; }},
};

class LyingVideoMeta : public testing::TestWithParam<Lie>
{
};

} // namespace

TEST(BufferChecks, AcceptTheDefaultLayoutOfEveryFormat)
{
    guint formats = 0;
    const GstVideoFormat *known = gst_video_formats_raw(&formats);
    ASSERT_GT(formats, 0u);
    for (guint i = 0; i < formats; i++) {
        const auto *info = gst_video_format_get_info(known[i]);
        if (info->n_planes == 0) // not in system memory
            continue;
        for (const auto &[width, height] : {std::pair{320, 240}, {1, 1}, {17, 33}, {4096, 2}}) {
            const std::string caps = std::string("video/x-raw, format=") + info->name +
                                     ", width=" + std::to_string(width) +
                                     ", height=" + std::to_string(height) + ", framerate=25/1";
            const PayloadFormat format = formatOf(caps.c_str());
            const BufferFields fields = fieldsFor(format.video);
            EXPECT_FALSE(findFaultIn(fields, format, format.video.size)) << caps;
            if (height > 2) { // of a row or two, what pads the stride may be half
                EXPECT_TRUE(findFaultIn(fields, format, format.video.size / 2)) << caps;
            }
            EXPECT_TRUE(hasDefaultLayout(fields.video, format.video));
        }
    }
}

TEST_P(LyingVideoMeta, IsRefused)
{
    const PayloadFormat format = formatOf(kI420);
    BufferFields fields = fieldsFor(format.video);
    EXPECT_FALSE(findFaultIn(fields, format, kI420Size));
    GetParam().change(fields.video);
    EXPECT_TRUE(findFaultIn(fields, format, kI420Size));
    EXPECT_FALSE(hasDefaultLayout(fields.video, format.video) && fields.video.planes == 3 &&
                 fields.video.format == GST_VIDEO_FORMAT_I420);
    // An empty buffer says nothing about pixels.
    EXPECT_FALSE(findFaultIn(fields, format, 0));
}

INSTANTIATE_TEST_SUITE_P(Lies, LyingVideoMeta, testing::ValuesIn(kLies),
                         [](const auto &param) { return param.param.name; });

TEST(BufferChecks, AcceptAPaddedLayout)
{
    const PayloadFormat format = formatOf(kI420);
    BufferFields fields = fieldsFor(format.video);
    const int32_t strides[] = {768, 384, 384};
    const uint64_t offsets[] = {0, 768 * 368, 768 * 368 + 384 * 184};
    for (int plane = 0; plane < 3; plane++) {
        fields.video.strides[plane] = strides[plane];
        fields.video.offsets[plane] = offsets[plane];
    }
    // The last row needs no padding behind it.
    const size_t needed = offsets[2] + 384 * 179 + 320;
    EXPECT_FALSE(findFaultIn(fields, format, needed));
    EXPECT_TRUE(findFaultIn(fields, format, needed - 1));
    EXPECT_FALSE(hasDefaultLayout(fields.video, format.video));
    // Larger than the caps, as with a crop.
    fields.video.width = 704;
    fields.video.height = 368;
    EXPECT_TRUE(findFaultIn(fields, format, needed));
    EXPECT_FALSE(findFaultIn(fields, format, offsets[2] + 384 * 184));
}

TEST(BufferChecks, WithoutAMetaTheCapsDecide)
{
    const PayloadFormat format = formatOf(kI420);
    const BufferFields fields{};
    EXPECT_FALSE(findFaultIn(fields, format, kI420Size));
    EXPECT_FALSE(findFaultIn(fields, format, kI420Size + 100));
    EXPECT_FALSE(findFaultIn(fields, format, 0));
    EXPECT_TRUE(findFaultIn(fields, format, kI420Size - 1));
    EXPECT_TRUE(findFaultIn(fields, format, 1));
}

TEST(BufferChecks, OnlyRawVideoHasAVideoMeta)
{
    BufferFields fields = fieldsFor(formatOf(kI420).video);
    for (const char *caps : {"audio/x-raw, format=S16LE, rate=48000, channels=2, layout=interleaved",
                             "video/x-h264, stream-format=avc, alignment=au",
                             "video/x-raw(memory:DMABuf), format=I420, width=640, height=360"}) {
        fields.video.present = 1;
        EXPECT_TRUE(findFaultIn(fields, formatOf(caps), kI420Size)) << caps;
        fields.video.present = 0;
        EXPECT_FALSE(findFaultIn(fields, formatOf(caps), kI420Size)) << caps;
        EXPECT_FALSE(findFaultIn(fields, formatOf(caps), 1)) << caps;
    }
}

TEST(BufferChecks, KnowWhatMayBeMapped)
{
    using Kind = PayloadFormat::Kind;
    EXPECT_EQ(payloadFormatOf(nullptr)->kind, Kind::Opaque);
    EXPECT_EQ(formatOf(kI420).kind, Kind::RawVideo);
    EXPECT_EQ(formatOf("video/x-raw(memory:SystemMemory), format=I420, width=640, height=360").kind,
              Kind::RawVideo);
    EXPECT_EQ(formatOf("video/x-raw(memory:GLMemory), format=RGBA, width=640, height=360").kind,
              Kind::Opaque);
    EXPECT_EQ(formatOf("audio/x-raw, format=S16LE, rate=48000, channels=2, layout=interleaved").kind,
              Kind::RawAudio);
    EXPECT_EQ(formatOf("image/jpeg").kind, Kind::Opaque);
}

TEST(BufferChecks, RefuseCapsOfAnImpossibleSize)
{
    for (const char *text :
         {"video/x-raw, format=I420, width=0, height=360", "video/x-raw, format=I420, width=640",
          "video/x-raw, format=I420, width=-640, height=360",
          "video/x-raw, format=I420, width=2147483647, height=2147483647",
          "video/x-raw, format=I420, width=65537, height=1",
          "video/x-raw, format=RGBA64_LE, width=65536, height=65536",
          "video/x-raw, format=NOTHING, width=640, height=360", "video/x-raw, width=640, height=360"}) {
        const CapsOwner caps(gst_caps_from_string(text));
        EXPECT_FALSE(payloadFormatOf(caps.get())) << text;
    }
}

// Where a layout is accepted, every byte that its format can name lies in the buffer.
TEST(BufferChecks, AcceptPlanarAudioOfEveryFormat)
{
    guint count = 0;
    const GstAudioFormat *formats = gst_audio_formats_raw(&count);
    ASSERT_GT(count, 20u);
    for (guint i = 0; i < count; i++) {
        const std::string caps = std::string("audio/x-raw, layout=non-interleaved, rate=8000, channels=2, "
                                             "channel-mask=(bitmask)3, format=") +
                                 gst_audio_format_to_string(formats[i]);
        EXPECT_EQ(formatOf(caps.c_str()).kind, PayloadFormat::Kind::PlanarAudio);
    }
}

TEST(BufferChecks, WhatIsAcceptedLiesWithinTheBuffer)
{
    std::mt19937_64 random(20);
    const auto upTo = [&](uint64_t most) { return random() % (most + 1); };
    unsigned accepted = 0;
    for (int round = 0; round < 200000; round++) {
        const auto number = static_cast<GstVideoFormat>(GST_VIDEO_FORMAT_I420 + static_cast<int>(upTo(100)));
        GstVideoInfo info;
        const auto *described = gst_video_format_get_info(number);
        if (!described || described->n_planes == 0)
            continue;
        const auto width = static_cast<guint>(1 + upTo(40));
        const auto height = static_cast<guint>(1 + upTo(20));
        const auto mode =
            upTo(3) == 0 ? GST_VIDEO_INTERLACE_MODE_ALTERNATE : GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
        if (!gst_video_info_set_interlaced_format(&info, number, mode, width, height))
            continue;
        PayloadFormat format{PayloadFormat::Kind::RawVideo, info};
        BufferFields fields = fieldsFor(info);
        fields.video.width += static_cast<uint32_t>(upTo(3));
        fields.video.height += static_cast<uint32_t>(upTo(3));
        for (guint plane = 0; plane < fields.video.planes; plane++) {
            fields.video.strides[plane] += static_cast<int32_t>(upTo(20)) - 4;
            fields.video.offsets[plane] += upTo(100);
        }
        const size_t size = info.size + upTo(info.size);
        if (findFaultIn(fields, format, size))
            continue;
        accepted++;
        GstVideoInfo theirs;
        ASSERT_TRUE(gst_video_info_set_interlaced_format(&theirs, number, mode, fields.video.width,
                                                         fields.video.height));
        for (guint component = 0; component < described->n_components; component++) {
            const guint plane = described->plane[component];
            if (described->pixel_stride[component] == 0 || GST_VIDEO_FORMAT_INFO_IS_TILED(described))
                continue; // no address can be given for one pixel
            const auto lastX = static_cast<uint64_t>(GST_VIDEO_INFO_COMP_WIDTH(&theirs, component)) - 1;
            const auto lastY = static_cast<uint64_t>(GST_VIDEO_INFO_COMP_HEIGHT(&theirs, component)) - 1;
            const uint64_t end = fields.video.offsets[plane] +
                                 lastY * static_cast<uint64_t>(fields.video.strides[plane]) +
                                 static_cast<uint64_t>(described->poffset[component]) +
                                 lastX * static_cast<uint64_t>(described->pixel_stride[component]) +
                                 (described->depth[component] + described->shift[component] + 7) / 8;
            ASSERT_LE(end, size) << described->name << " " << fields.video.width << "x"
                                 << fields.video.height;
        }
    }
    EXPECT_GT(accepted, 1000u);
}

TEST(VideoMeta, CarriesLayoutAndAlignment)
{
    const PayloadFormat format = formatOf(kI420);
    GstVideoInfo padded = format.video;
    GstVideoAlignment alignment;
    gst_video_alignment_reset(&alignment);
    alignment.padding_bottom = 8;
    alignment.padding_right = 64;
    ASSERT_TRUE(gst_video_info_align(&padded, &alignment));
    BufferFields fields = fieldsFor(padded);
    fields.video.flags = GST_VIDEO_FRAME_FLAG_INTERLACED | 0x80000000u;
    fields.video.padding[1] = alignment.padding_bottom;
    fields.video.padding[3] = alignment.padding_right;
    const BufferOwner buffer(gst_buffer_new_allocate(nullptr, padded.size, nullptr));
    ASSERT_FALSE(findFaultIn(fields, format, padded.size));
    addVideoMeta(buffer.get(), fields.video);
    const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer.get());
    ASSERT_TRUE(meta);
    EXPECT_EQ(meta->stride[0], padded.stride[0]);
    EXPECT_EQ(meta->offset[2], padded.offset[2]);
    EXPECT_EQ(meta->flags, GST_VIDEO_FRAME_FLAG_INTERLACED);
    EXPECT_EQ(meta->alignment.padding_right, alignment.padding_right);
}

TEST(VideoMeta, GoesWithoutAnAlignmentThatMakesNoSense)
{
    const PayloadFormat format = formatOf(kI420);
    for (const auto &change : std::initializer_list<std::function<void(VideoFields &)>>{
             [](VideoFields &v) { v.padding[2] = UINT32_MAX; }, [](VideoFields &v) { v.padding[0] = 4097; },
             [](VideoFields &v) { v.strideAlign[0] = UINT32_MAX; },
             [](VideoFields &v) { v.strideAlign[1] = 0xf0; },
             [](VideoFields &v) { v.strideAlign[2] = 0x80000000u; },
             [](VideoFields &v) { v.strideAlign[0] = 6; }}) {
        BufferFields fields = fieldsFor(format.video);
        change(fields.video);
        const BufferOwner buffer(gst_buffer_new_allocate(nullptr, kI420Size, nullptr));
        addVideoMeta(buffer.get(), fields.video);
        const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer.get());
        ASSERT_TRUE(meta);
        for (guint i = 0; i < GST_VIDEO_MAX_PLANES; i++)
            EXPECT_EQ(meta->alignment.stride_align[i], 0u);
        EXPECT_EQ(meta->alignment.padding_left, 0u);
    }
}
