// SPDX-License-Identifier: GPL-3.0-or-later
// Service users: principals that are programs. One belongs to a tenant, has roles as people have, an owner
// who answers for it, and at most two credentials, so that one can be replaced while the other works.
// Everything is read anew at each use, so that disabling one ends its tokens with the commit.
#ifndef GATEHOUSE_DOMAIN_SERVICE_USER_H
#define GATEHOUSE_DOMAIN_SERVICE_USER_H

#include "base/clock.h"
#include "domain/credential.h"
#include "domain/user.h"

#define SERVICE_USER_ID "svc_"
#define SERVICE_USERS_MAX 500 // of a tenant: programs are few, and a list of them is read whole
#define SERVICE_NAME_MAX 64
#define SERVICE_DESCRIPTION_MAX 256
#define SERVICE_TOKEN_MIN 900 // seconds that an access token of a service user may live
#define SERVICE_TOKEN_MAX 28800

enum service_status { SERVICE_ACTIVE, SERVICE_DISABLED };
extern const char *const service_status_names[];

struct service_user {
    struct slice id; // SERVICE_USER_ID and a ULID; also its client_id
    struct slice tenant, name, description;
    struct slice owner; // user id
    int status;         // enum service_status
    struct rows grants; // struct grant, all by hand
    int64_t expires_at; // 0 = never
    int64_t token_lifetime; // seconds; 0 = the gate's setting
    struct slice created_by; // actor
    int64_t created_at, updated_at;
    int64_t rv; // grows when roles or status change
    struct rows credentials; // struct credential
};
extern const struct field_table service_user_fields;

// As it is shown: with what is stored elsewhere.
struct service_user_shown {
    struct service_user user;
    struct slice owner_email; // "" when it has none, or is gone
    int owner_status;         // enum membership_status in this tenant; MEMBER_DELETED when there is none
    int64_t last_used;        // 0 = never
    int64_t credential_used[CREDENTIALS_EACH_MAX];
};

// Has a person of this status (enum membership_status) left: disabled, or deleted?
bool service_owner_left(int status);

struct service_user_filter {
    struct slice q;    // in name or description, without case
    struct slice role; // role id
    int status;       // enum service_status, or -1
    bool owner_gone;  // only those whose owner left
};

// not_found, also for another tenant's.
MUST_USE reason service_user_find(struct op *op, struct txn *txn, struct slice tenant,
                                  struct slice id, struct service_user_shown *ret_shown);
// rows of struct service_user_shown, by id.
MUST_USE reason service_user_list(struct op *op, struct txn *txn, struct slice tenant,
                                  const struct service_user_filter *filter, struct page page,
                                  struct rows *ret_shown, struct slice *ret_next,
                                  size_t *ret_total);
MUST_USE reason service_user_count(struct op *op, struct txn *txn, struct slice tenant,
                                   size_t *ret_count);

// tenant, name, description, owner, expires_at and token_lifetime are given. not_found (tenant), duplicate_name,
// invalid_input by field, owner_inactive, unknown_role, forbidden (gives what the actor lacks), service_user_limit.
MUST_USE reason service_user_create(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct service_user *user, struct texts role_ids);
// `want`: the stored one with name, description, owner, expires_at, token_lifetime as they shall be. role_ids
// NULL: roles stay. Refused as above.
MUST_USE reason service_user_change(struct op *op, struct txn *txn, const struct actor *actor,
                                    const struct service_user *want, const struct texts *role_ids,
                                    struct service_user *ret_user);
// illegal_transition; forbidden: enabling gives back what the actor lacks; owner_inactive likewise.
MUST_USE reason service_user_set_status(struct op *op, struct txn *txn, const struct actor *actor,
                                        struct slice tenant, struct slice id,
                                        enum service_status status, struct service_user *ret_user);
MUST_USE reason service_user_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice tenant, struct slice id);

// The secret is given here and never again. credential_limit, owner_inactive, forbidden: whoever holds the secret
// may what the service user may, so nobody makes one for a service user that may more than himself.
MUST_USE reason credential_add(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice id, int64_t expires_at,
                               struct credential *ret_credential, struct slice *ret_secret);
MUST_USE reason credential_remove(struct op *op, struct txn *txn, const struct actor *actor,
                                  struct slice tenant, struct slice id, struct slice credential_id);

// ---- signing in (service_session.c) ----

// Who a token or a secret speaks for, as things stand now.
struct service_view {
    struct service_user user;
    struct slice credential; // its id
    struct texts roles;
    struct permission_set permissions;
};
// unauthenticated: no such client, no such secret, disabled, expired, the tenant disabled. *ret_known: the client id is
// that of a service user, whatever the secret.
MUST_USE reason service_sign_in(struct op *op, struct txn *txn, struct slice id,
                                struct slice secret, struct service_view *ret_view,
                                bool *ret_known);
// For an access token that was issued to it. unauthenticated: as above, the credential is gone, or the token was revoked.
MUST_USE reason service_find_by_token(struct op *op, struct txn *txn, struct slice tenant,
                                      struct slice id, struct slice credential_id,
                                      struct slice token_id, int64_t token_expires,
                                      struct service_view *ret_view);
// The same without a token, for what goes on in its name.
MUST_USE reason service_find_by_credential(struct op *op, struct txn *txn, struct slice tenant,
                                           struct slice id, struct slice credential_id,
                                           struct service_view *ret_view);
// One access token ends before its time.
MUST_USE reason service_revoke_token(struct op *op, struct txn *txn, const struct actor *actor,
                                     struct slice tenant, struct slice id, struct slice token_id,
                                     int64_t token_expires);
// Notes that it was used; for the service user and for its credential. Says nothing of one that is gone.
MUST_USE reason service_used(struct op *op, struct txn *txn, struct slice id,
                             struct slice credential_id, int64_t when);
// 0: never.
MUST_USE reason service_last_used(struct op *op, struct txn *txn, struct slice id,
                                  int64_t *ret_when);
MUST_USE reason service_used_remove(struct op *op, struct txn *txn, struct slice id);
extern const struct entity service_user_entity;

#endif
