// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What an event holds, as text; but for group ids, which mean something only to who counts them.
#pragma once

#include <gst/gst.h>

#include <string>

std::string textOfContents(GstEvent *event);
std::string textOf(GstStream &stream);
