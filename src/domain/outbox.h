// SPDX-License-Identifier: GPL-3.0-or-later
// Letters that wait to be sent, in the store: queued in the transaction of the change that they tell of, sent at least
// once. Only what the text needs is kept, not the text: it is written when the letter is sent (src/mail).
#ifndef GATEHOUSE_DOMAIN_OUTBOX_H
#define GATEHOUSE_DOMAIN_OUTBOX_H

#include "base/clock.h"
#include "domain/audit.h"

#define LETTER_VALUES_MAX 16
#define LETTER_VALUE_MAX 2000           // bytes: the justification of a request is the longest
#define LETTER_VALUES_BYTES 8000        // of all; past that each has LETTER_VALUE_LEAST
#define LETTER_VALUE_LEAST 200
#define OUTBOX_GIVE_UP (3 * DAY_MS)     // after its first attempt a letter is dead
#define OUTBOX_KEEP_DONE (7 * DAY_MS)   // sent and dropped ones, for who asks whether it went
#define OUTBOX_KEEP_DEAD (30 * DAY_MS)  // dead ones, and queued ones that nothing ever sent

enum letter_kind {
#define LETTER(name, outside) LETTER_##name,
#include "domain/letters.def"
#undef LETTER
    LETTER_KINDS
};
extern const char *const letter_kind_names[]; // NULL at the end

// Dead: given up; an operator may try again. Dropped: its link was used or revoked meanwhile, or an operator said so.
enum letter_state { LETTER_QUEUED, LETTER_DEAD, LETTER_DROPPED, LETTER_SENT };
extern const char *const letter_state_names[];

struct letter_value {
    struct slice name, value;
};
struct letter {
    struct slice id;     // "ltr_" ULID
    int kind;            // enum letter_kind
    struct slice tenant; // whose product name and sender it bears; "" = the gate's
    struct slice to;     // address, normalised
    struct slice user_id;   // who gets it, or "": the names in the text are this user's
    struct slice ticket_id; // of the link in it, or ""
    struct slice other_ticket_id; // of the second link: to deny a request
    struct rows values;     // struct letter_value
    int64_t created_at, due_at;
    int64_t tried_at; // first attempt; 0 = none yet
    int64_t ended_at; // when it was sent, dropped, given up
    int64_t attempts;
    struct slice last_error; // one line, for operators
    int state;               // enum letter_state
};
extern const struct field_table letter_fields, letter_value_fields;
extern const struct entity letter_entity;

// Adds a value for the text; what is too long is cut, an empty one is not added. More than LETTER_VALUES_MAX: a bug.
MUST_USE reason letter_value(struct op *op, struct letter *letter, const char *name,
                             struct slice value);
// A time as people read it: "29 November 2026, 14:05 UTC". 0, never, is not added.
MUST_USE reason letter_time(struct op *op, struct letter *letter, const char *name, int64_t time);
// Queues it; id, times and state are set here; due_at in the future (0 = now) holds it back until then. With `to` empty
// (a person without an address) nothing is queued and id stays empty. invalid_input: `to` is no address.
MUST_USE reason outbox_add(struct op *op, struct txn *txn, struct letter *letter);
// The last one to this user in this tenant; *ret_found false: none that is kept.
MUST_USE reason outbox_last(struct op *op, struct txn *txn, struct slice tenant,
                            struct slice user_id, struct letter *ret_letter, bool *ret_found);
// Drops what is queued for this user in the tenant (all tenants: ""), as for one who is deleted.
MUST_USE reason outbox_forget(struct op *op, struct txn *txn, struct slice tenant,
                              struct slice user_id);

#endif
