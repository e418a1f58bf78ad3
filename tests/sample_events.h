// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events of every type, for tests that push them.
#pragma once

#include "plugin/gst_owner.h"

#include <gst/gst.h>

#include <string>
#include <vector>

// What a test pushes: an event, or a buffer with this PTS.
struct Item {
    Item(GstEvent *made) : event(made) {}
    explicit Item(GstClockTime time) : pts(time) {}

    sharedring::EventOwner event;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
};

void push(GstPad *pad, const Item &item);
void push(GstPad *pad, const std::vector<Item> &items);

GstEvent *streamStart(const char *id, guint group = 0);
GstEvent *streamStartOf(const char *id); // with a GstStream, in group 4711
GstEvent *collection();
GstEvent *caps(const char *text = "application/x-test,number=(int)1");
GstEvent *segment(double rate = 1, double appliedRate = 1, GstClockTime base = 0);
GstEvent *byteSegment();
GstEvent *tags(GstTagScope scope, const char *title);
GstEvent *toc();
GstEvent *protection();
GstEvent *sinkMessage();
GstEvent *custom(GstEventType type, const std::string &name);

// One of each that a pad keeps, or two where it may.
std::vector<Item> everySticky();
