// SPDX-License-Identifier: GPL-3.0-or-later
// Passwords at the doors: what the pages (web/) and the API (api/) share. Hashes are made here, outside of transactions.
#ifndef GATEHOUSE_HTTP_LOCAL_H
#define GATEHOUSE_HTTP_LOCAL_H

#include "domain/password_set.h"
#include "http/request.h"

// A password from outside: throttled by address, compared (also for who is not known), and settled. work->why tells a refusal
// that was remembered; the returned one was not. `tenant` and `code` may be empty.
struct local_try {
    struct slice email, password, tenant, code, return_to;
};
MUST_USE reason local_sign_in(struct op *op, struct gate *gate, const struct request *request,
                              const struct local_try *given, struct sign_in_work *ret_work);
// What each further step starts with.
struct sign_in_work local_work(struct op *op, const struct gate *gate,
                               const struct request *request);
// A good new password's hash. password.weak, password.reused (as those that the policy's history names), by field.
MUST_USE reason local_hash(struct op *op, struct gate *gate, const struct password_policy *policy,
                           const struct user *user, const struct account *account,
                           struct slice pointer, struct slice password, struct slice *ret_hash);
// Is this the user's password? By address throttled, and a bad attempt counts as one at the sign-in.
MUST_USE reason local_verify(struct op *op, struct gate *gate, const struct request *request,
                             const struct user *user, struct slice password);
// Looks at a link, and uses it with this password ("" where none is needed).
MUST_USE reason local_link(struct op *op, struct gate *gate, const struct request *request,
                           struct slice text, bool invitation, struct password_link *ret_link);
MUST_USE reason local_use_link(struct op *op, struct gate *gate, struct slice password,
                               struct slice first_name, struct slice last_name,
                               struct password_link *link);
// Throttled in silence: whoever asks is told the same.
MUST_USE reason local_forgot(struct op *op, struct gate *gate, const struct request *request,
                             struct slice email);

#endif
