// SPDX-License-Identifier: GPL-3.0-or-later
// New passwords: by a link (an invitation, a way back, one that was forgotten), by who is signed in, and by who has to
// because it is too old. Looking at a link changes nothing; the hash is made outside (base/argon), then all is done at once.
#ifndef GATEHOUSE_DOMAIN_PASSWORD_SET_H
#define GATEHOUSE_DOMAIN_PASSWORD_SET_H

#include "domain/password.h"
#include "domain/sign_in.h"
#include "domain/ticket.h"

// What a link is for, as things stand.
struct password_link {
    const struct ticket_key *key;
    struct slice text;
    bool invitation; // wanted: an invitation; else a reset or a way back
    struct slice address;
    struct ticket ticket;
    struct user user;
    struct membership membership;
    struct slice tenant_name, product;
    struct account account;
    struct password_policy policy;
    bool needs_password; // false: the person has one, or signs in by SSO alone, and only says yes
};
// link.unknown, link.expired; illegal_transition when the member's state takes it no more.
MUST_USE reason password_link_read(struct op *op, struct txn *txn, struct password_link *link);
// The form was posted; `hash` is that of the new password, or "". Uses the link up.
MUST_USE reason password_link_use(struct op *op, struct txn *txn, struct slice hash,
                                  struct slice first_name, struct slice last_name,
                                  struct password_link *link);
// Somebody forgot it: a letter with a link if the address is one that has, or could have, a password here. Never says which.
MUST_USE reason password_forgot(struct op *op, struct txn *txn, struct slice email,
                                struct slice address);
// Of who is signed in (`session`: goes on, the others end) or half signed in ("": all end). `seen_at` is of the password that was
// compared or signed in with; sign_in.again: another one was set meanwhile.
MUST_USE reason password_change(struct op *op, struct txn *txn, const struct actor *actor,
                                const struct user *user, struct slice tenant, int64_t seen_at,
                                struct slice hash, struct slice session, int64_t *ret_password_at);
// Tells the person by letter and audit that the second factor is another, or none.
MUST_USE reason factor_changed(struct op *op, struct txn *txn, const struct actor *actor,
                               const struct user *user, struct slice tenant, const char *event,
                               const char *what);

#endif
