// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random contents for events and metas: of every type of value that streams have.
#pragma once

#include "dice.h"

#include "plugin/gst_owner.h"

#include <string>

// How deep structures, lists and arrays lie in one another at most.
inline constexpr int kRandomDepth = 3;

// 1 to 40 characters, UTF-8.
std::string randomText(Dice &dice);
// None, ordinary, or of any size that a time can have.
GstClockTime randomTime(Dice &dice);
sharedring::BufferOwner randomBytes(Dice &dice, size_t size);
sharedring::StructureOwner randomStructure(Dice &dice, const std::string &name, int depth = kRandomDepth);
sharedring::TagListOwner randomTags(Dice &dice);
