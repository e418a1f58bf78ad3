// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The properties of a sharedringsrc, as its users see them.
#pragma once

#include "plugin/late_property.h"
#include "plugin/source.h"

#include <glib-object.h>

namespace sharedring
{

void installSourceProperties(GObjectClass *klass);

PropertySet setSourceProperty(Source &source, unsigned id, const GParamSpec &spec, const GValue &value);
// False: there is no such property.
bool getSourceProperty(const Source &source, unsigned id, GValue &value);

} // namespace sharedring
