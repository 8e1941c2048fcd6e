// SPDX-License-Identifier: GPL-3.0-or-later
// Whose sessions are whose. Beside each membership stands a row with the keys of the person's sessions
// there, the first to end first. It has the membership's key and a byte more, so that a login finds it
// in the page that it writes anyway, however many people there are.
#include "base/buf.h"
#include "base/clock.h"
#include "domain/batch.h"
#include "domain/session_parts.h"
#include "domain/space.h"

#define LISTS_BYTES_MAX (1U << 20) // of one person's keys: far above SESSIONS_EACH_MAX of them

static struct key list_key(struct key membership) {
    key_bytes(&membership, S("+"));
    return membership;
}

static struct key list_key_of(struct slice tenant, struct slice user_id) {
    struct key key;
    membership_entity.key(&(struct membership){.tenant = tenant, .user_id = user_id}, &key);
    return list_key(key);
}

// The keys lie in the store: they are good until something is written.
static reason read_list(struct op *op, struct txn *txn, const struct key *key,
                        struct slice *ret_keys) {
    TRY(txn_get(op, txn, key_slice(key), ret_keys));
    if (ret_keys->len % TIMEKEY_BYTES != 0) {
        REFUSE(op, STORE_UNAVAILABLE,
               "a list of sessions cannot be read; the store is damaged, restore it from a backup");
    }
    return NULL;
}

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
static reason change_list(struct op *op, struct txn *txn, const struct session *session, bool add) {
    struct key key = list_key_of(session->tenant, session->user_id);
    struct timekey timekey;
    struct slice keys;
    char *made = NULL;
    size_t len = 0;
    bool there = false;
    if (!timekey_parse(S(SESSION_ID), session->id, &timekey)) {
        REFUSE(op, INTERNAL, "a session without an id");
    }
    struct slice own = timekey_slice(&timekey);
    TRY(read_list(op, txn, &key, &keys));
    TRY(op_take(op, keys.len + TIMEKEY_BYTES, &made));
    for (size_t at = 0; at < keys.len; at += TIMEKEY_BYTES) {
        struct slice other = list_at(keys, at);
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
    return len > 0 ? txn_put(op, txn, key_slice(&key), slice_of(made, len))
                   : txn_delete(op, txn, key_slice(&key), &there);
}

// What expired stays in its list until the person comes again: sweeping a million sessions would
// touch as many lists.
reason session_listed(struct op *op, struct txn *txn, const void *before, const void *after) {
    const struct session *gone = before;
    if (after != NULL) {
        return before == NULL ? change_list(op, txn, after, true) : NULL;
    }
    return gone->expires_at > op->now ? change_list(op, txn, gone, false) : NULL;
}

reason session_forget(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id) {
    struct key key = list_key_of(tenant, user_id);
    bool there = false;
    return txn_delete(op, txn, key_slice(&key), &there);
}

// ---- all of a person ----

// Each list of a person, tenant by tenant, to who only reads.
typedef reason (*list_fn)(struct op *op, struct txn *txn, struct slice keys, void *arg);
static reason each_list(struct op *op, struct txn *txn, struct slice user_id, list_fn seen,
                        void *arg) {
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    struct scan scan;
    reason why = NULL;
    key_text(&prefix, user_id);
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    while (why == NULL) {
        struct slice key;
        struct slice membership;
        struct slice keys;
        why = scan_next(op, &scan, &key, &membership);
        if (why != NULL || key.at == NULL) {
            break;
        }
        struct key list = list_key(key_again(membership));
        why = read_list(op, txn, &list, &keys);
        why = why == NULL ? seen(op, txn, keys, arg) : why;
    }
    scan_close(&scan);
    return why;
}

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
    TRY(each_list(op, txn, user_id, count_listed, &tally));
    if (tally.listed >= SESSIONS_EACH_MAX) { // some of them may be gone
        TRY(each_list(op, txn, user_id, count_there, &tally));
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
    struct slice keys;
    buf_open(&buf, op, LISTS_BYTES_MAX);
    if (tenant.len > 0) {
        struct key list = list_key_of(tenant, user_id);
        TRY(read_list(op, txn, &list, &keys));
        TRY(keep_keys(op, txn, keys, &buf));
    } else {
        TRY(each_list(op, txn, user_id, keep_keys, &buf));
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
    TRY(found ? change_list(op, txn, &session, true) : NULL);
    return txn_delete(op, txn, key_slice(index), &found);
}

reason session_lists_make(struct op *op, struct txn *txn, void *arg) {
    struct migration_pass *pass = arg;
    struct batch batch;
    TRY(batch_open(op, SESSION_PASS, key_in(SPACE_SESSION_OF), &batch));
    batch.last = pass->from;
    TRY(batch_next(op, txn, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        TRY(list_one_of(op, txn, &batch.at[i]));
    }
    pass->more = batch.more;
    pass->next = batch.last;
    return NULL;
}
