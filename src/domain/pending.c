// SPDX-License-Identifier: GPL-3.0-or-later
// Sign-ins and sign-outs that were started here and wait for the IdP's answer. The key's 16 random bytes are in
// the handle (RelayState) and in the request's ID, so either finds the row; neither gives the
// cookie's value.
#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"
#include "base/uri.h"
#include "domain/keep.h"
#include "domain/space.h"
#include "domain/timekey.h"

#define REQUEST_ID "_"
#define COOKIE_BYTES 32

static const struct field pending_rows[] = {
    F_TEXT(struct pending, handle, 1, FIELD_OUTPUT, PENDING_HANDLE),
    F_TEXT(struct pending, request_id, 2, FIELD_OUTPUT, 64),
    F_TEXT(struct pending, connection, 3, FIELD_OUTPUT, 63),
    F_TEXT(struct pending, return_to, 4, FIELD_NULL, URI_MAX),
    F_BYTES(struct pending, cookie_hash, 5, FIELD_HIDDEN, SHA256_BYTES),
    F_TIME(struct pending, created_at, 6, FIELD_OUTPUT),
    F_TIME(struct pending, expires_at, 7, FIELD_OUTPUT),
    F_BOOL(struct pending, logout, 8, FIELD_OUTPUT),
};
FIELD_TABLE(pending_fields, "pending", 2, struct pending, pending_rows);

static void key_of(const struct timekey *timekey, struct key *ret_key) {
    key_open(ret_key, SPACE_PENDING);
    key_bytes(ret_key, timekey_slice(timekey));
}

static void pending_key(const void *row, struct key *ret_key) {
    struct timekey timekey;
    if (timekey_parse(S(REQUEST_ID), ((const struct pending *)row)->request_id, &timekey)) {
        key_of(&timekey, ret_key);
    } else {
        key_open(ret_key, SPACE_PENDING);
        ret_key->broken = true;
    }
}
const struct entity pending_entity = {
    .space = SPACE_PENDING, .fields = &pending_fields, .key = pending_key};

static reason make_cookie(struct op *op, struct pending *pending, struct slice *ret_value) {
    uint8_t bytes[COOKIE_BYTES];
    rand_bytes(bytes, sizeof bytes);
    struct slice value;
    TRY(encode_base64url(op, slice_of(bytes, sizeof bytes), &value));
    struct sha256 digest = digest_sha256(value);
    TRY(op_copy(op, digest_slice(&digest), &pending->cookie_hash));
    *ret_value = value;
    return NULL;
}

reason pending_add(struct op *op, struct txn *txn, struct pending *pending,
                   struct slice *ret_cookie_value) {
    if (pending->return_to.len > 0 && !uri_is_local_path(pending->return_to)) {
        REFUSE(op, INVALID_INPUT, "return_to must be a path on this site, like /reports");
    }
    pending->created_at = op->now;
    pending->expires_at = op->now + PENDING_LIFETIME;
    uint32_t minute;
    if (!timekey_minute(pending->expires_at, &minute)) {
        REFUSE(op, INTERNAL, "the clock is outside what can be stored");
    }
    uint8_t chance[16];
    rand_bytes(chance, sizeof chance);
    struct timekey timekey = timekey_make(minute, chance);
    TRY(timekey_print(op, S(REQUEST_ID), &timekey, &pending->request_id));
    TRY(encode_base64url(op, timekey_slice(&timekey), &pending->handle));
    struct slice value;
    TRY(make_cookie(op, pending, &value));
    bool added = false;
    TRY(entity_add(op, txn, &pending_entity, pending, &added));
    if (!added) {
        REFUSE(op, INTERNAL, "a pending request with this id exists already");
    }
    *ret_cookie_value = value;
    return NULL;
}

static reason find(struct op *op, struct txn *txn, const struct timekey *timekey,
                   struct pending *ret_pending, bool *ret_found) {
    struct key key;
    key_of(timekey, &key);
    return entity_find(op, txn, &pending_entity, &key, ret_pending, ret_found);
}

reason pending_find(struct op *op, struct txn *txn, struct slice request_id,
                    struct pending *ret_pending, bool *ret_found) {
    struct timekey timekey;
    if (!timekey_parse(S(REQUEST_ID), request_id, &timekey)) {
        *ret_found = false;
        return NULL;
    }
    return find(op, txn, &timekey, ret_pending, ret_found);
}

static bool read_handle(struct op *op, struct slice handle, struct timekey *ret_timekey) {
    struct slice bytes;
    if (handle.len != PENDING_HANDLE || !decode_base64url(op, handle, &bytes) ||
        bytes.len != TIMEKEY_BYTES) {
        return false;
    }
    memcpy(ret_timekey->bytes, bytes.at, TIMEKEY_BYTES);
    return true;
}

reason pending_find_by_handle(struct op *op, struct txn *txn, struct slice handle,
                              struct pending *ret_pending, bool *ret_found) {
    struct timekey timekey;
    if (!read_handle(op, handle, &timekey)) {
        *ret_found = false;
        return NULL;
    }
    return find(op, txn, &timekey, ret_pending, ret_found);
}

reason pending_remove(struct op *op, struct txn *txn, struct slice handle) {
    struct timekey timekey;
    if (!read_handle(op, handle, &timekey)) {
        return NULL;
    }
    struct key key;
    key_of(&timekey, &key);
    bool there = false;
    return entity_remove(op, txn, &pending_entity, &key, &there);
}

reason pending_take_logout(struct op *op, struct txn *txn, struct slice connection,
                           struct slice request_id, bool *ret_taken) {
    struct pending pending;
    bool found = false;
    TRY(pending_find(op, txn, request_id, &pending, &found));
    bool ours = found && pending.logout && slice_equal(pending.connection, connection) &&
                op->now <= pending.expires_at;
    if (ours) {
        TRY(pending_remove(op, txn, pending.handle));
    }
    *ret_taken = ours;
    return NULL;
}
