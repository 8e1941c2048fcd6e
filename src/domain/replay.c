// SPDX-License-Identifier: GPL-3.0-or-later
// The replay ledger: what was used once is not used again, whatever the clock says and however
// often the gate restarts. A row's key starts with the hour in which the message expires; the
// highest hour that was ever swept is kept, and nothing that expired in it or before is fresh.
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

// *ret_any false: nothing was ever swept.
static reason read_swept(struct op *op, struct txn *txn, uint32_t *ret_hour, bool *ret_any) {
    struct key key = key_in(SPACE_REPLAY_SWEPT);
    struct slice value;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    *ret_any = value.at != NULL;
    if (value.at != NULL && (!key_read_u32(&value, ret_hour) || value.len > 0)) {
        REFUSE(op, STORE_UNAVAILABLE, "the replay ledger's mark cannot be read");
    }
    return NULL;
}

reason replay_swept(struct op *op, struct txn *txn, uint32_t hour) {
    uint32_t highest = 0;
    bool any = false;
    TRY(read_swept(op, txn, &highest, &any));
    if (any && highest >= hour) {
        return NULL;
    }
    struct key key = key_in(SPACE_REPLAY_SWEPT);
    uint8_t bytes[4];
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(hour >> (24 - 8 * i));
    }
    return txn_put(op, txn, key_slice(&key), slice_of(bytes, sizeof bytes));
}

// The row's key, and whether its hour can still be told apart from one that was swept: else `fresh` is false.
static reason locate(struct op *op, struct txn *txn, struct slice connection, struct slice issuer,
                     struct slice id, int64_t expires, struct replay *ret_replay) {
    uint32_t swept = 0;
    uint32_t hour = 0;
    bool any = false;
    TRY(read_swept(op, txn, &swept, &any));
    ret_replay->fresh = hour_of(expires, &hour) && (!any || hour > swept);
    ret_replay->key = ledger_key(hour, connection, issuer, id);
    return NULL;
}

reason replay_look(struct op *op, struct txn *txn, struct slice connection, struct slice issuer,
                   struct slice id, int64_t expires, struct replay *ret_replay) {
    TRY(locate(op, txn, connection, issuer, id, expires, ret_replay));
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

reason replay_add(struct op *op, struct txn *txn, struct slice connection, struct slice issuer,
                  struct slice id, int64_t expires, bool *ret_fresh) {
    struct replay replay;
    TRY(locate(op, txn, connection, issuer, id, expires, &replay));
    return replay_use(op, txn, &replay, ret_fresh);
}
