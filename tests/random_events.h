// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random events, but for those that begin, flush and end a stream.
#pragma once

#include "dice.h"

#include "plugin/gst_owner.h"

#include <gst/gst.h>

#include <string>

sharedring::ObjectOwner<GstStream> randomStreamObject(Dice &dice, const std::string &id);

GstEvent *randomSegmentEvent(Dice &dice);
GstEvent *randomSegmentDone(Dice &dice);
GstEvent *randomGap(Dice &dice);
// One that may stand anywhere behind the stream's start.
GstEvent *randomEvent(Dice &dice);
