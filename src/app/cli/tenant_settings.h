// SPDX-License-Identifier: GPL-3.0-or-later
// The action "settings" of gatehouse tenant.
#ifndef GATEHOUSE_APP_CLI_TENANT_SETTINGS_H
#define GATEHOUSE_APP_CLI_TENANT_SETTINGS_H

#include "app/cli/cli.h"

extern const struct cli_option tenant_settings_options[];
MUST_USE reason tenant_settings_run(struct op *op, struct args *args);

#endif
