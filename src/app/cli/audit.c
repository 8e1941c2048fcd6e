// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse audit: who did what, whether the log is whole, and what in it can be erased.
#include <stdio.h>

#include "app/cli/cli.h"

// The log of --tenant, or that of what belongs to no tenant.
static struct slice base_of(struct op *op, const struct args *args) {
    struct slice tenant = args_one(args, "tenant");
    return tenant.len > 0 ? op_text(op, "/tenants/%.*s", SLICE(api_part(op, tenant))) : S("");
}

static struct slice query_of(struct op *op, const struct args *args) {
    static const char *const names[] = {"actor", "target", "event", "from", "to", "q"};
    struct slice text = S("");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct slice value = args_one(args, names[i]);
        if (value.len > 0) {
            text = op_text(op, "%.*s%s=%.*s&", SLICE(text), names[i], SLICE(api_part(op, value)));
        }
    }
    return text;
}

static reason list(struct op *op, struct args *args) {
    static const char *const heads[] = {"TIME", "ROW", "EVENT", "ACTOR", "TARGET", "DETAIL", NULL};
    const struct json *items = NULL;
    struct table table;
    uint64_t limit = 50;
    TRY(args_number(op, args, "limit", 1, 10000, &limit));
    struct slice target =
        op_text(op, "%.*s/audit?%.*s", SLICE(base_of(op, args)), SLICE(query_of(op, args)));
    // The page's own parameters come after a &.
    target = target.len > 0 && (target.at[target.len - 1] == '&' || target.at[target.len - 1] == '?')
                 ? slice_sub(target, 0, target.len - 1)
                 : target;
    TRY(api_list(op, args, target, limit, &items));
    if (args->json) {
        return NULL;
    }
    table_open(&table, op, heads);
    for (size_t i = 0; i < json_count(items); i++) {
        const struct json *row = json_at(items, i);
        const struct slice cells[] = {show_member(op, row, "time"),   show_member(op, row, "id"),
                                      show_member(op, row, "event"),  show_member(op, row, "actor"),
                                      show_member(op, row, "target"), show_member(op, row, "detail")};
        TRY(table_row(&table, cells));
    }
    table_show(&table, "Nothing is there.");
    return NULL;
}

static reason one(struct op *op, struct args *args) {
    static const char *const names[] = {"id",     "time",    "event",   "actor",   "actor_kind",
                                        "target", "about",   "detail",  "request", "address",
                                        "session", "hash",   NULL};
    const struct json *row = NULL;
    TRY(api_tell(op, args, METHOD_GET,
                 op_text(op, "/tenants/%.*s/audit/%.*s", SLICE(api_part(op, args->words[0])),
                         SLICE(api_part(op, args->words[1]))),
                 NULL, &row));
    if (args->json) {
        return NULL;
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        show_pair(names[i], show_member(op, row, names[i]));
    }
    static const char *const sides[] = {"before", "after"};
    for (size_t i = 0; i < 2; i++) {
        struct slice text;
        TRY(json_print(op, json_get(row, sides[i]), false, &text));
        show_pair(sides[i], slice_equal(text, S("null")) ? S("-") : text);
    }
    return NULL;
}

// A page is written before the next is asked for: a log of any length goes through.
static reason export(struct op *op, struct args *args) {
    struct slice cursor = args_one(args, "after");
    do {
        struct op page;
        struct slice lines = S("");
        struct slice next = S("");
        op_open(&page, 0);
        struct slice target =
            op_text(&page, "%.*s/audit.jsonl?%.*scursor=%.*s", SLICE(base_of(&page, args)),
                    SLICE(query_of(&page, args)), SLICE(api_part(&page, cursor)));
        reason why = api_lines(&page, args, target, &lines, &next);
        if (why == NULL) {
            (void)fwrite(lines.len > 0 ? lines.at : "", 1, lines.len, stdout);
            why = op_copy(op, next, &cursor);
        } else {
            why = op_refuse(op, why, "%.*s", SLICE(page.detail));
        }
        op_close(&page);
        TRY(why);
    } while (cursor.len > 0);
    return NULL;
}

static reason verify(struct op *op, struct args *args) {
    const struct json *report = NULL;
    bool is_whole = false;
    TRY(api_tell(op, args, METHOD_GET,
                 op_text(op, "%.*s/audit:verify?anchor=%.*s", SLICE(base_of(op, args)),
                         SLICE(api_part(op, args_one(args, "anchor")))),
                 NULL, &report));
    (void)json_bool(json_get(report, "ok"), &is_whole);
    args->status = is_whole ? CLI_DONE : CLI_REFUSED;
    if (args->json) {
        return NULL;
    }
    show_pair("rows", show_member(op, report, "rows"));
    show_pair("erased", op_text(op, "%.*s addresses, %.*s parts about people",
                                SLICE(show_member(op, report, "erased_actor")),
                                SLICE(show_member(op, report, "erased_person"))));
    show_pair("before the chain", show_member(op, report, "before_chain"));
    const struct json *head = json_get(report, "head");
    // What --anchor takes, to be kept where nobody who writes to the store can reach it.
    show_pair("end", op_text(op, "%.*s:%.*s", SLICE(show_member(op, head, "seq")),
                             SLICE(show_member(op, head, "hash"))));
    const struct json *findings = json_get(report, "findings");
    for (size_t i = 0; i < json_count(findings); i++) {
        const struct json *finding = json_at(findings, i);
        struct slice seq = show_member(op, finding, "seq");
        struct slice to = show_member(op, finding, "to");
        show_line("row %.*s%s%.*s is %.*s: %.*s", SLICE(seq), slice_equal(seq, to) ? "" : " to ",
                  SLICE(slice_equal(seq, to) ? SLICE_NONE : to),
                  SLICE(show_member(op, finding, "kind")),
                  SLICE(show_member(op, finding, "detail")));
    }
    show_line(is_whole ? "The log is whole." : "The log is not what was written.");
    return NULL;
}

static reason erase(struct op *op, struct args *args) {
    const struct json *answer = NULL;
    struct json *body = json_object(op);
    json_set_text(op, body, "user", args->words[1]);
    TRY(api_tell(op, args, METHOD_POST,
                 op_text(op, "/tenants/%.*s/audit:erase", SLICE(api_part(op, args->words[0]))), body,
                 &answer));
    if (!args->json) {
        show_line("Erased in %.*s rows; the chain still holds.",
                  SLICE(show_member(op, answer, "rows")));
    }
    return NULL;
}

#define FILTERS                                                                                    \
    {"tenant", "TENANT", false, "of this tenant; without it: what belongs to none"},               \
        {"actor", "ID", false, "only what this one did"},                                          \
        {"target", "ID", false, "only what was done to this, or is about this user"},              \
        {"event", "EVENT", false, "only events that begin so: user. or login.failed"},             \
        {"from", "TIME", false, "not older than this: 2026-11-21T16:00:00Z"},                      \
        {"to", "TIME", false, "older than this"},                                                  \
        {"q", "TEXT", false, "only rows that say this somewhere"}

static const struct cli_option list_options[] = {
    FILTERS,
    {"limit", "N", false, "at most so many; default 50"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option export_options[] = {
    FILTERS,
    {"after", "ROW", false, "only what came after this row: the id of the last line of an export"},
    {NULL, NULL, false, NULL},
};
static const struct cli_option verify_options[] = {
    {"tenant", "TENANT", false, "of this tenant; without it: what belongs to none"},
    {"anchor", "N:HASH", false, "a row's number and hash that were kept elsewhere"},
    {NULL, NULL, false, NULL},
};
const struct cli_action audit_actions[] = {
    {"list", "", list_options, list, "List who did what, newest first.", NULL,
     "gatehouse audit list --tenant acme --event user."},
    {"show", "TENANT ROW", NULL, one, "Show one row, with what changed.", NULL,
     "gatehouse audit show acme aud_42"},
    {"export", "", export_options, export, "Write the log as JSON Lines, oldest first.", NULL,
     "gatehouse audit export --tenant acme --from 2026-11-01T00:00:00Z"},
    {"verify", "", verify_options, verify,
     "Go along the chain of hashes: is a row altered, missing, added or moved? Exit 3 if so.",
     "Whoever can write to the store can make the whole chain anew. Keep the end that this prints "
     "somewhere else, and give it to --anchor later.",
     "gatehouse audit verify --tenant acme"},
    {"erase", "TENANT USER", NULL, erase,
     "Erase what says who a person was that is gone from the tenant.", NULL,
     "gatehouse audit erase acme usr_01JABCDEFGHJKMNPQRSTVWXYZ0"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
