// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Layout: name, count of fields as uint32_t, then for each field its name and its value.
#include "plugin/structure_codec.h"

#include "plugin/peer_names.h"
#include "plugin/value_codec.h"

#include <string>

namespace sharedring
{

using ringcore::ByteReader;
using ringcore::ByteWriter;

namespace
{

bool isNull(const GValue &value)
{
    if (G_VALUE_TYPE(&value) == G_TYPE_STRING)
        return g_value_get_string(&value) == nullptr;
    return G_VALUE_HOLDS_BOXED(&value) && g_value_get_boxed(&value) == nullptr;
}

// By index and not with gst_structure_foreach: an exception must not travel through its C frames.
template <typename Visit>
bool forEachField(const GstStructure &structure, Visit visit)
{
    const auto count = static_cast<guint>(gst_structure_n_fields(&structure));
    for (guint i = 0; i < count; ++i) {
        const char *name = gst_structure_nth_field_name(&structure, i);
        const GValue *value = gst_structure_get_value(&structure, name);
        if (!isNull(*value) && !visit(std::string_view(name), *value))
            return false;
    }
    return true;
}

} // namespace

bool encodeStructure(const GstStructure &structure, ByteWriter &out, MessageBudget &budget)
{
    const std::string_view name = gst_structure_get_name(&structure);
    uint32_t fields = 0;
    forEachField(structure, [&](std::string_view, const GValue &) { return ++fields > 0; });
    if (!isStructureName(name) || fields > kMaxFields)
        return false;

    out.counted(name);
    out.number(fields);
    return forEachField(structure,
                        [&](std::string_view field, const GValue &value) {
                            out.counted(field);
                            return isFieldName(field) && encodeValue(value, out, budget);
                        }) &&
           !out.overflowed();
}

StructureOwner decodeStructure(ByteReader &in, MessageBudget &budget)
{
    const std::string name(in.text(kMaxNameBytes));
    const auto fields = in.number<uint32_t>();
    if (in.failed() || !isStructureName(name) || fields > kMaxFields || !admitPeerName(name))
        return nullptr;

    StructureOwner structure(gst_structure_new_empty(name.c_str()));
    for (uint32_t i = 0; structure && i < fields; ++i) {
        const std::string field(in.text(kMaxNameBytes));
        ValueOwner value;
        if (in.failed() || !isFieldName(field) || !admitPeerName(field) ||
            gst_structure_has_field(structure.get(), field.c_str()) || !decodeValue(in, *value, budget))
            return nullptr;
        gst_structure_take_value(structure.get(), field.c_str(), value.get());
        value.forget();
    }
    return structure;
}

} // namespace sharedring
