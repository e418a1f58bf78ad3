// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The properties of a sharedringsrc, as its users see them.
#pragma once

#include "plugin/source.h"

#include <glib-object.h>

namespace sharedring
{

void installSourceProperties(GObjectClass *klass);

// False: there is no such property.
bool setSourceProperty(Source &source, unsigned id, const GValue &value);
bool getSourceProperty(const Source &source, unsigned id, GValue &value);

} // namespace sharedring
