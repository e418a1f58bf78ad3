// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From a payload in shared memory to a GstBuffer: mapped where downstream can use it as it lies,
// else copied, once. Pixels and samples may be mapped; a format that somebody parses must not change
// under its parser, and is copied before anybody looks at it.
#pragma once

#include "plugin/buffer_checks.h"
#include "plugin/gst_owner.h"
#include "plugin/incoming_metas.h"
#include "plugin/source_settings.h"
#include "ringcore/subscriber.h"

#include <gst/gst.h>

#include <string>

namespace sharedring
{

// One thread at a time.
class PayloadPath
{
public:
    explicit PayloadPath(PayloadMode mode) : mode_(mode) {}

    void setMode(PayloadMode mode) { mode_ = mode; }

    // False: raw video whose caps make no sense.
    [[nodiscard]] bool setCaps(const GstCaps *caps);

    // Asks downstream what it can do with a layout that is not the caps' own. After the caps were
    // pushed, and again when downstream changed.
    void askDownstream(GstPad *pad, GstCaps *caps);

    struct Made {
        BufferOwner buffer; // no times; nullptr: refused, or no memory
        std::string fault;  // why it is refused
        bool copied = false;
        unsigned metasLeft = 0; // that cannot be attached here
    };
    // The lease goes into the buffer, or ends here.
    Made make(const BufferFields &fields, ringcore::Delivery &delivery);

    const PayloadFormat &format() const { return format_; }

private:
    bool mayMap(const ringcore::Delivery &delivery) const;
    BufferOwner copyIntoDefaultLayout(const VideoFields &fields, GstBuffer *mapped) const;
    MetaTarget targetFor(GstBuffer *buffer, const VideoFields *video, size_t size) const;

    PayloadMode mode_;
    PayloadFormat format_;
    IncomingMetas metas_;
    bool videoMetaUnderstood_ = true;
};

} // namespace sharedring
