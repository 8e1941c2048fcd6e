// SPDX-License-Identifier: GPL-3.0-or-later
// The outbox as the courier that sends letters and the operators who look after it see it.
#ifndef GATEHOUSE_DOMAIN_OUTBOX_WORK_H
#define GATEHOUSE_DOMAIN_OUTBOX_WORK_H

#include "domain/outbox.h"
#include "domain/ticket.h"

#define BACK_OFF_FIRST MINUTE_MS     // before the second attempt; then twice as long each time
#define BACK_OFF_MOST (6 * HOUR_MS)
#define BACK_OFF_DOWN (10 * MINUTE_MS) // at most so long when it was the server's fault: it comes back for all at once

// Queued letters whose time has come, the most overdue first.
MUST_USE reason outbox_due(struct op *op, struct txn *txn, size_t most, struct rows *ret_letters);
// Whether it still makes sense to send it: *ret_why_not NULL if so. The tickets of its links, where it has them.
MUST_USE reason outbox_wanted(struct op *op, struct txn *txn, const struct letter *letter,
                              struct ticket tickets[2], const char **ret_why_not);

enum delivery_outcome {
    DELIVERY_SENT,    // the server took it
    DELIVERY_LATER,   // it may work later
    DELIVERY_REFUSED, // it will never: the server refuses this address for good
    DELIVERY_DROPPED, // it is not wanted any more
};
struct delivery {
    int outcome;        // enum delivery_outcome
    struct slice error; // one line, when it was not sent
    bool down;          // it has nothing to do with this letter: others would fare no better now
};
// What an attempt came to. A letter that is not queued any more is left as it is.
MUST_USE reason outbox_tried(struct op *op, struct txn *txn, struct slice id,
                             const struct delivery *delivery);
// How long after so many attempts, without the chance that is added.
int64_t outbox_back_off(int64_t attempts);

// not_found
MUST_USE reason outbox_find(struct op *op, struct txn *txn, struct slice id,
                            struct letter *ret_letter);
struct letter_filter {
    int state;           // enum letter_state, or -1
    struct slice tenant; // "" = all
};
// rows of struct letter: by state (queued, dead, dropped, sent), within it by time. The cursor is a letter's id.
MUST_USE reason outbox_list(struct op *op, struct txn *txn, const struct letter_filter *filter,
                            struct page page, struct rows *ret_letters, struct slice *ret_next,
                            size_t *ret_total);
// Now, whatever went before: a dead or queued one; else illegal_transition. Audited.
MUST_USE reason outbox_retry(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice id, struct letter *ret_letter);
MUST_USE reason outbox_drop(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice id, struct letter *ret_letter);
struct outbox_figures {
    size_t count[4]; // by enum letter_state
    int64_t oldest;  // when the most overdue letter was queued; 0 = none is overdue
};
MUST_USE reason outbox_figures(struct op *op, struct txn *txn, struct outbox_figures *ret_figures);

#endif
