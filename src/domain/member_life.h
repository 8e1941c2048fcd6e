// SPDX-License-Identifier: GPL-3.0-or-later
// What happens to members: they are invited, come in, are locked, taken out, let back in, deleted, restored. What may
// happen when, and what comes of it, is the table in lifecycle.def; here it is done, in the caller's transaction.
#ifndef GATEHOUSE_DOMAIN_MEMBER_LIFE_H
#define GATEHOUSE_DOMAIN_MEMBER_LIFE_H

#include "domain/lifecycle.h"

#define MEMBER_RESTORE_MAX (30 * DAY_MS) // afterwards what is personal is removed
#define INVITES_A_DAY 5                  // letters with a link to one member
#define INVITES_APART MINUTE_MS
#define INVITE_REMINDER DAY_MS // before the link's end

// Who is to become a member.
struct invitation {
    struct slice email, first_name, last_name;
    struct texts role_ids; // by hand; also cdp.*
    bool silent;           // no letter now: resend sends it
    bool sso_only;         // signs in by SSO alone
    int64_t expires_at;    // 0 = never
    struct slice ticket;
    int source; // enum grant_source of the grants: manual, or request
};
// Row 1. Another tenant's person becomes a member here too (*ret_known true). already_member; user_limit;
// field errors: /expires_at and /ticket, without which nobody gets Support Access.
MUST_USE reason member_invite(struct op *op, struct txn *txn, const struct actor *actor,
                              struct slice tenant, const struct invitation *invitation,
                              struct member *ret_member, bool *ret_known);

struct happening {
    enum life_event event;
    struct slice reason; // for people: why it was disabled; or ""
    int64_t until;       // of a lock; 0 = until an administrator says so
};
// Lets it happen to a member, by the table. illegal_transition; self_lockout and last_admin (disable, delete);
// forbidden (what comes back gives more than the actor may give); invite_limit (resend).
MUST_USE reason member_happens(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice user_id,
                               const struct happening *happening, struct member *ret_member);
// The same for a row that was read in this transaction; the row is what it became.
MUST_USE reason member_let(struct op *op, struct txn *txn, const struct actor *actor,
                           struct member *member, const struct happening *happening);
// What kind of person, for life_find.
MUST_USE reason member_kind(struct op *op, struct txn *txn, const struct member *member,
                            enum life_kind *ret_kind);
// A sign-in through an identity provider let this happen to the row that login_write.c stores: the letters of it.
MUST_USE reason member_came_in(struct op *op, struct txn *txn, const struct actor *actor,
                               const struct user *user, const struct membership *before,
                               struct membership *membership, struct slice connection);

// When access ends, and the ticket that it was given for. expires_at 0 = never.
MUST_USE reason member_set_end(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, struct slice user_id, int64_t expires_at,
                               struct slice ticket, struct member *ret_member);
// Sends the link to the new address and a notice to the old one; nothing changes before the link's form is posted.
// address_taken.
MUST_USE reason member_change_email(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice tenant, struct slice user_id, struct slice email,
                                    struct member *ret_member);
// The link's form was posted: the address of the ticket is the user's from now on. Uses the ticket up.
MUST_USE reason member_confirm_email(struct op *op, struct txn *txn, struct slice address,
                                     const struct ticket *ticket, struct user *ret_user);

// Of the janitor: reminders, ends of time-bound memberships, and what is personal of those who were deleted
// MEMBER_RESTORE_MAX ago. At most `most` members; *ret_more: there are more.
MUST_USE reason member_due(struct op *op, struct txn *txn, size_t most, bool *ret_more);

// May this actor decide about the account itself (name, address, password, second factor), beside this membership? That is for
// the tenant whose domain the e-mail address is of; where it is nobody's, for the tenant that made the account. Else who
// invites an address first would have power over a person of somebody else's. Operators always may.
MUST_USE reason member_is_home(struct op *op, struct txn *txn, const struct actor *actor,
                               const struct member *member, bool *ret_home);
// Is it at home there and, where the domain is nobody's, nowhere else?
MUST_USE reason member_is_own(struct op *op, struct txn *txn, const struct actor *actor,
                              const struct member *member, bool *ret_own);
// Address and second factor are the keys to an account. Beside being at home this needs that the person is in no other tenant,
// where the domain is nobody's, and that the actor holds all that the person may do here: who has the keys may act as the person.
MUST_USE reason member_check_account(struct op *op, struct txn *txn, const struct actor *actor,
                                     const struct member *member);
// "Ann Lee (ann@acme.example)", for letters to others.
struct slice member_words(struct op *op, const struct user *user);
// Does it hold the role that is given for one ticket and a time?
bool membership_is_support(const struct membership *membership);
// Audit and notice of that, once it was given.
MUST_USE reason member_support_granted(struct op *op, struct txn *txn, const struct actor *actor,
                                       const struct member *member);
// Who did it, for letters: a person's name or address; "" for an operator or the gate itself.
struct slice actor_words(struct op *op, struct txn *txn, const struct actor *actor);

#endif
