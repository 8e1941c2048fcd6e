// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse user import and export: a file goes in as a job, and how far it is is shown while it runs.
#include <stdio.h>
#include <unistd.h>

#include "app/cli/cli.h"
#include "base/text.h"
#include "domain/job.h"

#define LOOK_US 150000      // between two looks at the job
#define BAR_WIDTH 40
#define ERRORS_SHOWN 20     // lines; --errors FILE has all
#define PAGE_MEMORY (32U << 20)

// ---- import ----

static bool is_json(struct slice text) {
    text = slice_trim(text);
    return text.len > 0 && text.at[0] == '{';
}

static struct slice query_of(struct op *op, const struct args *args) {
    struct slice mode = args_one(args, "mode");
    return op_text(op, "dry_run=%s&send_invite=%s%s%.*s", args_has(args, "dry-run") ? "true" : "false",
                   args_has(args, "no-invite") ? "false" : "true", mode.at != NULL ? "&mode=" : "",
                   SLICE(api_part(op, mode)));
}

static int64_t number_of(const struct json *job, const char *name) {
    int64_t number = 0;
    (void)json_number(json_get(job, name), &number);
    return number;
}

// On a terminal only: a bar that is written over.
static void show_bar(const struct json *job, bool end) {
    int64_t total = number_of(job, "total");
    int64_t done = number_of(job, "done");
    int width = total > 0 ? (int)(done * BAR_WIDTH / total) : 0;
    if (isatty(STDERR_FILENO) != 1) {
        return;
    }
    (void)fprintf(stderr, "\r[%.*s%*s] %lld of %lld%s", width,
                  "########################################", BAR_WIDTH - width, "",
                  (long long)done, (long long)total, end ? "\n" : "");
    (void)fflush(stderr);
}

static bool is_over(const struct json *job) {
    struct slice state = S("");
    (void)json_text(json_get(job, "state"), &state);
    return !slice_equal(state, S("queued")) && !slice_equal(state, S("running"));
}

// Asks until the job is over; the last answer is `op`'s.
static reason wait_for(struct op *op, struct args *args, struct slice target,
                       const struct json **ret_job) {
    for (;;) {
        struct op look;
        const struct json *job = NULL;
        op_open(&look, 0);
        reason why = api_get(&look, args, target, &job);
        bool over = why == NULL && is_over(job);
        if (why == NULL) {
            show_bar(job, over);
        } else {
            why = op_refuse(op, why, "%.*s", SLICE(look.detail));
        }
        op_close(&look);
        TRY(why);
        if (over) {
            return api_get(op, args, target, ret_job);
        }
        (void)usleep(LOOK_US);
    }
}

static reason save_errors(struct op *op, const char *path, struct slice text) {
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fwrite(text.at, 1, text.len, file) == text.len;
    if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    if (!written) {
        REFUSE(op, INTERNAL, "cannot write %s", path);
    }
    return NULL;
}

static void show_some(struct slice text) {
    struct slice line;
    int shown = 0;
    while (text.at != NULL && slice_cut(&text, '\n', &line)) {
        if (line.len > 0 && shown++ <= ERRORS_SHOWN) { // the first names the columns
            show_error(slice_trim(line));
        }
    }
    if (shown > ERRORS_SHOWN + 1) {
        show_error(S("... --errors FILE writes all of them"));
    }
}

static reason take_errors(struct op *op, struct args *args, struct slice target) {
    struct slice text = S("");
    struct slice next = S("");
    const char *path = NULL;
    TRY(api_lines(op, args, op_text(op, "%.*s/errors.csv", SLICE(target)), &text, &next));
    if (!args_has(args, "errors")) {
        show_some(text);
        return NULL;
    }
    TRY(op_cstr(op, args_one(args, "errors"), &path));
    return save_errors(op, path, text);
}

static void show_job(struct op *op, const struct json *job) {
    static const char *const counts[] = {"created", "updated",   "disabled", "enabled",
                                         "deleted", "unchanged", "failed",   NULL};
    bool trial = false;
    (void)json_bool(json_get(job, "dry_run"), &trial);
    show_pair("job", show_member(op, job, "id"));
    show_pair("state", op_text(op, "%.*s%s", SLICE(show_member(op, job, "state")),
                               trial ? " (dry run: nothing was kept)" : ""));
    show_pair("lines", show_member(op, job, "total"));
    for (size_t i = 0; counts[i] != NULL; i++) {
        if (number_of(job, counts[i]) > 0) {
            show_pair(counts[i], show_member(op, job, counts[i]));
        }
    }
    if (!json_is_null(json_get(job, "detail"))) {
        show_pair("why", show_member(op, job, "detail"));
    }
}

reason bulk_import(struct op *op, struct args *args) {
    struct slice text;
    const struct json *job = NULL;
    struct slice id = S("");
    struct slice state = S("");
    TRY(file_read(op, args->words[1], BULK_BYTES_MAX, &text));
    TRY(api_send(op, args,
                 op_text(op, "/tenants/%.*s/users:bulk?%.*s", SLICE(api_part(op, args->words[0])),
                         SLICE(query_of(op, args))),
                 is_json(text) ? "application/json" : "text/csv", text, &job));
    (void)json_text(json_get(job, "id"), &id);
    struct slice target = op_text(op, "/jobs/%.*s", SLICE(api_part(op, id)));
    TRY(control_run_jobs(op, args->control));
    TRY(wait_for(op, args, target, &job));
    (void)json_text(json_get(job, "state"), &state);
    bool good = slice_equal(state, S("finished")) && number_of(job, "failed") == 0;
    args->status = good ? CLI_DONE : CLI_REFUSED;
    if (args->json) {
        TRY(show_json(op, job));
    } else {
        show_job(op, job);
    }
    return number_of(job, "errors") > 0 ? take_errors(op, args, target) : NULL;
}

// ---- export ----

// A part is written before the next is asked for.
reason bulk_export(struct op *op, struct args *args) {
    struct slice cursor = S("");
    TRY(api_open(op, args)); // what it reads of the settings outlives the first part
    do {
        struct op part;
        struct slice text = S("");
        struct slice next = S("");
        op_open(&part, 0);
        part.arena.ceiling = PAGE_MEMORY;
        reason why = api_lines(&part, args,
                               op_text(&part, "/tenants/%.*s/users.%s?cursor=%.*s",
                                       SLICE(api_part(&part, args->words[0])),
                                       args->json ? "json" : "csv", SLICE(api_part(&part, cursor))),
                               &text, &next);
        if (why == NULL) {
            (void)fwrite(text.len > 0 ? text.at : "", 1, text.len, stdout);
            (void)fputs(args->json ? "\n" : "", stdout);
            why = op_copy(op, next, &cursor);
        } else {
            why = op_refuse(op, why, "%.*s", SLICE(part.detail));
        }
        op_close(&part);
        TRY(why);
    } while (cursor.len > 0);
    return NULL;
}

const struct cli_option bulk_import_options[] = {
    {"dry-run", NULL, false, "say what would come of it, and keep nothing"},
    {"mode", "MODE", false, "all_or_nothing (default), or best_effort: every line that can be done"},
    {"no-invite", NULL, false, "send no letter to who is new"},
    {"errors", "FILE", false, "write what was refused to this file, as CSV"},
    {NULL, NULL, false, NULL},
};
