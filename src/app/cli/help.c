// SPDX-License-Identifier: GPL-3.0-or-later
// The help, made of the same rows that the parser uses.
#include "app/cli/cli.h"

#include <stdio.h>

#define OPTION_WIDTH 26

static void usage(const struct cli_command *command, const struct cli_action *action) {
    (void)printf("gatehouse %s%s%s%s%s%s\n", command->name, action->name != NULL ? " " : "",
                 action->name != NULL ? action->name : "",
                 action->options != NULL ? " [OPTION...]" : "", action->words[0] != '\0' ? " " : "",
                 action->words);
}

static void option_lines(const struct cli_option *options) {
    for (; options != NULL && options->name != NULL; options++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s%s", options->name,
                       options->value != NULL ? " " : "",
                       options->value != NULL ? options->value : "", options->many ? " ..." : "");
        (void)printf("  %-*s  %s\n", OPTION_WIDTH, left, options->line);
    }
}

static void end(void) {
    (void)printf("\nExit status: 0 done, 1 failed, 2 wrong use, 3 refused.\n");
}

void help_all(const struct cli_command *commands) {
    (void)printf("gatehouse %s: single sign-on with SAML 2.0 for many tenants\n\n"
                 "usage: gatehouse COMMAND [ACTION] [OPTION...] [WORD...]\n"
                 "       gatehouse COMMAND --help\n"
                 "       gatehouse --version | --help\n\n",
                 GATEHOUSE_VERSION);
    for (const struct cli_command *c = commands; c->name != NULL; c++) {
        (void)printf("  %-16s %s\n", c->name, c->line);
    }
    (void)printf(
        "\nSettings come from --config FILE (or %s in this folder) and from the environment:\n"
        "GATEHOUSE_DATA_DIR, GATEHOUSE_PUBLIC_URL, GATEHOUSE_LISTEN ... A new installation starts "
        "with: gatehouse init\n",
        CONFIG_DEFAULT_FILE);
    end();
}

void help_action(const struct cli_command *command, const struct cli_action *action) {
    (void)printf("usage: ");
    usage(command, action);
    (void)printf("\n%s\n", action->line);
    if (action->more != NULL) {
        (void)printf("\n%s\n", action->more);
    }
    (void)printf("\noptions:\n");
    option_lines(action->options);
    option_lines(cli_common);
    (void)printf("\nexample:\n  %s\n", action->example);
    end();
}

void help_command(const struct cli_command *command) {
    (void)printf("gatehouse %s: %s\n\n", command->name, command->line);
    for (const struct cli_action *a = command->actions; a->run != NULL; a++) {
        (void)printf("%s", a == command->actions ? "usage: " : "       ");
        usage(command, a);
    }
    for (const struct cli_action *a = command->actions; a->run != NULL; a++) {
        (void)printf("\n%s: %s\n", a->name, a->line);
        option_lines(a->options);
    }
    (void)printf("\nall of them:\n");
    option_lines(cli_common);
    (void)printf("\nexample:\n  %s\n\nMore: gatehouse %s %s --help\n", command->actions->example,
                 command->name, command->actions->name);
    end();
}
