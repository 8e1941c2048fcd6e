// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of `gatehouse user` share.
#ifndef GATEHOUSE_APP_CLI_USER_H
#define GATEHOUSE_APP_CLI_USER_H

#include "app/cli/cli.h"

// The address of the person that words[1] names, by id or e-mail address.
MUST_USE reason user_target(struct op *op, struct args *args, struct slice *ret_target);
void show_user(struct op *op, const struct json *user);

// ---- what happens to people (user_life.c) ----
extern const struct cli_option user_disable_options[], user_sessions_options[],
    user_factor_options[], user_email_options[];
MUST_USE reason user_disable(struct op *op, struct args *args);
MUST_USE reason user_enable(struct op *op, struct args *args);
MUST_USE reason user_reactivate(struct op *op, struct args *args);
MUST_USE reason user_unlock(struct op *op, struct args *args);
MUST_USE reason user_resend(struct op *op, struct args *args);
MUST_USE reason user_restore(struct op *op, struct args *args);
MUST_USE reason user_email(struct op *op, struct args *args);
MUST_USE reason user_sessions(struct op *op, struct args *args);
MUST_USE reason user_factor(struct op *op, struct args *args);

#endif
