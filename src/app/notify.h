// SPDX-License-Identifier: GPL-3.0-or-later
// Telling the service manager (sd_notify's protocol: one datagram), so that no library is needed for it.
#ifndef GATEHOUSE_APP_NOTIFY_H
#define GATEHOUSE_APP_NOTIFY_H

// "READY=1", "STOPPING=1" ... Nothing happens when nobody asked (NOTIFY_SOCKET is not set).
void notify(const char *state);

#endif
