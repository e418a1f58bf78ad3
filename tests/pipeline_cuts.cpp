// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Real media through pipelines that are cut into two processes, at every place where they can be cut:
// what comes out at their ends is what comes out of the pipeline with a queue at that place.
#include "peer_process.h"
#include "stream_ways.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace
{

enum class Compared {
    Everything,
    // No client is given more than 256 buffers at once: a longer list comes in pieces.
    WithoutLists,
    // A demuxer asks a file for its size, and seeks in it; who reads from another process can do neither.
    // Its buffers are the same, without a flush and without the bitrate that is worked out from the size.
    BuffersAndCaps,
};

// What comes before the cut, and what behind it, where the last element is "end".
struct CutLine {
    const char *name;
    std::string before;
    std::string after;
    size_t lines; // that come out at least
    Compared compared = Compared::Everything;
};

std::ostream &operator<<(std::ostream &out, const CutLine &cut)
{
    return out << cut.name;
}

std::string theora()
{
    return "/usr/share/forensics-samples/original-files/movie2/movie-hello.ogg";
}

std::string vorbis()
{
    return "/usr/share/sounds/freedesktop/stereo/complete.oga";
}

const std::string kFew = " ! identity eos-after=12"; // where each frame costs

std::string readFile(const std::string &path)
{
    return "filesrc location=" + path;
}

std::string phoneVideoTrack(const std::string &path)
{
    return readFile(path) + " ! qtdemux name=d  d.video_0";
}

std::string phoneAudioTrack(const std::string &path)
{
    return readFile(path) + " ! qtdemux name=d  d.audio_0";
}

// Files that the media of the test set are made into, once and when they are needed.
struct MadeFile {
    const char *name; // in lines
    std::string (*make)();
};

std::string launched(const std::string &suffix, const std::string &line)
{
    const std::string path = freshPath(suffix);
    const Finished made = runToEnd(gstLaunch(line + " ! filesink location=" + path));
    EXPECT_EQ(made.status, 0) << line << "\n" << made.output;
    return path;
}

std::string written(const std::string &suffix, const std::string &text)
{
    const std::string path = freshPath(suffix);
    std::ofstream(path) << text;
    return path;
}

std::string madeSrt()
{
    return written(".srt", "1\n00:00:00,500 --> 00:00:01,500\nFirst <i>line</i>\n\n"
                           "2\n00:00:02,000 --> 00:00:04,000\nSecond & \xc3\xa9\nin two lines\n\n"
                           "3\n00:00:07,000 --> 00:00:08,000\nlast\n\n");
}

const MadeFile kMadeFiles[] = {
    {"FLAC",
     [] {
         return launched(".flac", readFile(vorbis()) + " ! oggdemux ! vorbisdec ! audioconvert ! flacenc");
     }},
    {"MPEGTS",
     [] { return launched(".ts", phoneVideoTrack(smallPhoneVideo()) + " ! h264parse ! mpegtsmux"); }},
    {"SRT", madeSrt},
    {"WEBVTT",
     [] {
         return written(".vtt", "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nFirst line\n\n"
                                "00:00:02.000 --> 00:00:04.000 line:10%\nSecond\nin two lines\n\n");
     }},
    {"MATROSKA",
     [] {
         return launched(".mkv", readFile(madeSrt()) + " ! subparse ! m.  " +
                                     phoneVideoTrack(smallPhoneVideo()) +
                                     " ! h264parse ! m.  matroskamux name=m");
     }},
};

// The line with files for the names.
std::string withFiles(std::string line)
{
    static std::map<std::string, std::string> made;
    for (const MadeFile &file : kMadeFiles) {
        const std::string place = std::string("location=") + file.name;
        const size_t at = (line + " ").find(place + " ");
        if (at == std::string::npos)
            continue;
        std::string &path = made[file.name];
        if (path.empty())
            path = file.make();
        line.replace(at, place.size(), "location=" + path);
    }
    return line;
}

class Cuts : public testing::TestWithParam<CutLine>
{
};

Lines linesOf(const std::string &path)
{
    std::ifstream file(path);
    Lines lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

Lines outcomeOf(const std::string &line)
{
    const std::string path = freshPath(".lines");
    ChildProcess process({testProgram("stream-witness"), line, path, "--no-seqnums"});
    EXPECT_TRUE(process.waitFor("eos")) << line << "\n" << process.transcript();
    return linesOf(path);
}

// The part of an outcome that is to be the same.
Lines comparable(const Lines &lines, Compared compared)
{
    Lines kept;
    for (const std::string &line : lines) {
        const bool isList = line.starts_with("list ");
        const bool isData =
            isList || line.starts_with("buffer ") || line.starts_with("caps ") || line.starts_with("eos ");
        if (compared == Compared::BuffersAndCaps && !isData)
            continue;
        if (compared != Compared::WithoutLists || !isList) {
            kept.push_back(line);
            continue;
        }
        constexpr std::string_view kBetween = " | ";
        for (size_t at = line.find(kBetween); at != std::string::npos;) {
            const size_t begin = at + kBetween.size();
            at = line.find(kBetween, begin);
            kept.push_back(line.substr(begin, at - begin));
        }
    }
    return kept;
}

TEST_P(Cuts, ChangeNothing)
{
    CutLine cut = GetParam();
    cut.before = withFiles(cut.before);
    const Lines uncut = outcomeOf(cut.before + " ! queue ! " + cut.after);
    ASSERT_GE(uncut.size(), cut.lines);

    const std::string socket = freshPath(".socket");
    PeerProcess producer(cut.before + " ! sharedringsink socket=" + socket +
                         " sync=false slow-client=block wait-for-connection=true");
    const Lines across = outcomeOf("sharedringsrc is-live=false socket=" + socket + " ! " + cut.after);
    expectSameLines(comparable(uncut, cut.compared), comparable(across, cut.compared));
}

std::vector<CutLine> cutsOfVideo()
{
    const std::string small = phoneVideoTrack(smallPhoneVideo());
    const std::string decoded = small + " ! h264parse ! avdec_h264" + kFew;
    const std::string converted = decoded + " ! videoconvert ! video/x-raw,format=YUY2";
    const std::string scaled =
        decoded + " ! videoscale ! video/x-raw,width=320,height=240,pixel-aspect-ratio=1/1";
    const std::string encoded = scaled + " ! x264enc speed-preset=ultrafast threads=1";
    const std::string payloaded = small + " ! h264parse ! rtph264pay mtu=1200 ssrc=1 seqnum-offset=2 "
                                          "timestamp-offset=3 config-interval=-1";
    const std::string rgb = "videoconvert ! video/x-raw,format=RGB ! queue name=end";
    return {
        {"Mp4AfterTheFile", readFile(phoneVideo()), "qtdemux ! h264parse name=end", 41,
         Compared::BuffersAndCaps},
        {"Mp4AfterTheDemuxer", small, "h264parse ! queue name=end", 249},
        {"Mp4LargeAfterTheDemuxer", phoneVideoTrack(phoneVideo()), "h264parse ! queue name=end", 41},
        {"Mp4AfterTheDemuxerDecoded", small + kFew, "h264parse ! avdec_h264 ! " + rgb, 12},
        {"Mp4AfterTheParser", small + " ! h264parse", "h264parse ! queue name=end", 249},
        {"Mp4AfterTheParserByteStream",
         small + " ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=nal",
         "h264parse ! video/x-h264,stream-format=avc,alignment=au ! queue name=end", 249},
        {"Mp4AfterTheDecoder", decoded, rgb, 12},
        {"Mp4AfterTheConverter", converted, rgb, 12},
        {"Mp4AfterTheScaler", scaled, rgb, 12},
        {"Mp4AfterTheEncoder", encoded, "h264parse ! queue name=end", 12},
        {"Mp4AfterTheParserOfTheEncoder", encoded + " ! h264parse", "queue name=end", 12}, // with x264's SEI
        {"Mp4AfterTheEncoderMuxed", encoded, "h264parse ! mpegtsmux ! queue name=end", 12},
        {"RtpAfterThePayloader", payloaded, "rtph264depay ! h264parse ! queue name=end", 249},
        {"RtpPackets", payloaded, "queue name=end", 249},
        {"RtpAfterTheDepayloader", payloaded + " ! rtph264depay", "h264parse ! queue name=end", 249},
        {"RtpSourcesAfterTheDepayloader", payloaded + " ! rtph264depay source-info=true", "queue name=end",
         249},
        {"RtpRawAfterThePayloader",
         scaled + " ! videoconvert ! video/x-raw,format=UYVY ! rtpvrawpay ssrc=1 seqnum-offset=2 "
                  "timestamp-offset=3",
         "rtpvrawdepay ! queue name=end", 12},
        {"TheoraAfterTheFile", readFile(theora()), "oggdemux ! theoradec ! " + rgb, 30,
         Compared::BuffersAndCaps},
        {"TheoraAfterTheDemuxer", readFile(theora()) + " ! oggdemux", "theoradec ! " + rgb, 12},
        {"TheoraAfterTheDecoder", readFile(theora()) + " ! oggdemux ! theoradec" + kFew, rgb, 12},
        {"Vp8AfterTheEncoder", scaled + " ! vp8enc threads=1 deadline=1", "queue name=end", 12},
        {"JpegAfterTheEncoder", scaled + " ! videoconvert ! jpegenc", "jpegdec ! " + rgb, 12},
    };
}

std::vector<CutLine> cutsOfAudio()
{
    const std::string aac = phoneAudioTrack(phoneVideo());
    const std::string samples = aac + " ! aacparse ! avdec_aac";
    const std::string s16 = "audioconvert ! audio/x-raw,format=S16LE,layout=interleaved";
    const std::string ogg = readFile(vorbis());
    const std::string flac = samples + " ! " + s16 + " ! flacenc";
    return {
        {"AacAfterTheDemuxer", aac, "aacparse ! queue name=end", 50},
        {"AacAfterTheParser", aac + " ! aacparse ! audio/mpeg,stream-format=adts",
         "aacparse ! audio/mpeg,stream-format=raw ! queue name=end", 50},
        {"AacAfterTheDecoder", samples, s16 + " ! queue name=end", 50},
        {"AacAfterTheConverter", samples + " ! " + s16, "wavenc ! queue name=end", 50},
        {"AacAfterTheResampler",
         samples + " ! audioconvert ! audioresample ! audio/x-raw,rate=16000,format=F32LE",
         s16 + " ! queue name=end", 50},
        {"OggAfterTheFile", ogg, "oggdemux ! vorbisparse ! queue name=end", 20, Compared::BuffersAndCaps},
        {"OggAfterTheDemuxer", ogg + " ! oggdemux", "vorbisparse ! vorbisdec ! queue name=end", 20},
        {"OggAfterTheParser", ogg + " ! oggdemux ! vorbisparse", "vorbisdec ! queue name=end", 20},
        {"OggAfterTheDecoder", ogg + " ! oggdemux ! vorbisdec", s16 + " ! queue name=end", 20},
        {"FlacAfterTheEncoder", flac, "flacparse ! flacdec ! queue name=end", 20},
        {"FlacAfterTheParser", flac + " ! flacparse", "flacdec ! queue name=end", 20},
        {"FlacAfterTheDecoder", flac + " ! flacparse ! flacdec", "wavenc ! queue name=end", 20},
        {"OpusAfterTheEncoder", samples + " ! audioconvert ! audioresample ! opusenc",
         "opusparse ! opusdec ! queue name=end", 20},
        {"OpusAfterThePayloader",
         samples + " ! audioconvert ! audioresample ! opusenc ! rtpopuspay ssrc=1 seqnum-offset=2 "
                   "timestamp-offset=3",
         "rtpopusdepay ! queue name=end", 20},
        {"RtpAudioAfterThePayloader",
         samples + " ! audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay ssrc=1 seqnum-offset=2 "
                   "timestamp-offset=3",
         "rtpL16depay ! queue name=end", 20},
    };
}

std::vector<CutLine> cutsOfContainers()
{
    const std::string ts = readFile("MPEGTS");
    const std::string mkv = readFile("MATROSKA");
    return {
        {"FlacAfterTheFile", readFile("FLAC"), "flacparse ! flacdec ! queue name=end", 20,
         Compared::BuffersAndCaps},
        {"FlacFileAfterTheParser", readFile("FLAC") + " ! flacparse", "flacdec ! queue name=end", 20},
        {"TsAfterTheFile", ts, "tsdemux ! h264parse name=end", 249, Compared::BuffersAndCaps},
        {"TsAfterTheParser", ts + " ! tsparse set-timestamps=true", "tsdemux ! h264parse name=end", 249},
        {"TsAfterTheDemuxer", ts + " ! tsdemux", "h264parse name=end", 249},
        {"TsAfterTheMuxer", phoneVideoTrack(smallPhoneVideo()) + " ! h264parse ! mpegtsmux", "queue name=end",
         249, Compared::WithoutLists},
        {"TsAfterThePayloader",
         phoneVideoTrack(smallPhoneVideo()) +
             " ! h264parse ! mpegtsmux ! rtpmp2tpay ssrc=1 seqnum-offset=2 timestamp-offset=3",
         "rtpmp2tdepay ! queue name=end", 249},
        {"SrtAfterTheFile", readFile("SRT"), "subparse ! text/x-raw ! queue name=end", 3,
         Compared::BuffersAndCaps},
        {"SrtAfterTheParser", readFile("SRT") + " ! subparse", "queue name=end", 3},
        {"WebVttAfterTheFile", readFile("WEBVTT"), "subparse ! text/x-raw ! queue name=end", 2,
         Compared::BuffersAndCaps},
        {"WebVttAfterTheParser", readFile("WEBVTT") + " ! subparse", "queue name=end", 2},
        {"MatroskaAfterTheFile", mkv, "matroskademux name=d  d.subtitle_0 ! queue name=end", 3,
         Compared::BuffersAndCaps},
        {"MatroskaSubtitles", mkv + " ! matroskademux name=d  d.subtitle_0", "queue name=end", 3},
        {"MatroskaVideo", mkv + " ! matroskademux name=d  d.video_0", "h264parse name=end", 249},
        {"CapsThatChange",
         phoneVideoTrack(smallPhoneVideo()) + " ! h264parse ! c.  " + readFile(phoneVideo()) +
             " ! qtdemux name=e  e.video_0 ! h264parse ! c.  concat name=c",
         "h264parse name=end", 290},
        {"RawCapsThatChange",
         phoneVideoTrack(smallPhoneVideo()) + " ! h264parse ! avdec_h264" + kFew +
             " ! videoscale ! video/x-raw,width=160,height=120 ! c.  " + readFile(phoneVideo()) +
             " ! qtdemux name=e  e.video_0 ! h264parse ! avdec_h264" + kFew +
             " ! videoscale ! video/x-raw,width=320,height=240 ! c.  concat name=c",
         "videoconvert ! video/x-raw,format=RGB ! queue name=end", 24},
    };
}

INSTANTIATE_TEST_SUITE_P(Containers, Cuts, testing::ValuesIn(cutsOfContainers()),
                         [](const auto &tested) { return tested.param.name; });
INSTANTIATE_TEST_SUITE_P(Video, Cuts, testing::ValuesIn(cutsOfVideo()),
                         [](const auto &tested) { return tested.param.name; });
INSTANTIATE_TEST_SUITE_P(Audio, Cuts, testing::ValuesIn(cutsOfAudio()),
                         [](const auto &tested) { return tested.param.name; });

} // namespace
