// SPDX-License-Identifier: GPL-3.0-or-later
// What came of a run, for people and as JSON.
#include <stdio.h>

#include "app/cli/cli.h"
#include "app/selftest/selftest.h"

#define NAME_WIDTH 44

struct json *report_json(struct op *op, const struct report *report) {
    struct json *out = json_object(op);
    struct json *cases = json_array(op);
    json_set_number(op, out, "passed", (int64_t)report->passed);
    json_set_number(op, out, "failed", (int64_t)report->failed);
    for (size_t i = 0; i < report->count; i++) {
        const struct verdict_row *verdict = &report->rows[i];
        struct json *row = json_object(op);
        json_set_str(op, row, "name", verdict->row->name);
        json_set_str(op, row, "group", verdict->row->group);
        json_set_str(op, row, "says", verdict->row->says);
        json_set_str(op, row, "expected", verdict->row->expect);
        json_set_text(op, row, "got", verdict->got);
        json_set_bool(op, row, "passed", verdict->problem.len == 0);
        json_set_text_or_null(op, row, "problem", verdict->problem);
        json_add(op, cases, row);
    }
    json_set(op, out, "cases", cases);
    return out;
}

void report_show(struct op *op, const struct report *report) {
    const char *group = "";
    for (size_t i = 0; i < report->count; i++) {
        const struct verdict_row *verdict = &report->rows[i];
        if (strcmp(group, verdict->row->group) != 0) {
            group = verdict->row->group;
            show_line("\n%s", group);
        }
        show(op_text(op, "  %s %-*s %.*s", verdict->problem.len == 0 ? "ok  " : "FAIL", NAME_WIDTH,
                     verdict->row->name, SLICE(verdict->got)));
        show_line("%s", "");
        if (verdict->problem.len > 0) {
            show(op_text(op, "       %s", verdict->row->says));
            show_line("%s", "");
            show(op_text(op, "       %.*s", SLICE(verdict->problem)));
            show_line("%s", "");
        }
    }
    show_line("\n%zu passed, %zu failed", report->passed, report->failed);
}
