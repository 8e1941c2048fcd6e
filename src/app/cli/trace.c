// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse trace: what was checked in a sign-in.
#include "app/cli/cli.h"
#include "app/cli/explain.h"

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"TIME", "TRACE", "CONNECTION", "OUTCOME", "WHO", NULL};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 50;
    TRY(args_number(op, args, "limit", 1, 10000, &limit));
    struct slice target = op_text(
        op, "/tenants/%.*s/traces?reason=%.*s&user=%.*s", SLICE(api_part(op, args->words[0])),
        SLICE(api_part(op, args_one(args, "reason"))), SLICE(api_part(op, args_one(args, "user"))));
    TRY(api_list(op, args, target, limit, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *trace = json_at(items, i);
        bool accepted = false;
        (void)json_bool(json_get(trace, "accepted"), &accepted);
        struct slice email = S("");
        (void)json_text(json_get(trace, "email"), &email);
        const struct slice cells[] = {show_member(op, trace, "time"), show_member(op, trace, "id"),
                                      show_member(op, trace, "connection"),
                                      accepted ? S("accepted") : show_member(op, trace, "reason"),
                                      email.len > 0 ? email : show_member(op, trace, "name_id")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "Nothing is there.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    const struct json *trace = NULL;
    TRY(api_tell(op, args, METHOD_GET,
                 op_text(op, "/traces/%.*s", SLICE(api_part(op, args->words[0]))), NULL, &trace));
    if (args->json) {
        return NULL;
    }
    show_pair("trace", show_member(op, trace, "id"));
    show_pair("time", show_member(op, trace, "time"));
    show_pair("connection", show_member(op, trace, "connection"));
    show_pair("e-mail", show_member(op, trace, "email"));
    show_pair("name ID", show_member(op, trace, "name_id"));
    return explain(op, trace);
}

static const struct cli_option list_options[] = {
    {"reason", "REASON", false, "only these: a reason, or accepted"},
    {"user", "USER", false, "of this user id, e-mail address or name ID"},
    {"limit", "N", false, "at most so many; default 50"},
    {NULL, NULL, false, NULL},
};
const struct cli_action trace_actions[] = {
    {"list", "TENANT", list_options, list, "List the sign-ins of a tenant, newest first.", NULL,
     "gatehouse trace list acme --reason conditions.expired"},
    {"show", "TRACE", NULL, one,
     "Show one sign-in, check by check, and where to change what was wrong.", NULL,
     "gatehouse trace show trc_01JABCDEFGHJKMNPQRSTVWXYZ0"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
