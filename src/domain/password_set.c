// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain/password_set.h"

#include "domain/lifecycle.h"
#include "domain/member_life.h"
#include "domain/member_parts.h"

// The event that the form of a link's page is.
static enum life_event event_of(const struct ticket *ticket) {
    return ticket->purpose == TICKET_INVITE  ? LIFE_ACCEPT
           : ticket->purpose == TICKET_RESET ? LIFE_RESET
                                             : LIFE_CONFIRM;
}

static reason find_ticket(struct op *op, struct txn *txn, struct password_link *link) {
    if (link->invitation) {
        return ticket_find(op, txn, link->key, link->text, TICKET_INVITE, &link->ticket);
    }
    reason why = ticket_find(op, txn, link->key, link->text, TICKET_RESET, &link->ticket);
    if (why == REASON_OF(LINK_UNKNOWN)) {
        why = ticket_find(op, txn, link->key, link->text, TICKET_REACTIVATE, &link->ticket);
    }
    return why;
}

reason password_link_read(struct op *op, struct txn *txn, struct password_link *link) {
    struct member member;
    struct tenant tenant;
    struct tenant_settings settings;
    bool found = false;
    TRY(find_ticket(op, txn, link));
    TRY(member_find(op, txn, link->ticket.tenant, link->ticket.user_id, &member));
    TRY(tenant_find(op, txn, link->ticket.tenant, &tenant));
    TRY(tenant_settings_find(op, txn, link->ticket.tenant, &settings));
    int status = membership_now(&member.membership, op->now);
    if (tenant.disabled || membership_ended(&member.membership, op->now) ||
        life_find(status, event_of(&link->ticket), LIFE_PASSWORD) == NULL) {
        return life_refuse(op, status, event_of(&link->ticket));
    }
    TRY(account_find(op, txn, member.user.id, &link->account, &found));
    if (link->ticket.purpose == TICKET_RESET && link->account.password_at > link->ticket.created_at) {
        REFUSE(op, LINK_UNKNOWN, "a new password was set since the link was asked for");
    }
    TRY(password_policy_for(op, txn, member.user.id, &link->policy));
    link->policy = password_policy_stricter(link->policy, password_policy_of(&settings));
    link->user = member.user;
    link->membership = member.membership;
    link->tenant_name = tenant.name;
    link->product = settings.product;
    link->needs_password = link->ticket.purpose != TICKET_INVITE ||
                           (link->account.password.len == 0 && !member.membership.sso_only);
    return NULL;
}

// ---- used ----

// A mailbox proves the identity, so the other tenants' locks end too; but for those that only an administrator ends.
static reason unlock_others(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct password_link *link) {
    struct rows doors;
    TRY(sign_in_doors(op, txn, &link->user, true, &doors));
    for (size_t i = 0; i < doors.count; i++) {
        struct membership membership = ((const struct sign_in_door *)doors.at)[i].membership;
        struct membership before = membership;
        if (before.status != MEMBER_LOCKED || before.locked_until == 0 ||
            slice_equal(before.tenant, link->ticket.tenant)) {
            continue;
        }
        membership.status = MEMBER_ACTIVE;
        membership.locked_until = 0;
        TRY(membership_store(op, txn, actor, &before, &membership));
        TRY(audit_add(op, txn, actor, before.tenant, life_events[LIFE_UNLOCK].audit, link->user.id,
                      S("by a new password")));
    }
    return NULL;
}

static reason set_hash(struct op *op, struct txn *txn, struct slice user_id, struct slice hash,
                       int64_t *ret_at) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, user_id, &account, &found));
    TRY(account_renew(op, &account, hash));
    account.locks = 0;
    *ret_at = account.password_at;
    return account_put(op, txn, &account);
}

// Who was invited says who he is, if the invitation did not.
static reason set_names(struct op *op, struct txn *txn, const struct actor *actor,
                        struct slice first_name, struct slice last_name,
                        struct password_link *link) {
    struct user *user = &link->user;
    bool empty = user->first_name.len == 0 && user->last_name.len == 0;
    if (!empty || (first_name.len == 0 && last_name.len == 0)) {
        return NULL;
    }
    TRY(member_check_names(op, first_name, last_name));
    user->first_name = first_name;
    user->last_name = last_name;
    user->updated_at = op->now;
    TRY(entity_put(op, txn, &user_entity, user));
    return audit_add(op, txn, actor, link->ticket.tenant, "user.updated", user->id, S("names"));
}

reason password_link_use(struct op *op, struct txn *txn, struct slice hash, struct slice first_name,
                         struct slice last_name, struct password_link *link) {
    TRY(password_link_read(op, txn, link)); // as things stand now
    const struct happening happening = {.event = event_of(&link->ticket)};
    struct actor person = {.kind = ACTOR_USER,
                           .id = link->user.id,
                           .tenant = link->ticket.tenant,
                           .address = link->address};
    struct member member = {.user = link->user, .membership = link->membership};
    int64_t at = 0;
    size_t ended = 0;
    if (link->needs_password && hash.len == 0) {
        REFUSE(op, SIGN_IN_AGAIN, "a password is needed by now");
    }
    TRY(ticket_use(op, txn, &link->ticket));
    TRY(set_names(op, txn, &person, first_name, last_name, link));
    member.user = link->user;
    TRY(member_let(op, txn, &person, &member, &happening));
    if (hash.len > 0) {
        TRY(set_hash(op, txn, link->user.id, hash, &at));
        TRY(session_end_all(op, txn, &person, S(""), link->user.id, &ended));
    }
    if (happening.event == LIFE_RESET) {
        TRY(unlock_others(op, txn, &person, link));
    }
    link->membership = member.membership;
    return NULL;
}

// ---- forgotten ----

// Takes as long as for somebody who is known: see sign_in.c.
static reason nobody(struct op *op, struct txn *txn) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, S("usr_nobody"), &account, &found));
    account.failures_since = op->now;
    return account_put(op, txn, &account);
}

reason password_forgot(struct op *op, struct txn *txn, struct slice email, struct slice address) {
    const struct happening happening = {.event = LIFE_FORGOT};
    struct actor unknown = {.kind = ACTOR_NONE, .address = address};
    struct user user;
    struct rows doors = {NULL, 0};
    struct member member;
    bool found = false;
    TRY(user_find_by_email(op, txn, email, &user, &found));
    if (found) {
        TRY(sign_in_doors(op, txn, &user, true, &doors));
    }
    if (doors.count == 0) {
        return nobody(op, txn);
    }
    return member_happens(op, txn, &unknown, ((const struct sign_in_door *)doors.at)->tenant.slug,
                          user.id, &happening, &member);
}

// ---- changed ----

static reason end_others(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice user_id, struct slice session) {
    struct rows rows = {NULL, 0};
    TRY(session_list(op, txn, S(""), user_id, S(""), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        const struct session *one = &((const struct session *)rows.at)[i];
        bool there = false;
        if (!slice_equal(one->id, session)) {
            TRY(session_end(op, txn, actor, one->id, &there));
        }
    }
    return NULL;
}

static reason write_to(struct op *op, struct txn *txn, const struct actor *actor,
                       const struct user *user, struct slice tenant, int kind, const char *what) {
    struct letter letter = {
        .kind = kind, .tenant = tenant, .to = user->email, .user_id = user->id};
    TRY(letter_time(op, &letter, "time", op->now));
    TRY(letter_value(op, &letter, "address", actor->address));
    TRY(letter_value(op, &letter, "what", slice_str(what)));
    if (!slice_equal(actor->id, user->id)) {
        TRY(letter_value(op, &letter, "by", actor_words(op, txn, actor)));
    }
    return outbox_add(op, txn, &letter);
}

reason password_change(struct op *op, struct txn *txn, const struct actor *actor,
                       const struct user *user, struct slice tenant, int64_t seen_at,
                       struct slice hash, struct slice session, int64_t *ret_password_at) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, user->id, &account, &found));
    if (account.password_at != seen_at) {
        REFUSE(op, SIGN_IN_AGAIN, "the password was changed meanwhile");
    }
    TRY(set_hash(op, txn, user->id, hash, ret_password_at));
    TRY(end_others(op, txn, actor, user->id, session));
    TRY(write_to(op, txn, actor, user, tenant, LETTER_PASSWORD_CHANGED, ""));
    return audit_add(op, txn, actor, tenant, "user.password_changed", user->id, S(""));
}

reason factor_changed(struct op *op, struct txn *txn, const struct actor *actor,
                      const struct user *user, struct slice tenant, const char *event,
                      const char *what) {
    TRY(write_to(op, txn, actor, user, tenant, LETTER_FACTOR_CHANGED, what));
    return audit_add(op, txn, actor, tenant, event, user->id, S(""));
}
