// SPDX-License-Identifier: GPL-3.0-or-later
// The replay ledger: what was used once is not used again, whatever the clock says and however
// often the gate restarts. A row's key starts with the hour in which the message expires; the
// highest hour that was ever swept is kept, and nothing that expired in it or before is fresh. Nor is, in a store that came from a
// backup, what was issued before it was put back: its row may be among those that were lost.
#include "base/clock.h"
#include "base/digest.h"
#include "domain/keep.h"
#include "domain/space.h"

static const char used[] = "1"; // a value that is not empty

// False: no hour that a row can have, so the message cannot be fresh.
static bool hour_of(int64_t expires, uint32_t *ret_hour) {
    if (expires <= 0 || expires / HOUR_MS > UINT32_MAX) {
        return false;
    }
    *ret_hour = (uint32_t)(expires / HOUR_MS);
    return true;
}

static struct key ledger_key(uint32_t hour, struct slice connection, struct slice issuer,
                             struct slice id) {
    struct slice parts[] = {connection, issuer, id};
    struct sha256 digest = digest_parts(parts, sizeof parts / sizeof parts[0]);
    struct key key = key_in(SPACE_REPLAY);
    key_u32(&key, hour);
    key_bytes(&key, digest_slice(&digest));
    return key;
}

// What is not fresh, though it has no row.
struct marks {
    bool any;         // false: nothing was ever swept
    uint32_t hour;    // the highest that was swept
    int64_t restored; // what was issued before this may have a row that was lost; 0: nothing was
};

static reason read_marks(struct op *op, struct txn *txn, struct marks *ret_marks) {
    struct key key = key_in(SPACE_REPLAY_SWEPT);
    struct slice value;
    uint64_t restored = 0;
    *ret_marks = (struct marks){.any = false};
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at == NULL) {
        return NULL;
    }
    ret_marks->any = true;
    if (!key_read_u32(&value, &ret_marks->hour) ||
        (value.len > 0 && !key_read_u64(&value, &restored)) || value.len > 0) {
        REFUSE(op, STORE_UNAVAILABLE, "the replay ledger's mark cannot be read");
    }
    ret_marks->restored = (int64_t)restored;
    return NULL;
}

static reason write_marks(struct op *op, struct txn *txn, const struct marks *marks) {
    struct key key = key_in(SPACE_REPLAY_SWEPT);
    struct key value = {.len = 0};
    key_u32(&value, marks->hour);
    if (marks->restored > 0) {
        key_u64(&value, (uint64_t)marks->restored);
    }
    return txn_put(op, txn, key_slice(&key), key_slice(&value));
}

reason replay_swept(struct op *op, struct txn *txn, uint32_t hour) {
    struct marks marks;
    TRY(read_marks(op, txn, &marks));
    if (marks.any && marks.hour >= hour) {
        return NULL;
    }
    marks.hour = hour;
    return write_marks(op, txn, &marks);
}

reason replay_restored(struct op *op, struct txn *txn, const struct actor *actor, int64_t copied, int64_t at) {
    struct marks marks;
    char moment[CLOCK_TEXT];
    clock_print(copied, moment);
    TRY(read_marks(op, txn, &marks));
    // Messages name whole seconds, so to the end of this one. Never back, should the clock be.
    int64_t second = (at + SECOND_MS - 1) / SECOND_MS * SECOND_MS;
    marks.restored = second > marks.restored ? second : marks.restored;
    TRY(write_marks(op, txn, &marks));
    return audit_add(op, txn, actor, S(""), "store.restored", S("store"),
                     op_text(op, "from a backup of %s", moment));
}

// The row's key, and whether its hour can still be told apart from one that was swept, and the message from one whose row was lost:
// else `fresh` is false.
static reason locate(struct op *op, struct txn *txn, struct slice connection,
                     const struct replay_of *of, struct replay *ret_replay) {
    struct marks marks;
    uint32_t hour = 0;
    TRY(read_marks(op, txn, &marks));
    ret_replay->restored = marks.restored > 0 && of->issued < marks.restored ? marks.restored : 0;
    ret_replay->fresh =
        hour_of(of->expires, &hour) && (!marks.any || hour > marks.hour) && ret_replay->restored == 0;
    ret_replay->key = ledger_key(hour, connection, of->issuer, of->id);
    return NULL;
}

reason replay_look(struct op *op, struct txn *txn, struct slice connection,
                   const struct replay_of *of, struct replay *ret_replay) {
    TRY(locate(op, txn, connection, of, ret_replay));
    struct slice value;
    TRY(txn_get(op, txn, key_slice(&ret_replay->key), &value));
    ret_replay->fresh = ret_replay->fresh && value.at == NULL;
    return NULL;
}

reason replay_use(struct op *op, struct txn *txn, const struct replay *replay, bool *ret_fresh) {
    *ret_fresh = false;
    if (!replay->fresh) {
        return NULL;
    }
    return txn_add(op, txn, key_slice(&replay->key), slice_of(used, sizeof used), ret_fresh);
}

reason replay_add(struct op *op, struct txn *txn, struct slice connection,
                  const struct replay_of *of, bool *ret_fresh) {
    struct replay replay;
    TRY(locate(op, txn, connection, of, &replay));
    return replay_use(op, txn, &replay, ret_fresh);
}
