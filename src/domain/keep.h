// SPDX-License-Identifier: GPL-3.0-or-later
// Entities that expire, for the files of this room that keep, find and sweep them.
#ifndef GATEHOUSE_DOMAIN_KEEP_H
#define GATEHOUSE_DOMAIN_KEEP_H

#include "domain/session.h"
#include "domain/trace.h"

extern const struct entity session_entity, pending_entity, trace_entity, expiry_entity;

#define SESSION_TEXT_MAX 4096 // bytes of a NameID, a SessionIndex ...: what is longer is not kept

// What is late gets "it took too long" for this long, rather than "we know nothing of it".
#define PENDING_GRACE HOUR_MS
// The same for links in letters.
#define TICKET_GRACE (30 * DAY_MS)
// A ledger row outlives its assertion by this, so that a clock that is wrong by a day lets nothing
// in twice.
#define REPLAY_KEEP_HOURS 26

// The two halves of replay_add, for who asks first and writes later in the same transaction.
struct replay {
    struct key key;
    bool fresh;       // not used so far
    int64_t restored; // not 0: not fresh because it was issued before the store was restored, then
};
MUST_USE reason replay_look(struct op *op, struct txn *txn, struct slice connection,
                            const struct replay_of *of, struct replay *ret_replay);
MUST_USE reason replay_use(struct op *op, struct txn *txn, const struct replay *replay,
                           bool *ret_fresh);
// Notes that rows of this hour were removed.
MUST_USE reason replay_swept(struct op *op, struct txn *txn, uint32_t hour);

#endif
