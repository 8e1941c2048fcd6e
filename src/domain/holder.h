// SPDX-License-Identifier: GPL-3.0-or-later
// Who in a tenant holds a permission: whom to write to, and who is the last one.
#ifndef GATEHOUSE_DOMAIN_HOLDER_H
#define GATEHOUSE_DOMAIN_HOLDER_H

#include "domain/user.h"

#define HOLDERS_WRITTEN_MAX 20 // so many get a letter; a tenant with more has people who watch the list

// rows of struct member: active members of the tenant that hold the permission by any grant and whose access has
// not ended, at most `most`, by user id. Reads those who have a role that gives it, until there are that many.
MUST_USE reason holder_list(struct op *op, struct txn *txn, struct slice tenant,
                            const char *permission, size_t most, struct rows *ret_members);
// Is there one besides `user_id`?
MUST_USE reason holder_another(struct op *op, struct txn *txn, struct slice tenant,
                               const char *permission, struct slice user_id, bool *ret_there);
// A member as one who acts, for who comes by a link in his mail: with the permissions that he has now. forbidden when he
// is no active member any more.
MUST_USE reason holder_actor(struct op *op, struct txn *txn, struct slice tenant,
                             struct slice user_id, struct actor *ret_actor);

#endif
