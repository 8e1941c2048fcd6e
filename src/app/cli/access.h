// SPDX-License-Identifier: GPL-3.0-or-later
// --component NAME=LEVEL and --bundle NAME, the same wherever access is given.
#ifndef GATEHOUSE_APP_CLI_ACCESS_H
#define GATEHOUSE_APP_CLI_ACCESS_H

#include "app/cli/cli.h"

#define ACCESS_OPTIONS                                                                             \
    {"component", "NAME=LEVEL", true, "access to a component: full, view, on or none"},            \
        {"bundle", "NAME", false, "access to several components: full"}

bool access_given(const struct args *args);
// Puts "components" and "bundle" into the body; exit 2 where an option is no NAME=LEVEL.
MUST_USE reason access_put(struct op *op, struct args *args, struct json *body);
// "campaigns full, metrics full", or "-".
struct slice access_words(struct op *op, const struct json *user);

#endif
