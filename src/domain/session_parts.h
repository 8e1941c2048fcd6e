// SPDX-License-Identifier: GPL-3.0-or-later
// What session.c and session_list.c share.
#ifndef GATEHOUSE_DOMAIN_SESSION_PARTS_H
#define GATEHOUSE_DOMAIN_SESSION_PARTS_H

#include "domain/keep.h"
#include "domain/session.h"
#include "domain/timekey.h"

#define SESSION_ID "ses_"

struct key session_at(struct slice timekey);
// The hook of session_entity: a new one is listed, one that is ended is not any more.
MUST_USE reason session_listed(struct op *op, struct txn *txn, const void *before,
                               const void *after);
// The keys of a person's sessions in a tenant ("" = all), timekeys one after the other; some may be gone.
MUST_USE reason session_list_keys(struct op *op, struct txn *txn, struct slice tenant,
                                  struct slice user_id, struct slice *ret_keys);
// Has the person as many as may be? Then *ret_first is the one that ends first.
MUST_USE reason session_list_full(struct op *op, struct txn *txn, struct slice user_id,
                                  bool *ret_full, struct key *ret_first);

#endif
