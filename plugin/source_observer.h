// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a subscriber's control thread asks a sharedringsrc and tells it. That thread may outlive the
// element (a hostile producer can hang it), so it holds the element only while it calls.
#pragma once

#include "plugin/gst_owner.h"
#include "ringcore/subscriber.h"

#include <gst/gst.h>

#include <atomic>
#include <string>
#include <vector>

namespace sharedring
{

class SourceObserver final : public ringcore::SubscriberObserver
{
public:
    // Signals are emitted on `element`; `pad` is its only one.
    SourceObserver(GstElement *element, GstPad *pad);
    ~SourceObserver() override;

    // Nothing is told or asked any more.
    void retire() { retired_.store(true, std::memory_order_release); }

    bool authorizeProducer(const ringcore::PeerIdentity &identity) override;
    std::vector<std::byte> attachment() override;
    void flushStarted(uint32_t seqnum) override;
    void waiting(const std::string &why) override;
    void connected(const ringcore::PeerIdentity &producer) override;
    void disconnected(const std::string &why) override;
    void log(const std::string &line) override;

private:
    ObjectOwner<GstElement> element();
    ObjectOwner<GstPad> pad();

    GWeakRef element_;
    GWeakRef pad_;
    std::atomic<bool> retired_{false};
};

} // namespace sharedring
