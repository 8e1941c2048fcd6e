// SPDX-License-Identifier: GPL-3.0-or-later
// Credentials, made, found by their secret, and taken out. Who owns them stores them.
#include "domain/credential.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/rand.h"
#include "domain/grant.h"

#define ID_MAX 64

static const struct field credential_rows[] = {
    F_TEXT(struct credential, id, 1, FIELD_OUTPUT, ID_MAX),
    F_BYTES(struct credential, hash, 2, FIELD_HIDDEN, SHA256_BYTES),
    F_TEXT(struct credential, hint, 3, FIELD_OUTPUT, CREDENTIAL_HINT),
    F_TIME(struct credential, created_at, 4, FIELD_OUTPUT),
    F_TIME(struct credential, expires_at, 5, FIELD_OUTPUT),
    F_TEXT(struct credential, created_by, 6, FIELD_OUTPUT | FIELD_NULL, GRANT_TEXT_MAX),
};
FIELD_TABLE(credential_fields, "credential", 1, struct credential, credential_rows);

static reason make_secret(struct op *op, struct credential *credential, struct slice *ret_secret) {
    uint8_t bytes[CREDENTIAL_SECRET_BYTES];
    struct slice text;
    rand_bytes(bytes, sizeof bytes);
    reason why = encode_base64url(op, slice_of(bytes, sizeof bytes), &text);
    explicit_bzero(bytes, sizeof bytes);
    TRY(why);
    struct slice secret = op_text(op, CREDENTIAL_SECRET "%.*s", SLICE(text));
    if (secret.len != CREDENTIAL_SECRET_TEXT) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a secret");
    }
    struct sha256 digest = digest_sha256(secret);
    TRY(op_copy(op, digest_slice(&digest), &credential->hash));
    credential->hint = slice_sub(secret, secret.len - CREDENTIAL_HINT, secret.len);
    *ret_secret = secret;
    return NULL;
}

reason credential_make(struct op *op, const struct actor *actor, int64_t expires_at,
                       struct rows *credentials, struct credential *ret_credential,
                       struct slice *ret_secret) {
    struct credential *all = NULL;
    size_t count = credentials->count;
    if (expires_at != 0 && expires_at <= op->now) {
        op_error(op, S("/expires_at"), REASON_OF(FIELD_VALUE), "this time is over");
        REFUSE(op, INVALID_INPUT, "a credential has to end in the future");
    }
    TRY(op_take(op, (count + 1) * sizeof *all, &all));
    if (count > 0) {
        memcpy(all, credentials->at, count * sizeof *all);
    }
    struct credential *made = &all[count];
    *made = (struct credential){.created_at = op->now,
                                .expires_at = expires_at,
                                .created_by = text_cut(actor->id, GRANT_TEXT_MAX)};
    TRY(rand_ulid(op, S(CREDENTIAL_ID), &made->id));
    TRY(make_secret(op, made, ret_secret));
    *credentials = (struct rows){all, count + 1};
    *ret_credential = *made;
    return NULL;
}

bool credential_ended(const struct credential *credential, int64_t now) {
    return credential->expires_at != 0 && now >= credential->expires_at;
}

static void take_at(struct rows *credentials, size_t at, struct credential *ret_taken) {
    struct credential *all = credentials->at;
    *ret_taken = all[at];
    memmove(&all[at], &all[at + 1], (credentials->count - at - 1) * sizeof *all);
    credentials->count--;
}

bool credential_take(struct rows *credentials, struct slice id, struct credential *ret_taken) {
    const struct credential *all = credentials->at;
    for (size_t i = 0; i < credentials->count; i++) {
        if (slice_equal(all[i].id, id)) {
            take_at(credentials, i, ret_taken);
            return true;
        }
    }
    return false;
}

bool credential_take_ended(struct rows *credentials, int64_t now, struct credential *ret_taken) {
    const struct credential *all = credentials->at;
    for (size_t i = 0; i < credentials->count; i++) {
        if (credential_ended(&all[i], now)) {
            take_at(credentials, i, ret_taken);
            return true;
        }
    }
    return false;
}

const struct credential *credential_with(struct rows credentials, struct slice secret) {
    struct sha256 digest = digest_sha256(secret);
    const struct credential *all = credentials.at;
    const struct credential *right = NULL;
    for (size_t i = 0; i < credentials.count; i++) {
        if (same_secret(all[i].hash, digest_slice(&digest))) {
            right = &all[i];
        }
    }
    return right;
}
