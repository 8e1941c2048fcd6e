// SPDX-License-Identifier: GPL-3.0-or-later
// What an admitted login writes, all in the transaction in which it was checked: pending request,
// ledger, user, link, membership with its grants, session, audit, trace. Refuses nothing that a
// check should have.
#include "base/rand.h"
#include "base/text.h"
#include "base/uri.h"
#include "domain/login_parts.h"
#include "domain/member_life.h"

#define CLAIMS "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

static const struct slice first_names[] = {
    S_ROW("given_name"),       S_ROW("firstName"),        S_ROW("FirstName"),
    S_ROW("first_name"),       S_ROW("firstname"),        S_ROW("givenName"),
    S_ROW("GivenName"),        S_ROW("user.firstName"),   S_ROW("User.FirstName"),
    S_ROW("urn:oid:2.5.4.42"), S_ROW(CLAIMS "givenname"), {NULL, 0}};
static const struct slice last_names[] = {
    S_ROW("family_name"),   S_ROW("lastName"),      S_ROW("LastName"), S_ROW("last_name"),
    S_ROW("lastname"),      S_ROW("surname"),       S_ROW("Surname"),  S_ROW("sn"),
    S_ROW("user.lastName"), S_ROW("User.LastName"), S_ROW("urn:oid:2.5.4.4"),
    S_ROW(CLAIMS "surname"), {NULL, 0}};

// ---- the user ----

// A name on one line, of at most USER_NAME_MAX characters.
static reason tidy_name(struct op *op, struct slice text, struct slice *ret_name) {
    char *at = NULL;
    TRY(op_take(op, text.len, &at));
    size_t len = 0;
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        count += (c & 0xC0U) != 0x80U ? 1 : 0;
        if (count > USER_NAME_MAX) {
            break;
        }
        at[len++] = c < 0x20 || c == 0x7F ? ' ' : text.at[i];
    }
    struct slice name = slice_trim(slice_of(at, len));
    *ret_name = text_line(name) ? name : SLICE_NONE;
    return NULL;
}

static reason take_names(struct op *op, struct admission *a, bool *ret_changed) {
    struct slice first;
    struct slice last;
    TRY(tidy_name(op, identity_value(a->door->identity, first_names), &first));
    TRY(tidy_name(op, identity_value(a->door->identity, last_names), &last));
    bool changed = false;
    if (first.len > 0 && !slice_equal(first, a->user.first_name)) {
        a->user.first_name = first;
        changed = true;
    }
    if (last.len > 0 && !slice_equal(last, a->user.last_name)) {
        a->user.last_name = last;
        changed = true;
    }
    *ret_changed = changed;
    return NULL;
}

// An address that another user has is left with him: the person keeps the one known here. So does who is at home elsewhere, or
// in other tenants too: whoever reads the mail of the address gets in there by a new password.
static reason take_email(struct op *op, struct txn *txn, struct admission *a, bool *ret_changed) {
    struct user other;
    bool taken = false;
    *ret_changed = false;
    if (a->email.whole.len == 0 || slice_equal(a->email.whole, a->user.email)) {
        return NULL;
    }
    TRY(user_find_by_email(op, txn, a->email.whole, &other, &taken));
    const struct actor provider = {.kind = ACTOR_USER, .tenant = a->tenant.slug};
    const struct member member = {
        .user = a->user, .membership = {.tenant = a->tenant.slug, .user_id = a->user.id}};
    bool own = false;
    TRY(member_is_own(op, txn, &provider, &member, &own));
    if (taken || !own) {
        return NULL;
    }
    struct user before = a->user;
    a->user.email = a->email.whole;
    *ret_changed = true;
    return audit_change(op, txn, &a->actor, a->tenant.slug, "user.email_changed", a->user.id,
                        &user_fields, &before, &a->user);
}

static reason create_user(struct op *op, struct txn *txn, struct admission *a) {
    bool named = false;
    a->user = (struct user){.email = a->email.whole,
                            .created_in = a->tenant.slug,
                            .created_at = op->now,
                            .updated_at = op->now};
    TRY(rand_ulid(op, S("usr_"), &a->user.id));
    TRY(take_names(op, a, &named));
    TRY(entity_new(op, txn, &user_entity, &a->user));
    return audit_write(op, txn, &a->actor,
                       &(struct audit_entry){.tenant = a->tenant.slug,
                                             .event = "user.created",
                                             .target = a->user.id,
                                             .detail = S("at the first sign-in"),
                                             .table = &user_fields,
                                             .after = &a->user});
}

static reason update_user(struct op *op, struct txn *txn, struct admission *a) {
    bool names = false;
    bool email = false;
    struct user before = a->user;
    TRY(take_names(op, a, &names));
    struct user renamed = a->user;
    TRY(take_email(op, txn, a, &email));
    if (!names && !email) {
        return NULL;
    }
    a->user.updated_at = op->now;
    TRY(entity_put(op, txn, &user_entity, &a->user));
    if (names) {
        return audit_write(op, txn, &a->actor,
                           &(struct audit_entry){.tenant = a->tenant.slug,
                                                 .event = "user.updated",
                                                 .target = a->user.id,
                                                 .detail = S("names, from the identity provider"),
                                                 .table = &user_fields,
                                                 .before = &before,
                                                 .after = &renamed});
    }
    return NULL;
}

static reason link_user(struct op *op, struct txn *txn, struct admission *a) {
    struct link link = {.key = digest_slice(&a->link_key),
                        .connection = a->connection.slug,
                        .identifier = a->identifier,
                        .user_id = a->user.id,
                        .created_at = op->now};
    TRY(entity_new(op, txn, &link_entity, &link));
    if (a->known) {
        return audit_add(op, txn, &a->actor, a->tenant.slug, "user.linked", a->user.id,
                         S("by the e-mail address"));
    }
    return NULL;
}

static reason write_user(struct op *op, struct txn *txn, struct admission *a) {
    if (a->known) {
        TRY(update_user(op, txn, a));
    } else {
        TRY(create_user(op, txn, a));
    }
    return a->linked ? NULL : link_user(op, txn, a);
}

// ---- the membership ----

static reason write_membership(struct op *op, struct txn *txn, struct admission *a) {
    struct membership before = a->membership;
    if (!a->member) {
        a->membership = (struct membership){
            .tenant = a->tenant.slug, .user_id = a->user.id, .status = MEMBER_ACTIVE};
    }
    if (a->membership.status != MEMBER_LOCKED) { // locking is about passwords, and stays
        a->membership.status = MEMBER_ACTIVE;
    }
    a->membership.grants = a->grants;
    TRY(member_came_in(op, txn, &a->actor, &a->user, a->member ? &before : NULL, &a->membership,
                       a->connection.slug));
    TRY(membership_store(op, txn, &a->actor, a->member ? &before : NULL, &a->membership));
    if (a->member && before.status != a->membership.status) {
        return audit_add(op, txn, &a->actor, a->tenant.slug, "user.accepted", a->user.id,
                         op_text(op, "was %s", membership_status_names[before.status]));
    }
    return NULL;
}

// ---- the session ----

// What is longer is left out: a logout message that names it will then not match.
static struct slice bounded(struct slice text) {
    return text.len <= SESSION_TEXT_MAX ? text : SLICE_NONE;
}

static reason write_session(struct op *op, struct txn *txn, struct admission *a) {
    const struct identity *identity = a->door->identity;
    a->login->session = (struct session){
        .tenant = a->tenant.slug,
        .user_id = a->user.id,
        .connection = a->connection.slug,
        .name_id = bounded(identity->name_id),
        .name_id_format = bounded(identity->name_id_format),
        .name_qualifier = bounded(identity->name_qualifier),
        .sp_name_qualifier = bounded(identity->sp_name_qualifier),
        .sp_provided_id = bounded(identity->sp_provided_id),
        .session_index = bounded(identity->session_index),
        .authn_context = bounded(identity->authn_context),
        .authenticated_at = identity->authn_instant > 0 ? identity->authn_instant : op->now,
        .expires_at = a->expires_at,
        .assertion = identity->assertion_id,
        .by_link = slice_equal(a->identifier, bounded(identity->name_id)),
    };
    TRY(a->known ? session_make_room(op, txn, &a->actor, a->user.id) : NULL);
    return session_add(op, txn, &a->login->session, &a->login->cookie);
}

static struct slice landing(const struct admission *a) {
    struct slice relay_state = a->door->relay_state;
    struct slice path = SLICE_NONE;
    if (!a->answered) {
        path = uri_is_local_path(relay_state) ? relay_state : SLICE_NONE;
    } else if (slice_equal(relay_state, a->pending.handle)) {
        path = a->pending.return_to;
    }
    return path.len > 0 ? path : S("/");
}

static reason fill_login(struct op *op, struct txn *txn, struct admission *a) {
    struct login *login = a->login;
    login->user = a->user;
    login->membership = a->membership;
    login->return_to = landing(a);
    login->handle = a->answered ? a->pending.handle : SLICE_NONE;
    TRY(membership_roles(op, &a->membership, &login->roles));
    login->rv = a->membership.rv + a->tenant.roles_version;
    return role_permissions_in(op, txn, &a->tenant, login->roles, &login->permissions);
}

static reason consume(struct op *op, struct txn *txn, struct admission *a) {
    bool is_fresh = false;
    TRY(replay_use(op, txn, &a->replay, &is_fresh));
    if (!is_fresh) {
        return login_fail(op, a, REASON_OF(ASSERTION_REPLAYED), "replay", S("not used before"),
                          a->door->identity->assertion_id, NULL);
    }
    return a->answered ? pending_remove(op, txn, a->pending.handle) : NULL;
}

reason login_take_away(struct op *op, struct txn *txn, struct admission *a) {
    if (!a->linked || !a->member) {
        return NULL;
    }
    struct membership before = a->membership;
    TRY(consume(op, txn, a));
    a->membership.grants = a->grants;
    return membership_store(op, txn, &a->actor, &before, &a->membership);
}

reason login_write_all(struct op *op, struct txn *txn, struct admission *a) {
    TRY(audit_run_begin(op, txn, a->tenant.slug, &a->run));
    a->actor.run = &a->run;
    TRY(consume(op, txn, a));
    TRY(write_user(op, txn, a));
    TRY(write_session(op, txn, a)); // with the visit, before the membership, whose place in the roll it is a part of
    TRY(write_membership(op, txn, a));
    TRY(fill_login(op, txn, a));
    struct actor person = {.kind = ACTOR_USER,
                           .id = a->user.id,
                           .tenant = a->tenant.slug,
                           .session = a->login->session.id,
                           .address = a->door->address,
                           .run = &a->run};
    TRY(audit_add(
        op, txn, &person, a->tenant.slug, "login.succeeded", a->user.id,
        op_text(op, "over %.*s, trace %.*s", SLICE(a->connection.slug), SLICE(a->trace->id))));
    TRY(audit_run_end(op, txn, &a->run));
    a->trace->user_id = a->user.id;
    trace_close(op, a->trace, NULL);
    return trace_put(op, txn, a->trace);
}
