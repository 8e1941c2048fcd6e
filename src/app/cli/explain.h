// SPDX-License-Identifier: GPL-3.0-or-later
// A trace for people: each check with a mark, what was expected and got where it matters, the
// verdict, and where to change what was wrong.
#ifndef GATEHOUSE_APP_CLI_EXPLAIN_H
#define GATEHOUSE_APP_CLI_EXPLAIN_H

#include "base/json.h"

// `trace`: an object with accepted, reason, detail, hint, checks, as the API and `check --json`
// give it.
MUST_USE reason explain(struct op *op, const struct json *trace);

#endif
