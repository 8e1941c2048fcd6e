// SPDX-License-Identifier: GPL-3.0-or-later
// Rows in the order of last visits that sign-ins left behind. The janitor goes round through the order,
// row by row, as far as sign-ins have earned it, so that it takes all that were left in a page away
// together. Whether it has been there yet makes no difference to who reads the order.
#include <stdatomic.h>

#include "domain/roll.h"
#include "domain/space.h"
#include "domain/timekey.h"

static _Atomic uint64_t rows_left; // once more if a transaction runs again: a rough figure

void roll_leave(void) {
    (void)atomic_fetch_add(&rows_left, 1);
}

uint64_t roll_left(void) {
    return atomic_exchange(&rows_left, 0);
}

static bool is_at(int64_t last, const struct spot *spot) {
    const struct member member = {.visit = {.last = last}};
    struct spot now;
    roll_spot(ROLL_VISIT, &member, &now);
    return slice_equal(spot_key(&now), spot_key(spot));
}

bool roll_is_now(const struct member *member, int status, const struct spot *spot) {
    return member->membership.status == status && is_at(member->visit.last, spot);
}

static reason damaged(struct op *op) {
    REFUSE(op, STORE_UNAVAILABLE,
           "the roll of members cannot be read; the store is damaged, restore it from a backup");
}

// ---- looking ----

struct row {
    struct slice tenant;
    int order, status;
    struct spot spot; // of an order of visits
};

static bool read_row(struct slice key, struct row *ret_row) {
    struct slice rest = slice_sub(key, 1, key.len);
    if (!key_read_text(&rest, &ret_row->tenant) || rest.len < 2) {
        return false;
    }
    ret_row->order = (unsigned char)rest.at[0];
    ret_row->status = (unsigned char)rest.at[1];
    const struct key prefix = {.len = key.len - rest.len + 2};
    return ret_row->order != ROLL_VISIT || roll_read(key, &prefix, ROLL_VISIT, &ret_row->spot);
}

// By its time alone: a change of the status takes the row of the last visit along.
static reason is_before(struct op *op, struct txn *txn, const struct row *row, bool *ret_before) {
    struct visit visit;
    TRY(visit_find(op, txn, row->tenant, spot_id(&row->spot), &visit));
    *ret_before = !is_at(visit.last, &row->spot);
    return NULL;
}

// The key before all rows of a tenant's order of visits.
static struct key front_of(struct slice tenant) {
    struct key key = roll_prefix(tenant, SLICE_NONE, ROLL_VISIT, 0);
    key.len--; // of any status
    return key;
}

// From row to row, until the step is full, or the rows are of another order: *ret_on, from the place on.
static reason look_along(struct op *op, struct txn *txn, struct scan *scan, struct roll_tidy *tidy,
                         bool *ret_on) {
    *ret_on = false;
    while (tidy->looked < ROLL_TIDY_ROWS) {
        struct slice key;
        struct slice value;
        struct row row;
        bool before = false;
        TRY(scan_next(op, scan, &key, &value));
        tidy->looked++;
        if (key.at == NULL) {
            tidy->place.len = 0;
            tidy->ends++;
            return NULL;
        }
        if (!read_row(key, &row)) {
            return damaged(op);
        }
        if (row.order < ROLL_VISIT) {
            tidy->place = front_of(row.tenant);
            *ret_on = true;
            return NULL;
        }
        TRY(row.order == ROLL_VISIT ? is_before(op, txn, &row, &before) : NULL);
        tidy->place = key_again(key);
        if (before) {
            tidy->before[tidy->count++] = tidy->place;
        }
    }
    return NULL;
}

static reason read_place(struct op *op, struct txn *txn, struct roll_tidy *tidy) {
    struct key key = key_in(SPACE_ROLL_PLACE);
    struct slice place;
    TRY(txn_get(op, txn, key_slice(&key), &place));
    if (place.len > STORE_KEY_MAX) {
        return damaged(op);
    }
    tidy->place = key_again(place);
    tidy->begun = true;
    return NULL;
}

reason roll_tidy_look(struct op *op, struct txn *txn, void *arg) {
    struct roll_tidy *tidy = arg;
    struct key prefix = key_in(SPACE_ROLL);
    bool on = true;
    tidy->count = 0;
    tidy->looked = 0;
    TRY(op_take(op, ROLL_TIDY_ROWS * sizeof *tidy->before, &tidy->before));
    TRY(tidy->begun ? NULL : read_place(op, txn, tidy));
    while (on) {
        struct scan scan;
        struct key from = tidy->place;
        TRY(scan_open(op, txn, key_slice(&prefix), from.len > 0 ? key_slice(&from) : SLICE_NONE,
                      false, &scan));
        reason why = look_along(op, txn, &scan, tidy, &on);
        scan_close(&scan);
        TRY(why);
    }
    return NULL;
}

// ---- taking away ----

// As things stand now: a sign-in may have come between.
static reason drop(struct op *op, struct txn *txn, const struct key *key) {
    struct row row;
    bool before = false;
    if (!read_row(key_slice(key), &row)) {
        return damaged(op);
    }
    TRY(is_before(op, txn, &row, &before));
    return before ? txn_delete(op, txn, key_slice(key), &before) : NULL;
}

reason roll_tidy_drop(struct op *op, struct txn *txn, void *arg) {
    const struct roll_tidy *tidy = arg;
    struct key key = key_in(SPACE_ROLL_PLACE);
    bool there = false;
    for (size_t i = 0; i < tidy->count; i++) {
        TRY(drop(op, txn, &tidy->before[i]));
    }
    return tidy->place.len > 0 ? txn_put(op, txn, key_slice(&key), key_slice(&tidy->place))
                               : txn_delete(op, txn, key_slice(&key), &there);
}
