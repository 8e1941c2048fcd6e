// SPDX-License-Identifier: GPL-3.0-or-later
// Store functions for the tests of this room: each calls one function of the domain with what a
// `struct call` holds, and leaves there what it gave.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_CALLS_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_CALLS_H

#include "fixture.h"

#include "domain/session.h"

// A store function that calls one function of the domain with what `struct call` holds.
struct call {
    struct slice tenant, id, connection;
    const struct actor *actor;
    struct texts roles;
    struct user user;
    int status;
    struct membership membership;
    struct member member;
    struct session session;
    struct session_view view;
    struct pending pending;
    struct slice cookie;
    struct rows rows;
    size_t count;
    bool yes;
};
#define CALLS(name, expression)                                                                    \
    __attribute__((unused)) static reason name(struct op *op, struct txn *txn, void *arg) {        \
        struct call *c = arg;                                                                      \
        return expression;                                                                         \
    }

CALLS(call_member_find, member_find(op, txn, c->tenant, c->id, &c->member))
CALLS(call_user_by_email, user_find_by_email(op, txn, c->id, &c->user, &c->yes))
CALLS(call_member_add, member_add(op, txn, c->actor, c->tenant, &c->user, c->roles, &c->member))
CALLS(call_set_roles, member_set_roles(op, txn, c->actor, c->tenant, c->id, c->roles, &c->member))
CALLS(call_set_status, member_set_status(op, txn, c->actor, c->tenant, c->id,
                                         (enum membership_status)c->status, &c->member))
CALLS(call_session_by_cookie, session_find_by_cookie(op, txn, c->cookie, &c->view))
CALLS(call_session_find, session_find(op, txn, c->id, &c->view))
CALLS(call_pending_add, pending_add(op, txn, &c->pending, &c->cookie))
CALLS(call_pending_find, pending_find(op, txn, c->id, &c->pending, &c->yes))
CALLS(call_audit_list,
      audit_list(op, txn, c->tenant, (struct page){200, SLICE_NONE}, &c->rows, &c->id))

#endif
