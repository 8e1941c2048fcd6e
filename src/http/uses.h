// SPDX-License-Identifier: GPL-3.0-or-later
// When service users and their credentials were last seen: kept in memory, and written from time to time by somebody
// who answers no request. What a crash loses is a minute of that.
#ifndef GATEHOUSE_HTTP_USES_H
#define GATEHOUSE_HTTP_USES_H

#include "base/op.h"

#define USES_SLOTS 2048        // credentials that are in use at once; past it a use goes unnoticed
#define USES_WRITE_MS 60000    // the same one is written at most so often
#define USES_AUDIT_MS 3600000  // and so often an audit row says that tokens were issued

struct gate;
struct uses;
struct uses *uses_open(void); // NULL: no memory
void uses_close(struct uses *uses);
// issued: it got an access token. NULL-safe.
void uses_note(struct uses *uses, struct slice id, struct slice tenant, struct slice credential,
               int64_t now, bool issued);
// The last use of a credential that is known here; 0: none.
int64_t uses_last(struct uses *uses, struct slice credential);
// Writes what is due; `all`: everything that was not written, as before a stop.
MUST_USE reason uses_flush(struct op *op, struct gate *gate, bool all);

#endif
