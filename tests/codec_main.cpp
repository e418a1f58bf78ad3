// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs the codec tests with every critical and warning fatal: no bytes may reach a check inside
// GLib or GStreamer.
#include <gst/gst.h>
#include <gtest/gtest.h>

int main(int argc, char **argv)
{
    testing::InitGoogleTest(&argc, argv);
    gst_init(&argc, &argv);
    g_log_set_always_fatal(
        static_cast<GLogLevelFlags>(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING));
    return RUN_ALL_TESTS();
}
