// SPDX-License-Identifier: GPL-3.0-or-later
// Users, their memberships with grants, and the links from a connection's identifiers to users.
#ifndef GATEHOUSE_DOMAIN_USER_H
#define GATEHOUSE_DOMAIN_USER_H

#include "domain/connection.h"
#include "domain/visit.h"

#define USER_NAME_MAX 256 // IIP-G02: 256 characters must pass; the field table allows their bytes
#define MEMBER_TEXT_MAX 256 // bytes of a ticket's reference, of a reason
#define GRANTS_MAX 256 // of a membership: a tenant has some 110 roles; one connection grants each at most once

struct user {
    struct slice id;    // "usr_" ULID
    struct slice email; // normalised, or "" (an IdP that sends none)
    struct slice first_name, last_name;
    struct slice created_in; // tenant
    int64_t created_at, updated_at;
};

enum grant_source { GRANT_MANUAL, GRANT_SSO, GRANT_SCIM, GRANT_REQUEST };
extern const char *const grant_source_names[];
struct grant {
    struct slice role_id;
    int source;
    struct slice connection; // of sso
    struct slice rule;       // of sso: `exact "Admins"`, `default role`
    struct slice value;      // of sso: the group that matched
    struct slice assertion;  // of sso: ID of the assertion that last confirmed it; "": that of the visit (visit.h)
    struct slice granted_by; // of manual: actor
    int64_t granted_at;
};

enum membership_status {
    MEMBER_INVITED, MEMBER_INVITE_EXPIRED, MEMBER_ACTIVE, MEMBER_LOCKED, MEMBER_DISABLED,
    MEMBER_REACTIVATING, MEMBER_DELETED
};
extern const char *const membership_status_names[];
struct membership {
    struct slice tenant, user_id;
    int status;
    struct rows grants; // struct grant
    int64_t created_at, updated_at;
    int64_t rv; // grows when roles or status change
    bool sso_only;             // signs in by SSO alone: has no password, gets no link to set one
    int64_t expires_at;        // access ends then by itself; 0 = never
    struct slice ticket;       // the support ticket that a time-bound membership was made for, or ""
    struct slice reason;       // why it was disabled, for people; or ""
    int64_t invited_at;        // when the last invitation was written; 0 = never
    int64_t invite_expires_at; // when its link ends; invited and past it is invite_expired
    int64_t locked_until;      // locked and past it is active; 0: until an administrator says so
    int64_t deleted_at;
    int64_t invites, invites_since; // letters of the present day of letters, and when that began
    int64_t reminded_at;            // of the present invitation; 0 = not yet
    int64_t notice_at;              // came in by itself then, and administrators are to hear of it; 0 = no
};

// SHA-256(connection, identifier) -> user: who the IdP's identifier is.
struct link {
    struct slice key; // 32 bytes
    struct slice connection, identifier, user_id;
    int64_t created_at;
};
extern const struct field_table user_fields, grant_fields, membership_fields, link_fields;
extern const struct entity user_entity, membership_entity, link_entity;

MUST_USE reason user_find(struct op *op, struct txn *txn, struct slice id, struct user *ret_user);
MUST_USE reason user_find_by_email(struct op *op, struct txn *txn, struct slice email,
                                   struct user *ret_user, bool *ret_found);
MUST_USE reason membership_find(struct op *op, struct txn *txn, struct slice tenant,
                                struct slice user_id, struct membership *ret, bool *ret_found);
// Distinct role ids of its grants, in order.
MUST_USE reason membership_roles(struct op *op, const struct membership *membership,
                                 struct texts *ret_role_ids);

// A row of the user list.
struct member {
    struct user user;
    struct membership membership;
    struct visit visit;
};
struct member_filter {
    struct slice q;       // in name or e-mail, without case
    struct slice role;    // role id
    bool names_only;      // q is looked for in names alone, for who may not see addresses
    int status;           // enum membership_status, or -1
    struct slice sort;    // "name" "email" "status" "last_visit", "-" in front for descending; "" = id
};
// rows of struct member; total counts what the filter shows. Deleted ones only when asked for by status. A page
// that is not full, but has a next one, means that few of many fit: more would take too long at once.
MUST_USE reason member_list(struct op *op, struct txn *txn, struct slice tenant,
                            const struct member_filter *filter, struct page page,
                            struct rows *ret_members, struct slice *ret_next, size_t *ret_total);
// The same. *ret_exact false: q is in so many names that they are not counted, and total is how many there are
// without it.
MUST_USE reason member_search(struct op *op, struct txn *txn, struct slice tenant,
                              const struct member_filter *filter, struct page page,
                              struct rows *ret_members, struct slice *ret_next, size_t *ret_total,
                              bool *ret_exact);
MUST_USE reason member_find(struct op *op, struct txn *txn, struct slice tenant,
                            struct slice user_id, struct member *ret_member); // not_found
// Adds a person by hand (status active: signs in by SSO) with manual grants; already_member.
MUST_USE reason member_add(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, const struct user *user, struct texts role_ids,
                           struct member *ret_member);
// Replaces the manual grants; sso grants stay. unknown_role; forbidden (gives what the actor lacks).
MUST_USE reason member_set_roles(struct op *op, struct txn *txn, const struct actor *actor,
                                 struct slice tenant, struct slice user_id, struct texts role_ids,
                                 struct member *ret_member);
MUST_USE reason member_set_names(struct op *op, struct txn *txn, const struct actor *actor,
                                 struct slice tenant, struct slice user_id, struct slice first_name,
                                 struct slice last_name, struct member *ret_member);
// Signs in by SSO alone from now on (a password is taken no more here), or may have a password.
MUST_USE reason member_set_sso_only(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice tenant, struct slice user_id, bool sso_only,
                                    struct member *ret_member);
// disable / enable / delete (tombstone); ends the sessions where it takes access. illegal_transition.
MUST_USE reason member_set_status(struct op *op, struct txn *txn, const struct actor *actor,
                                  struct slice tenant, struct slice user_id,
                                  enum membership_status status, struct member *ret_member);

#endif
