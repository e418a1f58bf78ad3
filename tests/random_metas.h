// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random metas of every kind that crosses, but for those that say how a buffer's bytes lie: these are
// its format's.
#pragma once

#include "random_format.h"

void addRandomMetas(Dice &dice, const RandomFormat &format, GstBuffer *buffer);
