// SPDX-License-Identifier: GPL-3.0-or-later
// Members changed by hand: added, given roles, renamed. Grants that a sign-in made are never touched
// here. What happens to them is in member_life.c, listing in member_list.c.
#include "base/rand.h"
#include "base/text.h"
#include "domain/component.h"
#include "domain/listing.h"
#include "domain/member_parts.h"
#include "domain/space.h"

reason member_find(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                   struct member *ret_member) {
    struct member member;
    bool found = false;
    TRY(membership_find(op, txn, tenant, user_id, &member.membership, &found));
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no user %.*s in this tenant",
               SLICE(slice_sub(user_id, 0, 64)));
    }
    TRY(user_find(op, txn, member.membership.user_id, &member.user));
    TRY(visit_find(op, txn, tenant, member.membership.user_id, &member.visit));
    *ret_member = member;
    return NULL;
}

// ---- what is given ----

static bool has_manual(struct rows grants, struct slice role_id) {
    for (size_t i = 0; i < grants.count; i++) {
        const struct grant *grant = &((const struct grant *)grants.at)[i];
        if (grant->source == GRANT_MANUAL && slice_equal(grant->role_id, role_id)) {
            return true;
        }
    }
    return false;
}

// Each role must exist, and what is new must be within what the tenant bought and the actor may do himself.
reason member_check_roles(struct op *op, struct txn *txn, const struct actor *actor,
                          struct slice tenant, struct texts role_ids, struct rows held) {
    if (role_ids.count > ROLES_EACH_MAX) {
        op_error(op, S("/roles"), REASON_OF(FIELD_RANGE), "at most %d roles, got %zu",
                 ROLES_EACH_MAX, role_ids.count);
        REFUSE(op, INVALID_INPUT, "at most %d roles fit one membership, got %zu", ROLES_EACH_MAX,
               role_ids.count);
    }
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    struct texts fresh = {NULL, 0};
    TRY(op_take(op, role_ids.count * sizeof *fresh.at, &fresh.at));
    for (size_t i = 0; i < role_ids.count; i++) {
        struct role role;
        TRY(role_find(op, txn, tenant, role_ids.at[i], &role));
        if (!has_manual(held, role_ids.at[i])) {
            TRY(component_blame(op, role_ids.at[i],
                                role_entitled(op, txn, &home, role_ids.at[i])));
            fresh.at[fresh.count++] = role_ids.at[i];
        }
    }
    struct permission_set given = {{0, 0}};
    TRY(role_permissions_in(op, txn, &home, fresh, &given));
    if (!actor_holds(actor, given)) {
        REFUSE(op, FORBIDDEN, "a role gives permissions that you do not have yourself");
    }
    return NULL;
}

static void check_name(struct op *op, struct slice pointer, struct slice name) {
    if (!text_line(name)) {
        op_error(op, pointer, REASON_OF(RESTRICTED_CHARACTERS),
                 "a name is UTF-8 on one line, without control characters");
    } else if (text_characters(name) > USER_NAME_MAX) {
        op_error(op, pointer, REASON_OF(FIELD_RANGE), "at most %d characters, got %zu",
                 USER_NAME_MAX, text_characters(name));
    }
}

reason member_check_names(struct op *op, struct slice first_name, struct slice last_name) {
    size_t before = op->error_count;
    check_name(op, S("/first_name"), first_name);
    check_name(op, S("/last_name"), last_name);
    if (op->error_count > before) {
        REFUSE(op, INVALID_INPUT, "a name cannot be stored as it is given");
    }
    return NULL;
}

// ---- add ----

reason member_check_email(struct op *op, struct slice text, struct email *ret_email) {
    if (text.len == 0) {
        op_error(op, S("/email"), REASON_OF(FIELD_REQUIRED), "an e-mail address is required");
        REFUSE(op, INVALID_INPUT, "an e-mail address is required");
    }
    reason why = email_normalise(op, text, ret_email);
    if (why == REASON_OF(INVALID_INPUT)) {
        op_error(op, S("/email"), REASON_OF(FIELD_VALUE), "%.*s", SLICE(op->detail));
    }
    return why;
}

// The user with this e-mail, or a new one.
reason member_find_or_make(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, const struct user *given, struct slice email,
                           struct user *ret_user, bool *ret_known) {
    struct user user;
    bool found = false;
    TRY(user_find_by_email(op, txn, email, &user, &found));
    if (!found) {
        user = (struct user){.email = email,
                             .first_name = given->first_name,
                             .last_name = given->last_name,
                             .created_in = tenant,
                             .created_at = op->now,
                             .updated_at = op->now};
        TRY(rand_ulid(op, S("usr_"), &user.id));
        TRY(entity_put(op, txn, &user_entity, &user));
        TRY(audit_change(op, txn, actor, tenant, "user.created", user.id, &user_fields, NULL,
                         &user));
    }
    *ret_known = found;
    *ret_user = user;
    return NULL;
}

reason member_add(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                  const struct user *user, struct texts role_ids, struct member *ret_member) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    struct email email;
    TRY(member_check_email(op, user->email, &email));
    TRY(member_check_names(op, user->first_name, user->last_name));
    TRY(member_check_roles(op, txn, actor, home.slug, role_ids, (struct rows){NULL, 0}));
    struct member member;
    bool was = false; // known; then: a member
    TRY(member_find_or_make(op, txn, actor, home.slug, user, email.whole, &member.user, &was));
    struct membership before;
    TRY(membership_find(op, txn, home.slug, member.user.id, &before, &was));
    if (was && before.status != MEMBER_DELETED) {
        REFUSE(op, ALREADY_MEMBER, "this person is %s in this tenant already",
               membership_status_names[before.status]);
    }
    member.membership =
        was ? before : (struct membership){.tenant = home.slug, .user_id = member.user.id};
    member.membership.status = MEMBER_ACTIVE;
    // What a deleted membership held does not come back with it.
    TRY(grant_replace_manual(op, (struct rows){NULL, 0}, role_ids, actor->id,
                             &member.membership.grants));
    TRY(membership_store(op, txn, actor, was ? &before : NULL, &member.membership));
    TRY(audit_add(op, txn, actor, home.slug, was ? "user.restored" : "user.member_added",
                  member.user.id, op_text(op, "%.*s", SLICE(email.whole))));
    TRY(visit_find(op, txn, home.slug, member.user.id, &member.visit));
    *ret_member = member;
    return NULL;
}

// ---- change ----

static reason find_alive(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                         struct member *ret_member) {
    struct member member;
    TRY(member_find(op, txn, tenant, user_id, &member));
    if (member.membership.status == MEMBER_DELETED) {
        return life_refuse(op, MEMBER_DELETED, LIFE_UPDATE);
    }
    *ret_member = member;
    return NULL;
}

reason member_set_roles(struct op *op, struct txn *txn, const struct actor *actor,
                        struct slice tenant, struct slice user_id, struct texts role_ids,
                        struct member *ret_member) {
    struct member member;
    TRY(find_alive(op, txn, tenant, user_id, &member));
    struct membership before = member.membership;
    TRY(member_check_roles(op, txn, actor, tenant, role_ids, before.grants));
    TRY(grant_replace_manual(op, before.grants, role_ids, actor->id, &member.membership.grants));
    TRY(member_check_end(op, &member.membership, before.expires_at));
    TRY(membership_store(op, txn, actor, &before, &member.membership));
    if (!membership_is_support(&before)) {
        TRY(member_support_granted(op, txn, actor, &member));
    }
    *ret_member = member;
    return NULL;
}

reason member_is_home(struct op *op, struct txn *txn, const struct actor *actor,
                      const struct member *member, bool *ret_home) {
    struct slice home = member->user.created_in;
    size_t at = slice_find(member->user.email, S("@"));
    if (actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_SYSTEM) {
        *ret_home = true;
        return NULL;
    }
    if (at != SIZE_MAX) {
        struct slice domain = slice_sub(member->user.email, at + 1, member->user.email.len);
        reason why = domain_owner(op, txn, domain, &home);
        if (why != NULL && why != REASON_OF(NOT_FOUND)) {
            return why;
        }
    }
    *ret_home = slice_equal(home, member->membership.tenant);
    return NULL;
}

// The tenant that made an account whose domain is nobody's, once the person is in others too: no.
static reason is_of_others_too(struct op *op, struct txn *txn, const struct member *member,
                               bool *ret_others) {
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    struct slice owner = SLICE_NONE;
    size_t tenants = 0;
    size_t at = slice_find(member->user.email, S("@"));
    *ret_others = false;
    if (at != SIZE_MAX) {
        reason why = domain_owner(
            op, txn, slice_sub(member->user.email, at + 1, member->user.email.len), &owner);
        if (why == NULL) {
            return NULL; // whoever has the domain has the mail
        }
        TRY(why == REASON_OF(NOT_FOUND) ? NULL : why);
    }
    key_text(&prefix, member->user.id);
    TRY(listing_count(op, txn, key_slice(&prefix), &tenants));
    *ret_others = tenants > 1;
    return NULL;
}

reason member_is_own(struct op *op, struct txn *txn, const struct actor *actor,
                     const struct member *member, bool *ret_own) {
    bool home = false;
    bool others = false;
    TRY(member_is_home(op, txn, actor, member, &home));
    TRY(is_of_others_too(op, txn, member, &others));
    *ret_own = home && !others;
    return NULL;
}

reason member_check_account(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct member *member) {
    struct texts roles;
    struct permission_set set;
    bool own = false;
    if (actor->kind == ACTOR_OPERATOR || actor->kind == ACTOR_SYSTEM) {
        return NULL;
    }
    TRY(member_is_own(op, txn, actor, member, &own));
    if (!own) {
        REFUSE(op, FORBIDDEN, "this person's account belongs to another tenant too, or alone");
    }
    TRY(membership_roles(op, &member->membership, &roles));
    TRY(role_permissions(op, txn, member->membership.tenant, roles, &set));
    if (!actor_holds(actor, set)) {
        REFUSE(op, FORBIDDEN, "this person has permissions that you do not have yourself");
    }
    return NULL;
}

reason member_set_names(struct op *op, struct txn *txn, const struct actor *actor,
                        struct slice tenant, struct slice user_id, struct slice first_name,
                        struct slice last_name, struct member *ret_member) {
    struct member member;
    TRY(find_alive(op, txn, tenant, user_id, &member));
    TRY(member_check_names(op, first_name, last_name));
    bool home = false;
    TRY(member_is_home(op, txn, actor, &member, &home));
    if (!home) {
        REFUSE(op, FORBIDDEN, "this person's account belongs to another tenant, which may change the name");
    }
    if (!slice_equal(member.user.first_name, first_name) ||
        !slice_equal(member.user.last_name, last_name)) {
        struct user before = member.user;
        member.user.first_name = first_name;
        member.user.last_name = last_name;
        member.user.updated_at = op->now;
        TRY(entity_put(op, txn, &user_entity, &member.user));
        TRY(audit_change(op, txn, actor, tenant, "user.updated", user_id, &user_fields, &before,
                         &member.user));
    }
    *ret_member = member;
    return NULL;
}

reason member_set_sso_only(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, struct slice user_id, bool sso_only,
                           struct member *ret_member) {
    struct member member;
    TRY(find_alive(op, txn, tenant, user_id, &member));
    if (member.membership.sso_only != sso_only) {
        struct membership before = member.membership;
        member.membership.sso_only = sso_only;
        TRY(membership_store(op, txn, actor, &before, &member.membership));
        TRY(audit_change(op, txn, actor, tenant, "user.updated", user_id, &membership_fields,
                         &before, &member.membership));
    }
    *ret_member = member;
    return NULL;
}

// ---- status, as a whole ----

static bool is_event_for(enum membership_status status, enum life_event *ret_event) {
    *ret_event = status == MEMBER_ACTIVE     ? LIFE_ENABLE
                 : status == MEMBER_DISABLED ? LIFE_DISABLE
                                             : LIFE_DELETE;
    return status == MEMBER_ACTIVE || status == MEMBER_DISABLED || status == MEMBER_DELETED;
}

reason member_set_status(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice tenant, struct slice user_id, enum membership_status status,
                         struct member *ret_member) {
    struct happening happening = {.event = LIFE_ENABLE};
    if (!is_event_for(status, &happening.event)) {
        REFUSE(op, INTERNAL, "a user is enabled, disabled or deleted this way");
    }
    return member_happens(op, txn, actor, tenant, user_id, &happening, ret_member);
}
