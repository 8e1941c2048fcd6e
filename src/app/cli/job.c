// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse job: files of people that wait, run or are done, through the API.
#include <stdio.h>

#include "app/cli/cli.h"

static struct slice job_target(struct op *op, const struct args *args) {
    return op_text(op, "/jobs/%.*s", SLICE(api_part(op, args->words[0])));
}

static void show_job(struct op *op, const struct json *job) {
    static const char *const names[] = {"tenant",   "state",    "mode",      "dry_run", "actor",
                                        "total",    "done",     "created",   "updated", "disabled",
                                        "enabled",  "deleted",  "unchanged", "failed",  "reason",
                                        "detail",   "created_at", "started_at", "ended_at", NULL};
    show_pair("job", show_member(op, job, "id"));
    for (size_t i = 0; names[i] != NULL; i++) {
        show_pair(names[i], show_member(op, job, names[i]));
    }
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"JOB",  "STATE",  "MODE",    "LINES",
                                        "DONE", "FAILED", "CREATED", NULL};
    const struct json *items = NULL;
    struct table table;
    TRY(api_list(op, args, op_text(op, "/tenants/%.*s/jobs", SLICE(api_part(op, args->words[0]))), 0,
                 &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *job = json_at(items, i);
        const struct slice cells[] = {
            show_member(op, job, "id"),   show_member(op, job, "state"),
            show_member(op, job, "mode"), show_member(op, job, "total"),
            show_member(op, job, "done"), show_member(op, job, "failed"),
            show_member(op, job, "created_at")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "There are no jobs.");
    return NULL;
}

static reason tell(struct op *op, struct args *args, enum method method, struct slice target) {
    const struct json *job = NULL;
    TRY(api_tell(op, args, method, target, NULL, &job));
    if (!args->json) {
        show_job(op, job);
    }
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    return tell(op, args, METHOD_GET, job_target(op, args));
}

static reason cancel(struct op *op, struct args *args) {
    return tell(op, args, METHOD_POST, op_text(op, "%.*s:cancel", SLICE(job_target(op, args))));
}

// As it came: CSV.
static reason errors(struct op *op, struct args *args) {
    struct slice text = S("");
    struct slice next = S("");
    TRY(api_lines(op, args, op_text(op, "%.*s/errors.csv", SLICE(job_target(op, args))), &text,
                  &next));
    (void)fwrite(text.len > 0 ? text.at : "", 1, text.len, stdout);
    return NULL;
}

const struct cli_action job_actions[] = {
    {"list", "TENANT", NULL, list, "List the jobs of a tenant, newest first.", NULL,
     "gatehouse job list acme"},
    {"show", "JOB", NULL, one, "Show how far a job is, and what came of it.", NULL,
     "gatehouse job show job_01KB..."},
    {"errors", "JOB", NULL, errors, "Write what was refused, line by line, as CSV.", NULL,
     "gatehouse job errors job_01KB... >errors.csv"},
    {"cancel", "JOB", NULL, cancel, "End a job before its end; what was done stays.", NULL,
     "gatehouse job cancel job_01KB..."},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
