// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse check, in two parts: what to trust and what to judge (check.c), and the judging
// (check_run.c).
#ifndef GATEHOUSE_APP_CLI_CHECK_H
#define GATEHOUSE_APP_CLI_CHECK_H

#include "saml/inbound.h"

enum check_request { REQUEST_ANY, REQUEST_ANSWER, REQUEST_UNSOLICITED };
struct check {
    struct connection connection; // the trust and the policy
    bool stored; // it is one of the gate's: its policy on unsolicited responses counts
    struct slice entity_id, acs_url;
    enum check_request request;
    struct slice in_response_to; // of REQUEST_ANSWER
    struct slice input;          // raw XML, base64, or a form body
    struct pool *pool;
    struct sp_keys *own_keys; // of the stored connection alone; NULL: `keys`
    struct sp_keys *keys; // NULL: encrypted assertions cannot be read
};
struct check_outcome {
    struct trace trace;       // closed
    struct identity identity; // when accepted
};
// Whatever the file holds as the body of the form that a browser would post; from there on it goes
// as at the ACS.
MUST_USE reason check_form(struct op *op, struct slice input, struct slice *ret_form);
// The verdict, as the ACS would give it, but for what only a gate knows (ledger, users). A refusal
// of the message is an outcome; what is returned is a failure to judge.
MUST_USE reason check_run(struct op *op, const struct check *check,
                          struct check_outcome *ret_outcome);

#endif
