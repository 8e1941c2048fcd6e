// SPDX-License-Identifier: GPL-3.0-or-later
// Another e-mail address for a person: it counts once who reads its mail has said so by the link, and the old address is told.
#include "domain/listing.h"
#include "domain/member_parts.h"
#include "domain/space.h"

static reason check_free(struct op *op, struct txn *txn, struct slice email, struct slice user_id) {
    struct user other;
    bool taken = false;
    TRY(user_find_by_email(op, txn, email, &other, &taken));
    if (taken && !slice_equal(other.id, user_id)) {
        op_error(op, S("/email"), REASON_OF(ADDRESS_TAKEN), "another person has this address");
        REFUSE(op, ADDRESS_TAKEN, "another person has this e-mail address");
    }
    return NULL;
}

static reason write_both(struct op *op, struct txn *txn, const struct actor *actor,
                         const struct member *member, const struct ticket *ticket) {
    struct letter confirm = {.kind = LETTER_EMAIL_CONFIRM,
                             .tenant = ticket->tenant,
                             .to = ticket->subject,
                             .user_id = member->user.id,
                             .ticket_id = ticket->id};
    struct letter notice = {.kind = LETTER_EMAIL_NOTICE,
                            .tenant = ticket->tenant,
                            .to = member->user.email,
                            .user_id = member->user.id};
    TRY(letter_time(op, &confirm, "expires", ticket->expires_at));
    TRY(letter_value(op, &confirm, "old_email", member->user.email));
    TRY(letter_value(op, &notice, "new_email", ticket->subject));
    TRY(letter_value(op, &notice, "by", actor_words(op, txn, actor)));
    TRY(outbox_add(op, txn, &confirm));
    return outbox_add(op, txn, &notice);
}

reason member_change_email(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, struct slice user_id, struct slice text,
                           struct member *ret_member) {
    struct member member;
    struct email email;
    struct tenant_settings settings;
    TRY(member_find(op, txn, tenant, user_id, &member));
    int status = membership_now(&member.membership, op->now);
    if (life_find(status, LIFE_CHANGE_EMAIL, LIFE_ANY) == NULL) {
        return life_refuse(op, status, LIFE_CHANGE_EMAIL);
    }
    TRY(member_check_account(op, txn, actor, &member));
    TRY(member_check_email(op, text, &email));
    TRY(check_free(op, txn, email.whole, user_id));
    TRY(tenant_settings_find(op, txn, tenant, &settings));
    struct ticket ticket = {.purpose = TICKET_EMAIL,
                            .tenant = tenant,
                            .user_id = user_id,
                            .subject = email.whole};
    // One address at a time: what was mistyped before must not count later.
    TRY(ticket_revoke_purpose(op, txn, tenant, user_id, TICKET_EMAIL));
    TRY(ticket_issue(op, txn, &ticket, link_lifetime(&settings, TICKET_EMAIL)));
    TRY(write_both(op, txn, actor, &member, &ticket));
    TRY(audit_add(op, txn, actor, tenant, life_events[LIFE_CHANGE_EMAIL].audit, user_id, S("")));
    *ret_member = member;
    return NULL;
}

// Whoever asked could act as the person then. What the person was given since is not his to get that way.
struct since {
    int64_t asked_at;
    bool given;
};
static bool was_given(struct op *op, const void *row, void *arg) {
    const struct membership *membership = row;
    const struct grant *grants = membership->grants.at;
    struct since *since = arg;
    (void)op;
    since->given = membership->created_at > since->asked_at;
    for (size_t i = 0; i < membership->grants.count && !since->given; i++) {
        since->given = grants[i].granted_at > since->asked_at;
    }
    return !since->given;
}

static reason check_since(struct op *op, struct txn *txn, const struct ticket *ticket) {
    struct since since = {.asked_at = ticket->created_at};
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    key_text(&prefix, ticket->user_id);
    const struct listing memberships = {
        .entity = &membership_entity, .prefix = key_slice(&prefix), .index = true};
    TRY(listing_each(op, txn, &memberships, was_given, &since));
    if (since.given) {
        REFUSE(op, LINK_UNKNOWN, "the person was given access since this was asked for; ask again");
    }
    return NULL;
}

reason member_confirm_email(struct op *op, struct txn *txn, struct slice address,
                            const struct ticket *ticket, struct user *ret_user) {
    struct member member;
    struct actor person = {.kind = ACTOR_USER,
                           .id = ticket->user_id,
                           .tenant = ticket->tenant,
                           .address = address};
    TRY(member_find(op, txn, ticket->tenant, ticket->user_id, &member));
    if (member.membership.status == MEMBER_DELETED) {
        return life_refuse(op, MEMBER_DELETED, LIFE_CHANGE_EMAIL);
    }
    TRY(check_since(op, txn, ticket));
    TRY(check_free(op, txn, ticket->subject, ticket->user_id));
    TRY(ticket_use(op, txn, ticket));
    // The links that lie in the old mailbox, of whatever tenant, are nobody's any more.
    TRY(ticket_revoke(op, txn, S(""), ticket->user_id));
    struct slice old = member.user.email;
    member.user.email = ticket->subject;
    member.user.updated_at = op->now;
    TRY(entity_put(op, txn, &user_entity, &member.user));
    TRY(audit_add(op, txn, &person, ticket->tenant, "user.email_changed", ticket->user_id,
                  op_text(op, "%.*s, was %.*s", SLICE(member.user.email), SLICE(old))));
    *ret_user = member.user;
    return NULL;
}
