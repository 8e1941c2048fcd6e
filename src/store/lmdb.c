// SPDX-License-Identifier: GPL-3.0-or-later
// Rows in a transaction of LMDB, and scans over them. An error that is not the caller's own sticks to the transaction, so a
// function that swallows it still cannot commit.
#include "store/lmdb.h"

#include "base/check.h"

static reason fault(struct op *op, struct txn *txn, int code) {
    if (txn->fault == 0) {
        txn->fault = code;
    }
    return engine_refuse(op, txn->fault);
}

// ---- the ends of a transaction

int engine_snapshot(struct engine *engine, struct txn *ret_txn) {
    *ret_txn = (struct txn){.engine = engine};
    return mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &ret_txn->body);
}

void engine_share(struct engine *engine, struct txn *ret_txn) {
    CHECK(engine->tail != NULL);
    *ret_txn = (struct txn){.engine = engine, .body = engine->tail, .shared = true};
}

void engine_end(struct txn *txn) {
    for (size_t i = 0; i < TXN_SCANS_MAX; i++) {
        if (txn->scans[i] != NULL) {
            mdb_cursor_close(txn->scans[i]);
            txn->scans[i] = NULL;
        }
    }
    if (!txn->shared) {
        mdb_txn_abort(txn->body);
    }
    txn->body = NULL;
}

// ---- rows

static reason usable(struct op *op, struct txn *txn, struct slice key) {
    if (txn->fault != 0) {
        return engine_refuse(op, txn->fault);
    }
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        REFUSE(op, INVALID_INPUT,
               "a key of 1 to %d bytes is needed; a part of this one is too long, or none is there",
               STORE_KEY_MAX);
    }
    return NULL;
}

reason txn_get(struct op *op, struct txn *txn, struct slice key, struct slice *ret_value) {
    TRY(usable(op, txn, key));
    MDB_val at = val_of(key);
    MDB_val value;
    int code = mdb_get(txn->body, txn->engine->rows, &at, &value);
    if (code != 0 && code != MDB_NOTFOUND) {
        return fault(op, txn, code);
    }
    *ret_value = code == 0 ? slice_val(value) : SLICE_NONE;
    return NULL;
}

// What is there stays findable until it is noted, so that it can be put back.
reason txn_put(struct op *op, struct txn *txn, struct slice key, struct slice value) {
    CHECK(txn->writable);
    TRY(usable(op, txn, key));
    MDB_val at = val_of(key);
    MDB_val bytes = val_of(value);
    struct slice old = SLICE_NONE;
    int code = mdb_put(txn->body, txn->engine->rows, &at, &bytes, MDB_NOOVERWRITE);
    if (code == MDB_KEYEXIST) {
        old = slice_val(bytes);
        if (slice_equal(old, value)) {
            return NULL;
        }
    }
    if (code == 0 || code == MDB_KEYEXIST) {
        bool there = code != 0;
        code = tail_put(txn->engine, key, old, value);
        bytes = val_of(value);
        code = code == 0 && there ? mdb_put(txn->body, txn->engine->rows, &at, &bytes, 0) : code;
    }
    if (code != 0) {
        return fault(op, txn, code);
    }
    txn->writes++;
    return NULL;
}

reason txn_add(struct op *op, struct txn *txn, struct slice key, struct slice value,
               bool *ret_added) {
    CHECK(txn->writable);
    TRY(usable(op, txn, key));
    MDB_val at = val_of(key);
    MDB_val bytes = val_of(value);
    int code = mdb_put(txn->body, txn->engine->rows, &at, &bytes, MDB_NOOVERWRITE);
    *ret_added = code == 0;
    code = code == 0 ? tail_put(txn->engine, key, SLICE_NONE, value) : code;
    if (code != 0 && code != MDB_KEYEXIST) {
        return fault(op, txn, code);
    }
    txn->writes += *ret_added ? 1 : 0;
    return NULL;
}

reason txn_delete(struct op *op, struct txn *txn, struct slice key, bool *ret_there) {
    CHECK(txn->writable);
    TRY(usable(op, txn, key));
    MDB_val at = val_of(key);
    MDB_val old;
    int code = mdb_get(txn->body, txn->engine->rows, &at, &old);
    *ret_there = code == 0;
    code = code == 0 ? tail_delete(txn->engine, key, slice_val(old)) : code;
    code = code == 0 ? mdb_del(txn->body, txn->engine->rows, &at, NULL) : code;
    if (code != 0 && code != MDB_NOTFOUND) {
        return fault(op, txn, code);
    }
    txn->writes += *ret_there ? 1 : 0;
    return NULL;
}

// ---- scans

reason scan_open(struct op *op, struct txn *txn, struct slice prefix, struct slice from,
                 bool backwards, struct scan *ret_scan) {
    *ret_scan = (struct scan){.ended = true}; // closing it is safe also when this refuses
    TRY(usable(op, txn, prefix));
    if (from.len > STORE_KEY_MAX) {
        REFUSE(op, INVALID_INPUT, "a listing cannot go on from a key of %zu bytes", from.len);
    }
    size_t slot = 0;
    while (slot < TXN_SCANS_MAX && txn->scans[slot] != NULL) {
        slot++;
    }
    CHECK(slot < TXN_SCANS_MAX);
    int code = mdb_cursor_open(txn->body, txn->engine->rows, &txn->scans[slot]);
    if (code != 0) {
        txn->scans[slot] = NULL;
        return fault(op, txn, code);
    }
    *ret_scan = (struct scan){.txn = txn,
                              .cursor = txn->scans[slot],
                              .prefix = prefix,
                              .backwards = backwards,
                              .from_len = from.len};
    if (from.len > 0) {
        memcpy(ret_scan->from, from.at, from.len);
    }
    return NULL;
}

static int seek_forwards(struct scan *scan, MDB_val *key, MDB_val *value) {
    struct slice from = slice_of(scan->from, scan->from_len);
    bool after = from.len > 0 && slice_compare(from, scan->prefix) >= 0;
    *key = val_of(after ? from : scan->prefix);
    int code = mdb_cursor_get(scan->cursor, key, value, MDB_SET_RANGE);
    if (code == 0 && after && slice_equal(slice_val(*key), from)) {
        code = mdb_cursor_get(scan->cursor, key, value, MDB_NEXT);
    }
    return code;
}

// The least key above all with this prefix; 0 bytes: there is none.
static size_t end_of(struct slice prefix, uint8_t end[STORE_KEY_MAX]) {
    size_t len = prefix.len;
    memcpy(end, prefix.at, len);
    while (len > 0 && end[len - 1] == 0xff) {
        len--;
    }
    if (len > 0) {
        end[len - 1]++;
    }
    return len;
}

static int seek_backwards(struct scan *scan, MDB_val *key, MDB_val *value) {
    uint8_t end[STORE_KEY_MAX];
    struct slice before = slice_of(end, end_of(scan->prefix, end));
    struct slice from = slice_of(scan->from, scan->from_len);
    if (from.len > 0 && (before.len == 0 || slice_compare(from, before) < 0)) {
        before = from;
    }
    int code = MDB_NOTFOUND;
    if (before.len > 0) {
        *key = val_of(before);
        code = mdb_cursor_get(scan->cursor, key, value, MDB_SET_RANGE);
    }
    if (code == 0) {
        return mdb_cursor_get(scan->cursor, key, value, MDB_PREV);
    }
    return code == MDB_NOTFOUND ? mdb_cursor_get(scan->cursor, key, value, MDB_LAST) : code;
}

static int step(struct scan *scan, MDB_val *key, MDB_val *value) {
    // After a write the cursor may stand elsewhere: it is set anew by the key that was given last.
    if (scan->started && scan->writes == scan->txn->writes) {
        return mdb_cursor_get(scan->cursor, key, value, scan->backwards ? MDB_PREV : MDB_NEXT);
    }
    scan->started = true;
    scan->writes = scan->txn->writes;
    return scan->backwards ? seek_backwards(scan, key, value) : seek_forwards(scan, key, value);
}

reason scan_next(struct op *op, struct scan *scan, struct slice *ret_key, struct slice *ret_value) {
    if (scan->ended) {
        *ret_key = SLICE_NONE;
        *ret_value = SLICE_NONE;
        return NULL;
    }
    if (scan->txn->fault != 0) {
        return engine_refuse(op, scan->txn->fault);
    }
    MDB_val key;
    MDB_val value;
    int code = step(scan, &key, &value);
    if (code != 0 && code != MDB_NOTFOUND) {
        return fault(op, scan->txn, code);
    }
    if (code == MDB_NOTFOUND || !slice_starts(slice_val(key), scan->prefix)) {
        scan->ended = true;
        *ret_key = SLICE_NONE;
        *ret_value = SLICE_NONE;
        return NULL;
    }
    if (key.mv_size > sizeof scan->from) {
        return fault(op, scan->txn, MDB_CORRUPTED);
    }
    memcpy(scan->from, key.mv_data, key.mv_size);
    scan->from_len = key.mv_size;
    *ret_key = slice_val(key);
    *ret_value = slice_val(value);
    return NULL;
}

void scan_close(struct scan *scan) {
    if (scan == NULL || scan->cursor == NULL) {
        return;
    }
    for (size_t i = 0; i < TXN_SCANS_MAX; i++) {
        if (scan->txn->scans[i] == scan->cursor) {
            mdb_cursor_close(scan->txn->scans[i]);
            scan->txn->scans[i] = NULL;
        }
    }
    scan->cursor = NULL;
    scan->ended = true;
}
