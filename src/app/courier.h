// SPDX-License-Identifier: GPL-3.0-or-later
// Sends the letters of the outbox while the gate runs.
#ifndef GATEHOUSE_APP_COURIER_H
#define GATEHOUSE_APP_COURIER_H

#include "http/gate.h"

struct courier;
// Without a mail server letters stay queued, and are counted. limit.memory.
MUST_USE reason courier_start(struct op *op, struct gate *gate, struct courier **ret_courier);
// Ends what is under way: a letter that was not taken by then is sent again after the next start. NULL-safe.
void courier_stop(struct courier *courier);

#endif
