// SPDX-License-Identifier: GPL-3.0-or-later
// Service users, made and changed. How they sign in is in service_session.c.
#include "domain/service_user.h"

#include "base/rand.h"
#include "base/text.h"
#include "domain/fault.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/member_parts.h"
#include "domain/space.h"

#define ID_MAX 64
#define NAME_BYTES (4 * SERVICE_NAME_MAX) // UTF-8 takes up to four bytes a character
#define DESCRIPTION_BYTES (4 * SERVICE_DESCRIPTION_MAX)

const char *const service_status_names[] = {"active", "disabled", NULL};

static const struct field service_user_rows[] = {
    F_TEXT(struct service_user, id, 1, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct service_user, tenant, 2, FIELD_OUTPUT, 63),
    F_TEXT(struct service_user, name, 3, FIELD_OUTPUT, NAME_BYTES),
    F_TEXT(struct service_user, description, 4, FIELD_OUTPUT, DESCRIPTION_BYTES),
    F_TEXT(struct service_user, owner, 5, FIELD_OUTPUT, ID_MAX),
    F_CHOICE(struct service_user, status, 6, FIELD_OUTPUT, service_status_names),
    F_STRUCTS(struct service_user, grants, 7, FIELD_OUTPUT, GRANTS_MAX, grant_fields),
    F_TIME(struct service_user, expires_at, 8, FIELD_OUTPUT),
    F_NUMBER(struct service_user, token_lifetime, 9, FIELD_OUTPUT, 0, SERVICE_TOKEN_MAX),
    F_TEXT(struct service_user, created_by, 10, FIELD_OUTPUT | FIELD_NULL, GRANT_TEXT_MAX),
    F_TIME(struct service_user, created_at, 11, FIELD_OUTPUT),
    F_TIME(struct service_user, updated_at, 12, FIELD_OUTPUT),
    F_NUMBER(struct service_user, rv, 13, FIELD_OUTPUT, 0, INT64_MAX),
    F_STRUCTS(struct service_user, credentials, 14, FIELD_OUTPUT, CREDENTIALS_EACH_MAX,
              credential_fields),
};
FIELD_TABLE(service_user_fields, "service user", 1, struct service_user, service_user_rows);

static void service_user_key(const void *row, struct key *ret_key) {
    key_open(ret_key, SPACE_SERVICE_USER);
    key_text(ret_key, ((const struct service_user *)row)->id);
}

static struct key service_users_of(struct slice tenant) {
    struct key key = key_in(SPACE_SERVICE_USER_OF);
    key_text(&key, tenant);
    return key;
}

static bool service_user_of_key(const void *row, struct key *ret_key) {
    const struct service_user *user = row;
    *ret_key = service_users_of(user->tenant);
    key_text(ret_key, user->id);
    return true;
}

static bool service_user_name_key(const void *row, struct key *ret_key) {
    const struct service_user *user = row;
    char name[NAME_BYTES];
    size_t len = user->name.len < sizeof name ? user->name.len : sizeof name;
    for (size_t i = 0; i < len; i++) {
        char c = user->name.at[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    key_open(ret_key, SPACE_SERVICE_USER_NAME);
    key_text(ret_key, user->tenant);
    key_text(ret_key, slice_of(name, len));
    return true;
}

static const struct entity_index service_user_indexes[] = {
    {SPACE_SERVICE_USER_OF, true, NULL, service_user_of_key},
    {SPACE_SERVICE_USER_NAME, true, REASON_OF(DUPLICATE_NAME), service_user_name_key},
};
const struct entity service_user_entity = {
    .space = SPACE_SERVICE_USER,
    .fields = &service_user_fields,
    .key = service_user_key,
    .indexes = service_user_indexes,
    .index_count = sizeof service_user_indexes / sizeof service_user_indexes[0],
};

// ---- finding ----

static reason find(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                   struct service_user *ret_user) {
    struct service_user user = {.id = id};
    struct key key;
    bool found = false;
    service_user_key(&user, &key);
    if (id.len > 0 && id.len <= ID_MAX && memchr(id.at, 0, id.len) == NULL) {
        TRY(entity_find(op, txn, &service_user_entity, &key, &user, &found));
    }
    if (!found || !slice_equal(user.tenant, tenant)) {
        REFUSE(op, NOT_FOUND, "there is no service user %.*s in this tenant",
               SLICE(slice_sub(id, 0, ID_MAX)));
    }
    *ret_user = user;
    return NULL;
}

// One who left answers for nothing. Who is invited, or locked out for bad passwords, is still of the tenant.
bool service_owner_left(int status) {
    return status == MEMBER_DISABLED || status == MEMBER_DELETED;
}

static reason owner_of(struct op *op, struct txn *txn, struct service_user_shown *shown) {
    struct membership membership;
    struct user owner;
    bool found = false;
    shown->owner_status = MEMBER_DELETED;
    TRY(membership_find(op, txn, shown->user.tenant, shown->user.owner, &membership, &found));
    if (found) {
        shown->owner_status = membership.status;
        reason why = user_find(op, txn, shown->user.owner, &owner);
        if (why == NULL) {
            shown->owner_email = owner.email;
        } else if (why != REASON_OF(NOT_FOUND)) {
            return why;
        }
    }
    return NULL;
}

static reason show(struct op *op, struct txn *txn, const struct service_user *user,
                   struct service_user_shown *ret_shown) {
    struct service_user_shown shown = {.user = *user, .owner_email = S("")};
    TRY(owner_of(op, txn, &shown));
    TRY(service_last_used(op, txn, user->id, &shown.last_used));
    const struct credential *credentials = user->credentials.at;
    for (size_t i = 0; i < user->credentials.count && i < CREDENTIALS_EACH_MAX; i++) {
        TRY(service_last_used(op, txn, credentials[i].id, &shown.credential_used[i]));
    }
    *ret_shown = shown;
    return NULL;
}

reason service_user_find(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                         struct service_user_shown *ret_shown) {
    struct service_user user;
    TRY(find(op, txn, tenant, id, &user));
    return show(op, txn, &user, ret_shown);
}

static bool contains_nocase(struct slice text, struct slice part) {
    for (size_t i = 0; part.len <= text.len && i <= text.len - part.len; i++) {
        if (slice_equal_nocase(slice_sub(text, i, i + part.len), part)) {
            return true;
        }
    }
    return false;
}

static bool has_grant(struct rows grants, struct slice role_id) {
    for (size_t i = 0; i < grants.count; i++) {
        if (slice_equal(((const struct grant *)grants.at)[i].role_id, role_id)) {
            return true;
        }
    }
    return false;
}

static bool shows(const struct service_user_filter *filter,
                  const struct service_user_shown *shown) {
    return (filter->status < 0 || shown->user.status == filter->status) &&
           (filter->role.len == 0 || has_grant(shown->user.grants, filter->role)) &&
           (!filter->owner_gone || service_owner_left(shown->owner_status)) &&
           (filter->q.len == 0 || contains_nocase(shown->user.name, filter->q) ||
            contains_nocase(shown->user.description, filter->q));
}

reason service_user_list(struct op *op, struct txn *txn, struct slice tenant,
                         const struct service_user_filter *filter, struct page page,
                         struct rows *ret_shown, struct slice *ret_next, size_t *ret_total) {
    struct key prefix = service_users_of(tenant);
    const struct listing listing = {
        .entity = &service_user_entity, .prefix = key_slice(&prefix), .index = true};
    struct rows all = {NULL, 0};
    bool more = false;
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    TRY(listing_read(op, txn, &listing, SERVICE_USERS_MAX, &all, &more));
    size_t limit = page_limit(page);
    struct service_user_shown *page_rows = NULL;
    TRY(op_take(op, (limit + 1) * sizeof *page_rows, &page_rows));
    const struct service_user *users = all.at;
    size_t count = 0;
    size_t total = 0;
    for (size_t i = 0; i < all.count; i++) {
        struct service_user_shown shown;
        TRY(show(op, txn, &users[i], &shown));
        if (shows(filter, &shown)) {
            total++;
            if (count <= limit && slice_compare(users[i].id, page.cursor) > 0) {
                page_rows[count++] = shown;
            }
        }
    }
    *ret_next = count > limit ? page_rows[limit - 1].user.id : SLICE_NONE;
    *ret_shown = (struct rows){page_rows, count > limit ? limit : count};
    *ret_total = total;
    return NULL;
}

reason service_user_count(struct op *op, struct txn *txn, struct slice tenant, size_t *ret_count) {
    struct key prefix = service_users_of(tenant);
    return listing_count(op, txn, key_slice(&prefix), ret_count);
}

// ---- what is asked for ----

static void check_text(struct faults *faults, const char *name, struct slice text, size_t most) {
    if (!text_line(text)) {
        fault_at(faults, name, REASON_OF(RESTRICTED_CHARACTERS),
                 "one line of UTF-8 without control characters is expected");
    } else if (text_characters(text) > most) {
        fault_at(faults, name, REASON_OF(FIELD_RANGE), "at most %zu characters, got %zu", most,
                 text_characters(text));
    }
}

static reason check_owner(struct op *op, struct txn *txn, const struct service_user *user) {
    struct membership membership;
    bool found = false;
    TRY(membership_find(op, txn, user->tenant, user->owner, &membership, &found));
    if (!found || service_owner_left(membership.status)) {
        REFUSE(op, OWNER_INACTIVE,
               "the owner of a service user has to be a user of its tenant who is not disabled");
    }
    return NULL;
}

static reason check_new_owner(struct op *op, struct txn *txn, const struct service_user *user) {
    if (user->owner.len == 0) {
        op_error(op, S("/owner"), REASON_OF(FIELD_REQUIRED),
                 "a service user needs an owner: the id of a person of this tenant");
        REFUSE(op, INVALID_INPUT, "a service user needs an owner: a person of this tenant");
    }
    reason why = check_owner(op, txn, user);
    if (why == REASON_OF(OWNER_INACTIVE)) {
        op_error(op, S("/owner"), why, "%.*s", SLICE(op->detail));
    }
    return why;
}

// Texts, times and the owner; `before` NULL: a new one. An owner or an end that stays need not be good any more.
static reason check(struct op *op, struct txn *txn, const struct service_user *before,
                    const struct service_user *user) {
    struct faults faults = faults_open(op, S(""));
    if (user->name.len == 0) {
        fault_at(&faults, "name", REASON_OF(FIELD_REQUIRED), "a service user needs a name");
    }
    check_text(&faults, "name", user->name, SERVICE_NAME_MAX);
    check_text(&faults, "description", user->description, SERVICE_DESCRIPTION_MAX);
    if (user->token_lifetime != 0 && (user->token_lifetime < SERVICE_TOKEN_MIN ||
                                      user->token_lifetime > SERVICE_TOKEN_MAX)) {
        fault_at(&faults, "token_lifetime", REASON_OF(FIELD_RANGE),
                 "0 (as the gate is set) or %d to %d seconds", SERVICE_TOKEN_MIN,
                 SERVICE_TOKEN_MAX);
    }
    if (user->expires_at != 0 && user->expires_at <= op->now &&
        (before == NULL || before->expires_at != user->expires_at)) {
        fault_at(&faults, "expires_at", REASON_OF(FIELD_VALUE), "this time is over");
    }
    TRY(faults_end(&faults));
    if (before == NULL || !slice_equal(before->owner, user->owner)) {
        TRY(check_new_owner(op, txn, user));
    }
    return NULL;
}

// Whoever may act as it may all of this.
static reason check_ceiling(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct service_user *user) {
    struct texts roles;
    struct permission_set held = {{0, 0}};
    TRY(grant_roles(op, user->grants, &roles));
    TRY(role_permissions(op, txn, user->tenant, roles, &held));
    if (!actor_holds(actor, held)) {
        REFUSE(op, FORBIDDEN, "this service user has permissions that you do not have yourself");
    }
    return NULL;
}

static reason audit(struct op *op, struct txn *txn, const struct actor *actor,
                    const struct service_user *user, const char *event, struct slice detail) {
    return audit_add(op, txn, actor, user->tenant, event, user->id, detail);
}

static reason audit_roles(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct service_user *user, struct rows had, struct rows has,
                          const char *event) {
    const struct grant *grants = has.at;
    for (size_t i = 0; i < has.count; i++) {
        if (!has_grant(had, grants[i].role_id)) {
            TRY(audit(op, txn, actor, user, event,
                      op_text(op, "role %.*s", SLICE(grants[i].role_id))));
        }
    }
    return NULL;
}

// ---- making and changing ----

reason service_user_create(struct op *op, struct txn *txn, const struct actor *actor,
                           struct service_user *user, struct texts role_ids) {
    struct tenant home;
    struct service_user made = *user;
    size_t count = 0;
    TRY(tenant_find(op, txn, user->tenant, &home));
    made.name = slice_trim(made.name);
    made.description = slice_trim(made.description);
    made.grants = (struct rows){NULL, 0};
    made.credentials = (struct rows){NULL, 0};
    TRY(check(op, txn, NULL, &made));
    TRY(member_check_roles(op, txn, actor, made.tenant, role_ids, made.grants));
    TRY(service_user_count(op, txn, made.tenant, &count));
    if (count >= SERVICE_USERS_MAX) {
        REFUSE(op, SERVICE_USER_LIMIT, "a tenant has at most %d service users", SERVICE_USERS_MAX);
    }
    TRY(grant_replace_manual(op, made.grants, role_ids, actor->id, &made.grants));
    made.status = SERVICE_ACTIVE;
    made.created_by = text_cut(actor->id, GRANT_TEXT_MAX);
    made.created_at = op->now;
    made.updated_at = op->now;
    made.rv = 1;
    TRY(rand_ulid(op, S(SERVICE_USER_ID), &made.id));
    TRY(entity_put(op, txn, &service_user_entity, &made));
    TRY(audit_change(op, txn, actor, made.tenant, "service_user.created", made.id,
                     &service_user_fields, NULL, &made));
    TRY(audit_roles(op, txn, actor, &made, (struct rows){NULL, 0}, made.grants, "role.assigned"));
    *user = made;
    return NULL;
}

static bool same_grants(struct rows a, struct rows b) {
    const struct grant *grants = a.at;
    bool same = a.count == b.count;
    for (size_t i = 0; same && i < a.count; i++) {
        same = has_grant(b, grants[i].role_id);
    }
    return same;
}

static bool same_words(const struct service_user *a, const struct service_user *b) {
    return slice_equal(a->name, b->name) && slice_equal(a->description, b->description) &&
           slice_equal(a->owner, b->owner) && a->expires_at == b->expires_at &&
           a->token_lifetime == b->token_lifetime;
}

reason service_user_change(struct op *op, struct txn *txn, const struct actor *actor,
                           const struct service_user *want, const struct texts *role_ids,
                           struct service_user *ret_user) {
    struct service_user before;
    TRY(find(op, txn, want->tenant, want->id, &before));
    struct service_user user = before;
    user.name = slice_trim(want->name);
    user.description = slice_trim(want->description);
    user.owner = want->owner;
    user.expires_at = want->expires_at;
    user.token_lifetime = want->token_lifetime;
    TRY(check(op, txn, &before, &user));
    if (role_ids != NULL) {
        TRY(member_check_roles(op, txn, actor, user.tenant, *role_ids, before.grants));
        TRY(grant_replace_manual(op, before.grants, *role_ids, actor->id, &user.grants));
    }
    // A longer life is more access: nobody gives it to what may more than himself.
    if (user.expires_at != before.expires_at &&
        (user.expires_at == 0 || (before.expires_at != 0 && user.expires_at > before.expires_at))) {
        if (actor->kind == ACTOR_SERVICE && slice_equal(actor->id, user.id)) {
            REFUSE(op, FORBIDDEN, "how long its own access lasts is for somebody else to say");
        }
        TRY(check_ceiling(op, txn, actor, &user));
    }
    bool regranted = !same_grants(before.grants, user.grants);
    if (regranted || !same_words(&before, &user)) {
        user.updated_at = op->now;
        user.rv += regranted ? 1 : 0;
        TRY(entity_put(op, txn, &service_user_entity, &user));
        TRY(audit_change(op, txn, actor, user.tenant, "service_user.updated", user.id,
                         &service_user_fields, &before, &user));
    }
    TRY(audit_roles(op, txn, actor, &user, before.grants, user.grants, "role.assigned"));
    TRY(audit_roles(op, txn, actor, &user, user.grants, before.grants, "role.unassigned"));
    *ret_user = user;
    return NULL;
}

// Nobody takes his own access away by mistake; another has to.
static reason check_not_self(struct op *op, const struct actor *actor, struct slice id) {
    if (actor->kind == ACTOR_SERVICE && slice_equal(actor->id, id)) {
        REFUSE(op, ILLEGAL_TRANSITION, "a service user cannot disable, enable or remove itself");
    }
    return NULL;
}

reason service_user_set_status(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice id, enum service_status status,
                               struct service_user *ret_user) {
    struct service_user user;
    TRY(find(op, txn, tenant, id, &user));
    TRY(check_not_self(op, actor, id));
    if (user.status == (int)status) {
        REFUSE(op, ILLEGAL_TRANSITION, "the service user is %s already",
               service_status_names[status]);
    }
    if (status == SERVICE_ACTIVE) {
        TRY(check_ceiling(op, txn, actor, &user));
        TRY(check_owner(op, txn, &user));
    }
    user.status = (int)status;
    user.updated_at = op->now;
    user.rv++;
    TRY(entity_put(op, txn, &service_user_entity, &user));
    TRY(audit(op, txn, actor, &user,
              status == SERVICE_ACTIVE ? "service_user.enabled" : "service_user.disabled", S("")));
    *ret_user = user;
    return NULL;
}

reason service_user_remove(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, struct slice id) {
    struct service_user user;
    struct key key;
    bool there = false;
    TRY(find(op, txn, tenant, id, &user));
    TRY(check_not_self(op, actor, id));
    service_user_key(&user, &key);
    TRY(entity_remove(op, txn, &service_user_entity, &key, &there));
    TRY(service_used_remove(op, txn, user.id));
    const struct credential *credentials = user.credentials.at;
    for (size_t i = 0; i < user.credentials.count; i++) {
        TRY(service_used_remove(op, txn, credentials[i].id));
    }
    return audit_change(op, txn, actor, user.tenant, "service_user.deleted", user.id,
                        &service_user_fields, &user, NULL);
}

// ---- credentials ----

// One that has ended is in nobody's way.
static reason drop_ended(struct op *op, struct txn *txn, const struct actor *actor,
                         struct service_user *user) {
    struct credential gone;
    while (credential_take_ended(&user->credentials, op->now, &gone)) {
        TRY(service_used_remove(op, txn, gone.id));
        TRY(audit(op, txn, actor, user, "credential.revoked",
                  op_text(op, "%.*s, which had ended", SLICE(gone.id))));
    }
    return NULL;
}

reason credential_add(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice id, int64_t expires_at,
                      struct credential *ret_credential, struct slice *ret_secret) {
    struct service_user user;
    struct credential made;
    struct slice secret;
    TRY(find(op, txn, tenant, id, &user));
    TRY(check_ceiling(op, txn, actor, &user));
    TRY(check_owner(op, txn, &user));
    TRY(drop_ended(op, txn, actor, &user));
    if (user.credentials.count >= CREDENTIALS_EACH_MAX) {
        REFUSE(op, CREDENTIAL_LIMIT,
               "a service user has at most %d credentials; remove the old one first",
               CREDENTIALS_EACH_MAX);
    }
    bool rotated = user.credentials.count > 0;
    TRY(credential_make(op, actor, expires_at, &user.credentials, &made, &secret));
    user.updated_at = op->now;
    TRY(entity_put(op, txn, &service_user_entity, &user));
    TRY(audit(op, txn, actor, &user, rotated ? "credential.rotated" : "credential.created",
              op_text(op, "%.*s, ends in %.*s", SLICE(made.id), SLICE(made.hint))));
    *ret_credential = made;
    *ret_secret = secret;
    return NULL;
}

reason credential_remove(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice tenant, struct slice id, struct slice credential_id) {
    struct service_user user;
    TRY(find(op, txn, tenant, id, &user));
    struct credential gone;
    if (!credential_take(&user.credentials, credential_id, &gone)) {
        REFUSE(op, NOT_FOUND, "this service user has no such credential");
    }
    user.updated_at = op->now;
    TRY(entity_put(op, txn, &service_user_entity, &user));
    TRY(service_used_remove(op, txn, gone.id));
    return audit(op, txn, actor, &user, "credential.revoked", gone.id);
}
