// SPDX-License-Identifier: GPL-3.0-or-later
// One login inside its transaction, for login.c (the conductor), login_checks.c (reads and refuses,
// never writes) and login_write.c (writes, once all checks have passed).
#ifndef GATEHOUSE_DOMAIN_LOGIN_PARTS_H
#define GATEHOUSE_DOMAIN_LOGIN_PARTS_H

#include "base/digest.h"
#include "domain/grant.h"
#include "domain/keep.h"
#include "domain/login.h"

struct admission {
    const struct login_door *door;
    struct trace *trace;
    struct login *login;
    size_t checks_before; // rows of the trace that were there before
    // What the checks found:
    struct connection connection;
    struct tenant tenant;
    struct pending pending;
    bool answered; // `pending` is what this answers
    struct replay replay;
    struct email email;
    struct slice identifier;
    struct sha256 link_key;
    struct user user;             // `known`
    struct membership membership; // `member`
    struct visit visit;           // the last one of a member
    bool linked, known, member;
    struct rows grants; // the membership's, as they will be
    int64_t expires_at; // of the session
    struct actor actor; // the connection, acting by itself
    struct audit_run run; // of what is written
    // What came of it:
    reason why;
    struct slice detail;
};

// In the order in which they name the reason. A CLASS_LOGIN reason is a refusal with its row in the
// trace; any other is a failure of ours.
MUST_USE reason login_check_all(struct op *op, struct txn *txn, struct admission *a);
MUST_USE reason login_write_all(struct op *op, struct txn *txn, struct admission *a);
// After login.no_role: what the IdP no longer says is taken away all the same, from a member that its identifier
// names. The message is used up by it, so that nobody can take the roles away with it once more.
MUST_USE reason login_take_away(struct op *op, struct txn *txn, struct admission *a);
// Adds a failed row and gives `why`; the detail is "expected ..., got ..." when `detail` is NULL.
MUST_USE reason login_fail(struct op *op, struct admission *a, reason why, const char *check,
                           struct slice expected, struct slice got, const char *detail);

// The text that names a person at a connection, normalised; see login_checks.c.
MUST_USE reason identity_identifier(struct op *op, const struct policy *policy,
                                    const struct identity *identity, const struct email *email,
                                    struct slice *ret_identifier);

#endif
