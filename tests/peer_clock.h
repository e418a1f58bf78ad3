// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Clocks that are not CLOCK_MONOTONIC, for a pipeline to run by.
#pragma once

#include <gst/gst.h>

#include <string>

// Named
//     realtime     the system's clock of the day
//     audio:PPM    a GstAudioClock that goes so much too fast
//     net:PORT     a GstNetClientClock of the GstNetTimeProvider at that port of this machine, in step
//     ptp          a GstPtpClock of the master at the interface "ptp0" (see with-ptp), likewise
// The caller's; nullptr where there is no such clock.
GstClock *peerClock(const std::string &name);
