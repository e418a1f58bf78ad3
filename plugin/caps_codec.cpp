// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: count of features as uint32_t (0: plain system memory), their names, the structure.
#include "plugin/caps_codec.h"

#include "plugin/peer_names.h"
#include "plugin/structure_codec.h"

#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

bool encodeCaps(const GstCaps &caps, ByteWriter &out, MessageBudget &budget)
{
    if (!gst_caps_is_fixed(&caps)) // ANY and EMPTY are not
        return false;

    const GstCapsFeatures *features = gst_caps_get_features(&caps, 0);
    const guint count = gst_caps_features_get_size(features);
    const bool plain = gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
    if (gst_caps_features_is_any(features) || count > kMaxCapsFeatures)
        return false;

    out.number(plain ? uint32_t{0} : uint32_t{count});
    for (guint i = 0; !plain && i < count; ++i) {
        const std::string_view name = gst_caps_features_get_nth(features, i);
        if (!isCarriedFeature(name))
            return false;
        out.counted(name);
    }
    return encodeStructure(*gst_caps_get_structure(&caps, 0), out, budget);
}

CapsOwner decodeCaps(ByteReader &in, MessageBudget &budget)
{
    const auto count = in.number<uint32_t>();
    if (in.failed() || count > kMaxCapsFeatures)
        return nullptr;

    CapsFeaturesOwner features(count > 0 ? gst_caps_features_new_empty() : nullptr);
    for (uint32_t i = 0; i < count; ++i) {
        const std::string name(in.text(kMaxNameBytes));
        if (in.failed() || !isCarriedFeature(name) || !admitPeerName(name))
            return nullptr;
        gst_caps_features_add(features.get(), name.c_str());
    }

    StructureOwner structure = decodeStructure(in, budget);
    if (!structure)
        return nullptr;
    CapsOwner caps(gst_caps_new_empty());
    gst_caps_append_structure_full(caps.get(), structure.release(), features.release());
    // A list is a value like others to the value codec, but a stream has one format at a time, and
    // gst_event_new_caps asserts on anything else.
    return gst_caps_is_fixed(caps.get()) ? std::move(caps) : nullptr;
}

std::optional<std::vector<std::byte>> encodeCaps(const GstCaps *caps)
{
    ByteWriter out(kMaxCapsBytes);
    MessageBudget budget;
    if (caps == nullptr || !encodeCaps(*caps, out, budget) || out.overflowed())
        return std::nullopt;
    return out.take();
}

CapsOwner decodeCaps(std::span<const std::byte> bytes)
{
    if (bytes.size() > kMaxCapsBytes)
        return nullptr;
    ByteReader in(bytes);
    MessageBudget budget;
    CapsOwner caps = decodeCaps(in, budget);
    return in.atEnd() ? std::move(caps) : nullptr;
}

} // namespace sharedring
