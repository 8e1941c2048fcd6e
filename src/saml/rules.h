// SPDX-License-Identifier: GPL-3.0-or-later
// The rules that a verified statement must meet, each a row of rules.def and a row of the trace.
#ifndef GATEHOUSE_SAML_RULES_H
#define GATEHOUSE_SAML_RULES_H

#include "saml/inbound.h"

#define ASSERTION_AGE_MAX (25 * HOUR_MS) // after IssueInstant; the ledger's hours reach no further

// Runs all rules; the first in the table's order that fails names the reason. When all hold, sets in_response_to,
// authn_instant, session_not_on_or_after and expires of statement->identity.
MUST_USE reason rules_check(struct op *op, const struct inbound *inbound,
                            struct statement *statement, struct trace *trace);
// What the IdP said instead of success: "code / second code: message", as far as it said it.
struct slice rules_status_text(struct op *op, const struct statement *statement);
// The rows of rules that were not reached.
void rules_skip(struct op *op, struct trace *trace);

#endif
