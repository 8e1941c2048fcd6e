// SPDX-License-Identifier: GPL-3.0-or-later
// Grants of a membership: what gives a role, and where it came from. A sign-in touches only what
// the same connection granted by SSO; the API touches only what was granted by hand.
#ifndef GATEHOUSE_DOMAIN_GRANT_H
#define GATEHOUSE_DOMAIN_GRANT_H

#include "domain/user.h"

#define GRANT_TEXT_MAX                                                                             \
    256 // bytes of a rule, a group, an assertion's ID in a grant; longer ones are cut
#define LINK_IDENTIFIER_MAX                                                                        \
    4096 // bytes; SAML core 8.3.7 allows 256 characters, some IdPs send whole DNs

// Cut to `most` bytes, never inside a UTF-8 character.
struct slice text_cut(struct slice text, size_t most);

// Distinct role ids, in order.
MUST_USE reason grant_roles(struct op *op, struct rows grants, struct texts *ret_role_ids);
// Old grants with the manual ones replaced by `role_ids`; one that stays keeps who granted it and
// when.
MUST_USE reason grant_replace_manual(struct op *op, struct rows old, struct texts role_ids,
                                     struct slice granted_by, struct rows *ret_grants);
// Old grants with what `connection` granted by SSO replaced by (authoritative) or added to
// (additive) `given`. A role that was there before keeps its time of grant. What is given names no assertion, so that a
// sign-in that gives the same changes nothing; of the rest, what named none gets the name of the one that was the last.
// Past GRANTS_MAX the rest is left out: less access, never more.
struct sso_grants {
    struct slice connection;
    int mode;                  // of its mapping
    struct rows given;         // struct grant
    struct slice confirmed_by; // the assertion of the visit before
};
MUST_USE reason grant_replace_sso(struct op *op, struct rows old, const struct sso_grants *sso,
                                  struct rows *ret_grants);
// True when a role comes from elsewhere than SSO, or was added before by this additive connection.
bool grant_stands_alone(struct rows grants, struct slice connection, int mode);

// Stores a membership that was `before` (NULL: none): rv grows when the roles or the status
// changed, each role that came or went gets its audit row, and the tenant keeps an administrator
// (last_admin, self_lockout; see admins.h).
MUST_USE reason membership_store(struct op *op, struct txn *txn, const struct actor *actor,
                                 const struct membership *before, struct membership *membership);

#endif
