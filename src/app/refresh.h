// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that looks at the metadata of connections again.
#ifndef GATEHOUSE_APP_REFRESH_H
#define GATEHOUSE_APP_REFRESH_H

#include "http/gate.h"

struct refresher;
MUST_USE reason refresher_start(struct op *op, struct gate *gate, struct refresher **ret_refresher);
// Waits for a fetch that is under way (FETCH_TOTAL_MS at most). NULL-safe.
void refresher_stop(struct refresher *refresher);

#endif
