// SPDX-License-Identifier: GPL-3.0-or-later
// The roll of a tenant: what is kept beside its memberships so that a page of a million of them is
// found without looking at a million. Rows in each order that a list may have, rows by role, and how
// many members have which status and role. All of it follows the memberships and the users in their own
// transactions (`changed` of their entities), whoever writes them.
//
// What it costs the sign-in of somebody known: a row at the end of the order of last visits. That of the
// visit before stays where it is, unless it is near: in a large tenant it has a page of its own. So a row
// of this order counts only if it says what membership and visit say, and who reads it looks (roll_is_now); the
// janitor takes the others away, many of a page at once (roll_visits.c). Counters and all other rows stay
// as they are unless status, roles, names or e-mail change.
#ifndef GATEHOUSE_DOMAIN_ROLL_H
#define GATEHOUSE_DOMAIN_ROLL_H

#include "base/clock.h"
#include "domain/user.h"

#define ROLL_KEY_MAX 128 // bytes of what is compared; people with longer equal starts sort by id
#define ROLL_ID_MAX 64
#define ROLL_STATUSES (MEMBER_DELETED + 1)

enum roll_order { ROLL_ID, ROLL_NAME, ROLL_EMAIL, ROLL_VISIT, ROLL_ORDERS };

// Where a member stands in an order: what is compared (ASCII letters in lower case, cut), then the id.
struct spot {
    char key[ROLL_KEY_MAX], id[ROLL_ID_MAX];
    size_t key_len, id_len;
};
static inline struct slice spot_key(const struct spot *spot) {
    return slice_of(spot->key, spot->key_len);
}
static inline struct slice spot_id(const struct spot *spot) {
    return slice_of(spot->id, spot->id_len);
}
// What a text is compared by is appended to the spot's.
void spot_add(struct spot *spot, struct slice text);
void spot_set_id(struct spot *spot, struct slice id);
void roll_spot(enum roll_order order, const struct member *member, struct spot *ret_spot);

// All rows of a status in an order (role ""), or of a role's members by id; add the spot's parts with
// roll_seek for a place in it.
struct key roll_prefix(struct slice tenant, struct slice role, enum roll_order order, int status);
void roll_seek(struct key *key, enum roll_order order, const struct spot *spot);
// The spot that a key with this prefix stands for; false: it is none.
bool roll_read(struct slice key, const struct key *prefix, enum roll_order order,
               struct spot *ret_spot);
// The value of a row in an order holds a bit for each role of the member, so that most of those without a
// role are passed over without a look at them. Several roles share a bit.
uint64_t roll_role_bit(struct slice role);
bool roll_may_have(struct slice value, uint64_t role_bit);

// Is a row of the order of last visits, of this status, the membership's own? Others are of visits before.
bool roll_is_now(const struct member *member, int status, const struct spot *spot);

// How many members of this status (-1: all but the deleted) have the role ("" = any).
MUST_USE reason roll_count(struct op *op, struct txn *txn, struct slice tenant, struct slice role,
                           int status, uint64_t *ret_count);

// The last visit of a person in a tenant is another one; no membership there is no harm. Called by visit_put.
MUST_USE reason roll_visited(struct op *op, struct txn *txn, struct slice tenant,
                             struct slice user_id, int64_t before, int64_t after);
// The hooks of membership_entity and user_entity.
MUST_USE reason roll_member_changed(struct op *op, struct txn *txn, const void *before,
                                    const void *after);
MUST_USE reason roll_user_changed(struct op *op, struct txn *txn, const void *before,
                                  const void *after);
// A migration step (arg: struct migration_pass): makes the roll of a store that has none.
#define ROLL_PASS 200 // members in one transaction of it
MUST_USE reason roll_make(struct op *op, struct txn *txn, void *arg);

// ---- rows of visits before ----

#define ROLL_NEAR HOUR_MS // a row of a visit so short ago is taken away at once: it stands near the end, where all write
// Rows that the janitor looks at for each that was left, on its way round through all of them: so there are never more
// that are left than members, and what came since its last turn.
#define ROLL_LOOKS 3
#define ROLL_TIDY_ROWS 512 // of one step: 1 ms to read, and as much to write
struct roll_tidy {
    struct key place;    // behind it the next step goes on; len 0: at the front
    bool begun;          // place was read from the store
    struct key *before;  // rows of visits before, found by the step
    size_t count, looked;
    unsigned ends; // how often it came to the end: a second time in a turn is once too many
};
// How many rows were left since this was asked last, about.
uint64_t roll_left(void);
// A step (arg: struct roll_tidy): first it looks, in a read, then it takes away what it found, in a write, and keeps the place.
MUST_USE reason roll_tidy_look(struct op *op, struct txn *txn, void *arg);
MUST_USE reason roll_tidy_drop(struct op *op, struct txn *txn, void *arg);
// The part of it that roll.c calls.
void roll_leave(void);

#endif
