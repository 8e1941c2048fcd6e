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

// An hour that can still be told apart from one that was swept.
static reason is_open(struct op *op, struct txn *txn, int64_t expires, uint32_t *ret_hour,
                      bool *ret_open) {
    uint32_t swept = 0;
    bool any = false;
    TRY(read_swept(op, txn, &swept, &any));
    *ret_open = hour_of(expires, ret_hour) && (!any || *ret_hour > swept);
    return NULL;
}

reason replay_seen(struct op *op, struct txn *txn, struct slice connection, struct slice issuer,
                   struct slice id, int64_t expires, bool *ret_seen) {
    uint32_t hour = 0;
    bool is_fresh = false;
    TRY(is_open(op, txn, expires, &hour, &is_fresh));
    if (is_fresh) {
        struct key key = ledger_key(hour, connection, issuer, id);
        struct slice value;
        TRY(txn_get(op, txn, key_slice(&key), &value));
        is_fresh = value.at == NULL;
    }
    *ret_seen = !is_fresh;
    return NULL;
}

reason replay_add(struct op *op, struct txn *txn, struct slice connection, struct slice issuer,
                  struct slice id, int64_t expires, bool *ret_fresh) {
    uint32_t hour = 0;
    bool is_fresh = false;
    TRY(is_open(op, txn, expires, &hour, &is_fresh));
    if (is_fresh) {
        struct key key = ledger_key(hour, connection, issuer, id);
        TRY(txn_add(op, txn, key_slice(&key), slice_of(used, sizeof used), &is_fresh));
    }
    *ret_fresh = is_fresh;
    return NULL;
}
