// SPDX-License-Identifier: GPL-3.0-or-later
// Lets things happen to members, as the table says. The order is: may it, then the row, then what it brings with it, and
// one audit row; all in one transaction.
#include "domain/account.h"
#include "domain/listing.h"
#include "domain/member_parts.h"
#include "domain/sign_in.h"
#include "domain/space.h"

#define LETTERS_DAY DAY_MS // in which INVITES_A_DAY count

// ---- who ----

struct slice member_words(struct op *op, const struct user *user) {
    struct slice name = op_text(op, "%.*s %.*s", SLICE(user->first_name), SLICE(user->last_name));
    name = slice_trim(name);
    if (name.len == 0 || user->email.len == 0) {
        return name.len > 0 ? name : user->email;
    }
    return op_text(op, "%.*s (%.*s)", SLICE(name), SLICE(user->email));
}

struct slice actor_words(struct op *op, struct txn *txn, const struct actor *actor) {
    struct user user;
    if (actor->kind != ACTOR_USER || user_find(op, txn, actor->id, &user) != NULL) {
        return S("");
    }
    return member_words(op, &user);
}

static reason has_password(struct op *op, struct txn *txn, struct slice user_id, bool *ret_has) {
    struct account account;
    bool found = false;
    TRY(account_find(op, txn, user_id, &account, &found));
    *ret_has = found && (account.password.len > 0 || account.history.count > 0);
    return NULL;
}

reason member_kind(struct op *op, struct txn *txn, const struct member *member,
                   enum life_kind *ret_kind) {
    bool password = false;
    bool closed = false;
    struct visit visit;
    TRY(visit_find(op, txn, member->membership.tenant, member->user.id, &visit));
    TRY(has_password(op, txn, member->user.id, &password));
    TRY(sign_in_closed(op, txn, member->membership.tenant, member->user.email, &closed));
    // Whom the tenant takes no password from gets no link for one. And who came in without ever having had a password came through an identity provider.
    if (member->membership.sso_only || closed || (!password && visit.last > 0)) {
        *ret_kind = LIFE_SSO;
    } else if (!slice_equal(member->user.created_in, member->membership.tenant)) {
        *ret_kind = LIFE_KNOWN;
    } else {
        *ret_kind = LIFE_PASSWORD;
    }
    return NULL;
}

// ---- may it ----

reason member_check_ceiling(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct membership *membership) {
    struct texts given = {NULL, 0};
    struct permission_set set;
    TRY(op_take(op, membership->grants.count * sizeof *given.at, &given.at));
    for (size_t i = 0; i < membership->grants.count; i++) {
        const struct grant *grant = &((const struct grant *)membership->grants.at)[i];
        if (grant->source == GRANT_MANUAL || grant->source == GRANT_REQUEST) {
            given.at[given.count++] = grant->role_id;
        }
    }
    TRY(role_permissions(op, txn, membership->tenant, given, &set));
    if (given.count > 0 && !actor_holds(actor, set)) {
        REFUSE(op, FORBIDDEN, "the roles of this person give permissions that you do not have yourself");
    }
    return NULL;
}

static reason check_letters(struct op *op, struct membership *membership) {
    if (membership->invited_at > 0 && op->now < membership->invited_at + INVITES_APART) {
        REFUSE(op, INVITE_LIMIT, "the last letter was written less than %d seconds ago",
               (int)(INVITES_APART / SECOND_MS));
    }
    if (op->now >= membership->invites_since + LETTERS_DAY) {
        return NULL;
    }
    if (membership->invites >= INVITES_A_DAY) {
        REFUSE(op, INVITE_LIMIT, "%d letters were written to this person within a day", INVITES_A_DAY);
    }
    return NULL;
}

// That a tenant keeps an administrator is seen to where memberships are stored.
static reason may_happen(struct op *op, struct txn *txn, const struct actor *actor,
                         struct member *member, enum life_event event) {
    struct membership *membership = &member->membership;
    bool out = event == LIFE_DISABLE || event == LIFE_DELETE;
    if (out && actor->kind == ACTOR_USER && slice_equal(actor->id, member->user.id)) {
        REFUSE(op, SELF_LOCKOUT, "nobody can disable or delete himself");
    }
    if (event == LIFE_ENABLE || event == LIFE_REACTIVATE || event == LIFE_RESTORE) {
        TRY(member_check_ceiling(op, txn, actor, membership));
    }
    if (event == LIFE_RESTORE && (op->now > membership->deleted_at + MEMBER_RESTORE_MAX ||
                                  member->user.email.len == 0)) {
        op_extra(op, "state", S("deleted"));
        op_extra(op, "event", S("restore"));
        REFUSE(op, ILLEGAL_TRANSITION, "deleted more than %d days ago: nothing is left to restore",
               (int)(MEMBER_RESTORE_MAX / DAY_MS));
    }
    return event == LIFE_RESEND ? check_letters(op, membership) : NULL;
}

// ---- what it brings with it ----

// A password is the person's, who may be in other tenants: only where the person is at home, or alone, does it go.
static reason void_password(struct op *op, struct txn *txn, const struct member *member) {
    bool home = false;
    struct key prefix = key_in(SPACE_MEMBERSHIP_OF);
    key_text(&prefix, member->user.id);
    size_t tenants = 0;
    TRY(listing_count(op, txn, key_slice(&prefix), &tenants));
    const struct actor anybody = {.kind = ACTOR_USER}; // it is the tenant that counts, whoever acts in it
    TRY(member_is_home(op, txn, &anybody, member, &home));
    if (tenants > 1 && !home) {
        return NULL;
    }
    return account_void(op, txn, member->user.id);
}

static reason take_effect(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct member *member, int effects) {
    const struct membership *membership = &member->membership;
    size_t ended = 0;
    if ((effects & DROP_LINKS) != 0) {
        TRY(ticket_revoke(op, txn, membership->tenant, membership->user_id));
    }
    if ((effects & END_SESSIONS) != 0) {
        TRY(session_end_all(op, txn, actor, membership->tenant, membership->user_id, &ended));
    }
    if ((effects & VOID_PASSWORD) != 0) {
        TRY(void_password(op, txn, member));
    }
    return (effects & CLEAR_LOCK) != 0 ? account_forgive(op, txn, membership->user_id) : NULL;
}

static void set_times(struct op *op, struct membership *membership, const struct happening *what) {
    int status = membership->status;
    membership->locked_until = status == MEMBER_LOCKED ? what->until : 0;
    membership->deleted_at = status == MEMBER_DELETED ? op->now : 0;
    if (status != MEMBER_INVITED && status != MEMBER_REACTIVATING) {
        membership->invite_expires_at = 0;
    }
    if (what->event == LIFE_DISABLE || what->event == LIFE_END) {
        membership->reason = text_cut(what->reason, MEMBER_TEXT_MAX);
    } else if (status != MEMBER_DISABLED && status != MEMBER_DELETED) {
        membership->reason = SLICE_NONE;
    }
}

static reason support_access(struct op *op, struct txn *txn, const struct consequence *c,
                             const struct member *member, const char *event, int kind) {
    struct letter letter = {.kind = kind, .tenant = member->membership.tenant};
    if (!membership_is_support(&member->membership)) {
        return NULL;
    }
    TRY(letter_value(op, &letter, "who", member_words(op, &member->user)));
    TRY(letter_value(op, &letter, "ticket", member->membership.ticket));
    TRY(letter_value(op, &letter, "by", actor_words(op, txn, c->actor)));
    if (member->membership.expires_at > 0) {
        TRY(letter_time(op, &letter, "expires", member->membership.expires_at));
    }
    TRY(audit_add(op, txn, c->actor, member->membership.tenant, event, member->user.id,
                  op_text(op, "ticket %.*s", SLICE(member->membership.ticket))));
    return member_tell_administrators(op, txn, &c->settings, &letter);
}

bool membership_is_support(const struct membership *membership) {
    for (size_t i = 0; i < membership->grants.count; i++) {
        const struct grant *grant = &((const struct grant *)membership->grants.at)[i];
        // What an identity provider grants, it takes away: at the next sign-in.
        if (grant->source != GRANT_SSO && slice_equal(grant->role_id, S("support_access"))) {
            return true;
        }
    }
    return false;
}

reason member_support_granted(struct op *op, struct txn *txn, const struct actor *actor,
                              const struct member *member) {
    struct consequence c = {.actor = actor};
    TRY(tenant_settings_find(op, txn, member->membership.tenant, &c.settings));
    return support_access(op, txn, &c, member, "support_access.granted", LETTER_SUPPORT_GRANTED);
}

reason member_let(struct op *op, struct txn *txn, const struct actor *actor, struct member *member,
                  const struct happening *happening) {
    struct consequence c = {.actor = actor, .happening = happening};
    enum life_kind kind = LIFE_PASSWORD;
    struct membership before = member->membership;
    int status = membership_now(&before, op->now);
    TRY(member_kind(op, txn, member, &kind));
    c.row = life_find(status, happening->event, kind);
    if (c.row == NULL) {
        return life_refuse(op, status, happening->event);
    }
    TRY(may_happen(op, txn, actor, member, happening->event));
    TRY(tenant_settings_find(op, txn, before.tenant, &c.settings));
    // A lock that only an administrator ends outlasts a new password.
    bool stays = happening->event == LIFE_RESET && status == MEMBER_LOCKED && before.locked_until == 0;
    member->membership.status = stays ? status : c.row->to;
    set_times(op, &member->membership, happening);
    TRY(take_effect(op, txn, actor, member, stays ? c.row->effects & ~CLEAR_LOCK : c.row->effects));
    TRY(member_write_to(op, txn, &c, member));
    TRY(membership_store(op, txn, actor, &before, &member->membership));
    if (happening->event == LIFE_END) {
        TRY(support_access(op, txn, &c, member, "support_access.ended", LETTER_SUPPORT_ENDED));
    }
    return audit_write(op, txn, actor,
                       &(struct audit_entry){.tenant = before.tenant,
                                             .event = life_events[happening->event].audit,
                                             .target = member->user.id,
                                             .detail = op_text(op, "was %s", membership_status_names[status]),
                                             .table = &membership_fields,
                                             .before = &before,
                                             .after = &member->membership});
}

reason member_happens(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice user_id,
                      const struct happening *happening, struct member *ret_member) {
    struct member member;
    TRY(member_find(op, txn, tenant, user_id, &member));
    TRY(member_let(op, txn, actor, &member, happening));
    *ret_member = member;
    return NULL;
}
