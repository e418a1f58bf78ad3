// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layouts. TAG: the list. TOC: whether it is an update as uint8_t, the table. PROTECTION: system id,
// origin ("" for none), the data. SINK_MESSAGE: the event's name, GstMessageType as uint32_t, the
// message's sequence number as uint32_t, its structure. Custom: its structure.
#include "plugin/event_bodies.h"

#include "plugin/peer_names.h"
#include "plugin/structure_codec.h"
#include "plugin/tag_codec.h"
#include "plugin/toc_codec.h"
#include "plugin/value_codec.h"

#include <algorithm>
#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

bool encodeTagEvent(GstEvent *event, ByteWriter &out)
{
    GstTagList *tags = nullptr;
    gst_event_parse_tag(event, &tags);
    if (tags == nullptr)
        return false;
    out.counted(encodeTagList(*tags));
    return true;
}

DecodedEvent decodeTagEvent(ByteReader &in, GstObject *)
{
    TagListOwner tags = decodeTagList(in.counted(kMaxTagListBytes));
    return plain(tags ? gst_event_new_tag(tags.release()) : nullptr);
}

bool encodeTocEvent(GstEvent *event, ByteWriter &out)
{
    GstToc *parsed = nullptr;
    gboolean updated = FALSE;
    gst_event_parse_toc(event, &parsed, &updated);
    const TocOwner toc(parsed);
    MessageBudget budget;
    out.number(static_cast<uint8_t>(updated ? 1 : 0));
    return toc && encodeToc(*toc, out, budget);
}

DecodedEvent decodeTocEvent(ByteReader &in, GstObject *)
{
    const auto updated = in.number<uint8_t>();
    if (in.failed() || updated > 1)
        return {};
    MessageBudget budget;
    const TocOwner toc = decodeToc(in, budget);
    return plain(toc ? gst_event_new_toc(toc.get(), updated == 1) : nullptr);
}

// GStreamer makes a structure's name of the two, by which a pad tells such events apart.
bool isProtectionName(const std::string &systemId, const std::string &origin)
{
    const std::string name = "GstProtectionEvent-" + (origin.empty() ? "" : origin + "-") + systemId;
    return !systemId.empty() && isStructureName(name) && admitPeerName(name);
}

bool encodeProtection(GstEvent *event, ByteWriter &out)
{
    const char *systemId = nullptr;
    const char *origin = nullptr;
    GstBuffer *data = nullptr;
    gst_event_parse_protection(event, &systemId, &data, &origin);
    if (systemId == nullptr || data == nullptr || !isProtectionName(systemId, origin ? origin : ""))
        return false;
    out.counted(std::string_view(systemId));
    out.counted(std::string_view(origin ? origin : ""));
    return encodeBuffer(*data, out);
}

DecodedEvent decodeProtection(ByteReader &in, GstObject *)
{
    const std::string systemId(in.text(kMaxNameBytes));
    const std::string origin(in.text(kMaxNameBytes));
    if (in.failed() || !isProtectionName(systemId, origin))
        return {};
    const BufferOwner data = decodeBuffer(in);
    return plain(data ? gst_event_new_protection(systemId.c_str(), data.get(),
                                                 origin.empty() ? nullptr : origin.c_str())
                      : nullptr);
}

// Others hold objects, or would tell of this process's own elements what only they can know.
bool isCarriedMessage(uint32_t type)
{
    return type == GST_MESSAGE_APPLICATION || type == GST_MESSAGE_ELEMENT;
}

// Element messages that applications obey: to open another address, install a codec, hand over a window.
// No other process has that to say.
bool isOrder(const GstStructure *structure)
{
    static constexpr const char *kOrders[] = {"redirect", "missing-plugin", "prepare-window-handle",
                                              "have-window-handle"};
    return std::any_of(std::begin(kOrders), std::end(kOrders),
                       [&](const char *order) { return gst_structure_has_name(structure, order); });
}

bool encodeSinkMessage(GstEvent *event, ByteWriter &out)
{
    GstMessage *parsed = nullptr;
    gst_event_parse_sink_message(event, &parsed);
    const MessageOwner message(parsed);
    const char *name = gst_structure_get_name(gst_event_get_structure(event));
    if (!message || !isCarriedMessage(GST_MESSAGE_TYPE(message.get())) || !isStructureName(name))
        return false;
    const GstStructure *structure = gst_message_get_structure(message.get());
    MessageBudget budget;
    out.counted(std::string_view(name));
    out.number(static_cast<uint32_t>(GST_MESSAGE_TYPE(message.get())));
    out.number(uint32_t{gst_message_get_seqnum(message.get())});
    return structure != nullptr && !isOrder(structure) && encodeStructure(*structure, out, budget);
}

DecodedEvent decodeSinkMessage(ByteReader &in, GstObject *messageSource)
{
    const std::string name(in.text(kMaxNameBytes));
    const auto type = in.number<uint32_t>();
    const auto seqnum = in.number<uint32_t>();
    if (in.failed() || !isStructureName(name) || !admitPeerName(name) || !isCarriedMessage(type))
        return {};
    MessageBudget budget;
    StructureOwner structure = decodeStructure(in, budget);
    if (!structure || isOrder(structure.get()))
        return {};
    const MessageOwner message(
        gst_message_new_custom(static_cast<GstMessageType>(type), messageSource, structure.release()));
    if (seqnum != GST_SEQNUM_INVALID)
        gst_message_set_seqnum(message.get(), seqnum);
    return plain(gst_event_new_sink_message(name.c_str(), message.get()));
}

bool encodeCustom(GstEvent *event, ByteWriter &out)
{
    const GstStructure *structure = gst_event_get_structure(event);
    MessageBudget budget;
    return structure != nullptr && encodeStructure(*structure, out, budget);
}

template <GstEventType type>
DecodedEvent decodeCustom(ByteReader &in, GstObject *)
{
    MessageBudget budget;
    StructureOwner structure = decodeStructure(in, budget);
    return plain(structure ? gst_event_new_custom(type, structure.release()) : nullptr);
}

} // namespace

const EventBody kTagBody{encodeTagEvent, decodeTagEvent};
const EventBody kTocBody{encodeTocEvent, decodeTocEvent};
const EventBody kProtectionBody{encodeProtection, decodeProtection};
const EventBody kSinkMessageBody{encodeSinkMessage, decodeSinkMessage};
const EventBody kCustomDownstreamBody{encodeCustom, decodeCustom<GST_EVENT_CUSTOM_DOWNSTREAM>};
const EventBody kCustomDownstreamStickyBody{encodeCustom, decodeCustom<GST_EVENT_CUSTOM_DOWNSTREAM_STICKY>};
const EventBody kCustomDownstreamOobBody{encodeCustom, decodeCustom<GST_EVENT_CUSTOM_DOWNSTREAM_OOB>};
const EventBody kCustomBothBody{encodeCustom, decodeCustom<GST_EVENT_CUSTOM_BOTH>};
const EventBody kCustomBothOobBody{encodeCustom, decodeCustom<GST_EVENT_CUSTOM_BOTH_OOB>};

} // namespace sharedring
