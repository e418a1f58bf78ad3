// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the elements and tags installed here speak of crosses: every value in every pad template's caps,
// the caps that these become when they are fixed, and a value of every registered tag.
#include "plugin/caps_codec.h"
#include "plugin/peer_names.h"
#include "plugin/tag_codec.h"
#include "tests/codec_wire.h"
#include "tests/registered_tags.h"

#include <set>

using namespace sharedring;
using namespace sharedring::wire;

namespace
{

// Caps of all static pad templates of all elements.
std::vector<CapsOwner> templateCaps()
{
    std::vector<CapsOwner> all;
    GList *features = gst_registry_get_feature_list(gst_registry_get(), GST_TYPE_ELEMENT_FACTORY);
    for (const GList *link = features; link; link = link->next) {
        const GList *pads = gst_element_factory_get_static_pad_templates(GST_ELEMENT_FACTORY(link->data));
        for (; pads; pads = pads->next)
            all.emplace_back(
                gst_static_pad_template_get_caps(static_cast<GstStaticPadTemplate *>(pads->data)));
    }
    gst_plugin_feature_list_free(features);
    return all;
}

// Memory that cannot be shared is refused by design, and ANY is no features in particular.
bool areCarried(const GstCapsFeatures *features)
{
    if (gst_caps_features_is_any(features))
        return false;
    for (guint i = 0; i < gst_caps_features_get_size(features); ++i) {
        const std::string_view feature = gst_caps_features_get_nth(features, i);
        if (feature.starts_with("memory:") && feature != GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY)
            return false;
    }
    return true;
}

// nullptr: refused.
StructureOwner crossed(const GstStructure &sent)
{
    ringcore::ByteWriter out(kMaxCapsBytes);
    MessageBudget writing;
    MessageBudget reading;
    if (!encodeStructure(sent, out, writing))
        return nullptr;
    ringcore::ByteReader in(out.bytes());
    return decodeStructure(in, reading);
}

std::string textOf(const GstStructure &structure)
{
    gchar *text = gst_structure_to_string(&structure);
    std::string copy = text;
    g_free(text);
    return copy;
}

TEST(Registry, StructuresOfAllTemplatesCross)
{
    std::set<std::string> seen;
    for (const CapsOwner &caps : templateCaps()) {
        for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
            const GstStructure &sent = *gst_caps_get_structure(caps.get(), i);
            if (!seen.insert(textOf(sent)).second)
                continue;
            const StructureOwner received = crossed(sent);
            ASSERT_TRUE(received) << textOf(sent);
            EXPECT_TRUE(gst_structure_is_equal(&sent, received.get())) << textOf(sent) << "\n"
                                                                       << textOf(*received);
        }
    }
    EXPECT_GT(seen.size(), 100U);
}

TEST(Registry, FixedCapsOfAllTemplatesCross)
{
    std::set<std::string> seen;
    for (const CapsOwner &caps : templateCaps()) {
        for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
            if (!areCarried(gst_caps_get_features(caps.get(), i)))
                continue;
            const CapsOwner sent(gst_caps_fixate(gst_caps_copy_nth(caps.get(), i)));
            gchar *text = gst_caps_to_string(sent.get());
            const std::string copy = text;
            g_free(text);
            if (!seen.insert(copy).second)
                continue;
            const auto bytes = encodeCaps(sent.get());
            ASSERT_TRUE(bytes) << copy;
            const CapsOwner received = decodeCaps(*bytes);
            ASSERT_TRUE(received) << copy;
            EXPECT_TRUE(gst_caps_is_strictly_equal(sent.get(), received.get())) << copy;
        }
    }
    EXPECT_GT(seen.size(), 100U);
}

// ---- tags

// Something of this type; false if there is a type that this test does not know.
bool fill(GValue &value, GType type)
{
    g_value_init(&value, type);
    if (type == G_TYPE_STRING) {
        g_value_set_string(&value, "text");
    } else if (type == G_TYPE_UINT) {
        g_value_set_uint(&value, 7);
    } else if (type == G_TYPE_INT) {
        g_value_set_int(&value, -7);
    } else if (type == G_TYPE_UINT64) {
        g_value_set_uint64(&value, guint64{1} << 40);
    } else if (type == G_TYPE_DOUBLE) {
        g_value_set_double(&value, 0.5);
    } else if (type == G_TYPE_BOOLEAN) {
        g_value_set_boolean(&value, TRUE);
    } else if (type == GST_TYPE_FRACTION) {
        gst_value_set_fraction(&value, 1, 250);
    } else if (type == G_TYPE_DATE) {
        g_value_take_boxed(&value, g_date_new_dmy(29, G_DATE_FEBRUARY, 2024));
    } else if (type == GST_TYPE_DATE_TIME) {
        g_value_take_boxed(&value, gst_date_time_new(2.0F, 2020, 1, 31, 12, 0, 1.5));
    } else if (type == GST_TYPE_BUFFER) {
        g_value_take_boxed(&value, gst_buffer_new_memdup("frame", 5));
    } else if (type == GST_TYPE_SAMPLE) {
        const BufferOwner buffer(gst_buffer_new_memdup("sample", 6));
        const CapsOwner caps(gst_caps_from_string("image/jpeg"));
        g_value_take_boxed(&value, gst_sample_new(buffer.get(), caps.get(), nullptr,
                                                  gst_structure_new("info", "n", G_TYPE_INT, 1, nullptr)));
    } else {
        return false;
    }
    return true;
}

TEST(Registry, EveryTagCrosses)
{
    const auto names = tags::registered();
    for (const std::string &name : names) {
        const TagListOwner sent(gst_tag_list_new_empty());
        ValueOwner value;
        ASSERT_TRUE(fill(*value, gst_tag_get_type(name.c_str())))
            << name << " is of type " << g_type_name(gst_tag_get_type(name.c_str()));
        gst_tag_list_add_value(sent.get(), GST_TAG_MERGE_APPEND, name.c_str(), value.get());

        const TagListOwner received = decodeTagList(encodeTagList(*sent));

        ASSERT_TRUE(received) << name;
        const GValue *copy = gst_tag_list_get_value_index(received.get(), name.c_str(), 0);
        ASSERT_TRUE(copy) << name;
        if (G_VALUE_TYPE(value.get()) != GST_TYPE_SAMPLE) { // samples are compared by address
            EXPECT_EQ(gst_value_compare(value.get(), copy), GST_VALUE_EQUAL) << name;
            continue;
        }
        auto *a = static_cast<GstSample *>(g_value_get_boxed(value.get()));
        auto *b = static_cast<GstSample *>(g_value_get_boxed(copy));
        EXPECT_EQ(gst_buffer_memcmp(gst_sample_get_buffer(b), 0, "sample", 6), 0) << name;
        EXPECT_TRUE(gst_caps_is_equal(gst_sample_get_caps(a), gst_sample_get_caps(b))) << name;
        EXPECT_TRUE(gst_structure_is_equal(gst_sample_get_info(a), gst_sample_get_info(b))) << name;
    }
    // Of each library and kind.
    for (const char *name :
         {GST_TAG_TITLE, GST_TAG_EXTENDED_COMMENT, GST_TAG_ATTACHMENT, GST_TAG_PREVIEW_IMAGE,
          GST_TAG_GEO_LOCATION_LATITUDE, GST_TAG_PRIVATE_DATA, GST_TAG_MUSICBRAINZ_ARTISTID,
          GST_TAG_CAPTURING_SHUTTER_SPEED, GST_TAG_IMAGE_HORIZONTAL_PPI, GST_TAG_CDDA_CDDB_DISCID})
        EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Registry, TagsOfManyValuesKeepTheirOrder)
{
    for (const std::string &name : tags::registered()) {
        if (gst_tag_is_fixed(name.c_str()) || gst_tag_get_type(name.c_str()) != G_TYPE_STRING)
            continue;
        const TagListOwner sent(gst_tag_list_new_empty());
        for (const char *value : {"c", "a", "b"})
            gst_tag_list_add(sent.get(), GST_TAG_MERGE_APPEND, name.c_str(), value, nullptr);
        const TagListOwner received = decodeTagList(encodeTagList(*sent));
        ASSERT_TRUE(received);
        EXPECT_TRUE(gst_tag_list_is_equal(sent.get(), received.get())) << name;
    }
}

} // namespace
