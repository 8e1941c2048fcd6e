// SPDX-License-Identifier: GPL-3.0-or-later
// Service users as callers: a secret or a token is looked up in the store each time, with the service user, its
// tenant and its roles as they are at that moment. When it was used is noted apart from the row of the service
// user, so that a use never meets a change.
#include "base/digest.h"
#include "domain/service_user.h"
#include "domain/grant.h"
#include "domain/space.h"
#include "domain/timekey.h"

static reason refuse(struct op *op, const char *why) {
    REFUSE(op, UNAUTHENTICATED, "%s", why);
}

static reason find(struct op *op, struct txn *txn, struct slice id, struct service_user *ret_user,
                   bool *ret_found) {
    struct key key = key_in(SPACE_SERVICE_USER);
    key_text(&key, id);
    *ret_found = false;
    if (id.len == 0 || id.len > 64 || memchr(id.at, 0, id.len) != NULL) {
        return NULL;
    }
    return entity_find(op, txn, &service_user_entity, &key, ret_user, ret_found);
}

static reason check_alive(struct op *op, struct txn *txn, const struct service_user *user,
                          const struct credential *credential) {
    struct tenant tenant;
    if (user->status != SERVICE_ACTIVE) {
        return refuse(op, "the service user is disabled");
    }
    if (user->expires_at != 0 && op->now >= user->expires_at) {
        return refuse(op, "the service user has expired");
    }
    if (credential_ended(credential, op->now)) {
        return refuse(op, "the credential has expired");
    }
    reason why = tenant_find(op, txn, user->tenant, &tenant);
    if (why == REASON_OF(NOT_FOUND) || (why == NULL && tenant.disabled)) {
        return refuse(op, "the tenant of this service user is disabled or gone");
    }
    return why;
}

static reason view(struct op *op, struct txn *txn, const struct service_user *user,
                   const struct credential *credential, struct service_view *ret_view) {
    struct service_view made = {.user = *user, .credential = credential->id};
    TRY(check_alive(op, txn, user, credential));
    TRY(grant_roles(op, user->grants, &made.roles));
    TRY(role_permissions(op, txn, user->tenant, made.roles, &made.permissions));
    *ret_view = made;
    return NULL;
}

reason service_sign_in(struct op *op, struct txn *txn, struct slice id, struct slice secret,
                       struct service_view *ret_view, bool *ret_known) {
    struct service_user user;
    TRY(find(op, txn, id, &user, ret_known));
    if (!*ret_known) {
        return refuse(op, "there is no such client");
    }
    const struct credential *right = credential_with(user.credentials, secret);
    if (right == NULL) {
        return refuse(op, "the secret is not one of this client");
    }
    return view(op, txn, &user, right, ret_view);
}

// ---- tokens ----

static bool revoked_key(struct slice token_id, int64_t expires, struct key *ret_key) {
    uint32_t minute;
    struct sha256 digest = digest_sha256(token_id);
    if (!timekey_minute(expires, &minute)) {
        return false;
    }
    struct timekey timekey = timekey_make(minute, digest.bytes);
    key_open(ret_key, SPACE_TOKEN_REVOKED);
    key_bytes(ret_key, timekey_slice(&timekey));
    return true;
}

reason service_find_by_credential(struct op *op, struct txn *txn, struct slice tenant,
                                  struct slice id, struct slice credential_id,
                                  struct service_view *ret_view) {
    struct service_user user;
    bool found = false;
    const struct credential *right = NULL;
    TRY(find(op, txn, id, &user, &found));
    if (!found || !slice_equal(user.tenant, tenant)) {
        return refuse(op, "the service user is gone");
    }
    const struct credential *credentials = user.credentials.at;
    for (size_t i = 0; i < user.credentials.count; i++) {
        right = slice_equal(credentials[i].id, credential_id) ? &credentials[i] : right;
    }
    if (right == NULL) {
        return refuse(op, "the credential is gone");
    }
    return view(op, txn, &user, right, ret_view);
}

reason service_find_by_token(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                             struct slice credential_id, struct slice token_id,
                             int64_t token_expires, struct service_view *ret_view) {
    struct key key;
    struct slice there = SLICE_NONE;
    if (!revoked_key(token_id, token_expires, &key)) {
        return refuse(op, "the token ends at a time that there is not");
    }
    TRY(txn_get(op, txn, key_slice(&key), &there));
    if (there.at != NULL) {
        return refuse(op, "the token was revoked");
    }
    return service_find_by_credential(op, txn, tenant, id, credential_id, ret_view);
}

reason service_revoke_token(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice tenant, struct slice id, struct slice token_id,
                            int64_t token_expires) {
    struct key key;
    bool added = false;
    if (token_expires <= op->now || !revoked_key(token_id, token_expires, &key)) {
        return NULL; // it is over
    }
    TRY(txn_add(op, txn, key_slice(&key), S("1"), &added));
    return added ? audit_add(op, txn, actor, tenant, "token.revoked", id, token_id) : NULL;
}

// ---- last used ----

static struct key used_key(struct slice id) {
    struct key key = key_in(SPACE_SERVICE_USED);
    key_text(&key, id);
    return key;
}

static reason note(struct op *op, struct txn *txn, struct slice id, int64_t when) {
    struct key number = {.len = 0};
    struct key key = used_key(id);
    key_u64(&number, (uint64_t)when);
    return txn_put(op, txn, key_slice(&key), key_slice(&number));
}

reason service_used(struct op *op, struct txn *txn, struct slice id, struct slice credential_id,
                    int64_t when) {
    struct service_user user;
    bool found = false;
    TRY(find(op, txn, id, &user, &found));
    const struct credential *credentials = user.credentials.at;
    for (size_t i = 0; found && i < user.credentials.count; i++) {
        if (slice_equal(credentials[i].id, credential_id)) {
            TRY(note(op, txn, credential_id, when));
        }
    }
    return found ? note(op, txn, id, when) : NULL;
}

reason service_last_used(struct op *op, struct txn *txn, struct slice id, int64_t *ret_when) {
    struct key key = used_key(id);
    struct slice value;
    uint64_t when = 0;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at != NULL && !key_read_u64(&value, &when)) {
        REFUSE(op, STORE_UNAVAILABLE, "a time of last use is not one");
    }
    *ret_when = (int64_t)when;
    return NULL;
}

reason service_used_remove(struct op *op, struct txn *txn, struct slice id) {
    struct key key = used_key(id);
    bool there = false;
    return txn_delete(op, txn, key_slice(&key), &there);
}
