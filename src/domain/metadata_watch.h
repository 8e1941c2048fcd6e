// SPDX-License-Identifier: GPL-3.0-or-later
// Metadata that is looked at again by itself: for each connection with a metadata_url one row, which says when it
// was looked at, when it will be, what went wrong, and which change waits for somebody to approve it. A row of its
// own, so that looking bumps no version. The trust of a connection changes only by what the policy lets apply by
// itself, or by an approval.
#ifndef GATEHOUSE_DOMAIN_METADATA_WATCH_H
#define GATEHOUSE_DOMAIN_METADATA_WATCH_H

#include "base/clock.h"
#include "domain/connection.h"

#define METADATA_LOOK_EVERY HOUR_MS           // a key that is added is known within the hour
#define METADATA_LOOK_JITTER (10 * MINUTE_MS) // so that a thousand connections do not ask at once
#define METADATA_LOOK_MOST DAY_MS             // after failures twice as long each time, and at most this
#define METADATA_CHANGE_ID 16                 // hex digits that name a change that waits

struct metadata_watch {
    struct slice connection;
    int64_t checked_at, next_at; // 0: never
    int64_t failures;            // since it last came well
    struct slice trouble;        // reason of the last failure, "" when it came well
    struct slice trouble_detail;
    struct slice change; // id of the change that waits, "" when none does
    int64_t seen_at;     // when it was first seen
    bool alarm;          // not an honest roll-over: somebody should look at it now
    struct slice diff;   // what it would change, in the words of the audit log
    struct idp proposal; // the whole of it
    struct slice rejected; // id of the change that was rejected last: it is not raised again
};
extern const struct field_table metadata_watch_fields;

// What a look came to.
enum metadata_outcome_kind {
    METADATA_SAME,     // nothing changed
    METADATA_RENEWED,  // the same trust, valid for longer: applied
    METADATA_APPLIED,  // a certificate was added, and the policy is `auto`: applied
    METADATA_PENDING,  // a change waits for approval, since now
    METADATA_WAITING,  // the same change still waits
    METADATA_REJECTED, // it says again what was rejected
    METADATA_FAILED,   // nothing could be read: trouble says why
};
extern const char *const metadata_outcome_names[];
struct metadata_outcome {
    int kind; // enum metadata_outcome_kind
    struct metadata_watch watch;
};

// For connection.c: the row of a connection whose identity provider was just set; none without a metadata_url.
MUST_USE reason metadata_watch_reset(struct op *op, struct txn *txn, struct slice slug,
                                     struct slice metadata_url);
// Zero, but for the name, where there is no row.
MUST_USE reason metadata_watch_find(struct op *op, struct txn *txn, struct slice slug,
                                    struct metadata_watch *ret_watch);
// The connection that is due first, or "".
MUST_USE reason metadata_watch_due(struct op *op, struct txn *txn, struct slice *ret_slug);
// Gives connections from before there were rows one that is due. `from`: the slug after which to go on, "" at first;
// *ret_next "" at the end.
MUST_USE reason metadata_watch_adopt(struct op *op, struct txn *txn, struct slice from,
                                     struct slice *ret_next);

// `fetched` is what stands at connection.idp.metadata_url now. Applies, or keeps as a change that waits; audited.
MUST_USE reason metadata_watch_seen(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice slug, const struct idp *fetched,
                                    struct metadata_outcome *ret_outcome);
// It could not be had. Audited when the reason is another one than last time.
MUST_USE reason metadata_watch_failed(struct op *op, struct txn *txn, const struct actor *actor,
                                      struct slice slug, reason why, struct slice detail,
                                      struct metadata_outcome *ret_outcome);
// `change` names what the caller has looked at; illegal_transition: something else waits by now, or nothing.
// metadata.expired: it has ended while it waited.
MUST_USE reason metadata_watch_approve(struct op *op, struct txn *txn, const struct actor *actor,
                                       struct slice slug, struct slice change,
                                       struct connection *ret_connection);
MUST_USE reason metadata_watch_reject(struct op *op, struct txn *txn, const struct actor *actor,
                                      struct slice slug, struct slice change,
                                      struct metadata_watch *ret_watch);

#endif
