// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse selftest: the attack corpus against this very program and its worker.
#include "app/cli/cli.h"
#include "app/selftest/selftest.h"

#define KEY_FILE_MOST (16U << 10)
#define REPORT_CEILING (64U << 20) // a sentence and a verdict for each case

static void list_all(void) {
    for (const struct attacks *table = attack_tables; table->at != NULL; table++) {
        for (const struct attack *row = table->at; row->name != NULL; row++) {
            show_line("%-14s %-44s %-36s %s", row->group, row->name, row->expect, row->says);
        }
    }
}

static reason run(struct op *op, struct args *args) {
    struct selftest_options options = {args_one(args, "only"), args_one(args, "dump"), SLICE_NONE};
    struct report report;
    args->own_fault = true;
    op->arena.ceiling = REPORT_CEILING;
    if (args_has(args, "list")) {
        list_all();
        return NULL;
    }
    if (args_has(args, "sp-key")) {
        TRY(file_read(op, args_one(args, "sp-key"), KEY_FILE_MOST, &options.sp_key));
    }
    TRY(selftest_run(op, &options, &report));
    args->status = report.failed == 0 ? CLI_DONE : CLI_FAILED;
    if (args->json) {
        return show_json(op, report_json(op, &report));
    }
    report_show(op, &report);
    return NULL;
}

static const struct cli_option options[] = {
    {"only", "NAME", false, "the cases whose name holds this, or the group of this name"},
    {"list", NULL, false, "say which cases there are, and run none"},
    {"dump", "DIR", false, "also write each message, and corpus.json with what is to be trusted"},
    {"sp-key", "FILE", false, "what is encrypted is for this RSA key, so that other judges can open it too"},
    {NULL, NULL, false, NULL},
};
const struct cli_action selftest_actions[] = {
    {NULL, "", options, run,
     "Attack this very program, and say which attacks it withstands.",
     "Each case comes with its control: the untouched message is accepted, with one signed byte "
     "changed it is refused,\n"
     "and only then the attack counts. Keys are made for the run, the store is a temporary one; "
     "neither a server nor\n"
     "a data directory is needed. Exit status 0: all as expected; 1: not so.",
     "gatehouse selftest --only xsw"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
