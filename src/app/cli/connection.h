// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands about connections share.
#ifndef GATEHOUSE_APP_CLI_CONNECTION_H
#define GATEHOUSE_APP_CLI_CONNECTION_H

#include "app/cli/cli.h"
#include "base/clock.h"

struct slice connection_target(struct op *op, struct slice slug);
MUST_USE reason connection_set(struct op *op, struct args *args); // the action
MUST_USE reason connection_refresh(struct op *op, struct args *args);
MUST_USE reason connection_changes(struct op *op, struct args *args);
MUST_USE reason connection_approve(struct op *op, struct args *args);
MUST_USE reason connection_reject(struct op *op, struct args *args);
MUST_USE reason connection_distrust_key(struct op *op, struct args *args);
MUST_USE reason connection_trust_key(struct op *op, struct args *args);
// Problems, remarks and distrusted certificates.
void show_state(struct op *op, const struct json *connection);
MUST_USE reason show_connection(struct op *op, const struct json *connection);
MUST_USE reason show_rules(struct op *op, const struct json *mapping, bool heading);
// A certificate's file as text for the API: PEM as it is, anything else in base64.
MUST_USE reason certificate_text(struct op *op, struct slice path, struct slice *ret_text);

#endif
