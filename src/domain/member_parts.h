// SPDX-License-Identifier: GPL-3.0-or-later
// What the files about members share: member.c (by hand), member_life.c (what happens), member_invite.c (new ones).
#ifndef GATEHOUSE_DOMAIN_MEMBER_PARTS_H
#define GATEHOUSE_DOMAIN_MEMBER_PARTS_H

#include "domain/grant.h"
#include "domain/member_life.h"
#include "domain/session.h"
#include "domain/tenant_settings.h"

// Each role must exist, and what is new (not among `held`, by hand) must be within what the actor may do himself.
// unknown_role, forbidden, invalid_input by field.
MUST_USE reason member_check_roles(struct op *op, struct txn *txn, const struct actor *actor,
                                   struct slice tenant, struct texts role_ids, struct rows held);
MUST_USE reason member_check_names(struct op *op, struct slice first_name, struct slice last_name);
MUST_USE reason member_check_email(struct op *op, struct slice text, struct email *ret_email);
// The user with this e-mail (*ret_known), or a new one.
MUST_USE reason member_find_or_make(struct op *op, struct txn *txn, const struct actor *actor,
                                    struct slice tenant, const struct user *given,
                                    struct slice email, struct user *ret_user, bool *ret_known);
// What was given by hand, or by a request, comes back with the person, or lasts longer: by one who could give it. forbidden.
MUST_USE reason member_check_ceiling(struct op *op, struct txn *txn, const struct actor *actor,
                                     const struct membership *membership);
// Nobody gets Support Access without an end and a ticket; an end lies in the future. By field.
MUST_USE reason member_check_end(struct op *op, const struct membership *membership,
                                 int64_t old_end);

// What a row of the table brings with it.
struct consequence {
    const struct actor *actor;
    const struct life_row *row;
    const struct happening *happening;
    struct tenant_settings settings;
};
// The link and the letter of a row, if it has them; the times of an invitation go into `member`.
MUST_USE reason member_write_to(struct op *op, struct txn *txn, const struct consequence *c,
                                struct member *member);
// A letter to those who administer users in this tenant, if they want such.
MUST_USE reason member_tell_administrators(struct op *op, struct txn *txn,
                                           const struct tenant_settings *settings,
                                           const struct letter *letter);
// How long a link of this purpose works in this tenant.
int64_t link_lifetime(const struct tenant_settings *settings, int purpose);

// No password any more, and nothing that counts against it.
MUST_USE reason account_forget(struct op *op, struct txn *txn, struct slice user_id);

#endif
