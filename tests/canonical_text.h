// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Values, structures, caps and tags as text that tells apart what gst_*_to_string() does not: types,
// the last bit of a double, microseconds of a date.
//
// Of a buffer inside a value its bytes and its HEADER flag count, and of a sample its buffer, caps and
// info: codec_data, streamheaders and pictures have no times of their own.
#pragma once

#include <gst/gst.h>

#include <string>

std::string textOf(const GValue &value);
std::string textOf(const GstStructure &structure);
std::string textOf(const GstCaps &caps);
std::string textOf(const GstTagList &tags);

// A string in quotes, on one line; "none" for NULL.
std::string quoted(const char *text);
// A number, or "none" where all its bits are set.
std::string numberOrNone(guint64 number);
// Size and checksum of a buffer's bytes.
std::string textOfBytes(GstBuffer *buffer);
