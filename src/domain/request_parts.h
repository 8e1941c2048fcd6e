// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of access requests, for request.c (stored form, finding, what ends by itself), request_ask.c (asking) and
// request_decide.c (deciding and giving).
#ifndef GATEHOUSE_DOMAIN_REQUEST_PARTS_H
#define GATEHOUSE_DOMAIN_REQUEST_PARTS_H

#include "domain/fault.h"
#include "domain/outbox.h"
#include "domain/request.h"

// The row as it is now; not_found.
MUST_USE reason request_read(struct op *op, struct txn *txn, struct slice tenant, struct slice id,
                             struct access_request *ret);
// Stores it with the next version.
MUST_USE reason request_store(struct op *op, struct txn *txn, struct access_request *request);
// One audit row about a request: its id is the target, the person it is for stands in the detail.
MUST_USE reason request_audit(struct op *op, struct txn *txn, const struct actor *actor,
                              const struct access_request *request, const char *event,
                              struct slice detail);
// Nobody but operators asks more than REQUESTS_A_DAY times within a day. request_limit.
MUST_USE reason request_check_pace(struct op *op, struct txn *txn, const struct actor *actor,
                                   const struct access_request *request);
// illegal_transition: state and event are named.
MUST_USE reason request_not_now(struct op *op, const struct access_request *request,
                                const char *event);
bool request_may_decide(const struct actor *actor);
// A note or a comment: text of a few lines.
void request_check_text(struct faults *faults, const char *name, struct slice text);
// What is asked for: each role exists, at most ROLES_EACH_MAX; *ret_set is what they give together.
MUST_USE reason request_check_roles(struct op *op, struct txn *txn, struct faults *faults,
                                    struct slice tenant, struct texts roles,
                                    struct permission_set *ret_set);
// How many have to approve what gives this.
int64_t request_needed(struct permission_set set);
// Adds a decision; past REQUEST_DECISIONS_MAX is a bug.
MUST_USE reason request_add_decision(struct op *op, struct access_request *request,
                                     const struct request_decision *decision);
int64_t request_approvals(const struct access_request *request);
// Gives what was asked for, and stores the request as fulfilled.
MUST_USE reason request_fulfil(struct op *op, struct txn *txn, const struct actor *actor,
                               struct access_request *request);

// Queues a letter with two links for each of the tenant's gatekeepers.
MUST_USE reason request_tell_gatekeepers(struct op *op, struct txn *txn,
                                         const struct access_request *request);
// Tells the requester that it is fulfilled, denied or expired, and revokes the gatekeepers' links.
MUST_USE reason request_tell_outcome(struct op *op, struct txn *txn,
                                     const struct access_request *request, struct slice note);

#endif
