// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An element as its connections' threads see it: there as long as it is, and kept while they use it.
#pragma once

#include "gst_owner.h"

#include <gst/gst.h>

namespace sharedring
{

// Any thread.
class WeakElement final
{
public:
    explicit WeakElement(gpointer element) { g_weak_ref_init(&reference_, element); }
    WeakElement(const WeakElement &) = delete;
    WeakElement &operator=(const WeakElement &) = delete;
    ~WeakElement() { g_weak_ref_clear(&reference_); }

    // nullptr: it is gone.
    ObjectOwner<GstElement> get()
    {
        return ObjectOwner<GstElement>(static_cast<GstElement *>(g_weak_ref_get(&reference_)));
    }

private:
    GWeakRef reference_;
};

} // namespace sharedring
