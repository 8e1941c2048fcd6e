// SPDX-License-Identifier: GPL-3.0-or-later
// The stored form of users, memberships and links, and how they are found. Changes by hand are in
// member.c, changes by a sign-in in login_write.c; both store memberships through grant.c.
#include "domain/user.h"

#include "domain/grant.h"
#include "domain/member_life.h"
#include "domain/roll.h"
#include "domain/space.h"

const char *const grant_source_names[] = {"manual", "sso", "scim", "request", NULL};
const char *const membership_status_names[] = {"invited",  "invite_expired", "active",  "locked",
                                               "disabled", "reactivating",   "deleted", NULL};

#define ID_MAX 64
#define SLUG_MAX 63
#define EMAIL_MAX 254
#define NAME_BYTES (4 * USER_NAME_MAX) // UTF-8 takes up to four bytes a character

static const struct field user_rows[] = {
    F_TEXT(struct user, id, 1, FIELD_OUTPUT, ID_MAX),
    F_TEXT(struct user, email, 2, FIELD_NULL | FIELD_PERSONAL, EMAIL_MAX),
    F_TEXT(struct user, first_name, 3, FIELD_PERSONAL, NAME_BYTES),
    F_TEXT(struct user, last_name, 4, FIELD_PERSONAL, NAME_BYTES),
    F_TEXT(struct user, created_in, 5, FIELD_OUTPUT, SLUG_MAX),
    F_TIME(struct user, created_at, 6, FIELD_OUTPUT),
    F_TIME(struct user, updated_at, 7, FIELD_OUTPUT),
};
FIELD_TABLE(user_fields, "user", 1, struct user, user_rows);

static const struct field grant_rows[] = {
    F_TEXT(struct grant, role_id, 1, FIELD_PLAIN, ID_MAX),
    F_CHOICE(struct grant, source, 2, FIELD_PLAIN, grant_source_names),
    F_TEXT(struct grant, connection, 3, FIELD_NULL, SLUG_MAX),
    F_TEXT(struct grant, rule, 4, FIELD_NULL | FIELD_LINES, GRANT_TEXT_MAX),
    F_TEXT(struct grant, value, 5, FIELD_NULL | FIELD_LINES, GRANT_TEXT_MAX),
    F_TEXT(struct grant, assertion, 6, FIELD_NULL | FIELD_LINES, GRANT_TEXT_MAX),
    F_TEXT(struct grant, granted_by, 7, FIELD_NULL, GRANT_TEXT_MAX),
    F_TIME(struct grant, granted_at, 8, FIELD_PLAIN),
};
FIELD_TABLE(grant_fields, "grant", 1, struct grant, grant_rows);

static const struct field membership_rows[] = {
    F_TEXT(struct membership, tenant, 1, FIELD_OUTPUT, SLUG_MAX),
    F_TEXT(struct membership, user_id, 2, FIELD_OUTPUT, ID_MAX),
    F_CHOICE(struct membership, status, 3, FIELD_OUTPUT, membership_status_names),
    F_STRUCTS(struct membership, grants, 4, FIELD_OUTPUT, GRANTS_MAX, grant_fields),
    F_TIME(struct membership, created_at, 5, FIELD_OUTPUT),
    F_TIME(struct membership, updated_at, 6, FIELD_OUTPUT),
    F_NUMBER(struct membership, rv, 8, FIELD_OUTPUT, 0, INT64_MAX),
    F_BOOL(struct membership, sso_only, 9, FIELD_OUTPUT),
    F_TIME(struct membership, expires_at, 10, FIELD_OUTPUT),
    F_TEXT(struct membership, ticket, 11, FIELD_OUTPUT | FIELD_NULL, MEMBER_TEXT_MAX),
    F_TEXT(struct membership, reason, 12, FIELD_OUTPUT | FIELD_NULL | FIELD_PERSONAL, MEMBER_TEXT_MAX),
    F_TIME(struct membership, invited_at, 13, FIELD_OUTPUT),
    F_TIME(struct membership, invite_expires_at, 14, FIELD_OUTPUT),
    F_TIME(struct membership, locked_until, 15, FIELD_OUTPUT),
    F_TIME(struct membership, deleted_at, 16, FIELD_OUTPUT),
    F_NUMBER(struct membership, invites, 17, FIELD_OUTPUT, 0, INT32_MAX),
    F_TIME(struct membership, invites_since, 18, FIELD_OUTPUT),
    F_TIME(struct membership, reminded_at, 19, FIELD_OUTPUT),
    F_TIME(struct membership, notice_at, 20, FIELD_OUTPUT),
};
FIELD_TABLE(membership_fields, "membership", 3, struct membership, membership_rows);

static const struct field link_rows[] = {
    F_BYTES(struct link, key, 1, FIELD_HIDDEN, 32),
    F_TEXT(struct link, connection, 2, FIELD_OUTPUT, SLUG_MAX),
    F_TEXT(struct link, identifier, 3, FIELD_OUTPUT | FIELD_LINES | FIELD_PERSONAL, LINK_IDENTIFIER_MAX),
    F_TEXT(struct link, user_id, 4, FIELD_OUTPUT, ID_MAX),
    F_TIME(struct link, created_at, 5, FIELD_OUTPUT),
};
FIELD_TABLE(link_fields, "link", 1, struct link, link_rows);

// ---- keys ----

static void user_key(const void *row, struct key *ret_key) {
    const struct user *user = row;
    key_open(ret_key, SPACE_USER);
    key_text(ret_key, user->id);
}

static bool user_email_key(const void *row, struct key *ret_key) {
    const struct user *user = row;
    if (user->email.len == 0) {
        return false;
    }
    key_open(ret_key, SPACE_USER_EMAIL);
    key_text(ret_key, user->email);
    return true;
}

static void membership_key(const void *row, struct key *ret_key) {
    const struct membership *membership = row;
    key_open(ret_key, SPACE_MEMBERSHIP);
    key_text(ret_key, membership->tenant);
    key_text(ret_key, membership->user_id);
}

static bool membership_of_key(const void *row, struct key *ret_key) {
    const struct membership *membership = row;
    key_open(ret_key, SPACE_MEMBERSHIP_OF);
    key_text(ret_key, membership->user_id);
    key_text(ret_key, membership->tenant);
    return true;
}

// When the janitor has to look at it: a reminder, an end, what is left of a deleted one, news for administrators.
static int64_t due_at(const struct membership *membership) {
    bool in = membership->status != MEMBER_DISABLED && membership->status != MEMBER_DELETED;
    const int64_t times[] = {
        membership->status == MEMBER_DELETED && membership->deleted_at > 0
            ? membership->deleted_at + MEMBER_RESTORE_MAX
            : 0,
        in ? membership->expires_at : 0,
        membership->status == MEMBER_INVITED && membership->reminded_at == 0 &&
                membership->invite_expires_at > 0
            ? membership->invite_expires_at - INVITE_REMINDER
            : 0,
        membership->notice_at,
    };
    int64_t due = 0;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        due = times[i] > 0 && (due == 0 || times[i] < due) ? times[i] : due;
    }
    return due;
}

static bool membership_due_key(const void *row, struct key *ret_key) {
    const struct membership *membership = row;
    int64_t due = due_at(membership);
    if (due <= 0) {
        return false;
    }
    key_open(ret_key, SPACE_MEMBER_DUE);
    key_u64(ret_key, (uint64_t)due);
    key_text(ret_key, membership->tenant);
    key_text(ret_key, membership->user_id);
    return true;
}

static void link_key(const void *row, struct key *ret_key) {
    const struct link *link = row;
    key_open(ret_key, SPACE_LINK);
    key_bytes(ret_key, link->key);
}

static bool link_of_key(const void *row, struct key *ret_key) {
    const struct link *link = row;
    key_open(ret_key, SPACE_LINK_OF);
    key_text(ret_key, link->user_id);
    key_bytes(ret_key, link->key);
    return true;
}

static reason membership_changed(struct op *op, struct txn *txn, const void *before,
                                 const void *after) {
    const struct membership *gone = before;
    TRY(roll_member_changed(op, txn, before, after));
    return after == NULL ? visit_remove(op, txn, gone->tenant, gone->user_id) : NULL;
}

// The keys of these indexes hold the whole primary key, so each is one row's own.
static const struct entity_index user_indexes[] = {
    {SPACE_USER_EMAIL, true, REASON_OF(LOGIN_IDENTITY_COLLISION), user_email_key}};
static const struct entity_index membership_indexes[] = {
    {SPACE_MEMBERSHIP_OF, true, NULL, membership_of_key},
    {SPACE_MEMBER_DUE, true, NULL, membership_due_key}};
static const struct entity_index link_indexes[] = {
    {SPACE_LINK_OF, true, NULL, link_of_key}};

const struct entity user_entity = {.space = SPACE_USER,
                                   .fields = &user_fields,
                                   .key = user_key,
                                   .indexes = user_indexes,
                                   .index_count = 1,
                                   .changed = roll_user_changed};
const struct entity membership_entity = {.space = SPACE_MEMBERSHIP,
                                         .fields = &membership_fields,
                                         .key = membership_key,
                                         .indexes = membership_indexes,
                                         .index_count = 2,
                                         .changed = membership_changed};
const struct entity link_entity = {.space = SPACE_LINK,
                                   .fields = &link_fields,
                                   .key = link_key,
                                   .indexes = link_indexes,
                                   .index_count = 1};
// ---- finding ----

// Ids come from URLs: what cannot be one is not there, rather than a key that is none.
static bool can_be_id(struct slice id) {
    return id.len > 0 && id.len <= ID_MAX && memchr(id.at, 0, id.len) == NULL;
}

reason user_find(struct op *op, struct txn *txn, struct slice id, struct user *ret_user) {
    struct key key;
    user_key(&(struct user){.id = id}, &key);
    bool found = false;
    if (can_be_id(id)) {
        TRY(entity_find(op, txn, &user_entity, &key, ret_user, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no user %.*s", SLICE(slice_sub(id, 0, ID_MAX)));
    }
    return NULL;
}

reason user_find_by_email(struct op *op, struct txn *txn, struct slice email, struct user *ret_user,
                          bool *ret_found) {
    struct key key;
    bool found = false;
    if (email.len <= EMAIL_MAX && user_email_key(&(struct user){.email = email}, &key)) {
        TRY(entity_find_by(op, txn, &user_entity, 0, &key, ret_user, &found));
    }
    *ret_found = found;
    return NULL;
}

reason membership_find(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                       struct membership *ret, bool *ret_found) {
    struct key key;
    membership_key(&(struct membership){.tenant = tenant, .user_id = user_id}, &key);
    bool found = false;
    if (can_be_id(tenant) && can_be_id(user_id)) {
        TRY(entity_find(op, txn, &membership_entity, &key, ret, &found));
    }
    *ret_found = found;
    return NULL;
}

reason membership_roles(struct op *op, const struct membership *membership,
                        struct texts *ret_role_ids) {
    return grant_roles(op, membership->grants, ret_role_ids);
}
