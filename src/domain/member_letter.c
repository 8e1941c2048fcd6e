// SPDX-License-Identifier: GPL-3.0-or-later
// The links and letters that come of what happens to members: who gets which, with which link. The words are mail's.
#include "domain/holder.h"
#include "domain/member_parts.h"

int64_t link_lifetime(const struct tenant_settings *settings, int purpose) {
    switch (purpose) {
    case TICKET_RESET: return settings->reset_minutes * MINUTE_MS;
    case TICKET_EMAIL: return DAY_MS;
    default: return settings->invite_days * DAY_MS;
    }
}

reason member_tell_administrators(struct op *op, struct txn *txn,
                                  const struct tenant_settings *settings,
                                  const struct letter *letter) {
    struct rows holders = {NULL, 0};
    if (!settings->mail_admin_notices) {
        return NULL;
    }
    TRY(holder_list(op, txn, settings->tenant, "users:manage", HOLDERS_WRITTEN_MAX, &holders));
    for (size_t i = 0; i < holders.count; i++) {
        const struct user *user = &((const struct member *)holders.at)[i].user;
        struct letter copy = *letter;
        copy.to = user->email;
        copy.user_id = user->id;
        if (!slice_equal(user->id, letter->user_id)) { // who it is about gets one of his own
            TRY(outbox_add(op, txn, &copy));
        }
    }
    return NULL;
}

// Does a letter of this kind go to administrators, rather than to the person?
static bool is_notice(int kind) {
    return kind == LETTER_JIT_NOTICE || kind == LETTER_DELETED;
}

static reason values(struct op *op, struct txn *txn, const struct consequence *c,
                     const struct member *member, int64_t link_ends, struct letter *letter) {
    const struct membership *membership = &member->membership;
    TRY(letter_value(op, letter, "by", actor_words(op, txn, c->actor)));
    if (link_ends > 0) {
        TRY(letter_time(op, letter, "expires", link_ends));
    }
    switch (c->row->letter) {
    case LETTER_WELCOME:
        return letter_value(op, letter, "resent", c->row->event == LIFE_RESEND ? S("yes") : S(""));
    case LETTER_LOCKED:
        return membership->locked_until > 0 ? letter_time(op, letter, "until", membership->locked_until)
                                            : NULL;
    case LETTER_DISABLED: return letter_value(op, letter, "reason", membership->reason);
    case LETTER_PASSWORD_CHANGED:
        TRY(letter_time(op, letter, "time", op->now));
        return letter_value(op, letter, "address", c->actor->address);
    case LETTER_RESET: return letter_value(op, letter, "address", c->actor->address);
    case LETTER_DELETED:
    case LETTER_JIT_NOTICE:
        return letter_value(op, letter, "who", member_words(op, &member->user));
    default: return NULL;
    }
}

// The times of an invitation, and how many letters it was.
static void count_letter(struct op *op, struct membership *membership, int64_t ends) {
    if (op->now >= membership->invites_since + DAY_MS) {
        membership->invites = 0;
        membership->invites_since = op->now;
    }
    membership->invites++;
    membership->invited_at = op->now;
    membership->invite_expires_at = ends;
    membership->reminded_at = 0;
}

static reason link_for(struct op *op, struct txn *txn, const struct consequence *c,
                       struct member *member, struct letter *letter, int64_t *ret_ends) {
    struct membership *membership = &member->membership;
    struct ticket ticket = {
        .purpose = c->row->ticket, .tenant = membership->tenant, .user_id = membership->user_id};
    *ret_ends = 0;
    if (c->row->ticket != LIFE_NO_TICKET) {
        TRY(ticket_issue(op, txn, &ticket, link_lifetime(&c->settings, ticket.purpose)));
        letter->ticket_id = ticket.id;
        *ret_ends = ticket.expires_at;
    }
    bool invites = c->row->to == MEMBER_INVITED || c->row->to == MEMBER_REACTIVATING;
    if (invites) {
        count_letter(op, membership, *ret_ends);
    }
    return NULL;
}

reason member_write_to(struct op *op, struct txn *txn, const struct consequence *c,
                       struct member *member) {
    struct letter letter = {.kind = c->row->letter,
                            .tenant = member->membership.tenant,
                            .to = member->user.email,
                            .user_id = member->user.id};
    int64_t ends = 0;
    if (c->row->letter == LIFE_NO_LETTER ||
        (c->row->letter == LETTER_DISABLED && !c->settings.mail_disabled_notice)) {
        return NULL;
    }
    TRY(link_for(op, txn, c, member, &letter, &ends));
    TRY(values(op, txn, c, member, ends, &letter));
    if (is_notice(letter.kind)) {
        return member_tell_administrators(op, txn, &c->settings, &letter);
    }
    TRY(outbox_add(op, txn, &letter));
    if (letter.kind != LETTER_LOCKED) {
        return NULL;
    }
    // With a name it is about somebody else.
    TRY(letter_value(op, &letter, "who", member_words(op, &member->user)));
    return member_tell_administrators(op, txn, &c->settings, &letter);
}
