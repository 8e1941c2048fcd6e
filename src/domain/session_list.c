// SPDX-License-Identifier: GPL-3.0-or-later
// Whose sessions are whose. The visit of a member (visit.h) has the keys of the person's sessions in the tenant, the first to
// end first, so that a login finds them in the row that it writes anyway, however many people there are.
#include "base/buf.h"
#include "base/clock.h"
#include "domain/batch.h"
#include "domain/grant.h"
#include "domain/session_parts.h"
#include "domain/space.h"

#define LISTS_BYTES_MAX (1U << 20) // of one person's keys: far above SESSIONS_EACH_MAX of them

static struct slice list_at(struct slice keys, size_t at) {
    return slice_sub(keys, at, at + TIMEKEY_BYTES);
}

struct key session_at(struct slice timekey) {
    struct key key = key_in(SPACE_SESSION);
    key_bytes(&key, timekey);
    return key;
}

static reason is_there(struct op *op, struct txn *txn, const struct key *key, bool *ret_there) {
    struct slice row;
    TRY(txn_get(op, txn, key_slice(key), &row));
    *ret_there = row.at != NULL;
    return NULL;
}

// One that expired goes from its list when its row is gone too, and not by the clock alone: that may
// be set back, and what signs in must be found by who ends it.
static reason is_over(struct op *op, struct txn *txn, struct slice timekey, bool *ret_over) {
    struct key key = session_at(timekey);
    uint32_t minute = 0;
    bool there = true;
    if (key_read_u32(&timekey, &minute) && (int64_t)minute <= op->now / MINUTE_MS) {
        TRY(is_there(op, txn, &key, &there));
    }
    *ret_over = !there;
    return NULL;
}

static void list_put(char *keys, size_t *len, struct slice timekey) {
    memcpy(keys + *len, timekey.at, TIMEKEY_BYTES);
    *len += TIMEKEY_BYTES;
}

// The list without `own` and what is over; then with `own` in its place, when it is added.
static reason change_list(struct op *op, struct txn *txn, struct slice own, bool add,
                          struct slice *keys) {
    char *made = NULL;
    size_t len = 0;
    TRY(op_take(op, keys->len + TIMEKEY_BYTES, &made));
    for (size_t at = 0; at < keys->len; at += TIMEKEY_BYTES) {
        struct slice other = list_at(*keys, at);
        bool over = slice_equal(other, own);
        TRY(over ? NULL : is_over(op, txn, other, &over));
        if (add && slice_compare(own, other) < 0) {
            list_put(made, &len, own);
            add = false;
        }
        if (!over) {
            list_put(made, &len, other);
        }
    }
    if (add) {
        list_put(made, &len, own);
    }
    *keys = slice_of(made, len);
    return NULL;
}

enum note { NOTE_VISIT, NOTE_LISTED, NOTE_GONE };
// A session that begins is a visit; what is listed of a store from before is none.
static reason note(struct op *op, struct txn *txn, const struct session *session, enum note what) {
    struct timekey timekey;
    struct visit before;
    if (!timekey_parse(S(SESSION_ID), session->id, &timekey)) {
        REFUSE(op, INTERNAL, "a session without an id");
    }
    TRY(visit_find(op, txn, session->tenant, session->user_id, &before));
    struct visit after = before;
    TRY(change_list(op, txn, timekey_slice(&timekey), what != NOTE_GONE, &after.sessions));
    after.last = what == NOTE_VISIT ? op->now : before.last;
    if (what == NOTE_VISIT && session->assertion.len > 0) {
        after.assertion = text_cut(session->assertion, GRANT_TEXT_MAX);
    }
    return visit_put(op, txn, session->tenant, session->user_id, &before, &after);
}

// What expired stays in its list until the person comes again: sweeping a million sessions would
// touch as many lists.
reason session_listed(struct op *op, struct txn *txn, const void *before, const void *after) {
    const struct session *gone = before;
    if (after != NULL) {
        return before == NULL ? note(op, txn, after, NOTE_VISIT) : NULL;
    }
    return gone->expires_at > op->now ? note(op, txn, gone, NOTE_GONE) : NULL;
}

// ---- all of a person ----

struct tally {
    size_t listed, there;
    struct key first; // of those that are there: it ends first
};
static reason count_listed(struct op *op, struct txn *txn, struct slice keys, void *arg) {
    (void)op;
    (void)txn;
    ((struct tally *)arg)->listed += keys.len / TIMEKEY_BYTES;
    return NULL;
}
static reason count_there(struct op *op, struct txn *txn, struct slice keys, void *arg) {
    struct tally *tally = arg;
    for (size_t at = 0; at < keys.len; at += TIMEKEY_BYTES) {
        struct key key = session_at(list_at(keys, at));
        bool there = false;
        TRY(is_there(op, txn, &key, &there));
        if (there && (tally->there++ == 0 ||
                      slice_compare(key_slice(&key), key_slice(&tally->first)) < 0)) {
            tally->first = key;
        }
    }
    return NULL;
}

reason session_list_full(struct op *op, struct txn *txn, struct slice user_id, bool *ret_full,
                         struct key *ret_first) {
    struct tally tally = {.listed = 0};
    TRY(visit_each(op, txn, user_id, count_listed, &tally));
    if (tally.listed >= SESSIONS_EACH_MAX) { // some of them may be gone
        TRY(visit_each(op, txn, user_id, count_there, &tally));
    }
    *ret_full = tally.there >= SESSIONS_EACH_MAX;
    *ret_first = tally.first;
    return NULL;
}

// Copied, since what is done with them may write.
static reason keep_keys(struct op *op, struct txn *txn, struct slice keys, void *arg) {
    for (size_t at = 0; at < keys.len; at += TIMEKEY_BYTES) {
        bool over = false;
        TRY(is_over(op, txn, list_at(keys, at), &over));
        buf_put(arg, over ? SLICE_NONE : list_at(keys, at));
    }
    return NULL;
}

reason session_list_keys(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                         struct slice *ret_keys) {
    struct buf buf;
    struct visit visit;
    buf_open(&buf, op, LISTS_BYTES_MAX);
    if (tenant.len > 0) {
        TRY(visit_find(op, txn, tenant, user_id, &visit));
        TRY(keep_keys(op, txn, visit.sessions, &buf));
    } else {
        TRY(visit_each(op, txn, user_id, keep_keys, &buf));
    }
    return buf_done(&buf, ret_keys);
}

// ---- a store from before there were lists ----

static reason list_one_of(struct op *op, struct txn *txn, const struct key *index) {
    struct session session;
    struct slice primary;
    bool found = false;
    TRY(txn_get(op, txn, key_slice(index), &primary));
    struct key key = key_again(primary);
    if (key.len > 0) {
        TRY(entity_find(op, txn, &session_entity, &key, &session, &found));
    }
    TRY(found ? note(op, txn, &session, NOTE_LISTED) : NULL);
    return txn_delete(op, txn, key_slice(index), &found);
}

reason session_lists_make(struct op *op, struct txn *txn, void *arg) {
    return batch_pass(op, txn, arg, SPACE_SESSION_OF, SESSION_PASS, list_one_of);
}
