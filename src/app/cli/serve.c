// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse serve: the log is on, and the rest is app/serve.c.
#include "app/cli/cli.h"
#include "base/log.h"

static reason run(struct op *op, struct args *args) {
    const struct settings *settings = NULL;
    TRY(args_settings(op, args, &settings));
    log_level_set(LOG_INFO);
    return serve(op, settings);
}

const struct cli_action serve_actions[] = {
    {NULL, "", NULL, run, "Run the gate until SIGTERM or SIGINT.",
     "One JSON line for each event goes to standard error. TLS is ended by the proxy in front; "
     "public_url says\n"
     "how browsers reach the gate.",
     "gatehouse serve --config /etc/gatehouse/gatehouse.conf"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
